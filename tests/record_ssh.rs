//! Recording through a real `sshd` on loopback: what comes, what is said when it cannot, and that
//! nothing is left behind when the connection dies, wherever it is cut. Where there is no root,
//! tracefs or sshd the tests say that they were skipped; `environment` says when that is a failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/machine.rs"]
mod machine;
#[path = "record/server.rs"]
mod server;

use kernel_oracle::ingest;
use machine::{Machine, Need, children, plan_of, signal, skip, until};
use server::{HACKBENCH, Server, refusal, said};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A workload that nothing but a kill ends, and that says its pid.
const STUBBORN: &str =
    "trap '' TERM HUP INT; echo $$ >\"$1.new\"; mv \"$1.new\" \"$1\"; while :; do sleep 0.1; done";

fn wait_for(path: &Path) -> String {
    until("the workload runs", || path.exists());
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    !stat.is_ok_and(|s| !s.contains(") Z "))
}

/// Starts a recording of the stubborn workload: koracle, and the workload's pid.
fn stubborn(machine: &Machine, server: &Server, name: &str) -> (Child, String) {
    let mark = server.path(&format!("{name}.pid"));
    let mut run = server.record("600", &format!("{name}.csv.zst"));
    let run = run.args(["--", "sh", "-c", STUBBORN, "stubborn"]).arg(&mark).spawn().unwrap();
    let pid = wait_for(&mark);
    assert_eq!(machine.new_instances().len(), 1);
    (run, pid)
}

#[test]
fn hackbench_without_a_loss_at_nanosecond_resolution() {
    let Some(machine) = Machine::get("hackbench through sshd", &["hackbench", "ssh"]) else {
        return;
    };
    let Some(server) = Server::start("hackbench through sshd") else { return };
    let done = server.record("3", "good.csv.zst").args(HACKBENCH).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    machine.is_as_before("a recording");
    let trace = ingest::open(&server.path("good.csv.zst")).unwrap().trace;
    let meta = trace.meta();
    assert!(
        trace.len() > 1000 && meta.lost.iter().all(|&l| l == 0) && trace.gaps().is_empty(),
        "{:?}",
        meta.lost
    );
    let fine = trace.times().iter().filter(|&&t| !(t + meta.start_ns).is_multiple_of(1000)).count();
    println!(
        "{} events, {:.2} % of the stamps finer than 1 us",
        trace.len(),
        100.0 * fine as f64 / trace.len() as f64
    );
    assert!(fine * 10 > trace.len() * 9);
    assert_eq!((meta.workload.as_str(), meta.clock.as_str()), ("hackbench-pipe-2g", "mono"));
}

#[test]
fn refused_keys_changed_keys_and_a_server_that_is_not_there() {
    let Some(machine) = Machine::get("refused keys", &["ssh"]) else { return };
    let Some(server) = Server::start("refused keys") else { return };
    for (config, words) in [
        (server.config("stranger", "host"), "Permission denied"),
        (server.config("user", "other"), "Host key verification failed"),
    ] {
        let mut run = server.record_with(&config, "1", "bad.csv.zst");
        let message = refusal(run.args(["--", "sleep", "1"]), &server.path("bad.csv.zst"));
        assert!(message.contains("no recording on guest") && message.contains(words), "{message}");
    }
    machine.is_as_before("refusals");
}

/// A recording whose connection broke has failed, and says where what came is, if anything came.
fn told_and_kept(cut: &std::process::Output, out: &Path) {
    assert_eq!(cut.status.code(), Some(1), "{}", said(cut));
    let kept = said(cut).contains("broke before the workload's end");
    assert_eq!(
        (kept, kept && said(cut).contains("has what came")),
        (out.exists(), out.exists()),
        "{}",
        said(cut)
    );
}

#[test]
fn the_local_ssh_is_killed() {
    let Some(machine) = Machine::get("a killed ssh", &["ssh", "pgrep"]) else { return };
    let Some(server) = Server::start("a killed ssh") else { return };
    let (run, workload) = stubborn(&machine, &server, "cut");
    signal("KILL", &children(run.id()));
    machine.is_as_before("kill -9 of the local ssh");
    let cut = run.wait_with_output().unwrap();
    until("the workload is gone", || is_gone(&workload));
    // What came before is kept; when nothing had come that is said.
    told_and_kept(&cut, &server.path("cut.csv.zst"));
    assert!(said(&cut).contains("signal: 9"), "{}", said(&cut));
}

#[test]
fn the_recorder_is_killed() {
    let Some(machine) = Machine::get("a killed recorder", &["ssh"]) else { return };
    let Some(server) = Server::start("a killed recorder") else { return };
    let (mut run, workload) = stubborn(&machine, &server, "killed");
    run.kill().unwrap();
    run.wait().unwrap();
    machine.is_as_before("kill -9 of koracle");
    until("the workload is gone", || is_gone(&workload));
    assert!(!server.path("killed.csv.zst").exists());
}

#[test]
fn the_sshd_of_the_connection_is_killed() {
    let Some(machine) = Machine::get("a killed sshd", &["ssh", "pgrep"]) else { return };
    let Some(server) = Server::start("a killed sshd") else { return };
    let (run, workload) = stubborn(&machine, &server, "sshd");
    signal("KILL", &children(server.pid()));
    machine.is_as_before("kill -9 of the connection's sshd");
    let cut = run.wait_with_output().unwrap();
    until("the workload is gone", || is_gone(&workload));
    told_and_kept(&cut, &server.path("sshd.csv.zst"));
    assert!(said(&cut).contains("guest"), "{}", said(&cut));
}

#[test]
fn the_plan_itself_is_killed_and_its_watchdog_cleans() {
    let Some(machine) = Machine::get("a killed plan", &["ssh"]) else { return };
    let Some(server) = Server::start("a killed plan") else { return };
    let (run, workload) = stubborn(&machine, &server, "plan");
    signal("KILL", &[plan_of(&machine.new_instances()[0])]);
    machine.is_as_before("kill -9 of the plan's shell");
    let cut = run.wait_with_output().unwrap();
    until("the workload is gone", || is_gone(&workload));
    told_and_kept(&cut, &server.path("plan.csv.zst"));
}

#[test]
fn a_connection_that_falls_silent_is_given_up_by_the_guest() {
    let Some(machine) = Machine::get("a silent connection", &["ssh", "pgrep"]) else { return };
    let Some(server) = Server::start("a silent connection") else { return };
    let (mut run, workload) = stubborn(&machine, &server, "silent");
    // Nothing is closed: neither end of the connection hears that the other is no longer there.
    let ssh = children(run.id());
    signal("STOP", &ssh);
    machine.is_as_before("the connection fell silent");
    until("the workload is gone", || is_gone(&workload));
    signal("KILL", &ssh);
    run.wait().unwrap();
}

#[test]
fn two_recordings_at_once() {
    let Some(machine) = Machine::get("two at once", &["ssh", "hackbench"]) else { return };
    let Some(server) = Server::start("two at once") else { return };
    let two = ["a.csv.zst", "b.csv.zst"]
        .map(|out| server.record("1", out).args(HACKBENCH).spawn().unwrap());
    for run in two {
        let done = run.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
    machine.is_as_before("two recordings");
    for name in ["a", "b"] {
        let trace = ingest::open(&server.path(&format!("{name}.csv.zst"))).unwrap().trace;
        assert!(
            trace.len() > 1000 && trace.meta().lost.iter().all(|&l| l == 0),
            "{:?}",
            trace.meta().lost
        );
    }
}

/// Runs `run` where `folder` is a disk of 64 KiB, far less than any recording of hackbench; only it
/// sees that disk.
fn on_a_small_disk(folder: &Path, run: &Command) -> Command {
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" && shift && exec \"$@\"";
    let mut small = Command::new("unshare");
    small
        .args(["-m", "sh", "-c", script, "small"])
        .arg(folder)
        .arg(run.get_program())
        .args(run.get_args());
    small.stderr(Stdio::piped());
    small
}

#[test]
fn a_full_disk_here_is_an_error_and_the_guest_is_clean() {
    let Some(machine) = Machine::get("a full disk", &["ssh", "unshare", "hackbench"]) else {
        return;
    };
    let Some(server) = Server::start("a full disk") else { return };
    let disk = server.path("disk");
    std::fs::create_dir(&disk).unwrap();
    // The pages' place. A small buffer is emptied while the workload runs: the disk is full before
    // the end.
    let mut run = server.record("30", "x.csv.zst");
    run.args(["--workload", "hackbench-pipe-2g", "--buffer", "2048"]);
    let message =
        refusal(on_a_small_disk(&disk, &run).env("TMPDIR", &disk), &server.path("x.csv.zst"));
    assert!(
        message.contains(&format!("no place for the pages in {}", disk.display())),
        "{message}"
    );
    machine.is_as_before("a full temporary folder");
    // The recording's own place, which is tried before anything is recorded.
    let (mut run, mark) = (server.record("2", "disk/x.csv.zst"), server.path("mark"));
    run.args(["--", "touch"]).arg(&mark);
    let message = refusal(&mut on_a_small_disk(&disk, &run), &disk.join("x.csv.zst"));
    assert!(
        message.contains("x.csv.zst") && message.contains("No space left on device"),
        "{message}"
    );
    assert!(!mark.exists());
    machine.is_as_before("a full output folder");
}

#[test]
fn an_interrupt_while_connecting_ends_at_once() {
    if !machine::has("ssh") {
        return skip("an interrupt while connecting", Need::Tool("ssh"));
    }
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let port = silent.local_addr().unwrap().port();
    std::fs::write(&config, format!("Host mute\n HostName 127.0.0.1\n Port {port}\n")).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
    run.args(["record", "--host", "mute", "-F"])
        .arg(&config)
        .arg("-o")
        .arg(folder.path().join("x.csv.zst"));
    let child = run.args(["--", "sleep", "9"]).stderr(Stdio::piped()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    let since = std::time::Instant::now();
    signal("INT", &[child.id().to_string()]);
    let done = child.wait_with_output().unwrap();
    println!("ended {:.1} s after the interrupt", since.elapsed().as_secs_f64());
    assert_eq!((done.status.code(), said(&done).trim()), (Some(1), "koracle: cancelled"));
    assert!(!folder.path().join("x.csv.zst").exists());
}

#[test]
fn an_sshd_that_hangs_up_is_told_where_the_configuration_wants_silence() {
    if !machine::has("ssh") {
        return skip("an sshd that hangs up", Need::Tool("ssh"));
    }
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let port = closing.local_addr().unwrap().port();
    // As vagrant writes it.
    let text = format!(
        "Host gone\n HostName 127.0.0.1\n Port {port}\n LogLevel FATAL\n StrictHostKeyChecking no\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
    run.args(["record", "--host", "gone", "-F"])
        .arg(&config)
        .arg("-o")
        .arg(folder.path().join("x.csv.zst"));
    let child = run.args(["--", "true"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(closing.accept().unwrap());
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let text = said(&done);
    assert!(
        text.contains("no recording on gone: ") && !text.contains("the shell ended with"),
        "{text}"
    );
    assert!(text.contains("Connection closed") || text.contains("Connection reset"), "{text}");
}

#[test]
fn a_vagrant_machine_is_found_by_its_name() {
    let Some(machine) = Machine::get("a vagrant machine", &["ssh"]) else { return };
    let Some(server) = Server::start("a vagrant machine") else { return };
    // A folder as `vagrant up` leaves it, and a program that answers as vagrant does: one machine
    // runs, one does not.
    let project = server.path("project");
    for name in ["cfs", "halted"] {
        let made = project.join(".vagrant/machines").join(name).join("libvirt");
        std::fs::create_dir_all(&made).unwrap();
        std::fs::write(made.join("id"), name).unwrap();
    }
    std::fs::create_dir_all(project.join(".vagrant/machines/never/libvirt")).unwrap();
    std::fs::write(project.join("Vagrantfile"), "config.vm.define \"web\"\n").unwrap();
    std::fs::write(project.join("answer"), server.config_text("cfs", "user", "host")).unwrap();
    let bin = project.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = ssh-config ] || exit 9\nshift\n\
        for name do [ \"$name\" = cfs ] || { printf 'It is off.\\n\\nnot ready\\n' >&2; exit 1; }; \
        cat answer; echo; done\n";
    std::fs::write(bin.join("vagrant"), script).unwrap();
    std::fs::set_permissions(bin.join("vagrant"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(project.join(".ssh")).unwrap();
    std::fs::write(project.join(".ssh/config"), "Host lab *.example\n").unwrap();
    let koracle = || {
        let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
        let path = std::env::join_paths(
            [bin.clone()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        run.current_dir(&project).env("PATH", path.unwrap()).env("HOME", &project);
        run.env_remove("VAGRANT_DOTFILE_PATH").env("XDG_CACHE_HOME", project.join("cache"));
        run
    };
    let list = koracle().args(["record", "--hosts"]).output().unwrap();
    assert!(
        said(&list).contains("vagrant says of halted: It is off. … not ready"),
        "{}",
        said(&list)
    );
    let list = String::from_utf8(list.stdout).unwrap();
    let words: Vec<Vec<&str>> = list.lines().map(|l| l.split_whitespace().collect()).collect();
    let words: Vec<String> =
        words.iter().filter(|w| w[1] != "koracle").map(|w| w.join(" ")).collect();
    let halted = "halted vagrant not running vagrant up halted starts it";
    assert_eq!(
        words,
        [
            "cfs vagrant running",
            halted,
            "never vagrant not created vagrant up never starts it",
            "lab ssh config"
        ]
    );
    // Whoever is down is named with what starts it, and looked for nowhere else.
    for (name, why) in [
        (
            "halted",
            "halted does not run: `vagrant up halted` starts that of the Vagrantfile here; vagrant \
             says: It is off. … not ready",
        ),
        ("never", "never does not run: `vagrant up never` starts that of the Vagrantfile here"),
        ("web", "web does not run: `vagrant up web` starts that of the Vagrantfile here"),
    ] {
        let done = koracle().args(["record", "--host", name, "--", "true"]).output().unwrap();
        assert_eq!(
            (done.status.code(), said(&done).trim()),
            (Some(1), format!("koracle: {why}").as_str())
        );
    }

    let done = koracle()
        .args(["record", "--host", "cfs", "-o", "v.csv.zst", "--", "sleep", "0.2"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", said(&done));
    machine.is_as_before("a recording of a vagrant machine");
    assert!(!ingest::open(&project.join("v.csv.zst")).unwrap().trace.is_empty());
    // What says how to reach the machine, with the path of its key, is nobody else's to read or to
    // change.
    let kept: Vec<_> =
        std::fs::read_dir(project.join("cache/koracle")).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
