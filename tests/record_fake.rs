//! What a recorder does when the other side, or its own disk, is not as it should be: a machine
//! that is stuck, that never reads, that talks without an end; an output that cannot be written.
//! Needs no root: the machine is made up.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/fake.rs"]
mod fake;
#[path = "record/machine.rs"]
mod machine;

use fake::{END, Fake, frame, said};
use kernel_oracle::ingest;
use machine::{Need, signal, skip, until};
use std::process::{Child, Command};

const WHOLE: &str = "cat \"$D/head\"; printf 'recording 0\\n'; cat \"$D/pages\"";
/// The workload runs, and nothing will ever come again; nothing but a kill ends it.
const STUCK: &str = "trap '' TERM INT HUP PIPE; cat \"$D/head\"; printf 'recording 0\\n'; echo $$ >\"$D/pid\"
    while read -r line; do case $line in beat | stop) echo \"$line\" >>\"$D/heard\" ;; esac; done; while :; do sleep 0.1; done";

fn whole() -> Fake {
    Fake::new(&format!("{WHOLE}; {END}"))
}

fn is_gone(pid: &str) -> bool {
    !std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|s| !s.contains(") Z "))
}

#[test]
fn a_whole_recording() {
    let fake = whole();
    let done = fake.record("5", "out/x.csv.zst").args(["--", "true"]).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    let trace = ingest::open(&fake.path("out/x.csv.zst")).unwrap().trace;
    assert!(trace.len() > 100 && trace.cpus() == 2);
    assert_eq!((trace.meta().kernel.as_str(), trace.meta().clock.as_str()), ("6.1.0-test", "mono"));
}

#[test]
fn an_output_that_cannot_be_is_refused_before_anything_is_recorded() {
    let fake = whole();
    std::fs::create_dir(fake.path("out/folder.csv.zst")).unwrap();
    std::fs::write(fake.path("out/Cargo.toml"), "[package]\nname = \"mine\"\n").unwrap();
    for (out, words) in [
        ("none/x.csv.zst", "No such file or directory"),
        ("out/folder.csv.zst", "this is a directory"),
        ("out/Cargo.csv.zst", "Cargo.toml: "),
        ("out/x.txt", "name ends in .csv.zst"),
    ] {
        let done = fake.record("5", out).args(["--", "true"]).output().unwrap();
        // A name that is something else's, or that no recording can have, is wrong usage.
        let code =
            if out.starts_with("out/Cargo") || words.starts_with("name ends") { 2 } else { 1 };
        assert!(
            done.status.code() == Some(code) && said(&done).contains(words),
            "{out}: {}",
            said(&done)
        );
        assert!(!fake.path("started").exists(), "{out}");
    }
    assert_eq!(
        std::fs::read_to_string(fake.path("out/Cargo.toml")).unwrap(),
        "[package]\nname = \"mine\"\n"
    );
    assert_eq!(std::fs::read_dir(fake.path("out")).unwrap().count(), 2, "nothing is left behind");
}

/// The recording is told to be elsewhere, and the command that is told brings it back.
fn is_kept_elsewhere(fake: &Fake, done: &std::process::Output, why: &str) {
    assert_eq!(done.status.code(), Some(1), "{}", said(done));
    let text = said(done);
    let told = text
        .lines()
        .find(|l| l.contains(why) && l.contains("the recording is kept in "))
        .expect(&text);
    assert_eq!(fake.rescued().len(), 1, "{text}");
    let command = &told[told.find("mv -i ").unwrap()..];
    let moved = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(moved.success(), "{command}");
    assert!(ingest::open(&fake.path("out/x.csv.zst")).unwrap().trace.len() > 100);
    assert!(fake.path("out/x.toml").is_file());
}

#[test]
fn a_folder_that_goes_away_while_it_is_recorded_costs_no_recording() {
    let fake = Fake::new(&format!("rmdir \"$D/out\"; {WHOLE}; {END}"));
    let done = fake.record("5", "out/x.csv.zst").args(["--", "true"]).output().unwrap();
    std::fs::create_dir(fake.path("out")).unwrap();
    is_kept_elsewhere(&fake, &done, "No such file or directory");
}

#[test]
fn a_disk_that_fills_up_while_it_is_recorded_costs_no_recording() {
    let fill = "cat /dev/zero >\"$D/out/full\" 2>\"$D/full\"";
    let fake = Fake::new(&format!("{WHOLE}; {fill}; {END}"));
    let mut run = fake.record("5", "out/x.csv.zst");
    run.args(["--", "true"]);
    // Only it sees that disk.
    let script = "mount -t tmpfs -o size=2m tmpfs \"$1\" || exit 99; shift; exec \"$@\"";
    let mut small = Command::new("unshare");
    small
        .args(["-m", "sh", "-c", script, "small"])
        .arg(fake.path("out"))
        .arg(run.get_program())
        .args(run.get_args());
    for (name, value) in run.get_envs() {
        small.env(name, value.unwrap());
    }
    let done = small.output().unwrap();
    if done.status.code() == Some(99) || said(&done).contains("unshare failed") {
        return skip("a_disk_that_fills_up_while_it_is_recorded_costs_no_recording", Need::Root);
    }
    is_kept_elsewhere(&fake, &done, "No space left on device");
}

fn heard(fake: &Fake) -> String {
    std::fs::read_to_string(fake.path("heard")).unwrap_or_default()
}

/// A recording of the stuck machine whose workload runs.
fn stuck(seconds: &str) -> (Fake, Child, String) {
    let fake = Fake::new(STUCK);
    let run = fake.record(seconds, "out/x.csv.zst").args(["--", "true"]).spawn().unwrap();
    // A second after the first word everything that was said before is known here.
    until("the workload runs", || heard(&fake).matches("beat").count() > 1);
    let pid = std::fs::read_to_string(fake.path("pid")).unwrap();
    (fake, run, pid)
}

#[test]
fn a_second_signal_leaves_a_machine_that_is_stuck_at_once() {
    for (second, code) in [("INT", 130), ("TERM", 143)] {
        let (fake, run, ssh) = stuck("600");
        signal("INT", &[run.id().to_string()]);
        until("the machine is told", || heard(&fake).contains("stop"));
        signal(second, &[run.id().to_string()]);
        let done = run.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{}", said(&done));
        until("the connection is cut", || is_gone(&ssh));
        assert_eq!(
            std::fs::read_dir(fake.path("out")).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
}

#[test]
fn a_machine_that_does_not_end_is_left_after_the_limit_and_what_came_is_kept() {
    // Without a page; with all of them; with a word from time to time.
    let (_fake, nothing, ssh) = stuck("1");
    let pages = Fake::new(
        &STUCK.replace("printf 'recording 0\\n'", "printf 'recording 0\\n'; cat \"$D/pages\""),
    );
    let pages_run = pages.record("1", "out/x.csv.zst").args(["--", "true"]).spawn().unwrap();
    let drip = "while :; do printf 'cpu.0 7\\n1 2 3 0'; sleep 0.2; done";
    let drip = Fake::new(&format!(
        "trap '' TERM INT HUP; cat \"$D/head\"; printf 'recording 0\\n'; {drip}"
    ));
    let drip_run = drip.record("1", "out/x.csv.zst").args(["--", "true"]).spawn().unwrap();

    let done = nothing.wait_with_output().unwrap();
    assert!(
        done.status.code() == Some(1) && said(&done).contains("no page came within"),
        "{}",
        said(&done)
    );
    until("the connection is cut", || is_gone(&ssh));
    let done = pages_run.wait_with_output().unwrap();
    assert!(
        done.status.success() && said(&done).contains("did not end it in time"),
        "{}",
        said(&done)
    );
    let trace = ingest::open(&pages.path("out/x.csv.zst")).unwrap().trace;
    assert!(
        trace.len() > 100 && trace.meta().note.contains("did not end it in time"),
        "{}",
        trace.meta().note
    );
    let done = drip_run.wait_with_output().unwrap();
    assert!(
        done.status.code() == Some(1) && said(&done).contains("no page came within"),
        "{}",
        said(&done)
    );
}

#[test]
fn an_ssh_that_never_reads_can_be_interrupted() {
    let fake = Fake::new("echo $$ >\"$D/pid\"; exec sleep 600");
    // More than fits into a pipe.
    let long = "x".repeat(100_000);
    let run =
        fake.record("600", "out/x.csv.zst").args(["--", "true", &long, &long]).spawn().unwrap();
    until("it is started", || fake.path("pid").metadata().is_ok_and(|m| m.len() > 0));
    signal("INT", &[run.id().to_string()]);
    let done = run.wait_with_output().unwrap();
    assert_eq!((done.status.code(), said(&done).trim()), (Some(1), "koracle: cancelled"));
    let ssh = std::fs::read_to_string(fake.path("pid")).unwrap();
    until("the connection is cut", || is_gone(&ssh));
}

#[test]
fn no_machine_decides_how_much_memory_or_disk_a_recording_takes() {
    let text = "x=$(head -c 60000 /dev/zero | tr '\\0' a)";
    let head = "cat \"$D/head\"; printf 'recording 0\\n'";
    for (script, words) in [
        ("exec cat /dev/zero", "no recording on fake: "),
        ("exec yes hello", "no recording on fake: "),
        ("head -c 300000 /dev/urandom", "no recording on fake: "),
        (
            "printf 'KORACLE1\\nkernel 99999999999999999999999\\nabc'",
            "not understood: \"kernel 9999999",
        ),
        ("printf 'KORACLE1\\nkernel 1048577\\nabc'", "not understood: \"kernel 1048577\""),
        ("printf 'KORACLE1\\npages.-1 5\\nabcde'", "not understood: \"pages.-1 5\""),
        ("printf 'KORACLE1\\npages.../../x 5\\nabcde'", "not understood: \"pages.../../x 5\""),
        // Pages of which nobody could say what is in them.
        ("printf 'KORACLE1\\nrecording 0\\n'; cat /dev/zero", "header_page, byte 0: "),
        (
            "printf 'KORACLE1\\nrecording 0\\n'; tr '\\0' '\\n' </dev/zero >&2",
            "header_page, byte 0: ",
        ),
        (
            &format!(
                "{text}; printf 'KORACLE1\\n'; while printf 'n 60000\\n%s' \"$x\"; do :; done"
            ),
            "16 MiB of words",
        ),
        (
            &format!(
                "{text}; printf 'KORACLE1\\n'; while printf 'note 60000\\n%s' \"$x\"; do :; done"
            ),
            "16 MiB of words",
        ),
        (
            &format!("{head}; while :; do printf 'pages.0 1073741825\\n'; done"),
            "not understood: \"pages.0 1073741825\"",
        ),
        // A flood on standard error beside a machine that is as it should be.
        (
            &format!(
                "head -c 400000000 /dev/zero | tr '\\0' '\\n' >&2; echo last words >&2; {head}"
            ),
            "last words",
        ),
    ] {
        let fake = Fake::new(script);
        let done = fake
            .record_within(2_000_000, "5", "out/x.csv.zst")
            .args(["--", "true"])
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(1), "{script}: {}", said(&done));
        assert!(
            said(&done).contains(words) && said(&done).len() < 4000,
            "{script}: {}",
            said(&done)
        );
        assert!(fake.rescued().is_empty());
    }
}

#[test]
fn what_a_machine_says_of_itself_is_only_parsed() {
    let fake = Fake::new(&format!(
        "cat \"$D/head\" \"$D/odd\"; printf 'recording 0\\n'; cat \"$D/pages\"; {END}"
    ));
    let many = " 0-1999".repeat(9000);
    let odd: [(&str, &str); 5] = [
        ("kernel", "6.1\u{1b}]0;PWN\u{7}\u{1b}[31mred\u{202e}\n"),
        ("date", "\u{1b}[2J"),
        ("online", "0-4000000000"),
        ("cpus", &many),
        ("hz", "1e9"),
    ];
    std::fs::write(fake.path("odd"), odd.map(|(n, t)| frame(n, t.as_bytes())).concat()).unwrap();
    let done =
        fake.record_within(2_000_000, "5", "out/x.csv.zst").args(["--", "true"]).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    let text = std::fs::read_to_string(fake.path("out/x.toml")).unwrap();
    assert!(!text.contains(['\u{1b}', '\u{7}']) && !text.contains("u001"), "{text}");
    let meta = ingest::open(&fake.path("out/x.csv.zst")).unwrap().trace.meta().clone();
    assert_eq!((meta.kernel.as_str(), meta.date.as_str(), meta.hz), ("6.10PWN31mred", "", 0));
}
