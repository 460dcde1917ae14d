//! What perf writes: `perf.data` as file and as stream, packed and with losses, text of
//! `perf script` and of `perf sched map`. The recordings in `tests/data/perf` were made with perf
//! 6.1, each with what `perf script --ns` prints of it.
#![allow(clippy::unwrap_used)] // also in the tests' own functions, which the configuration does not know

#[path = "environment/mod.rs"]
mod environment;

use environment::{Need, has, skip};
use kernel_oracle::export;
use kernel_oracle::ingest::{self, Format, IngestError, Opened, Place};
use kernel_oracle::trace::{Event, Pid, TaskId, TaskState, Trace, TraceMeta};
use std::path::Path;
use std::process::Command;

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/perf").join(name);
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

fn read(bytes: &[u8]) -> Opened {
    ingest::read(bytes, "test").unwrap()
}

/// An event with names instead of numbers, and the time of the clock.
type ReferenceEvent =
    (u64, Event, Option<(Pid, String)>, Option<(Pid, String)>, Pid, Option<(u64, u64)>);

fn told(trace: &Trace) -> Vec<ReferenceEvent> {
    let name = |id: TaskId| trace.tasks().get(id).map(|t| (t.pid, t.name.to_string()));
    let one = |(i, e): (usize, Event)| {
        let bare = Event {
            task: TaskId::NONE,
            next: TaskId::NONE,
            actor: kernel_oracle::trace::ThreadIx::NONE,
            ..e
        };
        let runtime = trace.runtime(i).map(|r| (r.ns, r.vruntime));
        (
            trace.meta().start_ns + e.time.0,
            bare,
            name(e.task),
            name(e.next),
            trace.tasks().pid(e.actor),
            runtime,
        )
    };
    trace.events().enumerate().map(one).collect()
}

/// The records of one time may stand in any order.
fn sorted(trace: &Trace) -> Vec<String> {
    let mut all: Vec<String> = told(trace).iter().map(|t| format!("{t:?}")).collect();
    all.sort();
    all
}

#[test]
fn every_kind_of_perf_data_says_what_perf_script_prints() {
    for name in ["file", "stream", "packed", "chains", "lost"] {
        let binary = read(&data(&format!("{name}.data.zst")));
        let text = read(&data(&format!("{name}.txt.zst")));
        assert_eq!(
            (binary.report.format, text.report.format),
            (Format::PerfData, Format::PerfScript),
            "{name}"
        );
        assert!(binary.trace.switch_count() > 10, "{name}");
        assert_eq!(sorted(&binary.trace), sorted(&text.trace), "{name}");
        for report in [&binary.report, &text.report] {
            assert_eq!(
                (report.skipped, &report.bad, &report.truncated),
                (0, &vec![], &None),
                "{name}"
            );
        }
        assert_eq!(binary.trace.reordered(), 0, "{name}");
        let meta = binary.trace.meta();
        assert!(
            meta.kernel.starts_with("6.18.") && meta.cpus == 2 && meta.command.contains("perf"),
            "{name}: {meta:?}"
        );
        assert_eq!(
            (&*meta.tool, &*meta.clock),
            ("perf 6.1.187", if name == "packed" { "mono" } else { "perf" }),
            "{name}"
        );
    }
}

#[test]
fn losses_are_gaps_of_their_cpu() {
    let trace = read(&data("lost.data.zst")).trace;
    let text = read(&data("lost.txt.zst")).trace;
    let lost =
        |t: &Trace| t.gaps().iter().map(|g| (g.cpu, g.from.0, g.to.0, g.lost)).collect::<Vec<_>>();
    assert_eq!(lost(&trace), lost(&text));
    assert!(
        lost(&trace)[0].3 > 0 && trace.gaps()[0].from < trace.gaps()[0].to,
        "{:?}",
        trace.gaps()
    );
}

#[test]
fn a_packed_file_and_a_stream_without_an_end_open_too() {
    let stream = data("stream.data.zst");
    let whole = read(&stream).trace;
    let mut source = ingest::Source::stream(&stream[..], "-");
    let piped = ingest::read_from(&mut source, TraceMeta::default()).unwrap().trace;
    assert_eq!(told(&whole), told(&piped));
    let file = data("file.data.zst");
    let mut source = ingest::Source::stream(&file[..], "-");
    let piped = ingest::read_from(&mut source, TraceMeta::default()).unwrap().trace;
    assert_eq!(told(&read(&file).trace), told(&piped));
}

#[test]
fn every_cut_of_a_stream_gives_what_came_before() {
    let stream = data("stream.data.zst");
    let whole = sorted(&read(&stream).trace);
    for end in (0..stream.len()).rev().step_by(1709) {
        match ingest::read(&stream[..end], "cut") {
            Ok(opened) => {
                assert!(
                    sorted(&opened.trace).iter().all(|e| whole.iter().any(|w| w[25..] == e[25..])),
                    "{end}"
                );
            }
            Err(e) => assert!(e.to_string().contains("cut: "), "{end}: {e}"),
        }
    }
    let near = ingest::read(&stream[..stream.len() - 1000], "cut").unwrap();
    assert!(
        near.trace.len() > 10 && near.report.truncated.unwrap().contains("ends inside the record")
    );
}

#[test]
fn a_cut_or_unfinished_file_says_what_is_missing() {
    let file = data("file.data.zst");
    let mut unfinished = file[..file.len() / 3].to_vec();
    for end in (0..file.len()).step_by(3001) {
        // Formats stand at the end; some may still be there.
        let Ok(opened) = ingest::read(&file[..end], "cut") else { continue };
        // What is cut off may say nothing of the events.
        let whole = sorted(&opened.trace) == sorted(&read(&file).trace);
        assert!(whole || opened.report.truncated.is_some(), "{end}");
    }
    // Without any format nothing can be decoded.
    let said = ingest::read(&file[..file.len() / 9], "cut").unwrap_err().to_string();
    assert!(said.contains("perf.data is cut") && said.contains("`perf record -o -"), "{said}");
    unfinished[48..56].fill(0);
    let said = ingest::read(&unfinished[..], "cut").unwrap_err().to_string();
    assert!(said.contains("perf was ended before"), "{said}");
}

#[test]
fn damage_costs_what_is_damaged() {
    for name in ["stream.data.zst", "packed.data.zst", "file.data.zst"] {
        let good = data(name);
        let all = read(&good).trace.len();
        let mut least = usize::MAX;
        for at in (0..good.len()).step_by(997) {
            let mut bad = good.clone();
            bad[at..(at + 3).min(good.len())].fill(0xff);
            if let Ok(opened) = ingest::read(&bad, "bad") {
                assert!(
                    opened.trace.events().all(|e| e.cpu.ix() < opened.trace.cpus()),
                    "{name} {at}"
                );
                least = least.min(opened.trace.len());
            }
        }
        assert!(least <= all);
    }
    // Two records of the stream overwritten: the others are found again, and that something is
    // missing is shown.
    let mut bad = data("stream.data.zst");
    let (end, all) = (bad.len() - 4000, read(&bad).trace.len());
    bad[end..end + 100].fill(0xff);
    let Opened { trace, report } = ingest::read(&bad, "bad").unwrap();
    assert!(trace.len() + 4 >= all && trace.len() < all, "{} of {all}", trace.len());
    assert!(
        !trace.gaps().is_empty()
            && matches!(report.bad[0].place, Place::Record { byte, .. } if byte.abs_diff(end as u64) < 200)
    );
}

#[test]
fn the_other_byte_order_and_files_without_tracepoints_are_told() {
    let big = ingest::read(&b"2ELIFREP\0\0\0\0\0\0\0\x68"[..], "big").unwrap_err();
    assert!(matches!(big, IngestError::Machine { what: "big-endian", .. }), "{big}");
    for bytes in
        [&b"PERFILE2"[..], b"PERFILE2\x10\0\0\0\0\0\0\0", b"PERFILE2\x68\0\0\0\0\0\0\0\x90"]
    {
        let said = ingest::read(bytes, "short").unwrap_err().to_string();
        assert!(said.starts_with("short: ") && said.contains("perf"), "{said}");
    }
}

const SCRIPT: &str = "            perf  7 [001]  520.352536: sched:sched_waking: comm=cargo pid=19 \
                      prio=120 target_cpu=000\n\
    a b pid=1     7 [001]  520.352821: sched:sched_switch: prev_comm=a b pid=1 prev_pid=7 \
    prev_prio=120 prev_state=R+ ==> next_comm=sh next_pid=8 next_prio=-1\n";

#[test]
fn selections_of_perf_script_say_the_same() {
    let want = told(&read(SCRIPT.as_bytes()).trace);
    assert_eq!((want.len(), want[1].1.state, want[1].4), (2, TaskState::PREEMPTED, Pid(7)));
    for (what, text) in [
        ("pids and tids", SCRIPT.replace(" 7 [001]", " 6/7 [001]")),
        ("nanoseconds", SCRIPT.replace("352536:", "352536000:").replace("352821:", "352821000:")),
        ("periods", SCRIPT.replace(" sched:", "          1 sched:")),
        ("a header", format!("# ========\n# os release : 6.1.0\n#\n{SCRIPT}")),
        (
            "chains",
            SCRIPT.replace(
                '\n',
                "\n\tffffffff81a2c3f0 __schedule+0x2f0 ([kernel.kallsyms])\n\t    2f0 x::sched::y \
                 (/a)\n\n",
            ),
        ),
        (
            "another profile",
            format!("perf 7 [000] 520.0:   250000 cycles:  ffffffff81 x ([kernel])\n{SCRIPT}"),
        ),
        (
            "its own print of a switch",
            SCRIPT.split(" prev_comm=").next().unwrap().to_owned()
                + " a b pid=1:7 [120] R+ ==> sh:8 [-1]\n",
        ),
    ] {
        let Opened { trace, report } = read(text.as_bytes());
        assert_eq!(told(&trace), want, "{what}");
        assert_eq!((report.skipped, report.format), (0, Format::PerfScript), "{what}");
    }
    let headed = read(
        format!("# os release : 6.1.0\n# nrcpus online : 6\n# cmdline : perf x\n{SCRIPT}")
            .as_bytes(),
    );
    let meta = headed.trace.meta();
    assert_eq!((&*meta.kernel, meta.cpus, &*meta.command), ("6.1.0", 6, "perf x"));
    let said =
        ingest::read(SCRIPT.replace(" [001]", "").into_bytes(), "x").unwrap_err().to_string();
    assert!(said.contains("no CPU: print it with `perf script -F"), "{said}");
    let lost =
        read(format!("{SCRIPT}sh 8 [001] 520.352900: PERF_RECORD_LOST lost 17\n").as_bytes());
    assert_eq!(lost.trace.gaps()[0].lost, 17);
}

const MAP: &str = "  *A0         717.355295 secs A0 => migration/0:18\n   A0 *B0     717.355308 \
                   secs B0 => kworker/0:1:77\n\
    *.   B0     717.355400 secs .  => swapper:0\n  *C0  B0     717.355500 secs C0 => sh:9\n   C0 \
    *A0     717.355600 secs \n*B0  A0     717.355700 secs \n";

#[test]
fn a_map_has_switches_of_several_cpus() {
    let Opened { trace, report } = read(MAP.replace("\n*", "\n  *").as_bytes());
    let who = |id: TaskId| {
        trace.tasks().get(id).map_or("?".into(), |t| format!("{}:{}", t.name, t.pid.0))
    };
    let rows: Vec<_> = trace
        .events()
        .map(|e| {
            (e.time.0 / 1000, e.cpu.0, who(e.task), who(e.next), e.state == TaskState::UNKNOWN)
        })
        .collect();
    let row = |t, cpu, prev: &str, next: &str, unknown| {
        (t, cpu, prev.to_owned(), next.to_owned(), unknown)
    };
    assert_eq!(
        rows,
        [
            row(0, 0, "?", "migration/0:18", true),
            row(13, 1, "?", "kworker/0:1:77", true),
            row(105, 0, "migration/0:18", "swapper/0:0", true),
            row(205, 0, "swapper/0:0", "sh:9", false),
            row(305, 1, "kworker/0:1:77", "migration/0:18", true),
            row(405, 0, "sh:9", "kworker/0:1:77", true),
        ]
    );
    assert_eq!((report.format, report.skipped, trace.cpus()), (Format::PerfSchedMap, 0, 2));
    assert!(report.warnings[0].contains("switches only"));
    // What is not said is not said either by the native format.
    let mut native = Vec::new();
    export::csv_to(&trace, &mut native).unwrap();
    assert_eq!(
        told(&read(&native).trace).iter().map(|t| &t.2).collect::<Vec<_>>(),
        told(&trace).iter().map(|t| &t.2).collect::<Vec<_>>()
    );
}

#[test]
fn maps_of_some_cpus_and_maps_with_holes() {
    let compact = "  *A0     1.000001 secs A0 => a:1 (CPU 5)\n   A0 *B0     1.000002 secs B0 => \
                   b:2 (CPU 3)\n  *B0  B0     1.000003 secs \n";
    let trace = read(compact.as_bytes()).trace;
    assert_eq!(trace.events().map(|e| e.cpu.0).collect::<Vec<_>>(), [5, 3, 5]);
    let Opened { trace, report } =
        read(MAP.split_once('\n').unwrap().1.replace("\n*", "\n  *").as_bytes());
    assert_eq!((trace.len(), report.skipped), (4, 1));
    assert_eq!(report.bad[0].to_string().split_once(": ").unwrap().1, "no line says who A0 is");
    let twice = read(
        format!("{MAP}  *A0  A0     717.4 secs A0 => other:99\n")
            .replace("\n*", "\n  *")
            .as_bytes(),
    );
    assert!(twice.report.warnings.iter().any(|w| w.contains("two threads by one short name")));
}

/// Records here and now, where perf is installed and may.
#[test]
fn what_the_installed_perf_records_is_read_as_it_prints_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| Command::new("perf").args(words).current_dir(folder.path()).output();
    let record = ["record", "-q", "-a", "-z", "-e", "sched:*", "-o", "x.data", "--", "ls"];
    if !run(&record).is_ok_and(|out| out.status.success()) {
        return skip(
            "what perf records",
            if has("perf") { Need::Root } else { Need::Tool("perf") },
        );
    }
    let binary = ingest::open(&folder.path().join("x.data")).unwrap();
    let text = run(&["script", "-i", "x.data", "--ns", "-F", "comm,pid,tid,cpu,time,event,trace"])
        .unwrap()
        .stdout;
    let text = read(&text);
    // Of a thread that is ending perf prints that it is number -1: nobody else's records may be so.
    let by_time = |trace: &Trace| {
        let mut all = told(trace);
        all.sort_by_cached_key(|(time, bare, task, next, _, runtime)| {
            format!("{:?}", (time, bare, task, next, runtime))
        });
        all
    };
    let (mut found, printed) = (by_time(&binary.trace), by_time(&text.trace));
    for (found, printed) in found.iter_mut().zip(&printed).filter(|(_, p)| p.4 == Pid(-1)) {
        found.4 = printed.4;
    }
    assert_eq!(found, printed);
    assert_eq!((binary.report.skipped, text.report.skipped), (0, 0));
}
