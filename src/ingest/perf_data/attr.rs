//! What a `perf_event_attr` says about the records of its event: which fields they have, in a fixed
//! order.

use super::{u32_at, u64_at};

/// `sample_type` bits, in the order of the fields in a record.
mod has {
    pub const IDENTIFIER: u64 = 1 << 16;
    pub const IP: u64 = 1;
    pub const TID: u64 = 1 << 1;
    pub const TIME: u64 = 1 << 2;
    pub const ADDR: u64 = 1 << 3;
    pub const ID: u64 = 1 << 6;
    pub const STREAM_ID: u64 = 1 << 9;
    pub const CPU: u64 = 1 << 7;
    pub const PERIOD: u64 = 1 << 8;
    pub const READ: u64 = 1 << 4;
    pub const CALLCHAIN: u64 = 1 << 5;
    pub const RAW: u64 = 1 << 10;
}

/// `read_format` bits.
mod read {
    pub const TIMES: [u64; 2] = [1, 1 << 1];
    pub const ID: u64 = 1 << 2;
    pub const GROUP: u64 = 1 << 3;
    pub const LOST: u64 = 1 << 4;
}

/// A tracepoint, among the types of events.
const TRACEPOINT: u32 = 2;
/// Flags of an attribute.
const SAMPLE_ID_ALL: u64 = 1 << 18;
const USE_CLOCKID: u64 = 1 << 25;

/// Where the fields of a record are; offsets count from behind its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of a tracepoint with time, CPU and bytes; others are of no use here.
    useful: bool,
    time: usize,
    cpu: usize,
    /// Behind the fields of fixed size.
    rest: usize,
    /// Bytes for each value of a group, when records have values of a group; and before these,
    /// their number included.
    group: Option<(usize, usize)>,
    chain: bool,
    /// Other records end in these fields: offset of the CPU from the end.
    tail_cpu: Option<usize>,
}

/// One event of a tracepoint.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    pub time: u64,
    pub cpu: u32,
    pub raw: &'a [u8],
}

impl Shape {
    /// From an attribute; `None` when it is cut.
    pub fn of(attr: &[u8]) -> Option<Self> {
        let (kind, sample, format, flags) =
            (u32_at(attr, 0)?, u64_at(attr, 24)?, u64_at(attr, 32)?, u64_at(attr, 40)?);
        let offset = |field: u64| {
            let before = [
                has::IDENTIFIER,
                has::IP,
                has::TID,
                has::TIME,
                has::ADDR,
                has::ID,
                has::STREAM_ID,
                has::CPU,
                has::PERIOD,
            ];
            before.into_iter().take_while(|f| *f != field).filter(|f| sample & f != 0).count() * 8
        };
        let once = |bits: &[u64]| bits.iter().filter(|b| format & **b != 0).count() * 8;
        let each = 8 + once(&[read::ID, read::LOST]);
        let reads = sample & has::READ != 0;
        let group = (reads && format & read::GROUP != 0).then_some((each, 8 + once(&read::TIMES)));
        let single = if reads && group.is_none() { each + once(&read::TIMES) } else { 0 };
        let needed = has::TIME | has::CPU | has::RAW;
        let identified = if sample & has::IDENTIFIER != 0 { 8 } else { 0 };
        Some(Self {
            useful: kind == TRACEPOINT && sample & needed == needed,
            time: offset(has::TIME),
            cpu: offset(has::CPU),
            rest: offset(0) + single,
            group,
            chain: sample & has::CALLCHAIN != 0,
            tail_cpu: (flags & SAMPLE_ID_ALL != 0 && sample & has::CPU != 0)
                .then_some(8 + identified),
        })
    }

    /// Whether the record's first field tells its event.
    pub fn identified(attr: &[u8]) -> bool {
        u64_at(attr, 24).is_some_and(|sample| sample & has::IDENTIFIER != 0)
    }

    /// True when records of this shape can be events of a trace.
    pub fn useful(&self) -> bool {
        self.useful
    }

    /// The fields of a sample; `None` when it is shorter than it must be.
    #[inline]
    pub fn sample<'a>(&self, body: &'a [u8]) -> Option<Sample<'a>> {
        let (time, cpu) = (u64_at(body, self.time)?, u32_at(body, self.cpu)?);
        let mut at = self.rest;
        if let Some((each, before)) = self.group {
            let values = usize::try_from(u64_at(body, at)?).ok()?;
            at = at.checked_add(before)?.checked_add(values.checked_mul(each)?)?;
        }
        if self.chain {
            let calls = usize::try_from(u64_at(body, at)?).ok()?;
            at = at.checked_add(8)?.checked_add(calls.checked_mul(8)?)?;
        }
        let size = u32_at(body, at)? as usize;
        let raw = body.get(at + 4..)?.get(..size)?;
        Some(Sample { time, cpu, raw })
    }

    /// The CPU of a record that is no sample.
    pub fn cpu_of_other(&self, body: &[u8]) -> Option<u32> {
        let at = body.len().checked_sub(self.tail_cpu?)?;
        u32_at(body, at)
    }
}

/// The clock by which an attribute's records are stamped, as tracefs names it.
pub fn clock(attr: &[u8]) -> Option<&'static str> {
    if u64_at(attr, 40)? & USE_CLOCKID == 0 {
        return Some("perf");
    }
    match u32_at(attr, 92)? {
        0 => Some("realtime"),
        1 => Some("mono"),
        4 => Some("mono_raw"),
        7 => Some("boot"),
        11 => Some("tai"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attr(kind: u32, sample: u64, format: u64, flags: u64) -> Vec<u8> {
        let mut attr = [kind, 128].map(u32::to_le_bytes).concat();
        attr.extend([316, 1, sample, format, flags, 0, 0, 0].map(u64::to_le_bytes).concat());
        attr.resize(128, 0);
        attr
    }

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn fields_are_found_behind_values_and_call_chains() {
        let needed = has::TIME | has::CPU | has::RAW | has::TID;
        let raw = 3 | u64::from_le_bytes(*b"\0\0\0\0abc\0");
        for (sample, format, body) in [
            (needed, 0, words(&[9, 1000, 1, raw])),
            (
                needed | has::IDENTIFIER | has::PERIOD | has::ID,
                0,
                words(&[5, 9, 1000, 5, 1, 1, raw]),
            ),
            (needed | has::READ, read::ID | 3, words(&[9, 1000, 1, 77, 8, 8, 5, raw])),
            (
                needed | has::READ,
                read::GROUP | read::ID | 1,
                words(&[9, 1000, 1, 2, 8, 77, 5, 78, 6, raw]),
            ),
            (needed | has::CALLCHAIN, 0, words(&[9, 1000, 1, 2, 77, 78, raw])),
        ] {
            let shape = Shape::of(&attr(TRACEPOINT, sample, format, 0)).unwrap();
            let found = shape.sample(&body).unwrap();
            assert_eq!(
                (shape.useful, found.time, found.cpu, found.raw),
                (true, 1000, 1, &b"abc"[..])
            );
            (0..body.len() - 1).for_each(|end| assert!(shape.sample(&body[..end]).is_none()));
        }
        let endless = Shape::of(&attr(TRACEPOINT, needed | has::CALLCHAIN, 0, 0)).unwrap();
        assert!(endless.sample(&words(&[9, 1000, 1, u64::MAX / 8, raw])).is_none());
        assert!(!Shape::of(&attr(0, needed, 0, 0)).unwrap().useful);
        assert!(!Shape::of(&attr(TRACEPOINT, has::TIME | has::RAW, 0, 0)).unwrap().useful);
        assert_eq!(Shape::of(&[0; 40]), None);
    }

    #[test]
    fn other_records_end_in_their_cpu_and_clocks_have_names() {
        let tailed = attr(TRACEPOINT, has::TIME | has::CPU | has::IDENTIFIER, 0, SAMPLE_ID_ALL);
        assert_eq!(Shape::of(&tailed).unwrap().cpu_of_other(&words(&[1, 17, 1000, 3, 5])), Some(3));
        assert_eq!(
            Shape::of(&attr(TRACEPOINT, has::CPU, 0, 0)).unwrap().cpu_of_other(&words(&[3])),
            None
        );
        assert_eq!(clock(&tailed), Some("perf"));
        assert_eq!(clock(&attr(2, 0, 0, USE_CLOCKID)), Some("realtime"));
    }
}
