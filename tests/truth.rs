//! What is shown is what was recorded: threads under the name that they had, and nothing where
//! nothing was recorded.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

use common::program::bytes;
use kernel_oracle::ingest;
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::{CpuId, EventKind, Nanos, ThreadIx, Trace, Wakeups};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A shell that runs `head`, `md5sum` and `cut`, as the kernel printed it.
fn exec_text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exec.txt"))
        .unwrap()
}

fn read(text: &str) -> Trace {
    ingest::read(text.as_bytes().to_vec(), "exec").unwrap().trace
}

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("exec.txt");
    std::fs::write(&path, text).unwrap();
    path
}

fn info(text: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    serde_json::from_slice(&bytes(&["info", "--json", file(&folder, text).to_str().unwrap()]))
        .unwrap()
}

/// `name:pid` of every switch's `next`, as the kernel printed it.
fn printed(text: &str) -> Vec<String> {
    let next = |line: &str| {
        let rest = line.split_once(" ==> next_comm=")?.1;
        let (name, rest) = rest.rsplit_once(" next_pid=")?;
        let pid = rest.split(' ').next()?;
        // Idle has a name of its own here: it is the CPU's.
        Some(if pid == "0" { "idle:0".into() } else { format!("{name}:{pid}") })
    };
    text.lines().filter_map(next).collect()
}

#[test]
fn a_switch_is_to_the_task_that_the_kernel_printed() {
    let (folder, text) = (tempfile::tempdir().unwrap(), exec_text());
    let path = file(&folder, &text);
    let csv = bytes(&["predict", path.to_str().unwrap(), "-o", "-"]);
    let mut rows = csv::Reader::from_reader(csv.as_slice());
    let real = rows.headers().unwrap().iter().position(|h| h == "real").unwrap();
    let ours: Vec<String> = rows.records().map(|r| r.unwrap()[real].to_owned()).collect();
    let theirs = printed(&text);
    assert!(theirs.iter().filter(|n| n.starts_with("md5sum:")).count() > 10);
    assert_eq!(ours, theirs);
}

#[test]
fn mistakes_are_found_by_the_name_of_that_moment() {
    let (folder, text) = (tempfile::tempdir().unwrap(), exec_text());
    let path = file(&folder, &text);
    let list = |filter: &str| {
        let args = [
            "mistakes",
            path.to_str().unwrap(),
            "--predictor",
            "fifo",
            "--all",
            "--csv",
            "--where",
            filter,
        ];
        let csv = bytes(&args);
        let mut rows = csv::Reader::from_reader(csv.as_slice());
        let head = rows.headers().unwrap().clone();
        let at = |name: &str| head.iter().position(|h| h == name).unwrap();
        let (event, real) = (at("event"), at("real"));
        let rows = rows.records().map(Result::unwrap);
        rows.map(|r| (r[event].parse::<usize>().unwrap(), r[real].to_owned())).collect::<Vec<_>>()
    };
    let trace = read(&text);
    let named = |name: &str| {
        let of = |(event, _): &(usize, String)| {
            &*trace.tasks().get(trace.event(*event).next).unwrap().name == name
        };
        list("covered or not covered").into_iter().filter(of).collect::<Vec<_>>()
    };
    for name in ["md5sum", "head", "sh"] {
        let found = list(&format!("real = {name}"));
        assert!(
            !found.is_empty()
                && found.iter().all(|(_, real)| real.starts_with(&format!("{name}:"))),
            "{name}"
        );
        assert_eq!(found, named(name), "{name}");
    }
}

#[test]
fn a_thread_stays_one_thread_whatever_it_is_called() {
    let trace = read(&exec_text());
    let (thread, names) = trace.renamed().max_by_key(|(_, names)| names.len()).unwrap();
    assert!(names.len() >= 2);
    for pair in names.windows(2) {
        let (before, after) = (pair[1].0 as usize - 1, pair[1].0 as usize);
        assert_eq!(
            (trace.task_at(thread, before), trace.task_at(thread, after)),
            (pair[0].1, pair[1].1)
        );
        assert_eq!(trace.tasks().get(pair[0].1).unwrap().thread, thread);
    }
    // What events themselves say is what they are shown with.
    for (i, e) in trace.events().enumerate() {
        let thread = trace.tasks().thread_on(e.task, e.cpu);
        if !trace.tasks().is_idle(thread) && e.next != e.task {
            let last =
                if trace.tasks().thread_on(e.next, e.cpu) == thread { e.next } else { e.task };
            assert_eq!(trace.task_at(thread, i), last, "event {i}");
        }
    }
    // An actor too, in what is exported.
    let mut out = Vec::new();
    kernel_oracle::export::ftrace_text(&trace, &mut out).unwrap();
    let again = read(std::str::from_utf8(&out).unwrap());
    assert!(trace.events().eq(again.events()));
}

#[test]
fn a_cpu_is_unknown_until_its_buffer_begins() {
    // A wrapped buffer: the earliest events of CPU 0 are gone, those of CPU 1 are not.
    let text = exec_text();
    let at =
        |line: &str| line.split_whitespace().find_map(|w| w.strip_suffix(':')?.parse::<f64>().ok());
    let times: Vec<f64> = text.lines().filter_map(at).collect();
    let half = f64::midpoint(times[0], times[times.len() - 1]);
    let keep = |line: &&str| !line.contains("[000]") || at(line).is_none_or(|t| t > half);
    let cut: String = text.lines().filter(keep).flat_map(|l| [l, "\n"]).collect();
    let cut = cut.replacen("318/318", "200/318", 1);
    let trace = read(&cut);
    let first = trace.cpu_events(CpuId(0))[0] as usize;
    assert_eq!(trace.unknown(CpuId(0))[0], (Nanos(0), trace.time(first)));
    let said = info(&cut);
    assert_eq!(said["overwritten"], 118);
    let unknown: Vec<f64> = serde_json::from_value(said["unknown"].clone()).unwrap();
    assert!(unknown[0] > 0.45 && unknown[1] < 0.05, "{unknown:?}");
    assert!(said["warnings"][0].as_str().unwrap().contains("CPU0 is unknown"), "{said}");
    // Drawn as nobody's, and not as use.
    let cells = Pyramid::build(&trace).cells(&trace, CpuId(0), 0, trace.span().0, 10);
    assert!(
        cells[..4].iter().all(|c| c.is_unknown() && c.thread == ThreadIx::NONE && c.busy == 0.0),
        "{cells:?}"
    );
    assert!(cells[6..].iter().all(|c| !c.is_unknown()), "{cells:?}");
}

#[test]
fn what_other_threads_did_is_unknown_when_one_pid_was_recorded() {
    // As `set_event_pid` or a filter leaves it: the switches of one thread.
    let text = exec_text();
    let pid = "3310";
    let about = |line: &&str| {
        line.starts_with('#')
            || [" prev_pid=", " next_pid=", " pid="]
                .iter()
                .any(|k| line.contains(&format!("{k}{pid} ")))
    };
    let one: String = text.lines().filter(about).flat_map(|l| [l, "\n"]).collect();
    let trace = read(&one);
    assert!(trace.switch_count() >= 10, "{}", trace.switch_count());
    let (others, pairs) = trace.contradictions();
    assert!(others * 4 > pairs, "{others} of {pairs}");
    for cpu in (0..2).map(CpuId) {
        for pair in trace.cpu_switches(cpu).windows(2) {
            let (a, b) = (trace.event(pair[0] as usize), trace.event(pair[1] as usize));
            let (came, left) =
                (trace.tasks().thread_on(a.next, cpu), trace.tasks().thread_on(b.task, cpu));
            let unseen = trace.unknown_within(cpu, a.time, b.time);
            // A wake-up in between can show a third one.
            assert!(came == left || unseen > Nanos(0), "{pair:?}");
            assert_eq!(unseen > Nanos(0), trace.follows_unknown(pair[1] as usize), "{pair:?}");
        }
    }
    let said = info(&one);
    let warnings = said["warnings"].to_string();
    assert!(warnings.contains("another thread leaves than the one that had come in"), "{warnings}");
    assert!(said["decisions"].as_u64().unwrap() < trace.switch_count() as u64);
}

#[test]
fn of_what_leaves_as_another_than_came_in_all_that_were_compared_are_counted() {
    // All on CPU1 of two; each switch but the first has one before. A wake-up that shows a third
    // thread is no pair of its own.
    let line =
        |ms: u64, what: &str| format!("            sh-7       [001] d..2.  1.{ms:03}000: {what}\n");
    let switch = |ms: u64, prev: u32, next: u32| {
        let what = format!(
            "sched_switch: prev_comm=a prev_pid={prev} prev_prio=120 prev_state=S ==> next_comm=b \
             next_pid={next} next_prio=120"
        );
        line(ms, &what)
    };
    let wakeup = |ms| line(ms, "sched_wakeup: comm=c pid=9 prio=120 target_cpu=001");
    let text = "# tracer: nop\n#\n".to_owned()
        + &(0..6)
            .map(|i| switch(3 * i + 1, 20 + i as u32, 10) + &wakeup(3 * i + 2))
            .collect::<String>()
        + &switch(19, 10, 20);
    let said = info(&text);
    // 10 comes in and 21 to 25 leave; in the last of the six pairs it is 10 itself.
    assert_eq!((&said["contradictions"], &said["pairs"]), (&5.into(), &6.into()), "{said}");
    assert!(said["warnings"].to_string().contains("at 5 of 6 switches another"), "{said}");
}

#[test]
fn wakings_stand_in_for_wakeups_where_there_are_none() {
    let text = exec_text();
    let waking = text
        .replace("sched_wakeup:", "sched_waking:")
        .replace("sched_wakeup_new:", "sched_waking:");
    let (with, without) = (read(&text), read(&waking));
    assert_eq!((with.wakeups(), without.wakeups()), (Wakeups::Wakeup, Wakeups::Waking));
    let said = [info(&text), info(&waking)];
    assert_eq!([&said[0]["wakeups"], &said[1]["wakeups"]], ["wakeup", "waking"]);
    let coverage = |v: &Value| v["coverage"].as_f64().unwrap();
    assert!(coverage(&said[1]) > coverage(&said[0]) - 0.03, "{} {}", said[0], said[1]);
    assert!(said[1]["warnings"].to_string().contains("sched_waking stands in"));
    // With both, the wake-ups are the wake-ups: no token comes of a waking.
    let both: String = text
        .lines()
        .flat_map(|l| {
            if l.contains(" sched_wakeup:") {
                vec![l.replace("sched_wakeup:", "sched_waking:"), l.into()]
            } else {
                vec![l.into()]
            }
        })
        .map(|l| l + "\n")
        .collect();
    let both = read(&both);
    let moves = |t: &Trace| {
        (0..t.len()).filter_map(|i| t.queue_event(i)).map(|e| (e.time, e.kind)).collect::<Vec<_>>()
    };
    assert!(both.len() > with.len());
    assert_eq!(moves(&both), moves(&with));
}

#[test]
fn a_few_switches_of_threads_that_sleep_tell_that_wake_ups_are_missing() {
    // Nobody comes back: only that three went to sleep, and nobody was woken, tells it.
    let head = "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,\
                to_cpu\n";
    let text = |states: [&str; 5]| {
        let row = |(i, state): (usize, &str)| {
            let (prev, next) = (10 + i, 11 + i);
            format!("{}000,0,switch,{prev},{prev},a,120,{state},{next},b,120,,\n", i + 1)
        };
        head.to_owned() + &states.into_iter().enumerate().map(row).collect::<String>()
    };
    let sleeps = text(["S", "R", "D", "R", "S"]);
    let said = info(&sleeps);
    assert!(said["warnings"].to_string().contains("there are no wake-ups"), "{said}");
    assert_eq!(said["non_trivial"], 0);
    assert!(!said["warnings"].to_string().contains("coverage is low"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_koracle"))
        .arg("waits")
        .arg(file(&folder, &sleeps))
        .output()
        .unwrap();
    let warned = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(warned.contains("there are no wake-ups: only waits after"), "{warned}");
    // Loops that need none, threads that end or stop, and too few sleeps to tell; or one is woken.
    let woken = sleeps.clone() + "6000,0,wakeup,15,10,a,120,,,,,,0\n";
    for text in [text(["R", "R+", "R", "R", "R"]), text(["X", "Z", "T", "S", "S"]), woken] {
        let said = info(&text);
        assert!(!said["warnings"].to_string().contains("there are no wake-ups"), "{said}");
    }
}

#[test]
fn with_switches_alone_only_the_forecast_is_asked() {
    let text = exec_text();
    let bare: String =
        text.lines().filter(|l| !l.contains("sched_wakeup")).flat_map(|l| [l, "\n"]).collect();
    let trace = read(&bare);
    assert_eq!(trace.wakeups(), Wakeups::None);
    assert!(trace.events().all(|e| e.kind == EventKind::Switch || e.kind == EventKind::Migrate));
    let said = info(&bare);
    assert_eq!((said["wakeups"].as_str(), said["non_trivial"].as_u64()), (Some("none"), Some(0)));
    assert!(said["warnings"].to_string().contains("only the forecast is asked"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &bare);
    let report: Value = serde_json::from_slice(&bytes(&[
        "eval",
        "--json",
        "--predictors",
        "fifo",
        path.to_str().unwrap(),
    ]))
    .unwrap();
    let of = &report["traces"][0];
    assert_eq!(of["non_trivial"], 0);
    assert!(of["forecast"]["fifo"]["top1"].is_number(), "{of}");
    // In the explorer a pick has no answer then; it is neither right nor wrong.
    let csv = bytes(&["predict", path.to_str().unwrap(), "--predictor", "fifo", "-o", "-"]);
    let mut rows = csv::Reader::from_reader(csv.as_slice());
    let head = rows.headers().unwrap().clone();
    let at = head.iter().position(|h| h == "predicted").unwrap();
    assert!(rows.records().all(|r| r.unwrap()[at].is_empty()));
}
