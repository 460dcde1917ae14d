//! Perfetto's protobuf, which ui.perfetto.dev opens: a row of packets, written as they come. The
//! kernel's events lie in bundles of one CPU each, with the clock's own values; names of threads
//! come with the events. What was predicted is drawn on tracks beside them (`tracks`). No more is
//! kept than the bundles that are being filled.

mod kernel;
mod tracks;
mod wire;

pub use tracks::{Answer, What};

use super::{Item, items};
use crate::trace::{CpuId, Nanos, Trace};
use std::io::{Result, Write};
use std::iter::Peekable;
use wire::Message;

/// Who writes the tracks; packets of tracks have to say one.
const SEQUENCE: i64 = 1;
/// A packet in a trace, and a bundle in a packet.
const FIELD: u64 = 1;
/// Events in all bundles before they are written: a packet stays below some 100 KB, as those of
/// Perfetto's own.
const EVENTS: usize = 512;

/// What the format has no way to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Events that are left out: run times.
    pub runtimes: u64,
    /// Switches that leave a task in a state (`?`, or several at once) that became the usual one of
    /// its kind.
    pub states: u64,
}

/// A trace being written.
pub struct Perfetto<'t, W> {
    trace: &'t Trace,
    out: W,
    items: Peekable<Box<dyn Iterator<Item = Item<'t>> + 't>>,
    /// By CPU, and which of them hold something, in the order in which they began to.
    bundles: Vec<Message>,
    filled: Vec<CpuId>,
    /// Events in them.
    waiting: usize,
    /// CPU and time of the last event.
    last: (CpuId, Nanos),
    left: Left,
    packet: Message,
}

impl<'t, W: Write> Perfetto<'t, W> {
    /// Begins with what is known of the machine.
    pub fn new(trace: &'t Trace, out: W) -> Result<Self> {
        let items: Box<dyn Iterator<Item = Item<'t>> + 't> = Box::new(items(trace));
        let mut new = Self {
            trace,
            out,
            items: items.peekable(),
            bundles: vec![Message::default(); trace.cpus()],
            filled: Vec::new(),
            waiting: 0,
            last: (CpuId::NONE, Nanos(0)),
            left: Left::default(),
            packet: Message::default(),
        };
        let (kernel, cpus) = (&trace.meta().kernel, trace.cpus() as i64);
        new.packet(|m| {
            m.message(45, |m| {
                if !kernel.is_empty() {
                    m.message(1, |m| {
                        m.text(1, "Linux").text(3, kernel);
                    });
                }
                m.number(8, cpus);
            });
        })?;
        Ok(new)
    }

    /// Writes the kernel's events before event `end` that are not written yet.
    pub fn events(&mut self, end: usize) -> Result<()> {
        let due = |item: &Item<'_>| !matches!(item, Item::Event(i) if *i >= end);
        while let Some(item) = self.items.next_if(due) {
            match item {
                Item::Event(i) => self.event(i)?,
                Item::Gap(gap) => {
                    self.flush()?;
                    self.begin(gap.cpu).number(3, 1);
                }
            }
        }
        Ok(())
    }

    /// Writes what is left; says what could not be said.
    pub fn finish(mut self) -> Result<Left> {
        self.events(usize::MAX)?;
        self.flush()?;
        self.out.flush()?;
        Ok(self.left)
    }

    fn event(&mut self, i: usize) -> Result<()> {
        let (cpu, time) = (CpuId(self.trace.event(i).cpu.0), self.trace.time(i));
        // At the same moment, only the order in the file says which of two CPUs came first.
        let tie = self.last.1 == time && self.last.0 != cpu;
        if tie || self.waiting >= EVENTS {
            self.flush()?;
        }
        (self.last, self.waiting) = ((cpu, time), self.waiting + 1);
        self.begin(cpu);
        kernel::event(self.trace, i, &mut self.bundles[cpu.ix()], &mut self.left);
        Ok(())
    }

    /// The bundle of this CPU.
    fn begin(&mut self, cpu: CpuId) -> &mut Message {
        let bundle = &mut self.bundles[cpu.ix()];
        if bundle.bytes().is_empty() {
            self.filled.push(cpu);
            bundle.number(1, i64::from(cpu.0));
        }
        bundle
    }

    fn flush(&mut self) -> Result<()> {
        self.waiting = 0;
        for cpu in std::mem::take(&mut self.filled) {
            let mut bundle = std::mem::take(&mut self.bundles[cpu.ix()]);
            self.packet(|m| {
                m.bytes_field(FIELD, bundle.bytes());
            })?;
            bundle.clear();
            self.bundles[cpu.ix()] = bundle;
        }
        Ok(())
    }

    /// Writes one packet.
    fn packet(&mut self, fill: impl FnOnce(&mut Message)) -> Result<()> {
        self.packet.clear();
        self.packet.message(FIELD, fill);
        self.out.write_all(self.packet.bytes())
    }
}
