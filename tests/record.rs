//! Real recordings of this machine, where it lets itself be recorded: as root, with tracefs.
//! Elsewhere they say that they were skipped; `environment` says when that is a failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/machine.rs"]
mod machine;

use assert_cmd::Command;
use kernel_oracle::ingest;
use kernel_oracle::trace::EventKind;
use machine::{Machine, Need, TRACEFS, boot_and_space, has, skip, until};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn koracle() -> Command {
    Command::cargo_bin("koracle").unwrap()
}

#[test]
fn hackbench_of_this_machine_without_a_loss_and_without_a_trace_of_the_recording() {
    let Some(machine) = Machine::get("recording hackbench", &["hackbench"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("h.csv.zst");
    // Room for all of it: nothing may be lost, however busy the machine is.
    let buffer = ["--buffer", "131072"];
    let args = [
        "record",
        "--local",
        "--workload",
        "hackbench-pipe-2g",
        "--seconds",
        "1",
        buffer[0],
        buffer[1],
        "-o",
    ];
    koracle().args(args).arg(&out).assert().success();
    machine.is_as_before("it");

    let opened = ingest::open(&out).unwrap();
    let (trace, meta) = (&opened.trace, opened.trace.meta());
    assert_eq!((opened.report.skipped, &opened.report.metadata_problem), (0, &None));
    assert!(trace.len() > 1000, "{} events", trace.len());
    assert!(meta.lost.iter().all(|&l| l == 0) && trace.gaps().is_empty(), "{:?}", meta.lost);
    assert_eq!(
        (meta.name.as_str(), meta.category.as_str(), meta.clock.as_str()),
        ("h", "hackbench", "mono")
    );
    assert_eq!(meta.kernel, std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim());
    let fine = trace.times().iter().filter(|&&t| (t + meta.start_ns) % 1000 != 0).count();
    assert!(fine * 10 > trace.len() * 9, "{fine} of {} stamps are finer than 1 us", trace.len());
    let hackbench = trace.tasks().iter().filter(|(_, t)| &*t.name == "hackbench").count();
    assert!(hackbench >= 80, "{hackbench} tasks of hackbench");
}

#[test]
fn a_small_buffer_is_emptied_while_the_workload_runs() {
    let Some(machine) = Machine::get("streaming", &["awk"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("it's.csv");
    let work = "for i in 1 2 3 4 5 6 7 8 9 10; do awk 'BEGIN{exit}'; sleep 0.05; done; echo \"$1\" >\"$2\"";
    let said = folder.path().join("said");
    let word = "$(id) 'x' `id`";
    let mut command = koracle();
    command.args(["record", "--local", "--seconds", "20", "--buffer", "256", "-o"]).arg(&out);
    command.args(["--", "sh", "-c", work, "sh", word]).arg(&said).assert().success();
    machine.is_as_before("it");
    // What was typed arrived as it was typed.
    assert_eq!(std::fs::read_to_string(&said).unwrap(), format!("{word}\n"));
    let trace = ingest::open(&out).unwrap().trace;
    assert!(
        trace.len() > 100 && trace.meta().lost.iter().all(|&l| l == 0),
        "{:?}",
        trace.meta().lost
    );
}

#[test]
fn without_a_command_what_happens_anyway_is_recorded() {
    let Some(machine) = Machine::get("recording what happens", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.csv.zst");
    koracle().args(["record", "--local", "--seconds", "1", "-o"]).arg(&out).assert().success();
    machine.is_as_before("it");
    let trace = ingest::open(&out).unwrap().trace;
    let meta = trace.meta();
    assert_eq!(
        (meta.workload.as_str(), meta.command.as_str()),
        ("anything", "what runs there anyway, for 1 s")
    );
    assert!(
        !trace.is_empty() && trace.span().0 > 500_000_000,
        "{} events in {:?}",
        trace.len(),
        trace.span()
    );
}

#[test]
fn an_overrun_is_told_per_cpu_and_drawn_as_a_gap() {
    let Some(machine) = Machine::get("an overrun", &["hackbench"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o.csv");
    let args = [
        "record",
        "--local",
        "--workload",
        "hackbench-pipe-2g",
        "--seconds",
        "1",
        "--buffer",
        "64",
        "-o",
    ];
    let done = koracle().args(args).arg(&out).assert().success();
    let message = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    machine.is_as_before("an overrun");
    let trace = ingest::open(&out).unwrap().trace;
    assert!(trace.meta().lost.iter().sum::<u64>() > 0 && !trace.gaps().is_empty());
    for (cpu, lost) in trace.meta().lost.iter().enumerate().filter(|l| *l.1 > 0) {
        assert!(
            trace.gaps().iter().any(|g| g.cpu.ix() == cpu),
            "CPU{cpu} lost {lost} and has no gap"
        );
        assert!(message.contains(&format!("CPU{cpu} {lost}")), "{message}");
    }
}

#[test]
fn what_cannot_be_recorded_is_said_and_leaves_nothing() {
    let Some(machine) = Machine::get("refusals", &["sh"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.csv");
    let refused = |command: &[&str]| {
        let mut run = koracle();
        let done = run
            .args(["record", "--local", "--seconds", "2", "-o"])
            .arg(&out)
            .arg("--")
            .args(command)
            .assert();
        String::from_utf8(done.failure().code(1).get_output().stderr.clone()).unwrap()
    };
    let message = refused(&["no-such-program-anywhere"]);
    assert!(
        message.contains("this machine: there is no command no-such-program-anywhere there"),
        "{message}"
    );
    assert!(!out.exists());
    // A workload that fails is told, with its last words; what was recorded is kept.
    let mut run = koracle();
    run.args(["record", "--local", "--seconds", "9", "-o"]).arg(&out);
    let done = run
        .args(["--", "sh", "-c", "sleep 0.05; echo broken teapot >&2; exit 3"])
        .assert()
        .failure()
        .code(1);
    let message = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    assert!(message.contains("failed with status 3: broken teapot; "), "{message}");
    assert!(out.exists());
    machine.is_as_before("it");
}

#[test]
fn wakers_and_run_times_on_request() {
    let Some(machine) = Machine::get("more events", &["awk"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("m.csv.zst");
    let mut run = koracle();
    run.args(["record", "--local", "--runtime", "--waking", "--seconds", "9", "-o"]).arg(&out);
    run.args([
        "--",
        "sh",
        "-c",
        "for i in 1 2 3 4 5; do awk 'BEGIN{for(i=0;i<9999;i++)x++}'; sleep 0.02; done",
    ]);
    run.assert().success();
    machine.is_as_before("more events");
    let trace = ingest::open(&out).unwrap().trace;
    for kind in [EventKind::Waking, EventKind::Runtime] {
        assert!(trace.events().filter(|e| e.kind == kind).count() > 5, "{kind:?}");
    }
    let awk = |i: usize| trace.tasks().get(trace.event(i).task).is_some_and(|t| &*t.name == "awk");
    let ran: u64 =
        (0..trace.len()).filter(|i| awk(*i)).filter_map(|i| trace.runtime(i)).map(|r| r.ns).sum();
    assert!(ran > 0);
}

/// A process that has ended.
fn nobody() -> u32 {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// What the recorder says that records a short sleep, with this folder for temporary ones.
fn said_with(temporary: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut run = koracle();
    run.args(["record", "--local", "-o"]).arg(folder.path().join("s.csv")).env("TMPDIR", temporary);
    let done = run.args(["--", "sleep", "0.1"]).assert().success();
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

#[test]
fn what_a_dead_recorder_left_is_removed_and_told() {
    let Some(machine) = Machine::get("what_a_dead_recorder_left_is_removed_and_told", &["sh"])
    else {
        return;
    };
    let name = format!("koracle-{}-1-{}", nobody(), boot_and_space());
    let stale = Path::new(TRACEFS).join("instances").join(&name);
    std::fs::create_dir(&stale).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join(format!("{name}.abcdef"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mark"), format!("koracle recorder {name}\n")).unwrap();
    std::fs::write(folder.join("chunk"), "pages").unwrap();
    let message = said_with(temporary.path());
    assert!(
        message.contains(&format!("removed {name}, left behind by a recording that was killed")),
        "{message}"
    );
    assert!(!stale.exists() && !folder.exists());
    machine.is_as_before("it");
}

#[test]
fn nothing_is_removed_that_is_not_ours() {
    let Some(machine) = Machine::get("nothing_is_removed_that_is_not_ours", &["sh"]) else {
        return;
    };
    let (dead, me, end) = (nobody(), std::process::id(), boot_and_space());
    let started = std::fs::read_to_string(format!("/proc/{me}/stat")).unwrap();
    let started = started.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().to_owned();
    let instances = Path::new(TRACEFS).join("instances");
    // Names that somebody has typed, nearly ours, and one whose owner lives.
    let names = [
        "koracle-mine-of-somebody".to_owned(),
        format!("koracle-{dead}-abc"),
        format!("koracle-{dead}-1"),
        format!("koracle-{dead}-1-{end}-2"),
        format!("koracle-{dead}--1-{end}"),
        format!("koracle-0{dead}-1-{end}"),
        format!("koracle-{dead}-1-0000{}", &end[4..]),
        format!("koracle-{dead}-1-{end}0"),
        format!("koracle-{me}-{started}-{end}"),
    ];
    let kept: Vec<PathBuf> = names.iter().map(|n| instances.join(n)).collect();
    for k in &kept {
        std::fs::create_dir(k).unwrap();
    }

    let temporary = tempfile::tempdir().unwrap();
    let dir = |name: &str, mark: Option<&str>| {
        let path = temporary.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("chunk"), "mine").unwrap();
        if let Some(mark) = mark {
            std::fs::write(path.join("mark"), mark).unwrap();
        }
        path
    };
    let ours = format!("koracle-{dead}-1-{end}");
    let marked = format!("koracle recorder {ours}\n");
    let elsewhere = dir("elsewhere", Some(&marked));
    let folders = [
        dir("koracle-results-2026.d", None),
        dir(&format!("koracle-{dead}-1.x"), Some(&format!("koracle recorder koracle-{dead}-1\n"))),
        // Our name without our mark, with another's, and with a mark that is a link.
        dir(&format!("{ours}.nomark"), None),
        dir(&format!("{ours}.other"), Some("koracle recorder koracle-1-1\n")),
        dir(&format!("{ours}.linked"), None),
        elsewhere.clone(),
    ];
    symlink(elsewhere.join("mark"), folders[4].join("mark")).unwrap();
    // A link to a folder with our mark, and a folder of another user.
    symlink(&elsewhere, temporary.path().join(format!("{ours}.link"))).unwrap();
    let theirs = dir(&format!("{ours}.theirs"), Some(&marked));
    std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();

    let message = said_with(temporary.path());
    let there: Vec<bool> = kept.iter().map(|k| k.is_dir()).collect();
    for k in &kept {
        // Gone only when it was wrongly removed, which is told below.
        let _ = std::fs::remove_dir(k);
    }
    assert!(!message.contains("removed") && there.iter().all(|t| *t), "{there:?}, {message}");
    for folder in folders.iter().chain([&theirs]) {
        assert!(folder.join("chunk").is_file(), "{}", folder.display());
    }
    machine.is_as_before("it");
}

#[test]
fn a_recording_longer_than_the_silence_that_ends_one() {
    let Some(machine) = Machine::get("a_recording_longer_than_the_silence_that_ends_one", &["sh"])
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("l.csv");
    let mut run = koracle();
    // The plan gives up after six seconds in which it hears nothing.
    run.args(["record", "--local", "--seconds", "30", "-o"])
        .arg(&out)
        .args(["--", "sleep", "8"])
        .assert()
        .success();
    machine.is_as_before("it");
    assert!(ingest::open(&out).unwrap().trace.span().secs() > 7.0);
}

#[test]
fn names_are_taken_by_one_recorder_each() {
    let Some(machine) = Machine::get("names_are_taken_by_one_recorder_each", &["sh"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let start = |_| {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_koracle"));
        run.args(["record", "--local", "--workload", "cpu-bound-4p", "--seconds", "1"])
            .current_dir(folder.path());
        run.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<_> = (0..4).map(start).collect();
    for run in runs {
        assert!(run.wait_with_output().unwrap().status.success());
    }
    machine.is_as_before("four recordings");
    let files = std::fs::read_dir(folder.path()).unwrap().flatten();
    let mut found: Vec<String> = files.map(|f| f.file_name().into_string().unwrap()).collect();
    found.sort();
    let wanted =
        (0..4).flat_map(|n| ["csv.zst", "toml"].map(|e| format!("cpu-bound-4p_run{n}.{e}")));
    assert_eq!(found, wanted.collect::<Vec<_>>());
    for n in 0..4 {
        let trace = ingest::open(&folder.path().join(format!("cpu-bound-4p_run{n}.csv.zst")))
            .unwrap()
            .trace;
        assert_eq!(
            (trace.meta().name.clone(), trace.meta().run),
            (format!("cpu-bound-4p_run{n}"), n)
        );
    }
}

#[test]
fn tracing_that_somebody_switches_off_is_told() {
    let Some(machine) = Machine::get("tracing_that_somebody_switches_off_is_told", &["sh"]) else {
        return;
    };
    for switch in ["tracing_on", "events/sched/sched_wakeup/enable"] {
        let folder = tempfile::tempdir().unwrap();
        let (out, on, off) =
            (folder.path().join("t.csv"), folder.path().join("on"), folder.path().join("off"));
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_koracle"));
        run.args(["record", "--local", "--seconds", "60", "-o"])
            .arg(&out)
            .stderr(std::process::Stdio::piped());
        let work = "sleep 0.1; : >\"$1\"; until [ -e \"$2\" ]; do sleep 0.02; done";
        let run = run.args(["--", "sh", "-c", work, "sh"]).args([&on, &off]).spawn().unwrap();
        until("the workload runs", || on.exists());
        let instance = machine.new_instances().pop().unwrap();
        std::fs::write(instance.join(switch), "0").unwrap();
        std::fs::write(&off, "").unwrap();
        let done = run.wait_with_output().unwrap();
        let message = String::from_utf8(done.stderr).unwrap();
        assert!(
            done.status.success() && message.contains("tracing was switched off there"),
            "{switch}: {message}"
        );
        let trace = ingest::open(&out).unwrap().trace;
        assert!(
            trace.meta().note.contains("tracing was switched off there"),
            "{}",
            trace.meta().note
        );
    }
    machine.is_as_before("it");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_came_and_cleans() {
    let Some(machine) = Machine::get("an interrupt", &["hackbench"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("i.csv");
    let mark = folder.path().join("mark");
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_koracle"));
    run.args(["record", "--local", "--seconds", "60", "-o"]).arg(&out);
    let work = "for i in 1 2 3 4 5; do sleep 0.02; done; echo on >\"$1\"; exec sleep 60";
    let mut child = run.args(["--", "sh", "-c", work, "sh"]).arg(&mark).spawn().unwrap();
    while !mark.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the workload ran");
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success() && child.wait().unwrap().success());
    machine.is_as_before("it");
    assert!(!ingest::open(&out).unwrap().trace.is_empty());
}

#[test]
fn a_host_that_is_none_is_an_error_with_its_name() {
    if !has("ssh") {
        return skip("a_host_that_is_none_is_an_error_with_its_name", Need::Tool("ssh"));
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "").unwrap();
    let mut run = koracle();
    run.args(["record", "--host", "no-such-host.invalid", "--workload", "cpu-bound-4p", "-F"])
        .arg(&config);
    let done = run.arg("-o").arg(folder.path().join("x.csv.zst")).assert().failure().code(1);
    let message = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains("no recording on no-such-host.invalid: ssh: Could not resolve hostname"),
        "{message}"
    );
    // An option in the place of a host is a host.
    let mut run = koracle();
    run.args(["record", "--host=-oProxyCommand=touch x", "--workload", "cpu-bound-4p", "-F"])
        .arg(&config);
    run.current_dir(folder.path()).assert().failure().code(1);
    assert!(!folder.path().join("x").exists());
}

#[test]
fn usage() {
    koracle().args(["record", "--workload", "io-mixed"]).assert().failure().code(2);
    let unsaid = koracle().args(["record", "--local"]).assert().failure().code(2);
    let text = String::from_utf8(unsaid.get_output().stderr.clone()).unwrap();
    assert!(text.contains("--workload NAME") && text.contains("--seconds S"), "{text}");
    koracle().args(["record", "--local", "--workload", "nothing"]).assert().failure().code(2);
    let list = koracle().arg("workloads").assert().success();
    let text = String::from_utf8(list.get_output().stdout.clone()).unwrap();
    assert!(text.contains("nginx-ab") && text.contains("apache2-utils"));
}
