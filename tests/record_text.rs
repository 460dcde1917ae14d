//! The pages of a trace instance against the kernel's own text of the same instance: every event,
//! in the same order, with the same fields. As root, with tracefs and hackbench; elsewhere the test
//! says that it was skipped, and `environment` says when that is a failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/machine.rs"]
mod machine;

use kernel_oracle::ingest;
use kernel_oracle::ingest::ringbuf::{Formats, decode};
use kernel_oracle::record::workloads;
use kernel_oracle::trace::{CpuId, Event, Trace, TraceBuilder, TraceMeta};
use machine::{Machine, TRACEFS};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const EVENTS: [&str; 4] =
    ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
const MORE: [&str; 2] = ["sched_waking", "sched_stat_runtime"];
const O_NONBLOCK: i32 = 0o4000;

/// A private trace instance that goes away with the test.
struct Instance(PathBuf);

impl Instance {
    fn new() -> Self {
        let path = Path::new(TRACEFS).join(format!("instances/oracle-text-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn set(&self, file: &str, value: &str) {
        std::fs::write(self.0.join(file), value).unwrap();
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap()
    }

    /// All pages of a CPU, which are gone from the buffer then.
    fn pages(&self, cpu: usize) -> Vec<u8> {
        let path = self.0.join(format!("per_cpu/cpu{cpu}/trace_pipe_raw"));
        let mut file = File::options().read(true).custom_flags(O_NONBLOCK).open(path).unwrap();
        let (mut all, mut page) = (Vec::new(), vec![0; 4096]);
        loop {
            match file.read(&mut page) {
                Ok(0) => return all,
                Ok(n) => all.extend(&page[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return all,
                Err(e) => panic!("{e}"),
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::write(self.0.join("events/enable"), "0");
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Everything an event says but when, with names instead of numbers of tables.
fn what(trace: &Trace, e: &Event) -> String {
    let tasks = trace.tasks();
    let task = |id| tasks.get(id).map(|t| (t.pid.0, &t.name));
    let cpus = (e.cpu.0, e.from_cpu.0, e.to_cpu.0);
    let (state, actor) = (e.state.label(), tasks.pid(e.actor).0);
    format!(
        "{:?} {cpus:?} {} {state} {} {actor} {:?} {:?}",
        e.kind,
        e.prio,
        e.next_prio,
        task(e.task),
        task(e.next)
    )
}

#[test]
fn pages_give_what_the_kernel_itself_prints() {
    let Some(machine) = Machine::get("pages against text", &["hackbench", "timeout"]) else {
        return;
    };
    let instance = Instance::new();
    instance.set("tracing_on", "0");
    instance.set("trace_clock", "mono");
    // Room for all of it.
    instance.set("buffer_size_kb", "131072");
    for event in EVENTS.into_iter().chain(MORE) {
        instance.set(&format!("events/sched/{event}/enable"), "1");
    }
    instance.set("tracing_on", "1");
    let load = workloads::find("hackbench-pipe-2g").unwrap().command(2);
    let mut run = Command::new("timeout");
    run.args(["-k", "2", "2"])
        .args(load)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    instance.set("tracing_on", "0");

    // The text first: it leaves the pages where they are.
    let text = instance.text("trace");
    let written =
        text.lines().find_map(|l| l.strip_prefix("# entries-in-buffer/entries-written: ")).unwrap();
    let (kept, written) = written.split_whitespace().next().unwrap().split_once('/').unwrap();
    assert_eq!(kept, written, "events were lost");
    let kept = kept.to_owned();
    let printed = ingest::read(text.into_bytes(), "trace").unwrap();
    assert_eq!(printed.report.skipped, 0, "{:?}", printed.report.bad.first());
    let printed = printed.trace;

    // In one read: the kernel gives `header_page` to the first one alone, whatever its size.
    let layout = |file: &str| {
        let mut text = vec![0; 1 << 16];
        let n = File::open(Path::new(TRACEFS).join("events").join(file))
            .unwrap()
            .read(&mut text)
            .unwrap();
        String::from_utf8(text[..n].to_vec()).unwrap()
    };
    let all: Vec<&str> = EVENTS.into_iter().chain(MORE).collect();
    let formats: Vec<String> = all.iter().map(|e| layout(&format!("sched/{e}/format"))).collect();
    let named: Vec<(&str, &str)> =
        all.into_iter().zip(formats.iter().map(String::as_str)).collect();
    let formats = Formats::parse(&layout("header_page"), &layout("header_event"), &named).unwrap();
    assert_eq!(formats.page_size(), 4096);
    let cpus = std::fs::read_dir(instance.0.join("per_cpu")).unwrap().count();
    let pages: Vec<Vec<u8>> = (0..cpus).map(|cpu| instance.pages(cpu)).collect();
    let streams = pages
        .iter()
        .enumerate()
        .map(|(i, p)| (CpuId(i as u16), format!("cpu{i}"), p.as_slice()))
        .collect();
    let mut builder = TraceBuilder::default();
    let report = decode(&formats, streams, &mut builder).unwrap();
    let decoded = builder.finish(TraceMeta::default());
    let folder = instance.0.clone();
    drop(instance);
    assert!(!folder.exists());
    machine.is_as_before("the comparison");

    let (n, bytes) = (decoded.len(), report.bytes);
    let beside = decoded.events().filter(|e| !e.kind.moves_tasks()).count();
    println!("{n} events, {beside} of them wakings and run times, {bytes} bytes of pages");
    assert!(n > 10_000 && beside > 1000);
    assert_eq!((report.skipped, report.other_events), (0, 0));
    assert_eq!((n as u64 + report.other_events).to_string(), kept);
    assert_eq!((decoded.len(), decoded.reordered()), (printed.len(), 0));
    // The kernel prints microseconds, rounded to the nearest.
    let micros = |t: &Trace, e: &Event| (t.meta().start_ns + e.time.0 + 500) / 1000;
    for (i, (ours, theirs)) in decoded.events().zip(printed.events()).enumerate() {
        let (a, b) = (what(&decoded, &ours), what(&printed, &theirs));
        assert_eq!((micros(&decoded, &ours), a), (micros(&printed, &theirs), b), "event {i}");
        assert_eq!(decoded.runtime(i), printed.runtime(i), "event {i}");
    }
}
