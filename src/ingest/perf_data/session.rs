//! Records to events: finds each record's end, tells what it is, and keeps what earlier records
//! said about later ones.

use super::attr::{self, Shape};
use super::formats::Formats;
use super::unpack::Unpack;
use super::{LARGEST, Place, Reason, Sink, feature, u16_at, u32_at, u64_at};
use crate::trace::{CpuId, MAX_CPUS};
use std::collections::HashMap;

/// `perf_event_header::type`; from 64 on they are perf's own.
mod kind {
    pub const LOST: u32 = 2;
    pub const SAMPLE: u32 = 9;
    pub const LOST_SAMPLES: u32 = 13;
    pub const ATTR: u32 = 64;
    pub const FORMATS: u32 = 66;
    pub const ID_INDEX: u32 = 69;
    pub const AUXTRACE: u32 = 71;
    pub const FEATURE: u32 = 80;
    pub const COMPRESSED: u32 = 81;
    pub const COMPRESSED2: u32 = 83;
}

/// No recording has records of more shapes.
const MOST_SHAPES: usize = 256;
/// Bytes of a record's header.
const HEADER: usize = 8;

/// What is known of a CPU while reading.
#[derive(Clone, Copy, Debug, Default)]
struct Cpu {
    /// The last damage after which it had an event.
    damage: u64,
    /// Events that were lost, by the places where they were lost, and by the sums at the end of the
    /// recording.
    lost: u64,
    total: u64,
}

/// Where a stream of records stands.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// Inside what could not be read: the next record is being looked for.
    astray: bool,
    /// Bytes to come that are of no use.
    skip: u64,
}

/// The state between records.
pub struct Session<'s> {
    to: &'s mut Sink,
    /// The different shapes of records, and which the records of an identifier have.
    shapes: Vec<Shape>,
    ids: HashMap<u64, usize>,
    /// The CPU of an identifier, where that is said.
    cpu_of: HashMap<u64, u32>,
    /// Samples of different shapes begin with their identifier.
    identified: bool,
    formats: Formats,
    cpus: Vec<Cpu>,
    /// How often bytes could not be read as records.
    damage: u64,
    /// Of the records, and of those inside packed ones.
    ways: [Way; 2],
    unpack: Option<Unpack>,
}

impl<'s> Session<'s> {
    /// Nothing known yet.
    pub fn new(to: &'s mut Sink) -> Self {
        Self {
            to,
            shapes: Vec::new(),
            ids: HashMap::new(),
            cpu_of: HashMap::new(),
            identified: false,
            formats: Formats::default(),
            cpus: Vec::new(),
            damage: 0,
            ways: [Way::default(); 2],
            unpack: None,
        }
    }

    /// An attribute, and the identifiers of its event.
    pub fn attr(&mut self, attr: &[u8], ids: &[u8]) {
        let Some(shape) = Shape::of(attr) else { return };
        let at = match self.shapes.iter().position(|s| *s == shape) {
            Some(at) => at,
            None if self.shapes.len() == MOST_SHAPES => return,
            None => {
                self.shapes.push(shape);
                self.shapes.len() - 1
            }
        };
        self.identified |= Shape::identified(attr);
        self.ids.extend(ids.chunks_exact(8).filter_map(|id| Some((u64_at(id, 0)?, at))));
        if let Some(clock) = attr::clock(attr).filter(|_| self.to.meta.clock.is_empty()) {
            self.to.meta.clock = clock.into();
        }
    }

    /// One of perf's notes about the machine.
    pub fn feature(&mut self, number: u64, bytes: &[u8]) {
        match number {
            feature::FORMATS => self.formats(bytes),
            _ => feature::take(number, bytes, &mut self.to.meta),
        }
    }

    /// A feature is not whole.
    pub fn cut_note(&mut self) {
        let note = "the file is cut: what perf noted of the machine is missing";
        self.to.report.truncated.get_or_insert_with(|| note.into());
    }

    fn formats(&mut self, bytes: &[u8]) {
        self.formats = Formats::parse(bytes);
        if self.formats.is_cut() {
            self.to.report.truncated = Some(
                "the list of the events' formats is cut: kinds of events may be missing".into(),
            );
        }
    }

    /// Whether the layouts of events are known.
    pub fn has_formats(&self) -> bool {
        !self.formats.is_empty()
    }

    /// Takes all whole records. Returns how many bytes these are; `at` is the offset of the first.
    pub fn feed(&mut self, bytes: &[u8], at: u64) -> usize {
        self.walk(bytes, at, false)
    }

    /// What could not be used.
    pub fn note(&mut self, at: u64, reason: Reason) {
        let record = self.to.report.units;
        self.to.report.note(Place::Record { record, byte: at }, reason);
    }

    /// The bytes end inside a record.
    pub fn cut(&mut self, at: u64) {
        if !self.ways[0].astray {
            self.to.report.truncated =
                Some(format!("the recording ends inside the record at byte {at}"));
        }
    }

    /// To be called at the end: what was lost after the last record of a CPU was not noted by a
    /// record.
    pub fn end(&mut self) {
        for (cpu, known) in self.cpus.iter().enumerate() {
            if known.total > known.lost {
                self.to.events.loss(CpuId(cpu as u16), known.total - known.lost);
            }
        }
    }

    /// `inner`: these records came out of packed ones, all of which are at `at`.
    fn walk(&mut self, bytes: &[u8], at: u64, inner: bool) -> usize {
        let (mut used, way) = (0, usize::from(inner));
        loop {
            let passed = self.ways[way].skip.min((bytes.len() - used) as u64);
            self.ways[way].skip -= passed;
            used += passed as usize;
            let (rest, place) = (&bytes[used..], if inner { at } else { at + used as u64 });
            if self.ways[way].astray {
                match resume(rest) {
                    Ok(next) => used += next,
                    Err(passed) => return used + passed,
                }
                self.ways[way].astray = false;
                continue;
            }
            if rest.len() < HEADER {
                return used;
            }
            let Some((kind, size)) = header(rest) else {
                self.to.report.units += 1;
                self.note(place, Reason::Other("no record; the next one is looked for".into()));
                self.damage += 1;
                self.ways[way].astray = true;
                continue;
            };
            let Some(record) = rest.get(..size + behind(kind, rest)) else { return used };
            self.to.report.units += 1;
            used += record.len();
            self.record(kind, &record[HEADER..size], &record[size..], (place, inner));
        }
    }

    #[inline]
    fn record(&mut self, kind: u32, body: &[u8], behind: &[u8], (place, inner): (u64, bool)) {
        match kind {
            kind::SAMPLE => self.sample(body, place),
            kind::LOST | kind::LOST_SAMPLES => self.lost(kind, body),
            kind::ATTR => {
                let size = u32_at(body, 4).unwrap_or(0) as usize;
                let (attr, ids) = body.split_at(size.min(body.len()));
                self.attr(attr, ids);
            }
            kind::FORMATS => self.formats(behind),
            kind::FEATURE => {
                if let Some(number) = u64_at(body, 0) {
                    self.feature(number, &body[8..]);
                }
            }
            kind::ID_INDEX => {
                let entries = body.get(8..).unwrap_or_default().chunks_exact(32);
                self.cpu_of
                    .extend(entries.filter_map(|e| Some((u64_at(e, 0)?, u64_at(e, 16)? as u32))));
            }
            kind::AUXTRACE => self.ways[usize::from(inner)].skip = u64_at(body, 0).unwrap_or(0),
            kind::COMPRESSED if !inner => self.packed(body, place),
            kind::COMPRESSED2 if !inner => {
                let size = u64_at(body, 0).unwrap_or(0) as usize;
                let packed = body.get(8..).unwrap_or_default();
                self.packed(&packed[..size.min(packed.len())], place);
            }
            _ => {}
        }
    }

    #[inline]
    fn sample(&mut self, body: &[u8], place: u64) {
        let shape = match self.shapes.as_slice() {
            [] => return,
            [one] => *one,
            all => {
                let id = self.identified.then(|| u64_at(body, 0)).flatten();
                all[id.and_then(|id| self.ids.get(&id)).copied().unwrap_or(0)]
            }
        };
        if !shape.useful() {
            self.to.report.other_events += 1;
            return;
        }
        let Some(sample) = shape.sample(body) else {
            return self
                .note(place, Reason::Other("a sample that is shorter than its fields".into()));
        };
        let Some(layout) = self.formats.of(sample.raw) else {
            self.to.report.other_events += 1;
            return;
        };
        if sample.cpu >= u32::from(MAX_CPUS) {
            return self.note(place, Reason::CpuTooBig(u64::from(sample.cpu)));
        }
        let cpu = CpuId(sample.cpu as u16);
        let known = slot(&mut self.cpus, cpu);
        if known.damage != self.damage {
            known.damage = self.damage;
            // What the damage cost is not known; that it cost something is drawn.
            self.to.events.loss(cpu, 0);
        }
        match layout.push(sample.raw, (sample.time, cpu), &mut self.to.events) {
            Ok(true) => {}
            Ok(false) => self.to.report.other_events += 1,
            Err(problem) => self.note(place, problem.into()),
        }
    }

    /// Lost records are noted by the kernel when the next one is written; perf notes the sums at
    /// the end.
    fn lost(&mut self, kind: u32, body: &[u8]) {
        let count = u64_at(body, if kind == kind::LOST { 8 } else { 0 }).unwrap_or(0);
        // Their records of perf's own name no CPU, but end in the identifier of an event on one.
        let last =
            body.len().checked_sub(8).and_then(|at| u64_at(body, at)).filter(|_| self.identified);
        let known = last.and_then(|id| self.cpu_of.get(&id)).copied();
        let said =
            self.shapes.iter().find_map(|s| s.cpu_of_other(body)).filter(|_| kind == kind::LOST);
        let cpu = said.or(known).filter(|c| *c < u32::from(MAX_CPUS));
        let Some(cpu) = cpu.map(|c| CpuId(c as u16)) else {
            self.to
                .report
                .warn("the kernel lost events, and the recording does not say on which CPU");
            return;
        };
        let known = slot(&mut self.cpus, cpu);
        if kind == kind::LOST_SAMPLES {
            known.total = known.total.saturating_add(count);
            return;
        }
        known.lost = known.lost.saturating_add(count);
        self.to.events.loss(cpu, count);
    }

    /// Records inside a record.
    fn packed(&mut self, packed: &[u8], place: u64) {
        let unpack = match self.unpack.take() {
            Some(unpack) => Ok(unpack),
            None => Unpack::new(),
        };
        let result = unpack.and_then(|mut unpack| {
            let result = unpack.feed(packed, |bytes| self.walk(bytes, place, true));
            self.unpack = Some(unpack);
            result
        });
        if let Err(problem) = result {
            self.note(
                place,
                Reason::Other(format!("packed records cannot be unpacked: {problem}")),
            );
            self.damage += 1;
            // The next record may start a stream of its own.
            self.unpack = None;
        }
    }
}

#[inline]
fn slot(cpus: &mut Vec<Cpu>, cpu: CpuId) -> &mut Cpu {
    if cpus.len() <= cpu.ix() {
        cpus.resize(cpu.ix() + 1, Cpu::default());
    }
    &mut cpus[cpu.ix()]
}

/// Type and size of a record; `None` when these bytes are the beginning of none.
#[inline]
fn header(bytes: &[u8]) -> Option<(u32, usize)> {
    let (kind, size) = (u32_at(bytes, 0)?, u16_at(bytes, 6)? as usize);
    let known = matches!(kind, 1..=40 | 64..=100) && size >= HEADER;
    (known && behind(kind, bytes) as u64 <= LARGEST).then_some((kind, size))
}

/// Bytes that belong to a record and are not counted in its size.
#[inline]
fn behind(kind: u32, record: &[u8]) -> usize {
    if kind == kind::FORMATS { u32_at(record, HEADER).unwrap_or(0) as usize } else { 0 }
}

/// So many records in a row are believed.
const CHAIN: usize = 4;

/// Looks for the next record behind damage. Otherwise says how many bytes hold none.
fn resume(bytes: &[u8]) -> Result<usize, usize> {
    for start in 1..bytes.len() {
        let mut at = start;
        for found in 0.. {
            if found == CHAIN || (found > 0 && at == bytes.len()) {
                return Ok(start);
            }
            let Some(rest) = bytes.get(at..).filter(|r| r.len() >= HEADER) else {
                // More bytes are needed to say. The search goes on one byte further.
                return Err(start - 1);
            };
            let Some((_, size)) = header(rest) else { break };
            at += size;
        }
    }
    Err(0)
}
