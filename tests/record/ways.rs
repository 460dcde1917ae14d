//! The two ways of reading on this machine: that both give the same, that a recording is made
//! where the first is refused, and what is said where there is no bpftrace at all.

use super::machine::{Machine, Need, signal, skip};
use kernel_oracle::ingest;
use kernel_oracle::record::truth::{Probe, Read, read};
use kernel_oracle::trace::Trace;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// True where bpftrace can be tried at all.
pub fn can_probe(test: &str) -> bool {
    let btf = Path::new("/sys/kernel/btf/vmlinux").is_file();
    if !btf {
        skip(test, Need::Tool("a kernel with BTF"));
    }
    btf
}

fn bpftrace(args: &[&str]) -> String {
    let done = Command::new("bpftrace").args(args).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// A program of this machine's kernel, attached.
struct Running {
    child: Child,
    /// Reads what it prints from the start, so that it never waits for a reader.
    output: JoinHandle<String>,
}

impl Running {
    fn start(probe: &Probe, folder: &Path, name: &str) -> Self {
        let file = folder.join(name);
        std::fs::write(&file, &probe.program).unwrap();
        let mut child = Command::new("bpftrace")
            .args(["-B", "line"])
            .arg(&file)
            .envs([("BPFTRACE_MAP_KEYS_MAX", "65536"), ("BPFTRACE_MAX_MAP_KEYS", "65536")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut said, mut line) = (0, String::new());
        while said < 2 {
            line.clear();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "{name} does not start:\n{}",
                probe.program
            );
            said += usize::from(line == "on\n");
        }
        let output = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, output }
    }

    /// True while it takes SIGINT for the end: once it prints what it has, it catches none.
    fn catches(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        caught.is_some_and(|set| set & 1 << 1 != 0)
    }

    /// Asks for the end, again where bpftrace lost the signal, and reads what it printed.
    fn end(mut self, probe: &Probe) -> Read {
        for _ in 0..60 {
            if self.catches() {
                signal("INT", &[self.child.id().to_string()]);
            }
            std::thread::sleep(Duration::from_millis(500));
            if self.output.is_finished() {
                break;
            }
        }
        let ended = self.output.is_finished();
        if !ended {
            self.child.kill().unwrap();
        }
        let text = self.output.join().unwrap();
        self.child.wait().unwrap();
        assert!(ended, "bpftrace goes on after 30 s of being asked to end");
        read(text.as_bytes(), probe)
    }
}

/// Rows of the same switch: the nearest in time that has the same pids, each way.
fn pairs(a: &Read, b: &Read) -> Vec<(u32, u32)> {
    let nearest = |of: &Read, among: &Read, i: usize| {
        let s = of.seen[i].0;
        let from =
            among.seen.partition_point(|(o, _)| (o.cpu, o.time + 1_000_000) < (s.cpu, s.time));
        let near = among.seen[from..]
            .iter()
            .take_while(|(o, _)| o.cpu == s.cpu && o.time < s.time + 1_000_000);
        let same = near.enumerate().filter(|(_, (o, _))| (o.prev, o.next) == (s.prev, s.next));
        same.min_by_key(|(_, (o, _))| o.time.abs_diff(s.time)).map(|(j, _)| from + j)
    };
    let to = (0..a.seen.len()).filter_map(|i| Some((i, nearest(a, b, i)?)));
    let both = to.filter(|&(i, j)| nearest(b, a, j) == Some(i));
    both.map(|(i, j)| (a.seen[i].1, b.seen[j].1)).collect()
}

#[test]
fn runs_of_words_hold_what_the_names_do() {
    let test = "runs_of_words_hold_what_the_names_do";
    let Some(_machine) = Machine::get(test, &["bpftrace"]) else { return };
    if !can_probe(test) {
        return;
    }
    let listing = |of: &str| bpftrace(&["-lv", of]);
    let (queue, entity) = (listing("struct cfs_rq"), listing("struct sched_entity"));
    let probes = Probe::all(&queue, &entity, &bpftrace(&["--version"])).unwrap();
    let [words, names] = &probes[..] else { panic!("no members are neighbours: {entity}") };
    let folder = tempfile::tempdir().unwrap();
    // Processes that begin and end, and so switches too.
    let mut stirrer =
        Command::new("sh").args(["-c", "while :; do sleep 0.01; done"]).spawn().unwrap();
    // Both at the same switches, one behind the other and under the queue's lock.
    let first = Running::start(words, folder.path(), "words.bt");
    let second = Running::start(names, folder.path(), "names.bt");
    std::thread::sleep(Duration::from_secs(1));
    let (first, second) = (first.end(words), second.end(names));
    stirrer.kill().unwrap();
    stirrer.wait().unwrap();

    let pairs = pairs(&first, &second);
    assert!(pairs.len() > 100 && (first.bad, second.bad) == (0, 0), "{}", pairs.len());
    let mut told = String::new();
    for (i, field) in words.fields().into_iter().enumerate() {
        let of = |&(a, b): &(u32, u32)| (first.row(a)[i], second.row(b)[i]);
        let differ = pairs.iter().map(of).filter(|(a, b)| a != b).count();
        // A virtual CPU that stood still between the two may have given two rows of others to each
        // other.
        if differ * 50 > pairs.len() {
            let example = pairs.iter().map(of).find(|(a, b)| a != b);
            writeln!(told, "{}: {differ} of {}, {example:?}", field.column(), pairs.len()).unwrap();
        }
    }
    assert!(told.is_empty(), "{told}");
    // Where nothing is read all is equal.
    let there = pairs.iter().filter(|(a, _)| first.row(*a)[0].is_some_and(|n| n != 0)).count();
    assert!(there * 4 > pairs.len(), "{there} of {}", pairs.len());
}

/// A folder with all programs that there are but one.
fn programs_without_bpftrace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for file in std::env::split_paths(&path)
        .flat_map(|d| std::fs::read_dir(d).into_iter().flatten().flatten())
    {
        if file.file_name() != "bpftrace" {
            // The first one of a name counts.
            let _ = std::os::unix::fs::symlink(file.path(), folder.path().join(file.file_name()));
        }
    }
    folder
}

/// Records switches with the kernel's state where `bpftrace` is this shell script, in which `REAL`
/// stands for the real one and `HERE` for the folder that is returned. `None`: the machine cannot.
fn run_through(test: &str, script: &str) -> Option<(TempDir, Trace)> {
    let machine = Machine::get(test, &["bpftrace"])?;
    if !can_probe(test) {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|d| d.join("bpftrace")).find(|p| p.is_file());
    let folder = programs_without_bpftrace();
    let (real, here) = (real.unwrap().display().to_string(), folder.path().display().to_string());
    let program = folder.path().join("bpftrace");
    std::fs::write(&program, script.replace("REAL", &real).replace("HERE", &here)).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();

    let out = folder.path().join("x_run0.csv.zst");
    let mut run = super::koracle();
    run.env("PATH", folder.path()).args(["record", "--local", "--truth", "-o"]).arg(&out);
    run.args(["--", "sh", "-c", "for i in 1 2 3 4 5; do sleep 0.1; done"]).assert().success();
    machine.is_as_before("it");
    let trace = ingest::open(&out).unwrap().trace;
    Some((folder, trace))
}

/// As [`run_through`]; every switch must be joined.
fn recorded_through(test: &str, script: &str) -> Option<TempDir> {
    let (folder, trace) = run_through(test, script)?;
    let told = trace.meta().truth.clone().unwrap();
    assert!(told.joined > 10 && told.share() >= 0.99 && told.lost == 0, "{told:?}");
    Some(folder)
}

#[test]
fn where_no_state_comes_the_recording_is_kept_and_says_so() {
    let script = r#"#!/bin/sh
case $1 in -B) ;; *) exec 'REAL' "$@" ;; esac
trap 'exit 0' INT
echo on
echo on
while :; do sleep 0.1; done
"#;
    let test = "where_no_state_comes_the_recording_is_kept_and_says_so";
    let Some((_folder, trace)) = run_through(test, script) else { return };
    assert!(trace.switch_count() > 10 && trace.truth().is_none() && trace.meta().truth.is_none());
    assert!(
        trace.meta().note.contains("the kernel's own state did not come"),
        "{:?}",
        trace.meta()
    );
}

#[test]
fn a_signal_that_was_lost_is_sent_again() {
    // The probe runs in a session of its own, so that only this shell meets signals. Of what asks
    // it to end it loses two: those of one request, to the child of `timeout` and to its group.
    // The others it hands on for as long as the probe catches them, which can lose them as well.
    let script = r#"#!/bin/sh
case $1 in -B) ;; *) exec 'REAL' "$@" ;; esac
seen=0
asked() {
    seen=$((seen + 1))
    echo $seen >'HERE/seen'
    [ $seen -lt 3 ] || ! grep -q '^SigCgt:.*[2367abef]$' /proc/$probe/status || kill -INT $probe
}
trap asked INT
setsid 'REAL' "$@" &
probe=$!
while kill -0 $probe 2>/dev/null; do wait $probe; done
"#;
    let Some(folder) = recorded_through("a_signal_that_was_lost_is_sent_again", script) else {
        return;
    };
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    assert!(seen.trim().parse::<u32>().unwrap() >= 3, "{seen}");
}

#[test]
fn where_runs_of_words_are_refused_each_is_read_by_its_name() {
    // As one would answer whose compiler has other places.
    let script = r#"#!/bin/sh
grep -qs 'KORACLE_PROVED = 1' "$3" && { echo refused >>'HERE/refused'; exit 1; }
exec 'REAL' "$@"
"#;
    let test = "where_runs_of_words_are_refused_each_is_read_by_its_name";
    let Some(folder) = recorded_through(test, script) else { return };
    assert_eq!(std::fs::read_to_string(folder.path().join("refused")).unwrap(), "refused\n");
}

#[test]
fn a_machine_without_bpftrace_is_told_before_anything_is_recorded() {
    let test = "a_machine_without_bpftrace_is_told_before_anything_is_recorded";
    let Some(machine) = Machine::get(test, &["sh"]) else { return };
    let folder = programs_without_bpftrace();
    let out = folder.path().join("x_run0.csv.zst");
    let mut run = super::koracle();
    run.env("PATH", folder.path())
        .args(["record", "--local", "--truth", "-o"])
        .arg(&out)
        .args(["--", "true"]);
    let done = run.assert().failure().code(1);
    let message = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains("bpftrace is missing there: install the package bpftrace"),
        "{message}"
    );
    assert!(!out.exists());
    machine.is_as_before("it");
}
