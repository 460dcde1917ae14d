//! One case for the ring-buffer decoder in one file: `header_page`, `header_event`, the `format`
//! texts of the events (each behind a line with its name) and the pages of each CPU, with a line of
//! its own between them. Everything that another machine sends can so be changed by a fuzzer. Used
//! by the fuzz target and by the test that replays its corpus.

use kernel_oracle::ingest::ringbuf::{Formats, decode};
use kernel_oracle::trace::{CpuId, TraceBuilder, TraceMeta};

/// Between two parts, and between the texts and the pages.
const PART: &[u8] = b"\n----\n";
const PAGES: &[u8] = b"\n====\n";

fn split<'a>(bytes: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(by) {
            parts.push(&bytes[from..at]);
            at += by.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(&bytes[from..]);
    parts
}

/// Decodes the case, checks what came out, and says how many events.
pub fn check(bytes: &[u8]) -> usize {
    let parts = split(bytes, PAGES);
    let texts: Vec<String> =
        split(parts[0], PART).into_iter().map(|t| String::from_utf8_lossy(t).into()).collect();
    let [page, event, formats @ ..] = texts.as_slice() else { return 0 };
    let events: Vec<(&str, &str)> = formats.iter().filter_map(|f| f.split_once('\n')).collect();
    let Ok(formats) = Formats::parse(page, event, &events) else { return 0 };
    let streams = parts[1..]
        .iter()
        .take(8)
        .enumerate()
        .map(|(i, b)| (CpuId(i as u16), format!("cpu{i}"), *b))
        .collect();
    let mut builder = TraceBuilder::default();
    if decode(&formats, streams, &mut builder).is_err() {
        return 0;
    }
    let trace = builder.finish(TraceMeta::default());
    assert!(trace.times().is_sorted());
    assert!(trace.events().all(|e| e.cpu.ix() < trace.cpus()));
    trace.len()
}
