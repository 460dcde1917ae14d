//! Perfetto's protobuf, written here packet by packet: plain events, compact ones, packed packets,
//! losses, damage.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use flate2::Compression;
use flate2::write::ZlibEncoder;
use kernel_oracle::ingest::{self, Format, Opened};
use kernel_oracle::trace::{EventKind, Trace};
use proptest::prelude::*;
use std::io::Write;

fn varint(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

fn number(id: u64, n: u64) -> Vec<u8> {
    [varint(id << 3), varint(n)].concat()
}

fn bytes(id: u64, body: &[u8]) -> Vec<u8> {
    [&varint(id << 3 | 2)[..], &varint(body.len() as u64), body].concat()
}

fn packed(id: u64, numbers: &[u64]) -> Vec<u8> {
    let all: Vec<u8> = numbers.iter().flat_map(|&n| varint(n)).collect();
    bytes(id, &all)
}

fn packet(body: &[u8]) -> Vec<u8> {
    bytes(1, body)
}

/// A bundle of one CPU's events, as a packet.
fn bundle(cpu: u64, body: &[Vec<u8>]) -> Vec<u8> {
    packet(&bytes(1, &[number(1, cpu), body.concat()].concat()))
}

fn event(time: u64, pid: u64, id: u64, body: &[Vec<u8>]) -> Vec<u8> {
    bytes(2, &[number(1, time), number(2, pid), bytes(id, &body.concat())].concat())
}

fn task(comm: &str, pid: u64, from: u64) -> Vec<u8> {
    [bytes(from, comm.as_bytes()), number(from + 1, pid), number(from + 2, 120)].concat()
}

fn switch(time: u64, prev: (&str, u64), state: u64, next: (&str, u64)) -> Vec<u8> {
    event(time, prev.1, 4, &[task(prev.0, prev.1, 1), number(4, state), task(next.0, next.1, 5)])
}

fn system() -> Vec<u8> {
    let names = [bytes(1, b"Linux"), bytes(3, b"6.6.50-android15")].concat();
    packet(&bytes(45, &[bytes(1, &names), number(8, 4)].concat()))
}

/// Two CPUs, one after the other, as the service writes them.
fn plain() -> Vec<u8> {
    let wake = event(1_500, 7, 17, &[task("b", 8, 1), number(4, 1), number(5, 1)]);
    let fresh = event(1_600, 7, 114, &[task("c", 9, 1), number(5, 0)]);
    let migrate = event(1_700, 7, 491, &[task("b", 8, 1), number(4, 1), number(5, 0)]);
    let other = event(1_800, 7, 13, &[number(1, 1)]);
    let rename = event(1_900, 7, 236, &[number(1, 7), bytes(2, b"a"), bytes(3, b"z")]);
    let first = [switch(1_000, ("swapper/0", 0), 0, ("a", 7)), wake, fresh, migrate, other, rename];
    let end = switch(1_800, ("b", 8), 1, ("swapper/1", 0));
    [system(), bundle(0, &first), bundle(1, &[switch(1_550, ("swapper/1", 0), 0, ("b", 8)), end])]
        .concat()
}

fn open(bytes: &[u8]) -> Opened {
    ingest::read(bytes, "trace.pftrace").unwrap()
}

/// `time cpu kind actor task next state`.
fn lines(trace: &Trace) -> Vec<String> {
    let task = |id| trace.tasks().get(id).map_or("-".into(), |t| format!("{}:{}", t.name, t.pid.0));
    let line = |e: &kernel_oracle::trace::Event| {
        let at = trace.meta().start_ns + e.time.0;
        let actor = trace.tasks().pid(e.actor).0;
        format!(
            "{at} {} {} {actor} {} {} {}",
            e.cpu.0,
            e.kind.label(),
            task(e.task),
            task(e.next),
            e.state.label()
        )
    };
    trace.events().map(|e| line(&e)).collect()
}

#[test]
fn plain_events_of_all_kinds() {
    let Opened { trace, report } = open(&plain());
    let expected = [
        "1000 0 switch 0 swapper/0:0 a:7 R",
        "1500 0 wakeup 7 b:8 - R",
        "1550 1 switch 0 swapper/1:0 b:8 R",
        "1600 0 wakeup_new 7 c:9 - R",
        "1700 0 migrate 7 b:8 - R",
        "1800 1 switch 8 b:8 swapper/1:0 S",
        "1900 0 rename 7 a:7 z:7 R",
    ];
    assert_eq!(lines(&trace), expected);
    assert_eq!(
        (report.format, report.units, report.skipped, report.other_events),
        (Format::Perfetto, 3, 0, 1)
    );
    let meta = trace.meta();
    assert_eq!(
        (meta.kernel.as_str(), meta.cpus, meta.clock.as_str()),
        ("6.6.50-android15", 4, "boot")
    );
    assert_eq!((trace.reordered(), report.warnings.len()), (0, 0));
}

/// CPU 0: swapper -> a (not known from whom), a wakes b, a -> b, b -> swapper.
fn compact() -> Vec<u8> {
    let body = [
        bytes(5, b"a"),
        bytes(5, b"b"),
        bytes(5, b"swapper"),
        packed(1, &[1_000, 500, 100]),
        packed(2, &[0, 0x100, 1]),
        packed(3, &[7, 8, 0]),
        packed(4, &[120, 120, 120]),
        packed(6, &[0, 1, 2]),
        packed(7, &[1_200]),
        packed(8, &[8]),
        packed(9, &[0]),
        packed(10, &[120]),
        packed(11, &[1]),
    ];
    bytes(4, &body.concat())
}

#[test]
fn compact_events_say_who_leaves_by_who_came_in() {
    let Opened { trace, report } = open(&bundle(0, &[compact()]));
    let expected = [
        "1200 0 waking 7 b:8 - R",
        "1500 0 switch 7 a:7 b:8 R+",
        "1600 0 switch 8 b:8 swapper:0 S",
    ];
    assert_eq!(lines(&trace), expected);
    assert!(report.warnings[0].starts_with("1 switches are left out"), "{:?}", report.warnings);
    assert_eq!(trace.events().filter(|e| e.kind == EventKind::Waking).count(), 1);
}

#[test]
fn after_a_loss_nobody_knows_who_leaves() {
    let bytes = [bundle(0, &[compact()]), bundle(0, &[number(3, 1), compact()])].concat();
    let Opened { trace, report } = open(&bytes);
    assert_eq!(trace.gaps().len(), 1);
    assert!(report.warnings[0].starts_with("2 switches are left out"), "{:?}", report.warnings);
}

#[test]
fn packed_packets_are_the_same() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&plain()).unwrap();
    let all = [
        bytes(50, &zlib.finish().unwrap()),
        bytes(133, &zstd::bulk::compress(&plain(), 1).unwrap()),
    ];
    for body in all {
        let opened = open(&packet(&body));
        assert_eq!(lines(&opened.trace), lines(&open(&plain()).trace));
        assert_eq!(opened.trace.meta().kernel, "6.6.50-android15");
    }
}

#[test]
fn damage_costs_a_packet_and_a_cut_the_rest() {
    let good = plain();
    let whole = open(&good).trace.len();
    let bad = [
        good.clone(),
        packet(&[0x0a, 0x7f, 1]),
        bundle(0, &[switch(3_000, ("a", 7), 1, ("b", 8))]),
    ]
    .concat();
    let Opened { trace, report } = open(&bad);
    assert_eq!((trace.len(), report.skipped), (whole + 1, 1));
    assert_eq!(
        report.bad[0].to_string(),
        format!("record 4, byte {}: a packet that cannot be", good.len())
    );
    let last = good.len()
        - bundle(
            1,
            &[
                switch(1_550, ("swapper/1", 0), 0, ("b", 8)),
                switch(1_800, ("b", 8), 1, ("swapper/1", 0)),
            ],
        )
        .len();
    for end in 0..good.len() {
        if let Ok(opened) = ingest::read(&good[..end], "x") {
            assert_eq!(
                (opened.trace.len(), opened.report.truncated.is_some()),
                (whole - 2, end > last),
                "{end}"
            );
        }
    }
    let junk = [good, b"\xff\xff\xff\xff junk".to_vec()].concat();
    assert!(open(&junk).report.truncated.unwrap().contains("no packets"));
}

#[test]
fn a_text_that_begins_with_an_empty_line_is_no_protobuf() {
    let line = " bash-7 [000] d..2. 1.000000: sched_switch: prev_comm=a prev_pid=7 prev_prio=120 \
                prev_state=S ==> next_comm=b next_pid=8 next_prio=120\n";
    for start in ["\n", "\n\n", "\n\t\n", "\n # é\n"] {
        assert_eq!(
            open(format!("{start}{line}").as_bytes()).report.format,
            Format::Ftrace,
            "{start:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn flipped_bytes_never_stop_the_reader(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = [plain(), bundle(0, &[compact()])].concat();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = ingest::read(bytes, "x");
    }
}
