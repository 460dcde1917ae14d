//! Cutting a text into chunks never shows in the result.

use super::*;
use crate::trace::{Trace, TraceMeta};
use proptest::prelude::*;

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("../../../tests/data/kernel.txt"),
    include_bytes!("../../../tests/data/pipe_lost.txt"),
    include_bytes!("../../../tests/data/odd_names.txt"),
    include_bytes!("../../../tests/data/trace_cmd_plain.txt"),
];

fn with_size(text: &[u8], block: usize, chunk: usize) -> (Trace, Report, u16) {
    let mut sink = Sink::default();
    read_cut(&mut Source::memory(text, "test"), &mut sink, block, chunk);
    (sink.events.finish(TraceMeta::default()), sink.report, sink.meta.cpus)
}

fn same(text: &[u8], size: usize) {
    let (whole, report, cpus) = with_size(text, 1 << 30, 1 << 30);
    for (block, chunk) in [(1 << 30, size), (size, 1 << 30), (size, 100)] {
        let (cut, cut_report, cut_cpus) = with_size(text, block, chunk);
        assert!(whole.events().eq(cut.events()), "cut every {size}");
        assert!(whole.tasks().iter().eq(cut.tasks().iter()));
        assert_eq!((whole.gaps(), whole.meta()), (cut.gaps(), cut.meta()));
        assert_eq!((&report, cpus), (&cut_report, cut_cpus));
    }
}

#[test]
fn chunked_equals_whole() {
    for text in SAMPLES {
        for size in [1, 100, 1000, 2500] {
            same(text, size);
        }
    }
    // More bad lines than are kept, losses across cuts, and names that are not UTF-8.
    let mut text = Vec::new();
    for i in 0..300 {
        text.extend_from_slice(b"junk\n");
        text.extend_from_slice(format!("CPU:{} [LOST {i} EVENTS]\n", i % 3).as_bytes());
        text.extend_from_slice(
            format!("a-{i} [00{}] d..2. 1.{i:06}: sched_wakeup: comm=", i % 2).as_bytes(),
        );
        text.extend_from_slice(&[0xff, b'a', 0xc0 + (i % 5) as u8]);
        text.extend_from_slice(b" pid=7 prio=120 target_cpu=000\n");
    }
    let (trace, report, _) = with_size(&text, 1 << 20, 1 << 20);
    assert_eq!(
        (trace.len(), trace.gaps().len(), report.skipped, report.bad.len()),
        (300, 300, 300, 100)
    );
    assert_eq!((report.bad[99].place.line(), report.units), (Some(298), 900));
    for size in [1, 777, 5000] {
        same(&text, size);
    }
}

proptest! {
    #[test]
    fn chunked_equals_whole_for_any_mix(
        picks in prop::collection::vec((0usize..4, 0usize..40, prop::option::of(0usize..120)), 0..40),
        size in 1usize..3000,
    ) {
        let mut text = Vec::new();
        for (sample, line, cut) in picks {
            let line = SAMPLES[sample].split_inclusive(|b| *b == b'\n').nth(line).unwrap_or(b"\n");
            text.extend_from_slice(&line[..cut.unwrap_or(line.len()).min(line.len())]);
        }
        same(&text, size);
    }
}

/// Events, report and machine of a text, with and without the short way through usual lines.
fn both_ways(text: &[u8]) {
    let [short, long] = [OWN, Dialect { usual: |_| None, ..OWN }].map(|dialect| {
        let mut sink = Sink::default();
        read_dialect(&dialect, &mut Source::memory(text, "test"), &mut sink, (1 << 20, 1 << 20));
        (sink.events.finish(TraceMeta::default()), sink.report, sink.meta)
    });
    assert!(short.0.events().eq(long.0.events()));
    assert!(short.0.tasks().iter().eq(long.0.tasks().iter()));
    assert_eq!(
        (short.0.gaps(), short.0.meta(), &short.1, &short.2),
        (long.0.gaps(), long.0.meta(), &long.1, &long.2)
    );
}

/// Whether the short way takes the line that the text begins with; then the long one must say the
/// same.
fn taken(text: &[u8]) -> bool {
    let Some((head, body, length)) = usual::line(text) else { return false };
    let end = memchr::memchr(b'\n', text);
    assert_eq!(Some(length - 1), end, "{}", String::from_utf8_lossy(text));
    let line = line::parse(bare(&text[..length - 1]));
    assert_eq!(line, Ok(Line::Event(head, body)), "{}", String::from_utf8_lossy(text));
    true
}

/// Lines that the short way takes, of every event and with numbers and names of many lengths; and
/// two that it leaves: of an actor that is not known, and with a name that looks like a field.
const USUAL: [&str; 10] = [
    "       hackbench-13548   [000] dN.2.  4084.523590: sched_switch: prev_comm=hackbench \
     prev_pid=13548 prev_prio=120 \
     prev_state=R+ ==> next_comm=lto cgu.08 next_pid=13520 next_prio=98\n",
    "          <idle>-0       [001] d..2   4084.523590123: sched_switch: prev_comm=swapper/1 \
     prev_pid=0 prev_prio=120 \
     prev_state=S ==> next_comm=a next_pid=7 next_prio=0\n",
    "     kworker/1:2-77      [299] ...1. 12345678.000001: sched_switch: prev_comm=kworker/1:2 \
     prev_pid=77 prev_prio=120 \
     prev_state=I ==> next_comm= next_pid=99999999 next_prio=139\n",
    "       a b pid=1-8 [001] d..2. 1.000000: sched_wakeup: comm=a b p d=1 pid=8 prio=120 \
     target_cpu=001\n",
    "            bash-812     [003] d..2.   520.352536: sched_waking: comm=bash pid=812 prio=120 \
     target_cpu=003\n",
    "            bash-812     [003] d..2.   520.352536: sched_wakeup: comm=fifteen letters pid=812 \
     prio=1 target_cpu=8191\n",
    "            bash-812     [003] d..2.   520.352536: sched_wakeup_new: comm=\u{e9} pid=8 \
     prio=120 target_cpu=000\n",
    "            bash-1       [8191] d..2.   520.352536: sched_migrate_task: comm=x=1 pid=812 \
     prio=120 orig_cpu=0 dest_cpu=12\n",
    "          <...>--1       [000] d..2. 1.000000001: sched_wakeup: comm=bash pid=812 prio=120 \
     target_cpu=003\n",
    "            bash-812     [000] d..2. 1.000000001: sched_wakeup: comm=a pid=1 pid=812 prio=120 \
     target_cpu=003\n",
];

#[test]
fn the_short_way_says_what_the_long_one_does() {
    for text in SAMPLES
        .into_iter()
        .chain([&include_bytes!("../../../tests/data/odd_names_trace_cmd.txt")[..]])
    {
        both_ways(text);
    }
    let kernel = (0..SAMPLES[0].len()).filter(|&at| taken(&SAMPLES[0][at..])).count();
    assert!(kernel > 10, "{kernel} usual lines of a kernel's text");
    let all = USUAL.concat();
    for (i, line) in USUAL.iter().enumerate() {
        assert_eq!(taken([line, USUAL[0]].concat().as_bytes()), i + 2 < USUAL.len(), "{line}");
    }
    (0..all.len()).step_by(7).for_each(|end| both_ways(&all.as_bytes()[..end]));
    both_ways(all.replace('\n', "\r\n").as_bytes());
    both_ways(all.replace("sched_w", "sched_switch: sched_w").as_bytes());
}

#[test]
fn a_byte_more_less_or_other_is_read_the_same_both_ways() {
    let odd = b"\n\r\t\0 !-:;.[](<>=+|0159aRSDusx\x1b&\"\x7f\x80\xff";
    let (mut tried, mut took) = (0, 0);
    for line in USUAL.map(str::as_bytes) {
        // Something behind it, as in a text: words of many bytes are read at its end, too.
        let text = [line, USUAL[1].as_bytes()].concat();
        for at in 0..line.len() {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let others = odd.iter().map(|b| [before, &[*b], after].concat());
            let more = odd.iter().map(|b| [before, &[*b], &text[at..]].concat());
            for changed in others.chain(more).chain([[before, after].concat(), before.to_vec()]) {
                tried += 1;
                took += u32::from(taken(&changed));
            }
        }
    }
    assert!(took > tried / 10 && took < tried, "{took} of {tried}");
}

proptest! {
    #[test]
    fn any_names_are_read_the_same_both_ways(
        actor in "[ -~]{0,15}|[ :.0-9\\[\\]-]{0,15}",
        flags in "[a-zA-Z0-9.:\\]]{0,9}",
        names in prop::collection::vec("[ -~]{0,16}|( prev_pid=1)|( ==> )|(a \
                                        next_pid=1)|(ARRAY\\[61\\])", 2),
        pid in 0u32..2_200_000_000, prio in -2i32..200, state in "[RSDTtXZPI?]\\+?|[0-9]{1,3}|S\\|D",
    ) {
        let (prev, next) = (&names[0], &names[1]);
        let head = format!("{actor:>16}-{pid:<7} [001] {flags} 520.352536: ");
        let text = format!(
            "{head}sched_switch: prev_comm={prev} prev_pid={pid} prev_prio={prio} \
             prev_state={state} ==> next_comm={next} next_pid=7 \
             next_prio={prio}\n{head}sched_wakeup: comm={prev} pid={pid} prio={prio} \
             target_cpu=001\n{}",
            USUAL[1]
        );
        text.match_indices('\n').for_each(|(at, _)| _ = taken(&text.as_bytes()[at + 1..]));
        taken(text.as_bytes());
        both_ways(text.as_bytes());
    }
}
