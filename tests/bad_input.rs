//! Bad input: a clear message that names file, line and byte, and no loss of the rest. Never a
//! panic.
#![allow(clippy::unwrap_used)] // also in the tests' own functions, which the configuration does not know

use kernel_oracle::ingest::{self, IngestError, Opened, Packing, Place, Reason};
use kernel_oracle::trace::{CpuId, MAX_CPUS, Nanos, Pid};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

const HEADER: &str =
    "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n";

fn switch(time: &str, cpu: u32, prev: i32, next: i32) -> String {
    format!(
        " t-{prev} [{cpu:03}] d..2. {time}: sched_switch: prev_comm=t prev_pid={prev} \
         prev_prio=120 prev_state=S ==> next_comm=t next_pid={next} next_prio=120\n"
    )
}

fn read(text: impl Into<Vec<u8>>) -> Opened {
    ingest::read(text.into(), "test").unwrap()
}

fn refused(text: impl Into<Vec<u8>>) -> String {
    ingest::read(text.into(), "some.file").unwrap_err().to_string()
}

#[test]
fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone.csv.zst");
    let error = ingest::open(&gone).unwrap_err();
    assert!(
        matches!(error, IngestError::Io { .. }) && error.to_string().contains("gone.csv.zst"),
        "{error}"
    );
    let error = ingest::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, IngestError::Directory { .. }) && error.to_string().contains("directory"),
        "{error}"
    );
    std::fs::write(&gone, b"").unwrap();
    let error = ingest::open(&gone).unwrap_err();
    assert!(
        matches!(error, IngestError::Empty(_)) && error.to_string().contains("empty"),
        "{error}"
    );

    let junk = refused(b"text\nand then \x00\x01\x02\xff\xfe".to_vec());
    assert!(junk.contains("some.file") && junk.contains("line 2, byte 14"), "{junk}");
    let prose = refused("\n\n Dear reader,\nthis is no trace.\n");
    assert!(prose.contains("line 3, byte 3") && prose.contains("not a recording"), "{prose}");
    let none = refused("# tracer: nop\n#\na-1 [000] d..2. 1.0: irq_handler_entry: irq=1\nwhat\n");
    assert!(
        none.contains("no scheduler event in 4 lines of ftrace text (1 other event, 1 bad line;"),
        "{none}"
    );
    assert!(none.contains("line 4, byte 62: not an event line"), "{none}");
    assert!(refused(HEADER).contains("no scheduler event in 1 line of native CSV"));
    // Text that leaves out what is needed is named, with the cure.
    for (line, option) in [
        ("28917 1 15390759548003 type: 372", "`raw`"),
        ("000070f5 00000001 00000dff60a0f7ce type: 372", "`hex`"),
        (
            "sched_switch: prev_comm=a prev_pid=2 prev_prio=120 prev_state=R ==> next_comm=b \
             next_pid=3 next_prio=120",
            "`context-info`",
        ),
    ] {
        let text = refused(format!("# tracer: nop\n#\n{}", format!("{line}\n").repeat(3)));
        assert!(text.contains(option) && text.contains("tracing/options/"), "{text}");
    }
    for magic in
        [&b"\x28\xb5\x2f\xfd"[..], b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfdjunkjunk"]
    {
        let damaged = refused(magic);
        assert!(damaged.contains("cut or damaged after 0"), "{damaged}");
    }
}

#[test]
fn a_header_that_is_nearly_ours_says_what_it_lacks() {
    let table = format!("{HEADER}5,0,switch,1,1,a,120,S,2,b,120,,\n");
    let said = |from: &str, to: &str| refused(table.replacen(from, to, 1));
    for (from, to, place, words) in [
        ("time_ns", "time", "byte 0", "without its column `time_ns`; column 1 is `time`"),
        (",event,", ",kind,", "byte 12", "without its column `event`; column 3 is `kind`"),
        ("time_ns,", "", "byte 0", "without its column `time_ns`)"),
        ("cpu,event,", "", "byte 0", "without its column `cpu`, `event`)"),
        ("cpu,", "CPU ,", "byte 8", "column 2 is `CPU`"),
        ("time_ns", "\u{feff}time", "byte 3", "column 1 is `time`"),
    ] {
        let text = said(from, to);
        assert!(text.contains(&format!("line 1, {place}: ")) && text.contains(words), "{text}");
    }
    for (separator, shown) in [(";", ";"), ("\t", "\\t"), ("|", "|")] {
        let text = refused(table.replace(',', separator));
        let words =
            format!("line 1, byte 7: a native CSV has `,` between its columns, not `{shown}`");
        assert!(text.contains(&words), "{text}");
    }
    // Somebody else's table is not called ours.
    for head in ["cpu,pid,a,b,c", "pid,comm,a,b,c,d,e", "cpu;pid", "cpu pid state of each, a b c d"]
    {
        let text = refused(format!("{head}\n1,2,3,4,5\n"));
        assert!(text.contains("no format of a recording that is known here"), "{text}");
    }
    // Of a column that only some rows need, those rows tell.
    let opened = read(format!(
        "{}{}",
        table.replacen("next_pid", "npid", 1),
        "7,0,wakeup,1,2,a,120,,,,,,0\n"
    ));
    assert_eq!(opened.report.bad[0].reason, Reason::Column("next_pid"));
    assert_eq!((opened.report.skipped, opened.trace.len()), (1, 1));
}

#[test]
fn cut_streams_keep_what_came_before() {
    let mut text = String::new();
    for i in 0..20_000 {
        // Numbers that do not compress away, so that the stream has many blocks.
        let (a, b) = (i * 7919 % 30_011, i * 104_729 % 32_003);
        text += &switch(&format!("{}.{:06}", i / 100, i % 100 * 9973 % 1_000_000), 0, a, b);
    }
    let pack = |packing| match packing {
        Packing::Zstd => zstd::encode_all(text.as_bytes(), 3).unwrap(),
        Packing::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(text.as_bytes()).unwrap();
            out.finish().unwrap()
        }
        _ => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
            out.write_all(text.as_bytes()).unwrap();
            out.finish().unwrap()
        }
    };
    for packing in [Packing::Zstd, Packing::Gzip, Packing::Xz] {
        let packed = pack(packing);
        let whole = read(packed.clone());
        assert_eq!(
            (whole.trace.len(), whole.report.packing, whole.report.truncated),
            (20_000, packing, None)
        );
        let cut = read(packed[..packed.len() * 3 / 4].to_vec());
        assert!((5_000..20_000).contains(&cut.trace.len()), "{packing:?} {}", cut.trace.len());
        let why = cut.report.truncated.unwrap();
        assert!(why.contains(packing.label()) && why.contains("cut or damaged after"), "{why}");
        assert!(cut.report.skipped <= 1);
        let prefix = whole.trace.events().take(100).map(|e| e.time).eq(cut
            .trace
            .events()
            .take(100)
            .map(|e| e.time));
        assert!(prefix);
    }
}

#[test]
fn a_text_cut_anywhere_loses_at_most_its_last_line() {
    let lines: Vec<String> = (0..4).map(|i| switch(&format!("1.00000{i}"), 0, i, i + 1)).collect();
    let text = lines.concat();
    for end in lines[0].len()..text.len() {
        let whole_lines = text[..end].matches('\n').count();
        let opened = read(&text.as_bytes()[..end]);
        assert!(opened.trace.len() >= whole_lines, "cut at {end}");
        assert_eq!(opened.report.truncated.is_some(), !text[..end].ends_with('\n'), "cut at {end}");
        if opened.report.skipped > 0 {
            let bad = &opened.report.bad[0];
            let at = text[..end].rfind('\n').unwrap() + 1;
            let place = Place::Line { line: whole_lines as u64 + 1, byte: at as u64 };
            assert_eq!((&bad.reason, &bad.place), (&Reason::Cut, &place));
        }
    }
}

#[test]
fn bad_lines_are_counted_with_their_place() {
    let good = switch("1.000001", 0, 1, 2);
    let mut text = good.clone();
    for _ in 0..150 {
        text += "what is this\n";
    }
    text += &switch("1.000002", u32::from(MAX_CPUS), 2, 3);
    text += &good.replace("next_pid=2", "next_pid=x");
    let opened = read(text.clone());
    assert_eq!((opened.trace.len(), opened.report.skipped, opened.report.bad.len()), (1, 152, 100));
    assert_eq!(opened.report.bad[0].place, Place::Line { line: 2, byte: good.len() as u64 });
    assert_eq!(opened.trace.meta().skipped, 152);

    let csv = format!(
        "{HEADER}5,0,wakeup,1,2,a,120,,,,,,0\n6,0,wakeup,1\n7,9000,wakeup,1,2,a,120,,,,,,0\n8,0,dance,1,2,a,120,,,,,,0\n\n9,0,switch,1,2,a,120,S,,,,,\n"
    );
    let opened = read(csv.clone());
    let reasons: Vec<String> = opened.report.bad.iter().map(ToString::to_string).collect();
    let at = |needle: &str| csv.find(needle).unwrap();
    assert_eq!(
        reasons,
        [
            format!("line 3, byte {}: 4 fields instead of 13", at("6,0")),
            format!(
                "line 4, byte {}: CPU 9000 is beyond the highest supported, 8191",
                at("7,9000")
            ),
            format!("line 5, byte {}: unknown event \"dance\"", at("8,0")),
            format!("line 7, byte {}: no valid next_pid", at("9,0")),
        ]
    );
    assert_eq!(opened.trace.len(), 1);
}

#[test]
fn time_running_backwards_is_sorted_and_counted() {
    let text = ["1.5", "1.2", "1.3", "1.6"].map(|t| switch(t, 0, 1, 2)).concat();
    let trace = read(text).trace;
    assert_eq!(trace.times(), [0, 100_000_000, 300_000_000, 400_000_000]);
    assert_eq!((trace.reordered(), trace.meta().start_ns), (2, 1_200_000_000));
}

#[test]
fn times_that_are_differences_are_said_to_be() {
    let text: String = (0..40)
        .map(|i| switch(&format!("0.{:06}", 900 - 20 * i), 0, 1 + i % 2, 2 - i % 2))
        .collect();
    let warnings = read(text).report.warnings;
    assert!(warnings.iter().any(|w| w.contains("--deltatime")), "{warnings:?}");
}

#[test]
fn one_event_many_cpus_and_reused_pids() {
    let one = read(switch("1.000001", 0, 0, 7)).trace;
    assert_eq!((one.len(), one.span(), one.cpus()), (1, Nanos(0), 1));

    let many: String = (0..300).map(|c| switch(&format!("1.{c:06}"), c, 0, c as i32 + 1)).collect();
    let many = read(many).trace;
    assert_eq!((many.cpus(), many.len()), (300, 300));
    assert!((0..300).all(|c| many.cpu_switches(CpuId(c)) == [u32::from(c)]));
    let sparse = read(switch("1.0", 299, 0, 5)).trace;
    assert_eq!((sparse.cpus(), sparse.cpu_events(CpuId(3))), (300, &[][..]));

    let first = switch("1.000001", 0, 4, 7);
    let reused = format!("{first}{}", switch("1.000002", 0, 7, 4).replace("=t ", "=u "));
    let trace = read(reused).trace;
    let names: Vec<_> =
        trace.tasks().iter().filter(|(_, t)| t.pid == Pid(7)).map(|(_, t)| t.clone()).collect();
    assert_eq!(names.iter().map(|t| &*t.name).collect::<Vec<_>>(), ["t", "u"]);
    assert_eq!(names[0].thread, names[1].thread, "one thread under two names");
}

#[test]
fn broken_metadata_do_not_hide_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, format!("{HEADER}5,0,wakeup,1,2,a,120,,,,,,0\n")).unwrap();
    assert_eq!(ingest::open(&path).unwrap().report.metadata_problem, None);
    std::fs::write(dir.path().join("a.toml"), "name = \"b\"\ncpus = \"two\"\n").unwrap();
    let opened = ingest::open(&path).unwrap();
    let problem = opened.report.metadata_problem.unwrap();
    assert!(problem.contains("a.toml") && problem.contains("line 2"), "{problem}");
    assert_eq!((opened.trace.len(), opened.trace.meta().name.as_str()), (1, "a"));
}

#[test]
fn what_never_ends_or_never_begins_is_refused() {
    let device = ingest::open(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(device, IngestError::Device(_)), "{device}");
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let silent = ingest::open(&pipe).unwrap_err();
    assert!(
        matches!(silent, IngestError::SilentPipe(_)) && silent.to_string().contains("nobody"),
        "{silent}"
    );
    let text = switch("1.000001", 0, 1, 2);
    let mut writer = std::process::Command::new("sh");
    let mut writer = writer
        .args(["-c", "printf %s \"$1\" > \"$2\"", "sh"])
        .arg(&text)
        .arg(&pipe)
        .spawn()
        .unwrap();
    assert_eq!(ingest::open(&pipe).unwrap().trace.len(), 1);
    assert!(writer.wait().unwrap().success());
}

#[test]
fn a_line_without_end_is_one_bad_line() {
    let good = switch("1.000001", 0, 1, 2);
    for length in [65_536, 65_537, 5_000_000] {
        for filler in [
            "x",
            " 1: ",
            " prev_pid=1 prev_prio=1 prev_state=S ==> next_comm=",
            "CPU:1 [LOST ",
            "a:1 [1] S ==> ",
        ] {
            let long = filler.repeat(length / filler.len() + 1);
            let text = format!("{good}{}\n{good}", &long[..length]);
            let opened = read(text);
            let bad = &opened.report.bad[0];
            assert_eq!(
                (opened.trace.len(), opened.report.skipped, opened.report.units),
                (2, 1, 3),
                "{filler}"
            );
            assert_eq!(bad.place, Place::Line { line: 2, byte: good.len() as u64 });
            assert_eq!(bad.reason == Reason::TooLong, length > 65_536, "{bad}");
        }
    }
    let unending = read(format!("{good}{}", "x".repeat(9_000_000)));
    assert_eq!(
        (unending.trace.len(), unending.report.skipped, unending.report.bytes),
        (1, 1, 9_000_000 + good.len() as u64)
    );
    assert!(unending.report.truncated.is_some());
}

#[test]
fn a_number_in_the_metadata_decides_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, format!("{HEADER}5,0,wakeup,1,2,a,120,,,,,,0\n")).unwrap();
    std::fs::write(dir.path().join("a.toml"), "cpus = 65535\n").unwrap();
    let opened = ingest::open(&path).unwrap();
    assert_eq!(opened.trace.cpus(), 1);
    assert!(opened.report.warnings[0].contains("65535 CPUs"), "{:?}", opened.report.warnings);
    for (text, says) in [
        ("start_ns = 9223372036854775807", "start_ns"),
        ("slice_ns = 1", "slice_ns"),
        ("hz = 1", "hz"),
    ] {
        std::fs::write(dir.path().join("a.toml"), text).unwrap();
        let opened = ingest::open(&path).unwrap();
        assert!(opened.report.warnings[0].contains(says), "{:?}", opened.report.warnings);
        let meta = opened.trace.meta();
        assert_eq!((meta.start_ns, meta.slice_ns, meta.hz), (5, 0, 0));
    }
    std::fs::write(dir.path().join("a.toml"), "#".repeat(2 << 20)).unwrap();
    let problem = ingest::open(&path).unwrap().report.metadata_problem.unwrap();
    assert!(problem.contains("no metadata"), "{problem}");
}

#[test]
fn the_first_bad_row_and_a_stray_quote_have_their_own_place() {
    let row = |t: &str| format!("{t},0,wakeup,1,2,a,120,,,,,,0\n");
    let opened = read(format!("{HEADER}{}{}", row("x"), row("5")));
    assert_eq!(
        opened.report.bad[0].to_string(),
        format!("line 2, byte {}: no valid time_ns", HEADER.len())
    );
    let opened = read(format!(
        "{HEADER}{}{}{}",
        row("5"),
        row("6").replace(",a,", ",\"a,"),
        row("7").repeat(50)
    ));
    assert_eq!((opened.trace.len(), opened.report.skipped), (51, 1));
    assert_eq!(
        (opened.report.bad[0].place.line(), &opened.report.bad[0].reason),
        (Some(3), &Reason::Quote)
    );
    let pandas = read(format!(",{}0,{}", HEADER, row("5").replace(",0\n", ",0.0\n")));
    assert_eq!((pandas.trace.len(), pandas.report.skipped), (1, 0));
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b" t-1 [000] d..2. 1.000001: ".to_vec()),
        Just(b"sched_switch: ".to_vec()),
        Just(b"prev_comm=a prev_pid=1 prev_prio=120 prev_state=R+ ==> next_comm=b".to_vec()),
        Just(b" next_pid=2 next_prio=120".to_vec()),
        Just(b"sched_wakeup: comm=a pid=3 prio=1 target_cpu=001\n".to_vec()),
        Just(b"a:1 [120] S ==> b:2 [120]\n".to_vec()),
        Just(b"CPU:1 [LOST 18446744073709551615 EVENTS]\n".to_vec()),
        Just(b"# entries-in-buffer/entries-written: 0/18446744073709551615   #P:9\n".to_vec()),
        Just(HEADER.as_bytes().to_vec()),
        Just(b"18446744073709551615,1,lost,,18446744073709551615,,,,,,,,\n".to_vec()),
        Just(b"5,0,wakeup,1,2,\"a,120,,,,,,0\n".to_vec()),
        Just(b"5,0,wakeup,1,2,a,120,,,,,,0\n".to_vec()),
        "[0-9\\[\\]:=. \n,-]{1,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..6),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in 0usize..6) {
        let magics: [&[u8]; 6] =
            [b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\0", b"# tracer: nop\n", HEADER.as_bytes()];
        let _ = ingest::read([magics[magic], &bytes].concat(), "x");
    }

    #[test]
    fn almost_valid_text_never_panics(text in lines(), packed in any::<bool>(), cut in 0usize..200) {
        let bytes = if packed { zstd::encode_all(&text[..], 1).unwrap() } else { text };
        let _ = ingest::read(bytes[..bytes.len().saturating_sub(cut)].to_vec(), "x");
        let _ = ingest::read(bytes, "x");
    }
}

#[test]
fn files_are_told_by_content_not_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/cpu-bound-4p_run0.csv.zst");
    std::fs::copy(bundled, dir.path().join("notes.txt")).unwrap();
    let opened = ingest::open(&dir.path().join("notes.txt")).unwrap();
    assert_eq!(
        (opened.report.packing, opened.trace.meta().name.as_str()),
        (Packing::Zstd, "notes")
    );
}
