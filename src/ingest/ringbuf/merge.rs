//! The streams of all CPUs as one, by time; equal times in the order of the CPUs. Of every stream
//! only one buffered stretch is in memory.

use super::page::{self, Cursor, Record};
use super::{Formats, PageProblem, PagesReport, RingError};
use crate::ingest::{Format, Place};
use crate::trace::{CpuId, TraceBuilder};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufReader, ErrorKind, Read};

/// Bytes read ahead of each CPU; of many CPUs less, so that all together stay within
/// [`AHEAD_OF_ALL`].
const AHEAD: usize = 256 << 10;
const AHEAD_OF_ALL: usize = 16 << 20;

/// Decodes one stream of pages per CPU into `builder`. `name` of a stream is for messages. Pages
/// that cannot be used are in the report; where one lost events the builder is told of a loss.
pub fn decode<R: Read>(
    formats: &Formats,
    streams: Vec<(CpuId, String, R)>,
    builder: &mut TraceBuilder,
) -> Result<PagesReport, RingError> {
    let mut report = PagesReport { format: Format::RingBuffer, ..PagesReport::default() };
    let ahead = (AHEAD_OF_ALL / streams.len().max(1)).clamp(4 << 10, AHEAD);
    let mut cpus: Vec<Stream<R>> =
        streams.into_iter().map(|s| Stream::new(formats, s, ahead)).collect();
    cpus.sort_by_key(|s| s.cpu);
    let mut heap = BinaryHeap::with_capacity(cpus.len());
    for (i, cpu) in cpus.iter_mut().enumerate() {
        if cpu.advance(formats, &mut report)? {
            heap.push(Reverse((cpu.record.time, i)));
        }
    }
    while let Some(Reverse((_, i))) = heap.pop() {
        let cpu = &mut cpus[i];
        let others = heap.peek().map_or((u64::MAX, usize::MAX), |r| r.0);
        // This CPU goes on until another one is earlier.
        loop {
            cpu.push(formats, builder, &mut report);
            if !cpu.advance(formats, &mut report)? {
                break;
            }
            if (cpu.record.time, i) > others {
                heap.push(Reverse((cpu.record.time, i)));
                break;
            }
        }
    }
    for cpu in &mut cpus {
        cpu.tell_loss(builder);
    }
    Ok(report)
}

/// One CPU's pages.
struct Stream<R> {
    cpu: CpuId,
    name: String,
    source: BufReader<R>,
    /// The page that is being read, and how much of it there is.
    page: Vec<u8>,
    len: usize,
    /// Where it starts in the stream.
    byte: u64,
    cursor: Cursor,
    /// The next record to be merged, and which of the layouts it has.
    record: Record,
    layout: usize,
    /// Events were lost before `record`.
    lost: Option<u64>,
}

impl<R: Read> Stream<R> {
    fn new(formats: &Formats, (cpu, name, source): (CpuId, String, R), ahead: usize) -> Self {
        Self {
            cpu,
            name,
            source: BufReader::with_capacity(ahead, source),
            page: vec![0; formats.page_size()],
            len: 0,
            byte: 0,
            cursor: Cursor::default(),
            record: Record { time: 0, from: 0, to: 0 },
            layout: 0,
            lost: None,
        }
    }

    /// Goes to the next record of a used kind. False at the end of the stream.
    #[inline]
    fn advance(&mut self, formats: &Formats, report: &mut PagesReport) -> Result<bool, RingError> {
        loop {
            match self.cursor.next(&formats.record, &self.page[..self.len]) {
                Some(Ok(record)) => {
                    let id = formats.id.read(&self.page[record.from..record.to]);
                    if let Some(layout) = formats.events.iter().position(|e| Some(e.id) == id) {
                        (self.record, self.layout) = (record, layout);
                        return Ok(true);
                    }
                    report.other_events += 1;
                }
                Some(Err(problem)) => self.damage(problem, report),
                None if self.load(formats, report)? => {}
                None => return Ok(false),
            }
        }
    }

    /// Reads the next page. False at the end of the stream.
    fn load(&mut self, formats: &Formats, report: &mut PagesReport) -> Result<bool, RingError> {
        self.byte += self.len as u64;
        self.len = 0;
        while self.len < self.page.len() {
            match self.source.read(&mut self.page[self.len..]) {
                Ok(0) => break,
                Ok(n) => self.len += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(RingError::Io { path: self.name.clone().into(), source });
                }
            }
        }
        if self.len == 0 {
            return Ok(false);
        }
        let page = &self.page[..self.len];
        if self.byte == 0 && formats.page.is_big_endian(page) {
            return Err(RingError::Machine {
                file: self.name.clone(),
                byte: 0,
                what: "big-endian",
            });
        }
        report.units += 1;
        report.bytes += self.len as u64;
        match page::open(&formats.page, page) {
            Ok(start) => {
                self.cursor = start.cursor;
                if let Some(lost) = start.lost {
                    self.lost = Some(self.lost.unwrap_or(0).saturating_add(lost));
                }
            }
            Err(problem) => {
                self.cursor = Cursor::default();
                self.damage(problem, report);
            }
        }
        Ok(true)
    }

    /// What the damage cost is not known; that it cost something is drawn. What a cut cost comes
    /// after everything else.
    fn damage(&mut self, problem: PageProblem, report: &mut PagesReport) {
        report.note(Place::Page { stream: self.name.clone(), byte: self.byte }, problem.into());
        self.lost.get_or_insert(0);
    }

    #[inline]
    fn push(&mut self, formats: &Formats, builder: &mut TraceBuilder, report: &mut PagesReport) {
        self.tell_loss(builder);
        let Record { time, from, to } = self.record;
        let time = formats.clock.time(time);
        match formats.events[self.layout].push(&self.page[from..to], (time, self.cpu), builder) {
            Ok(true) => {}
            Ok(false) => report.other_events += 1,
            // Records are found by their length: the next one is as good as if this one were.
            Err(problem) => self.damage(problem, report),
        }
    }

    #[inline]
    fn tell_loss(&mut self, builder: &mut TraceBuilder) {
        if let Some(lost) = self.lost.take() {
            builder.loss(self.cpu, lost);
        }
    }
}
