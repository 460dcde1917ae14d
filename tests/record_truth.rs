//! The kernel's own state beside a recording: the probe's program for the kernels that there are,
//! what is made of its output, which row belongs to which switch, and that files keep it.
//! `tests/data/btf` has what bpftrace prints of each kernel's structures (6.6 shortened);
//! `tests/data/truth` a recording of this kind, with the probe's own output.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/machine.rs"]
mod machine;
#[path = "record/ways.rs"]
mod ways;

use assert_cmd::Command;
use kernel_oracle::record::truth::{Probe, join, read};
use kernel_oracle::trace::truth::{Field, Of, Value};
use kernel_oracle::trace::{EventKind, Trace};
use kernel_oracle::{export, ingest};
use machine::Machine;
use std::io::BufReader;
use std::path::{Path, PathBuf};

fn koracle() -> Command {
    Command::cargo_bin("koracle").unwrap()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The probes for a kernel of `tests/data/btf`.
fn probes(kernel: &str, version: &str) -> Vec<Probe> {
    let text = std::fs::read_to_string(data(&format!("btf/{kernel}.txt"))).unwrap();
    let (queue, entity) = text.split_at(text.find("struct sched_entity {").unwrap());
    Probe::all(queue, entity, version).unwrap()
}

/// The one that reads everything by name.
fn probe(kernel: &str, version: &str) -> Probe {
    probes(kernel, version).pop().unwrap()
}

#[test]
fn the_program_for_each_kernel() {
    for (kernel, version) in [
        ("6.1", "bpftrace v0.17.0"),
        ("6.6", "bpftrace v0.18.1"),
        ("6.12", "bpftrace v0.23.2"),
        ("6.18", "v0.17.0"),
    ] {
        let probes = probes(kernel, version);
        let [words, names] = &probes[..] else { panic!("{kernel}: {probes:?}") };
        let text = format!(
            "{}\nwithout: {}\n\n{}\n{}",
            names.tool,
            names.missing.join(" "),
            words.program,
            names.program
        );
        insta::assert_snapshot!(format!("probe_{}", kernel.replace('.', "_")), text);
        // What is printed and what is missing is all that there is.
        assert_eq!(names.fields().len() + names.missing.len(), Field::all().count(), "{kernel}");
        assert_eq!((words.fields(), &words.missing), (names.fields(), &names.missing), "{kernel}");
        // Beside the row the stack holds its place in the map and what is being worked on.
        assert!(words.columns.len() <= 54, "{kernel}: {}", words.columns.len());
    }
}

#[test]
fn a_kernel_that_cannot_be_read_is_told_by_what_it_lacks() {
    let text = std::fs::read_to_string(data("btf/6.18.txt")).unwrap();
    let (queue, entity) = text.split_at(text.find("struct sched_entity {").unwrap());
    let without_groups = entity.replace("	struct cfs_rq *cfs_rq;\n", "");
    let error = Probe::all(queue, &without_groups, "").unwrap_err();
    assert!(error.contains("no sched_entity.cfs_rq"), "{error}");
    assert!(Probe::all("", "", "").unwrap_err().contains("no cfs_rq.rq"));
    // Names that mean something to a shell or to bpftrace never reach the program.
    let odd = queue.replace("nr_queued;", "nr_queued; system(\"x\"); @a = 1;");
    assert_eq!(
        Probe::all(&odd, entity, "").unwrap().pop().unwrap(),
        Probe::all(queue, entity, "").unwrap().pop().unwrap()
    );
    // Where the tree is elsewhere, its leftmost is not read.
    let moved = entity.replace(
        "	struct rb_node run_node;\n	u64 deadline;\n",
        "	u64 deadline;\n	struct rb_node run_node;\n",
    );
    let probe = Probe::all(queue, &moved, "").unwrap().pop().unwrap();
    assert!(
        probe.missing.contains(&"first_vruntime".to_owned())
            && !probe.fields().iter().any(|f| f.of == Of::First)
    );
}

#[test]
fn places_are_those_of_the_kernel_and_only_what_is_known_has_one() {
    let places = |kernel: &str| probes(kernel, "v0.17.0")[0].program.clone();
    let has = |program: &str, of: &str, name: &str, at: u32| {
        program.contains(&format!("__builtin_offsetof(struct {of}, {name}) == {at} "))
    };
    // As `pahole` and the compiler have them.
    for (kernel, vruntime, on_rq, depth) in [
        ("6.1", 80, 56, 104),
        ("6.6", 104, 72, 136),
        ("6.12", 112, 80, 144),
        ("6.18", 120, 88, 152),
    ] {
        let program = places(kernel);
        for (name, at) in [("vruntime", vruntime), ("depth", depth)] {
            assert!(has(&program, "sched_entity", name, at), "{kernel} {name}: {program}");
        }
        // Alone in its word on 6.6 it is read by its name.
        let alone = kernel == "6.6";
        assert_eq!(has(&program, "sched_entity", "on_rq", on_rq), !alone, "{kernel}: {program}");
    }
    assert!(has(&places("6.18"), "cfs_rq", "nr_queued", 16));
    // Behind a type that nobody knows here no member of the entity has a place; the queue's have.
    let text = std::fs::read_to_string(data("btf/6.18.txt")).unwrap();
    let (queue, entity) = text.split_at(text.find("struct sched_entity {").unwrap());
    let odd = entity.replace("struct rb_node run_node", "struct odd run_node");
    let all = Probe::all(queue, &odd, "v0.17.0").unwrap();
    assert!(!all[0].program.contains("offsetof(struct sched_entity") && all.len() == 2);
    assert!(
        all[0].program.contains("(int64)$h->vruntime")
            && has(&all[0].program, "cfs_rq", "sum_weight", 40)
    );
    let none = Probe::all(&queue.replace("struct load_weight", "struct odd"), &odd, "").unwrap();
    assert!(none.len() == 1 && !none[0].program.contains("koracle_"), "{none:?}");
}

#[test]
fn words_that_were_read_in_one_go_are_the_same_numbers() {
    let all = probes("6.18", "v0.17.0");
    let [words, names] = &all[..] else { panic!("{all:?}") };
    let by_name = "@s[9, 1]: (7, 8, -1, 2, 3, 4, 5, 513, 11, 12, 13, 14, 15, 2, 21, 22, 23, 24, 25, 1, 31, \
                   32, 33, 34, 35, 258, 41, 42, 43, 2, 51, 52, 53, 0, 61, -62, 63, 64, 3, 71, 72, 73, 74, \
                   5)\n";
    // Bytes of the flags' word and upper halves that nobody asked for are passed over.
    let by_word = "@s[9, 1]: (7, 8, [16777217], [18446744073709551615,3,4,99,8589934594], 2, 5, \
                   [256], [11,13,14,99,8589934592], 12, 15, [1], [21,23,24,0,0], 22, 25, \
                   [65792], [31,33,34,99,1], 32, 35, 41, 42, 43, 2, 51, 52, 53, 0, \
                   [64,0,38654705667,7,18446744073709551554,63,61], [74,99,5,7,72,73,71])\n";
    let names = read(by_name.as_bytes(), names);
    let numbers = read(by_word.as_bytes(), words);
    assert_eq!((names.seen.len(), numbers.seen.len(), numbers.bad), (1, 1, 0));
    assert_eq!(numbers.row(0), names.row(0));
    // A bracket that is damaged costs its own line.
    for (from, to) in [
        ("[256]", "256]"),
        ("[256]", "[256"),
        ("[256]", "[[256]"),
        ("[256]", "[256]]"),
        ("[256]", "[]"),
    ] {
        let lines = by_word.replacen(from, to, 1) + by_word;
        let read = read(lines.as_bytes(), words);
        assert_eq!((read.seen.len(), read.bad), (1, 1), "{to}");
    }
}

#[test]
fn switches_behind_a_room_that_is_full_are_counted_as_lost() {
    let (trace, printed) = recorded();
    let probe = probe("6.18", "bpftrace v0.17.0");
    let whole = join(trace.clone(), &read(&printed[..], &probe), &probe).1;
    let rows = printed.split_inclusive(|b| *b == b'\n').filter(|l| l.starts_with(b"@s[")).count();
    // The first half by time, as a probe keeps it that has room for no more.
    let time = |line: &[u8]| -> u64 {
        let text = std::str::from_utf8(line).unwrap();
        text[3..text.find(',').unwrap()].parse().unwrap()
    };
    let mut lines: Vec<&[u8]> =
        printed.split_inclusive(|b| *b == b'\n').filter(|l| l.starts_with(b"@s[")).collect();
    lines.sort_by_key(|l| time(l));
    let half = lines[..rows / 2].concat();
    let of = |room: usize| {
        let text = [format!("@room: {room}\n").into_bytes(), half.clone()].concat();
        join(trace.clone(), &read(&text[..], &probe), &probe).1
    };
    let full = of(rows / 2);
    assert_eq!(full.lost + full.switches, whole.switches, "{full:?} of {whole:?}");
    assert!(full.lost * 4 > whole.switches, "{full:?} of {whole:?}");
    assert_eq!(of(rows).lost, 0);
}

#[test]
fn lines_that_are_damaged_cost_themselves() {
    let probe = probe("6.1", "v0.17.0");
    let row = |first: &str| {
        let numbers: Vec<String> =
            (0..probe.columns.len()).map(|n| (1000 + n).to_string()).collect();
        format!("@s[{first}, {})", numbers.join(", "))
    };
    let good = [row("500, 1]: (7, 8"), row("400, 1]: (8, 7"), row("450, 0]: (0, 9")];
    let bad = [
        row("x, 1]: (7, 8"),
        row("1, 9999]: (7, 8"),
        row("1, 1]: (-7, 8"),
        row("1, 1]: (7, 99999999999"),
        row("1, 1]: (7, 8, 5"),
        row("1, 1]: (7"),
        row("1]: (7, 8"),
        "@s[5, 0]: ()".to_owned(),
        "@s[".to_owned(),
    ];
    let text = format!(
        "Attaching 1 probe...\non\n\n\n@n: 12\n@on: 1\n{}\n{}\n",
        good.join("\n"),
        bad.join("\n")
    );
    let whole = read(text.as_bytes(), &probe);
    let told: Vec<_> =
        whole.seen.iter().map(|(s, _)| (s.cpu.0, s.time, s.prev.0, s.next.0)).collect();
    assert_eq!(told, [(0, 450, 0, 9), (1, 400, 8, 7), (1, 500, 7, 8)]);
    assert_eq!((whole.bad, whole.count), (bad.len() as u64, 12));
    let fields = probe.fields();
    let of = |row: usize, of: Of, value: Value| {
        let at = fields.iter().position(|f| *f == Field { of, value }).unwrap();
        whole.row(whole.seen[row].1)[at]
    };
    // The idle task has no state, the first number of another is its virtual run time.
    assert_eq!(
        (of(0, Of::Prev, Value::Vruntime), of(1, Of::Prev, Value::Vruntime)),
        (None, Some(1000))
    );
    // Cut anywhere, what is whole is read; no bytes are too odd.
    for cut in 0..text.len() {
        let part = read(&text.as_bytes()[..cut], &probe);
        assert!(
            part.seen.len() <= 3 && part.seen.iter().all(|s| whole.seen.iter().any(|w| w.0 == s.0)),
            "{cut}"
        );
    }
    let mut bytes = text.into_bytes();
    for at in (0..bytes.len()).step_by(3) {
        let was = std::mem::replace(&mut bytes[at], 0xff);
        assert!(read(&bytes[..], &probe).seen.len() <= 3);
        bytes[at] = was;
    }
    assert_eq!(read(&vec![b'9'; 100_000][..], &probe).seen.len(), 0);
}

#[test]
fn two_numbers_of_the_same_bits_are_one_and_what_is_absent_is_none() {
    let probe = probe("6.18", "v0.17.0");
    let fields = probe.fields();
    let row = |numbers: Vec<String>| {
        let read = read(format!("@s[5, 0]: (7, 8, {})\n", numbers.join(", ")).as_bytes(), &probe);
        assert_eq!(read.seen.len(), 1);
        read.row(0).to_vec()
    };
    let at = |row: &[Option<i64>], of: Of, value: Value| {
        row[fields.iter().position(|f| *f == Field { of, value }).unwrap()]
    };
    let nothing = row(vec!["0".into(); probe.columns.len()]);
    // Without a weight there is no entity; a queue may be empty.
    assert_eq!(at(&nothing, Of::NextGroup, Value::Vruntime), None);
    assert_eq!(
        (at(&nothing, Of::First, Value::Deadline), at(&nothing, Of::GroupQueue, Value::Count)),
        (None, None)
    );
    assert_eq!(at(&nothing, Of::Queue, Value::Count), Some(0));
    // Flags: on the queue and delayed, two levels down. Times beyond the middle of 64 bits wrap.
    let all = row(vec![(u64::MAX - 0xfffc).to_string(); probe.columns.len()]);
    assert_eq!(at(&all, Of::Next, Value::Vruntime), Some(-0xfffd));
    let flags = row(vec!["515".into(); probe.columns.len()]);
    let told = [Value::OnRq, Value::Delayed, Value::Depth].map(|v| at(&flags, Of::Next, v));
    assert_eq!(told, [Some(1), Some(1), Some(2)]);
}

/// A recording of this kernel, and the rows that its probe printed.
fn recorded() -> (Trace, Vec<u8>) {
    let trace = ingest::open(&data("truth/pipe.csv.zst")).unwrap().trace;
    (trace, zstd::decode_all(&std::fs::read(data("truth/pipe.txt.zst")).unwrap()[..]).unwrap())
}

#[test]
fn rows_are_joined_to_their_switches() {
    let (trace, printed) = recorded();
    let probe = probe("6.18", "bpftrace v0.17.0");
    let (whole, told) = join(trace.clone(), &read(BufReader::new(&printed[..]), &probe), &probe);
    assert!(told.switches > 300 && told.share() > 0.999, "{told:?}");
    assert!(told.apart_ns < 100_000 && told.tool == "bpftrace 0.17", "{told:?}");
    let truth = whole.truth().unwrap();
    assert_eq!((truth.len() as u64, whole.meta().truth.as_ref()), (told.joined, Some(&told)));
    // The one that leaves to sleep is off the queue or delayed; the one that comes in is on it and
    // counted.
    let is = |i: usize, of, value| truth.at(i).and_then(|r| r.value(of, value));
    for (i, row) in truth.rows() {
        let event = whole.event(i);
        assert_eq!(event.kind, EventKind::Switch);
        let on = (is(i, Of::Prev, Value::OnRq), is(i, Of::Prev, Value::Delayed));
        if row.value(Of::Prev, Value::Weight).is_some() && event.prio >= 100 {
            assert_eq!(
                on.0 == Some(1) && on.1 == Some(0),
                event.state.is_runnable(),
                "{i} {:?} {on:?}",
                event.state
            );
        }
        if is(i, Of::Next, Value::Weight).is_some() && event.next_prio >= 100 {
            assert_eq!(is(i, Of::Next, Value::OnRq), Some(1), "{i}");
            assert!(is(i, Of::Queue, Value::Count) >= Some(1), "{i}");
        }
    }
    // A state of another switch is none: with every third row gone, no row goes to another switch.
    let lines: Vec<&[u8]> = printed.split_inclusive(|b| *b == b'\n').collect();
    let fewer: Vec<u8> = lines
        .iter()
        .enumerate()
        .filter(|(i, _)| i % 3 != 0)
        .flat_map(|(_, l)| l.to_vec())
        .collect();
    let (part, told) = join(trace.clone(), &read(&fewer[..], &probe), &probe);
    assert!(told.share() < 0.8 && told.unmatched == 0, "{told:?}");
    for (i, row) in part.truth().unwrap().rows() {
        let all = truth.at(i).unwrap();
        assert!(row.values().eq(all.values()), "{i}");
    }
    // Nothing that fits is no truth.
    let (none, told) = join(trace, &read(&b""[..], &probe), &probe);
    assert!(none.truth().is_none() && (told.joined, told.switches) == (0, 0));
}

#[test]
fn files_keep_it_and_files_without_stay_as_they_are() {
    let (trace, printed) = recorded();
    let mut bare = Vec::new();
    export::csv_to(&trace, &mut bare).unwrap();
    assert!(!bare.starts_with(b"truth") && !bare.windows(6).any(|w| w == b"truth_"));
    assert!(!toml::to_string(trace.meta()).unwrap().contains("truth"));
    let probe = probe("6.18", "bpftrace v0.17.0");
    let (whole, told) = join(trace, &read(&printed[..], &probe), &probe);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t_run0.csv.zst");
    export::native(&whole, &path, 3).unwrap();
    let again = ingest::open(&path).unwrap();
    assert_eq!((again.report.skipped, &again.report.metadata_problem), (0, &None));
    assert_eq!((again.trace.truth(), again.trace.meta()), (whole.truth(), whole.meta()));
    // The columns alone are what was there before.
    let mut text = Vec::new();
    export::csv_to(&again.trace, &mut text).unwrap();
    let fields = whole.truth().unwrap().fields().len();
    let part = |line: &[u8]| {
        let line = String::from_utf8(line.to_vec()).unwrap();
        line.rsplitn(fields + 1, ',').last().unwrap().to_owned()
    };
    let (bare, text): (Vec<&[u8]>, Vec<&[u8]>) =
        (bare.split(|b| *b == b'\n').collect(), text.split(|b| *b == b'\n').collect());
    assert!(bare.iter().zip(&text).take(bare.len() - 1).all(|(a, b)| *a == part(b).as_bytes()));
    // A stretch keeps its own.
    let cut = again.trace.cut(100..300);
    let rows: Vec<usize> =
        whole.truth().unwrap().rows().map(|r| r.0).filter(|i| (100..300).contains(i)).collect();
    assert!(
        !rows.is_empty() && cut.truth().unwrap().rows().map(|r| r.0 + 100).eq(rows.iter().copied())
    );
    assert_eq!(cut.meta().truth.as_ref().unwrap().joined, rows.len() as u64);

    let info = |args: &[&str]| {
        let done = koracle().arg("info").args(args).arg(&path).assert().success();
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&info(&["--json"])).unwrap();
    assert_eq!(
        (json["truth"]["joined"].as_f64(), json["truth"]["rows"].as_u64()),
        (Some(told.share()), Some(told.joined))
    );
    assert!(info(&[]).contains("switches with the kernel's own state: "));
    // What is no number is told with its place and costs its row.
    let odd: String = String::from_utf8(text.join(&b'\n')).unwrap();
    let switch = odd.find(",switch,").unwrap();
    let end = switch + odd[switch..].find('\n').unwrap();
    let odd = format!("{},x{}", &odd[..odd[..end].rfind(',').unwrap()], &odd[end..]);
    let opened = ingest::read(odd.as_bytes(), "odd.csv").unwrap();
    assert_eq!(opened.report.skipped, 1);
}

#[test]
fn hackbench_of_this_machine_with_the_kernels_own_state() {
    let test = "hackbench_of_this_machine_with_the_kernels_own_state";
    let Some(machine) = Machine::get(test, &["bpftrace", "hackbench"]) else { return };
    if !ways::can_probe(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("h_run0.csv.zst");
    let args = ["record", "--local", "--truth", "--seconds", "30", "--buffer", "65536", "-o"];
    let mut run = koracle();
    let done = run
        .args(args)
        .arg(&out)
        .args(["--", "hackbench", "--pipe", "-g", "2", "-l", "200"])
        .assert()
        .success();
    let message = String::from_utf8(done.get_output().stderr.clone()).unwrap();
    machine.is_as_before("it");
    assert!(message.contains("switches joined ("), "{message}");
    let trace = ingest::open(&out).unwrap().trace;
    let told = trace.meta().truth.clone().unwrap();
    assert!(told.switches > 100 && told.share() >= 0.999, "{message}");
    assert_eq!((trace.truth().unwrap().len() as u64, told.lost), (told.joined, 0));
    // The probe ran before the workload did, and nearly to its end.
    assert!(
        told.switches * 100 > trace.switch_count() as u64 * 98,
        "{told:?} of {}",
        trace.switch_count()
    );
}
