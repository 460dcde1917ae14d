//! What can be wrong with the recorded machine: no right to record, no tracefs, no tracepoint, no
//! tool, a workload that does not end. Each is told in words that say what to do, and leaves
//! nothing behind. A real `sshd` on loopback puts the login into a state like that, in mount
//! namespaces of its own: the machine itself is not touched.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/machine.rs"]
mod machine;
#[path = "record/server.rs"]
mod server;

use kernel_oracle::ingest;
use machine::{Machine, until};
use server::{Server, refusal, said};

/// What koracle says about a login that runs `before` first, in mounts of its own.
fn changed(test: &str, before: &str, what: &[&str]) -> Option<String> {
    let machine = Machine::get(test, &["ssh", "unshare", "mount", "setpriv"])?;
    let script = format!("unshare -m sh -c '{before} sh -c \"$SSH_ORIGINAL_COMMAND\"'");
    let server = Server::start_with(test, &format!("ForceCommand {script}"))?;
    let message = refusal(server.record("5", "x.csv.zst").args(what), &server.path("x.csv.zst"));
    machine.is_as_before(test);
    Some(message)
}

#[test]
fn nobody_may_record() {
    // As the user `nobody`, with or without a sudo that would ask for a password.
    let before = "exec setpriv --reuid=65534 --regid=65534 --clear-groups --";
    let Some(message) = changed("a login without rights", before, &["--", "sleep", "1"]) else {
        return;
    };
    assert!(message.contains("no recording on guest: sudo: "), "{message}");
    assert!(
        message.contains("recording needs root there, or sudo that asks for no password"),
        "{message}"
    );
}

#[test]
fn no_tracefs() {
    // Hidden, not unmounted: debugfs would mount its own again by itself.
    let before = "for d in /sys/kernel/tracing /sys/kernel/debug; do [ ! -d $d ] || mount -t tmpfs \
                  tmpfs $d; done;";
    let Some(message) = changed("no tracefs", before, &["--", "sleep", "1"]) else { return };
    let words = "guest: tracefs is not mounted there: mount -t tracefs nodev /sys/kernel/tracing";
    assert!(message.contains(words), "{message}");
}

#[test]
fn no_tracepoint() {
    let before = "mount -t tmpfs tmpfs /sys/kernel/tracing/events/sched/sched_migrate_task;";
    let Some(message) = changed("a missing tracepoint", before, &["--", "sleep", "1"]) else {
        return;
    };
    assert!(
        message.contains("guest: the kernel there has no tracepoint sched:sched_migrate_task"),
        "{message}"
    );
}

#[test]
fn no_tool_for_the_workload() {
    if !machine::has("hackbench") {
        return machine::skip("a missing tool", machine::Need::Tool("hackbench"));
    }
    let before = "mount --bind /dev/null \"$(command -v hackbench)\";";
    let Some(message) = changed("a missing tool", before, &["--workload", "hackbench-pipe-2g"])
    else {
        return;
    };
    assert!(
        message.contains("guest: hackbench is missing there: install the package rt-tests"),
        "{message}"
    );
    let Some(message) = changed("a missing command", "", &["--", "no-such-program-anywhere"])
    else {
        return;
    };
    assert!(
        message.contains("guest: there is no command no-such-program-anywhere there"),
        "{message}"
    );
}

#[test]
fn no_room_for_the_pages() {
    let small = "for d in /dev/shm /tmp /var/tmp; do mount -t tmpfs -o size=1m tmpfs $d; done; \
                 unset TMPDIR;";
    let Some(message) = changed("a full guest", small, &["--", "sleep", "1"]) else { return };
    assert!(
        message.contains("guest: there are no 8 MB free in a temporary folder there"),
        "{message}"
    );
}

#[test]
fn a_workload_that_ignores_its_end_is_killed_with_its_children() {
    let Some(machine) = Machine::get("a workload without end", &["ssh"]) else { return };
    let Some(server) = Server::start("a workload without end") else { return };
    let work = "trap '' TERM HUP; (while :; do sleep 0.1; done) & echo $! $$ >\"$1\"; while :; do sleep 0.1; done";
    let mut run = server.record("1", "x.csv.zst");
    let done =
        run.args(["--", "sh", "-c", work, "endless"]).arg(server.path("pids")).output().unwrap();
    // The limit is how a recording ends: no failure, and nothing to warn of.
    assert!(done.status.success(), "{}", said(&done));
    assert!(!said(&done).contains("status"), "{}", said(&done));
    machine.is_as_before("a workload without end");
    let pids = std::fs::read_to_string(server.path("pids")).unwrap();
    let alive = |pid: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
    };
    until("its processes are gone", || !pids.split_whitespace().any(alive));
    assert!(!ingest::open(&server.path("x.csv.zst")).unwrap().trace.is_empty());

    // It ends, and a child in the background that nobody waits for does not.
    let work = "trap '' TERM HUP; (while :; do sleep 0.1; done) & echo $! >\"$1\"";
    let mut run = server.record("20", "y.csv.zst");
    let done =
        run.args(["--", "sh", "-c", work, "forgotten"]).arg(server.path("pids")).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    machine.is_as_before("a forgotten child");
    let pid = std::fs::read_to_string(server.path("pids")).unwrap();
    until("it is gone", || !alive(pid.trim()));
}

#[test]
fn a_workload_that_fails_is_kept_and_told() {
    let Some(machine) = Machine::get("a workload that fails", &["ssh"]) else { return };
    let Some(server) = Server::start("a workload that fails") else { return };
    let mut run = server.record("20", "x.csv.zst");
    let done =
        run.args(["--", "sh", "-c", "sleep 0.2; echo broken teapot >&2; exit 3"]).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let (message, out) = (said(&done), server.path("x.csv.zst"));
    let words =
        format!("the workload failed with status 3: broken teapot; {} is kept", out.display());
    assert!(message.contains(&words), "{message}");
    assert!(!ingest::open(&out).unwrap().trace.is_empty());
    machine.is_as_before("a workload that fails");
}
