//! Texts of the kernel's events inside something else: pages of systrace, atrace's packed stream,
//! Chrome's JSON, UTF-16; and the text of babeltrace.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use kernel_oracle::ingest::{self, Format, Opened};
use kernel_oracle::trace::Trace;
use std::io::Write;

const TEXT: &str = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 2/5   #P:2\n\x20  \
                    bash-7     [001] d..4.   520.352536: sched_wakeup: comm=a\"b pid=8 prio=120 \
                    target_cpu=000\n\x20<idle>-0     [000] d..2.   520.352821: sched_switch: \
                    prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a\"b \
                    next_pid=8 next_prio=120\n";

fn open(bytes: impl Into<Vec<u8>>) -> Opened {
    ingest::read(bytes.into(), "test").unwrap()
}

fn lines(trace: &Trace) -> Vec<String> {
    let task =
        |id| trace.tasks().get(id).map(|t| format!("{}:{}", t.name, t.pid.0)).unwrap_or_default();
    let line = |e: &kernel_oracle::trace::Event| {
        let prio = (e.prio, e.next_prio);
        format!(
            "{} {} {} {} {} {prio:?} {}",
            e.time.0,
            e.cpu.0,
            e.kind.label(),
            task(e.task),
            task(e.next),
            e.state.label()
        )
    };
    trace.events().map(|e| line(&e)).collect()
}

fn same(bytes: impl Into<Vec<u8>>, format: Format, what: &str) {
    let Opened { trace, report } = open(bytes);
    assert_eq!(report.format, format, "{what}");
    assert_eq!((lines(&trace), report.overwritten), (lines(&open(TEXT).trace), 3), "{what}");
    assert_eq!((report.skipped, report.bad.len()), (0, 0), "{what}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().enumerate().fold(0_u32, |w, (i, &b)| w | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            text.push(if i > group.len() { '=' } else { digit as char });
        }
        if text.len() % 77 == 76 {
            text.push('\n');
        }
    }
    text
}

#[test]
fn pages_of_every_age() {
    let quoted = TEXT.replace('\n', "\\n\\\n");
    let old = format!(
        "<!DOCTYPE HTML>\n<html>\n<script>\n  var linuxPerfData = \"\\\n{quoted}\";\n  \
         f(1);\n</script>\n</html>\n"
    );
    same(old, Format::Systrace, "2012");
    let script = "<script class=\"trace-data\" type=\"application/text\">";
    let viewer = format!("<html>\n<script>{}</script>\n", "var a = [];".repeat(20_000));
    let json = format!("{script}\n{{\"traceEvents\":[]}}\n</script>\n");
    same(
        format!("{viewer}{json}{script}\n{TEXT}</script>\n{json}</html>"),
        Format::Systrace,
        "2018",
    );
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(TEXT.as_bytes()).unwrap();
    let packed = base64(&gzip.finish().unwrap());
    same(format!("{viewer}{script}\n{packed}\n</script>\n</html>"), Format::Systrace, "packed");
}

#[test]
fn the_line_of_a_page_is_that_of_the_file() {
    let page = format!("<html>\n<script class=\"trace-data\">\n{TEXT}broken\n</script>\n</html>\n");
    let report = open(page).report;
    assert_eq!(report.bad[0].place.line(), Some(8));
}

#[test]
fn packed_atrace_json_and_utf_16() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(TEXT.as_bytes()).unwrap();
    let atrace = [b"capturing trace... done\nTRACE:\n".to_vec(), zlib.finish().unwrap()].concat();
    same(atrace.clone(), Format::Systrace, "atrace -z");
    // A stream that is cut ends there, and is no reason to fail.
    let _ = ingest::read(&atrace[..atrace.len() - 9], "cut");
    let escaped = TEXT.replace('"', "\\\"").replace('\n', "\\n");
    same(
        format!("{{\"traceEvents\": [], \"systemTraceEvents\": \"{escaped}\"}}"),
        Format::Systrace,
        "JSON",
    );
    for big in [false, true] {
        let order = |u: u16| if big { u.to_be_bytes() } else { u.to_le_bytes() };
        let wide: Vec<u8> = format!("\u{feff}{TEXT}").encode_utf16().flat_map(order).collect();
        same(wide, Format::Ftrace, "UTF-16");
    }
}

const BABELTRACE: &str = "\
[15:08:40.352536000] (+?.?????????) vm sched_wakeup: { cpu_id = 1 }, { comm = \"a b\", tid = 8, \
prio = 20, target_cpu = 0 }
[15:08:40.352600000] (+0.000000001) vm irq_handler_entry: { cpu_id = 1 }, { irq = 3, name = \"x\" }
[15:08:40.352821000] (+0.000012345) vm sched_switch: { cpu_id = 0 }, { vpid = 3 }, { prev_comm \
= \"swapper/0\", prev_tid = 0, \
prev_prio = 20, prev_state = ( \"TASK_RUNNING\" : container = 0 ), next_comm = \"a b\", next_tid = \
8, next_prio = -100 }
[15:08:40.352921000] (+0.000012345) vm sched_migrate_task: { cpu_id = 0 }, { comm = \"c\", tid = \
9, prio = 25, orig_cpu = 1, dest_cpu = 0 }
";

#[test]
fn text_of_babeltrace() {
    let Opened { trace, report } = open(BABELTRACE);
    assert_eq!((report.format, report.skipped, report.other_events), (Format::Lttng, 0, 1));
    let expected = [
        "0 1 wakeup a b:8  (120, 0) R",
        "285000 0 switch swapper/0:0 a b:8 (120, 0) R",
        "385000 0 migrate c:9  (125, 0) R",
    ];
    assert_eq!(lines(&trace), expected);
    let bad = open(BABELTRACE.replace("tid = 9", "tid = x")).report;
    assert_eq!(
        bad.bad[0].to_string(),
        format!("line 4, byte {}: no valid tid", BABELTRACE.rfind("[15").unwrap())
    );
}

#[test]
fn cuts_never_stop_a_reader() {
    let page = format!("<html>\n<script class=\"trace-data\">\n{TEXT}</script>\n");
    for text in [BABELTRACE, &page] {
        for end in 0..text.len() {
            let _ = ingest::read(&text.as_bytes()[..end], "cut");
        }
    }
}
