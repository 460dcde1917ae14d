//! Cutting a text into blocks never shows in the result, and a stray quote costs one row.

use super::*;
use crate::ingest::Report;
use crate::trace::{Trace, TraceMeta};
use proptest::prelude::*;

const HEAD: &str =
    "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n";

fn cut(text: &[u8], size: usize) -> (Trace, Report) {
    let mut sink = Sink::default();
    read_cut(&mut Source::memory(text, "test"), &mut sink, size);
    (sink.events.finish(TraceMeta::default()), sink.report)
}

fn same(text: &[u8], size: usize) {
    let ((whole, report), (parts, parts_report)) = (cut(text, 1 << 30), cut(text, size));
    assert!(whole.events().eq(parts.events()), "cut every {size}");
    assert!(whole.tasks().iter().eq(parts.tasks().iter()));
    assert_eq!((whole.gaps(), report), (parts.gaps(), parts_report));
}

#[test]
fn a_stray_quote_costs_its_own_row() {
    let row = |t: u32, name: &str| format!("{t},0,wakeup,1,2,{name},120,,,,,,0\n");
    let text = [
        HEAD,
        &row(1, "\"a"),
        &row(2, "b"),
        &row(3, "\"two\nlines, \"\"quoted\"\"\""),
        &row(4, "\"c\"d"),
        &row(5, "e"),
    ];
    let text = text.concat();
    let (trace, report) = cut(text.as_bytes(), 1 << 20);
    let names: Vec<&str> = trace.tasks().iter().map(|(_, t)| &*t.name).collect();
    assert_eq!(names, ["b", "two\nlines, \"quoted\"", "e"]);
    let bad: Vec<_> = report.bad.iter().map(|n| (n.place.line(), n.reason.clone())).collect();
    assert_eq!(bad, [(Some(2), Reason::Quote), (Some(6), Reason::Quote)]);
    assert_eq!(report.units, 7);
    for size in 1..text.len() {
        same(text.as_bytes(), size);
    }
}

proptest! {
    #[test]
    fn blocks_never_show(pieces in prop::collection::vec(prop_oneof![
        Just("5,0,wakeup,1,2,a,120,,,,,,0\n"), Just("6,0,wakeup,1,2,\"a\nb\",120,,,,,,0\r\n"), Just("7,1,lost,,3,,,,,,,,\n"),
        Just("\""), Just("\n"), Just("\r\n"), Just(","), Just("8,0,switch,1,2,\"x\"\"y\",120,S,3,z,120,,\n"),
    ], 0..40), size in 1usize..300) {
        same(format!("{HEAD}{}", pieces.concat()).as_bytes(), size);
    }
}
