//! The options of a file: what is known of the machine and the recording, and where the pages of
//! each buffer are.

use super::IngestError;
use super::walk::Walk;
use super::{Clock, CpuId};
use crate::trace::MAX_CPUS;
use std::io::{Cursor, Read, Seek};

/// An option is short, but for the list of a machine's CPUs; a longer one is passed over.
const LONGEST: u64 = 1 << 20;

/// Where one CPU's pages are.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    pub cpu: CpuId,
    pub at: u64,
    pub size: u64,
}

/// One ring buffer: the top one, without a name, or that of an instance.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    pub name: String,
    pub clock: String,
    /// Where it is described.
    pub at: u64,
    pub packed: bool,
    pub cpus: Vec<Pages>,
}

impl Buffer {
    /// Bytes of its pages.
    pub fn bytes(&self) -> u64 {
        self.cpus.iter().fold(0, |sum, p| sum.saturating_add(p.size))
    }

    /// For sentences.
    pub fn called(&self) -> String {
        if self.name.is_empty() {
            "the top buffer".into()
        } else {
            format!("the instance `{}`", self.name)
        }
    }
}

/// What the options say.
#[derive(Debug, Default)]
pub struct Said {
    pub kernel: String,
    pub tool: String,
    pub clock: String,
    pub cpus: u16,
    /// How times of the buffer become those that trace-cmd prints.
    pub time: Clock,
    pub guest: bool,
    /// Events that were overwritten, and that found no place, on all CPUs.
    pub overrun: u64,
    pub dropped: u64,
    pub buffers: Vec<Buffer>,
    /// Why the options end too early.
    pub cut: Option<String>,
}

/// Collects options.
#[derive(Default)]
pub struct Options {
    said: Said,
    /// CPUs with pages, in version 6.
    cpus: u64,
    pub buffers: Vec<Buffer>,
    /// Sections: what they hold and where they are.
    pub places: Vec<(u64, u64)>,
}

impl Options {
    pub fn new(cpus: u64) -> Self {
        Self { cpus, ..Self::default() }
    }

    /// The options end too early.
    pub fn cut(&mut self, problem: &IngestError) {
        self.said.cut = Some(problem.to_string());
    }

    pub fn finish(mut self) -> Said {
        self.said.buffers = self.buffers;
        self.said
    }

    /// Version 6: the end of the head, and that of every instance.
    pub fn six<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<(), IngestError> {
        let mut top = Buffer::default();
        self.rest(walk, &mut top)?;
        let mut instances = std::mem::take(&mut self.buffers);
        for buffer in &mut instances {
            // Without its table an instance is lost, and nothing else.
            if walk.go(buffer.at).is_ok() {
                let mut inner = Self::new(self.cpus);
                if inner.rest(walk, buffer).is_err() {
                    buffer.cpus.clear();
                }
            }
        }
        self.buffers = vec![top];
        self.buffers.append(&mut instances);
        Ok(())
    }

    /// Options, and the table of where each CPU's pages are.
    fn rest<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        to: &mut Buffer,
    ) -> Result<(), IngestError> {
        let mut what = walk.take(10)?;
        if what.starts_with(b"options") {
            loop {
                let id = walk.number(2)?;
                if id == 0 {
                    break;
                }
                self.option(walk, id, false)?;
            }
            what = walk.take(10)?;
        }
        if what.starts_with(b"latency") {
            return Err(
                walk.wrong("only a text is in this file: print it with `trace-cmd report -t`")
            );
        }
        if !what.starts_with(b"flyrecord") {
            return Err(walk.wrong("the table of the CPUs' pages should be here"));
        }
        for cpu in 0..self.cpus {
            let (at, size) = (walk.number(8)?, walk.number(8)?);
            Self::pages(to, cpu, at, size);
        }
        Ok(())
    }

    /// Version 7: a section of options. Returns where the next one is, 0 when there is none.
    pub fn seven<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<u64, IngestError> {
        loop {
            let id = walk.number(2)?;
            if id == 0 {
                walk.skip(4)?;
                return walk.number(8);
            }
            self.option(walk, id, true)?;
        }
    }

    fn option<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        id: u64,
        seven: bool,
    ) -> Result<(), IngestError> {
        let size = walk.number(4)?;
        if size > LONGEST {
            return walk.skip(size);
        }
        let data = walk.take(size)?;
        let text = || {
            let end = memchr::memchr(0, &data).unwrap_or(data.len());
            String::from_utf8_lossy(&data[..end]).trim().to_owned()
        };
        let mut data_walk = Walk::new(Cursor::new(&data[..]), "an option")?;
        match id {
            // Microseconds from the clock to the time of day, and nanoseconds that were asked for.
            1 => {
                self.said.time.offset =
                    self.said.time.offset.saturating_add(integer(&text()).saturating_mul(1_000));
            }
            7 => self.said.time.offset = self.said.time.offset.saturating_add(integer(&text())),
            2 => self.stats(&text()),
            3 => self.buffer(&mut data_walk, seven)?,
            4 => self.said.clock = current(&text()),
            5 => text().split(' ').nth(2).unwrap_or_default().clone_into(&mut self.said.kernel),
            8 => {
                self.said.cpus = u16::try_from(data_walk.number(4)?)
                    .ok()
                    .filter(|n| *n <= MAX_CPUS)
                    .unwrap_or(0);
            }
            9 => self.said.tool = format!("trace-cmd {}", text()),
            12 => self.said.guest = true,
            14 => {
                self.said.time.mult = data_walk.number(4)?;
                self.said.time.shift = data_walk.number(4)? as u32;
            }
            16..=21 if seven => self.places.push((id, data_walk.number(8)?)),
            _ => {}
        }
        Ok(())
    }

    fn buffer<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        seven: bool,
    ) -> Result<(), IngestError> {
        let mut buffer = Buffer { at: walk.number(8)?, name: walk.text()?, ..Buffer::default() };
        if seven {
            buffer.clock = walk.text()?;
            walk.skip(4)?;
            for _ in 0..walk.number(4)? {
                let (cpu, at, size) = (walk.number(4)?, walk.number(8)?, walk.number(8)?);
                Self::pages(&mut buffer, cpu, at, size);
            }
        }
        // One that is described again replaces the first.
        self.buffers.retain(|b| b.name != buffer.name);
        self.buffers.push(buffer);
        Ok(())
    }

    fn pages(to: &mut Buffer, cpu: u64, at: u64, size: u64) {
        if let Some(cpu) = u16::try_from(cpu).ok().filter(|c| *c < MAX_CPUS)
            && size > 0
        {
            to.cpus.push(Pages { cpu: CpuId(cpu), at, size });
        }
    }

    /// `overrun: 2272`, `dropped events: 0` of one CPU's `stats`.
    fn stats(&mut self, text: &str) {
        let value = |key: &str| {
            let line = text.lines().find_map(|l| l.trim().strip_prefix(key));
            line.and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        self.said.overrun = self.said.overrun.saturating_add(value("overrun:"));
        self.said.dropped = self.said.dropped.saturating_add(value("dropped events:"));
    }
}

/// Decimal or after `0x`.
fn integer(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let value = digits
        .strip_prefix("0x")
        .map_or_else(|| digits.parse(), |hex| i64::from_str_radix(hex, 16));
    value.unwrap_or(0) * sign
}

/// `[local] global counter`: the clock that was used.
fn current(text: &str) -> String {
    let inner = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or(text, |(name, _)| name);
    inner.trim().to_owned()
}
