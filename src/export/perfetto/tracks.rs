//! What was predicted, as tracks beside the kernel's own: for each CPU the answers as slices, the
//! misses as instants, and the length of the run queue as a counter. Knows no predictor: what is
//! drawn comes as plain data. The numbers of fields are those of
//! `protos/perfetto/trace/track_event` in Perfetto's tree.

use super::wire::Message;
use super::{Perfetto, SEQUENCE};
use crate::trace::{CpuId, Nanos};
use std::io::{Result, Write};

/// How a prediction came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The predicted task came in.
    Hit,
    /// Another one came in.
    Miss,
    /// There was no choice.
    Trivial,
    /// Nothing was predicted: it could not be judged.
    Unknown,
}

impl What {
    /// The category of its slice.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Trivial => "trivial",
            Self::Unknown => "unknown",
        }
    }
}

/// One prediction, drawn over the time for which its outcome held.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Of which CPU.
    pub cpu: CpuId,
    /// From the switch ...
    pub from: Nanos,
    /// ... to the next one.
    pub to: Nanos,
    /// Who was predicted.
    pub name: &'a str,
    /// Who came in.
    pub real: &'a str,
    /// How it came out.
    pub what: What,
    /// Probability of who was predicted.
    pub p: f32,
    /// Candidates.
    pub queue: u16,
}

/// The track that holds the others.
const GROUP: u64 = 1;
/// Kinds of [`Message`]s on a track.
const BEGIN: i64 = 1;
const END: i64 = 2;
const INSTANT: i64 = 3;
const COUNTER: i64 = 4;

/// Which of a CPU's tracks.
#[derive(Clone, Copy)]
enum Track {
    Predicted,
    Misses,
    Queue,
}

impl Track {
    /// Its number, which is the trace's own.
    fn uuid(self, cpu: CpuId) -> u64 {
        16 + 4 * u64::from(cpu.0) + self as u64
    }
}

impl<W: Write> Perfetto<'_, W> {
    /// Names the tracks of all CPUs, before anything is drawn on them; `model` says whose
    /// predictions these are.
    pub fn tracks(&mut self, model: &str) -> Result<()> {
        let title = format!("Kernel Oracle: next task by {model}");
        self.track(|m| {
            let by_rank = 3;
            m.unsigned(1, GROUP).text(2, &title).number(11, by_rank);
        })?;
        for cpu in 0..self.trace.cpus() as u16 {
            for (track, what) in [
                (Track::Predicted, "predicted"),
                (Track::Misses, "misses"),
                (Track::Queue, "queue"),
            ] {
                let uuid = track.uuid(CpuId(cpu));
                self.track(|m| {
                    m.unsigned(1, uuid).text(2, &format!("CPU {cpu} {what}")).unsigned(5, GROUP);
                    if let Track::Queue = track {
                        let tasks = 2;
                        m.message(8, |m| {
                            m.number(3, tasks);
                        });
                    }
                    m.unsigned(12, uuid);
                })?;
            }
        }
        Ok(())
    }

    /// Draws one prediction. Those of a CPU come in the order of their times.
    pub fn answer(&mut self, a: &Answer<'_>) -> Result<()> {
        let track = Track::Predicted.uuid(a.cpu);
        self.drawn(a.from, |m| {
            m.number(9, BEGIN).unsigned(11, track).text(22, a.what.label()).text(23, a.name);
            note(m, "real", |m| m.text(6, a.real));
            note(m, "p", |m| m.double(5, f64::from(a.p)));
            note(m, "candidates", |m| m.number(4, i64::from(a.queue)));
        })?;
        self.drawn(a.to.max(a.from), |m| {
            m.number(9, END).unsigned(11, track);
        })?;
        if a.what != What::Miss {
            return Ok(());
        }
        self.drawn(a.from, |m| {
            let name = format!("{}, not {}", a.real, a.name);
            m.number(9, INSTANT)
                .unsigned(11, Track::Misses.uuid(a.cpu))
                .text(22, a.what.label())
                .text(23, &name);
        })
    }

    /// From `at` on, so many tasks wait on `cpu`.
    pub fn queue(&mut self, cpu: CpuId, at: Nanos, length: usize) -> Result<()> {
        self.drawn(at, |m| {
            m.number(9, COUNTER).unsigned(11, Track::Queue.uuid(cpu)).number(30, length as i64);
        })
    }

    fn track(&mut self, fill: impl FnOnce(&mut Message)) -> Result<()> {
        self.packet(|m| {
            m.number(10, SEQUENCE).message(60, fill);
        })
    }

    fn drawn(&mut self, at: Nanos, fill: impl FnOnce(&mut Message)) -> Result<()> {
        let clock = self.trace.meta().start_ns.saturating_add(at.0);
        self.packet(|m| {
            m.unsigned(8, clock).number(10, SEQUENCE).message(11, fill);
        })
    }
}

/// A value with a name, shown when a slice is selected.
fn note(m: &mut Message, name: &str, value: impl FnOnce(&mut Message) -> &mut Message) {
    m.message(4, |m| {
        value(m.text(10, name));
    });
}
