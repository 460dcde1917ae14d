//! One page of a ring buffer: a time stamp, a commit word (how much data, and whether events were
//! lost before it), and records of a time step and data. What the words mean is
//! `include/linux/ring_buffer.h` of the kernel; where they are is what the recorded kernel said.
//! Reading never goes beyond the bytes it is given.

use super::format::{Field, Num, fields, find, wrong};
use super::{PageProblem, RingError};

/// Bits of the commit word that count bytes (libtraceevent's `COMMIT_MASK`; the kernel uses the low
/// 20).
const COMMIT_MASK: u64 = (1 << 27) - 1;
/// The kernel's `RB_MISSED_STORED`: the number of lost events stands right behind the data.
const MISSED_STORED: u64 = 1 << 30;
/// The kernel's `RB_MISSED_EVENTS`: events were lost before this page.
const MISSED_EVENTS: u64 = 1 << 31;
/// An absolute time stamp has 59 bits; the others are those of the time before it.
const STAMP_BITS: u32 = 59;
/// Sub-buffers can be made larger (`buffer_subbuf_size_kb`), but not without end.
const LARGEST_PAGE: usize = 1 << 24;

const FILE: &str = "events/header_page";
const EVENT_FILE: &str = "events/header_event";

/// Where a page's time, commit word and data are.
#[derive(Clone, Copy, Debug)]
pub struct PageHeader {
    timestamp: Num,
    commit: Num,
    data: usize,
    room: usize,
}

impl PageHeader {
    /// From the text of `events/header_page`.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let all = fields(FILE, text)?;
        let get = |name| find(FILE, text, &all, name);
        let (commit, data) = (get("commit")?, get("data")?);
        if commit.size != 8 {
            return Err(RingError::Machine {
                file: FILE.into(),
                byte: commit.line_at,
                what: "32-bit",
            });
        }
        let fits = |f: &Field<'_>| f.offset + f.size <= data.offset;
        if !fits(commit)
            || !fits(get("timestamp")?)
            || data.size < 16
            || data.offset + data.size > LARGEST_PAGE
        {
            return Err(wrong(
                FILE,
                data.line_at,
                "the page's data are not where they can be".into(),
            ));
        }
        let timestamp = get("timestamp")?.num()?;
        Ok(Self { timestamp, commit: commit.num()?, data: data.offset, room: data.size })
    }

    /// Bytes of a page.
    pub fn size(&self) -> usize {
        self.data + self.room
    }

    /// A page that is only plausible with its bytes the other way round.
    pub fn is_big_endian(&self, page: &[u8]) -> bool {
        // The kernel sign-extends the flags; otherwise the upper half is empty.
        let fits = |word: u64| {
            matches!(word >> 32, 0 | 0xffff_ffff) && word & COMMIT_MASK <= self.room as u64
        };
        self.commit
            .read(page)
            .is_some_and(|word| !fits(word as u64) && fits((word as u64).swap_bytes()))
    }
}

/// How a record's first word is divided, and which of its types are no data.
#[derive(Clone, Copy, Debug)]
pub struct EventHeader {
    type_bits: u32,
    /// Bytes of the array's elements, the unit of lengths.
    unit: usize,
    padding: u32,
    extend: u32,
    /// Kernels before 4.13 write none.
    stamp: Option<u32>,
    data_max: u32,
}

impl EventHeader {
    /// From the text of `events/header_event`.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let value = |key: &str| {
            let line = text.lines().map(str::trim).find_map(|l| l.strip_prefix(key))?;
            let digits = line.trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.split_whitespace().next()?.parse::<u32>().ok()
        };
        let need =
            |key| value(key).ok_or_else(|| wrong(EVENT_FILE, text.len(), format!("no {key}")));
        let (type_bits, delta_bits, array_bits) =
            (need("type_len")?, need("time_delta")?, need("array")?);
        if type_bits.checked_add(delta_bits) != Some(32)
            || !(2..=16).contains(&type_bits)
            || array_bits != 32
        {
            let problem =
                format!("records of {type_bits} + {delta_bits} + {array_bits} bits are not known");
            return Err(wrong(EVENT_FILE, 0, problem));
        }
        Ok(Self {
            type_bits,
            unit: 4,
            padding: need("padding")?,
            extend: need("time_extend")?,
            stamp: value("time_stamp"),
            data_max: need("data max type_len")?,
        })
    }
}

/// A place in a page, between records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    at: usize,
    end: usize,
    time: u64,
    /// The page goes on behind `end`, but its bytes do not.
    cut: bool,
}

/// What the page says before its first record.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Before the first record.
    pub cursor: Cursor,
    /// Events were lost before this page: how many, 0 when that is not said.
    pub lost: Option<u64>,
}

/// A record with data: its time and where its data are in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub time: u64,
    pub from: usize,
    pub to: usize,
}

/// Opens a page, of which `page` may be only the first part.
pub fn open(header: &PageHeader, page: &[u8]) -> Result<Start, PageProblem> {
    let time = header.timestamp.read(page).ok_or(PageProblem::Cut)? as u64;
    let word = header.commit.read(page).ok_or(PageProblem::Cut)? as u64;
    let used = word & COMMIT_MASK;
    if used > header.room as u64 {
        return Err(PageProblem::Commit(used));
    }
    let end = header.data + used as usize;
    let stored = || page.get(end..end + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let count = if word & MISSED_STORED == 0 { None } else { stored() };
    let lost = (word & MISSED_EVENTS != 0).then(|| count.unwrap_or(0));
    let cursor = Cursor { at: header.data, end: end.min(page.len()), time, cut: end > page.len() };
    Ok(Start { cursor, lost })
}

impl Cursor {
    /// The next record with data, or `None` behind the last one.
    #[inline]
    pub fn next(
        &mut self,
        header: &EventHeader,
        page: &[u8],
    ) -> Option<Result<Record, PageProblem>> {
        while self.at < self.end {
            match self.step(header, page) {
                Ok(Some(record)) => return Some(Ok(record)),
                Ok(None) => {}
                // A record that does not fit into what is left of a cut page is the cut, not a
                // damage.
                Err(problem) => {
                    let problem = if self.cut { PageProblem::Cut } else { problem };
                    *self = Self { at: self.end, cut: false, ..*self };
                    return Some(Err(problem));
                }
            }
        }
        std::mem::take(&mut self.cut).then_some(Err(PageProblem::Cut))
    }

    #[inline]
    fn step(&mut self, header: &EventHeader, page: &[u8]) -> Result<Option<Record>, PageProblem> {
        let word = self.word(page, self.at)?;
        let kind = word & ((1 << header.type_bits) - 1);
        let delta = u64::from(word >> header.type_bits);
        let delta_bits = 32 - header.type_bits;
        let body = self.at + 4;
        if kind != 0 && kind <= header.data_max {
            return self.data(body, kind as usize * header.unit, delta).map(Some);
        }
        let array = self.word(page, body);
        if kind == header.padding {
            if delta == 0 {
                // Nothing more was written into this page.
                self.at = self.end;
                return Ok(None);
            }
            // A discarded event; the next step counts from its time.
            self.data(body, array? as usize, delta)?;
        } else if kind == header.extend {
            self.time =
                self.time.wrapping_add((u64::from(array?) << delta_bits).wrapping_add(delta));
            self.at = body + header.unit;
        } else if Some(kind) == header.stamp {
            self.time = absolute(self.time, (u64::from(array?) << delta_bits) + delta);
            self.at = body + header.unit;
        } else if kind == 0 {
            // Longer data: the first element of the array is the length, itself included.
            let length = array? as usize;
            let record = self.data(body, length, delta)?;
            return Ok(Some(Record { from: body + header.unit, ..record }));
        } else {
            return Err(PageProblem::Record);
        }
        Ok(None)
    }

    #[inline]
    fn data(&mut self, from: usize, length: usize, delta: u64) -> Result<Record, PageProblem> {
        let to = from
            .checked_add(length)
            .filter(|&to| to <= self.end && length >= 4)
            .ok_or(PageProblem::Record)?;
        self.at = to.next_multiple_of(4);
        self.time = self.time.wrapping_add(delta);
        Ok(Record { time: self.time, from, to })
    }

    #[inline]
    fn word(&self, page: &[u8], at: usize) -> Result<u32, PageProblem> {
        let bytes = page.get(at..at + 4).filter(|_| at + 4 <= self.end);
        bytes.and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).ok_or(PageProblem::Record)
    }
}

/// The kernel's `rb_fix_abs_ts`: gives the stamp the top bits of the time before it.
fn absolute(before: u64, stamp: u64) -> u64 {
    let full = stamp | (before >> STAMP_BITS << STAMP_BITS);
    // The low bits went around since then.
    if before >> STAMP_BITS != 0 && full < before {
        full.wrapping_add(1 << STAMP_BITS)
    } else {
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t \
                        commit;\toffset:8;\tsize:8;\tsigned:1;\n\tfield: int \
                        overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char \
                        data;\toffset:16;\tsize:112;\tsigned:0;\n";
    const EVENT: &str = "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   \
                         27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == \
                         29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max \
                         type_len  == 28\n";

    fn page(flags: u64, words: &[u32]) -> Vec<u8> {
        let mut page = 1000_u64.to_le_bytes().to_vec();
        page.extend((flags | (4 * words.len() as u64)).to_le_bytes());
        for word in words {
            page.extend(word.to_le_bytes());
        }
        page.extend(77_u64.to_le_bytes());
        page.resize(128, 0);
        page
    }

    fn all(bytes: &[u8]) -> (Vec<(u64, usize)>, Option<PageProblem>, Option<u64>) {
        let (header, event) =
            (PageHeader::parse(PAGE).unwrap(), EventHeader::parse(EVENT).unwrap());
        let mut start = open(&header, bytes).unwrap();
        let (mut records, mut problem) = (Vec::new(), None);
        while let Some(step) = start.cursor.next(&event, bytes) {
            match step {
                Ok(r) => records.push((r.time, r.to - r.from)),
                Err(p) => problem = Some(p),
            }
        }
        (records, problem, start.lost)
    }

    #[test]
    fn extends_stamps_padding_and_long_data() {
        let words = [
            1 + (5 << 5),
            0, // 4 bytes of data, 5 ns later
            30 + (3 << 5),
            2, // time extend: 2 * 2^27 + 3
            29 + (10 << 5),
            8,
            0, // a discarded event, 10 ns
            12 << 5,
            12,
            1,
            2, // long data: 8 bytes, 12 ns
            31 | 9 << 5,
            1 << 10, // absolute: 2^37 + 9
            2,
            0,
            0, // 8 bytes at that time
            29,
            0, // the rest is empty
            1 | 7 << 5,
            0,
        ];
        let base = 1005 + (2 << 27) + 3;
        let expected = vec![(1005, 4), (base + 22, 8), ((1 << 37) + 9, 8)];
        assert_eq!(all(&page(0, &words)), (expected, None, None));
    }

    #[test]
    fn losses_with_and_without_a_count() {
        let words = [1 | 5 << 5, 0];
        assert_eq!(all(&page(MISSED_EVENTS, &words)).2, Some(0));
        assert_eq!(all(&page(MISSED_EVENTS | MISSED_STORED, &words)).2, Some(77));
        assert_eq!(all(&page(0, &words)).2, None);
    }

    #[test]
    fn a_cut_page_loses_its_tail_and_a_damaged_one_what_is_behind() {
        let words = [1 | 5 << 5, 0, 1 | 5 << 5, 0];
        let whole = page(0, &words);
        assert_eq!(all(&whole[..28]), (vec![(1005, 4)], Some(PageProblem::Cut), None));
        assert_eq!(all(&whole[..24]), (vec![(1005, 4)], Some(PageProblem::Cut), None));
        assert_eq!(
            all(&page(0, &[1 | 5 << 5, 0, 20, 0])),
            (vec![(1005, 4)], Some(PageProblem::Record), None)
        );
        let header = PageHeader::parse(PAGE).unwrap();
        assert_eq!(open(&header, &page(128, &words)).unwrap_err(), PageProblem::Commit(128 + 16));
    }

    #[test]
    fn stamps_keep_the_top_bits_and_go_around() {
        assert_eq!(absolute(5, 9), 9);
        assert_eq!(absolute(1 << 60 | 5, 9), 1 << 60 | 9);
        assert_eq!(absolute(1 << 60 | 9, 5), (1 << 60) + (1 << 59) + 5);
    }

    #[test]
    fn other_machines_are_refused_by_name() {
        let small = PAGE.replace("offset:8;\tsize:8", "offset:8;\tsize:4");
        assert!(PageHeader::parse(&small).unwrap_err().to_string().contains("32-bit"));
        let header = PageHeader::parse(PAGE).unwrap();
        let mut bytes = page(0, &[1, 0]);
        assert!(!header.is_big_endian(&bytes));
        bytes[8..16].reverse();
        assert!(header.is_big_endian(&bytes));
        assert!(EventHeader::parse("type_len : 5 bits").is_err());
    }
}
