//! The columns in words: the names that filters, lists and CSV use, what kind of value each has,
//! and the value of a row as text and as a sort key. The one table here makes completion, help and
//! the CSV's header.

use super::table::{ASKED, COVERED, FORECAST, HIT, OTHER, Table};
use crate::evaluate::overlay::BASELINES;
use crate::evaluate::score::ECE_BINS;
use crate::evaluate::score::state_class;
use crate::query::{Columns, Described};
use crate::trace::ThreadIx;
use std::borrow::Cow;

pub use crate::query::Kind;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is explained in `COLUMNS`
pub enum Column {
    Trace,
    Workload,
    Category,
    Kernel,
    Machine,
    Scheduler,
    Event,
    Time,
    Cpu,
    Prev,
    State,
    Pred,
    Real,
    P,
    PReal,
    Margin,
    Rank,
    Queue,
    Waited,
    Stint,
    Enqueued,
    Ran,
    Lead,
    Bin,
    Hit,
    Covered,
    Asked,
    Forecast,
    Baseline(u8),
    OtherPred,
    OtherP,
    Other,
}

/// Every column with its name in filters, its kind, and what it says.
pub const COLUMNS: [Described<Column>; 36] = [
    (Column::Time, "t", Kind::Time, "when, since the start of the recording"),
    (Column::Cpu, "cpu", Kind::Count, "the CPU that decided"),
    (Column::Prev, "prev", Kind::Text, "the task that goes out: name, or name:pid"),
    (
        Column::State,
        "state",
        Kind::Text,
        "the state it is left in: S, R+, D, ..., or its class: R R+ S D I other",
    ),
    (Column::Pred, "pred", Kind::Text, "the task that the model picked"),
    (Column::Real, "real", Kind::Text, "the task that came in"),
    (Column::P, "p", Kind::Share, "the model's probability of its pick"),
    (
        Column::PReal,
        "p_real",
        Kind::Share,
        "what it gave to the one that came in; 0 when that was not a candidate",
    ),
    (Column::Margin, "margin", Kind::Share, "p less p_real: 0 for a hit"),
    (
        Column::Rank,
        "rank",
        Kind::Count,
        "place of the real one in the model's order, 1 is a hit; 0: not a candidate",
    ),
    (Column::Queue, "queue", Kind::Count, "candidates"),
    (Column::Waited, "waited", Kind::Time, "how long the one that came in had been queued"),
    (Column::Stint, "stint", Kind::Time, "how long the task that goes out had run"),
    (
        Column::Enqueued,
        "enqueued",
        Kind::Text,
        "why the one that came in was queued: wake new migrate preempted unknown",
    ),
    (Column::Ran, "ran", Kind::Time, "how long the one that came in ran then"),
    (Column::Lead, "lead", Kind::Time, "how long before the switch its forecast was asked"),
    (Column::Workload, "workload", Kind::Text, "workload of the recording"),
    (Column::Category, "category", Kind::Text, "family of the workload"),
    (Column::Kernel, "kernel", Kind::Text, "kernel release"),
    (
        Column::Machine,
        "machine",
        Kind::Text,
        "6.1, 6.12x8: the kernel's series, and the CPUs when they are not two",
    ),
    (Column::Scheduler, "sched", Kind::Text, "CFS or EEVDF"),
    (Column::Trace, "trace", Kind::Text, "name of the recording"),
    (Column::Event, "event", Kind::Count, "number of the switch among all events"),
    (Column::Bin, "bin", Kind::Count, "p in fifteenths, 1..15, as in the calibration error"),
    (Column::Hit, "hit", Kind::Flag, "the model was right"),
    (Column::Covered, "covered", Kind::Flag, "the one that came in was a candidate"),
    (Column::Asked, "asked", Kind::Flag, "a forecast was made for this switch"),
    (Column::Forecast, "forecast", Kind::Flag, "and it was right"),
    (Column::Baseline(0), "random", Kind::Flag, "the baseline of this name was right"),
    (Column::Baseline(1), "fifo", Kind::Flag, "the oldest of the queue came in"),
    (Column::Baseline(2), "lifo", Kind::Flag, "the newest of the queue came in"),
    (Column::Baseline(3), "followed", Kind::Flag, "the most frequent follower came in"),
    (Column::Baseline(4), "eevdf", Kind::Flag, "the corrected kernel replay was right"),
    (Column::OtherPred, "other_pred", Kind::Text, "the task that the second model picked"),
    (Column::OtherP, "other_p", Kind::Share, "its probability"),
    (Column::Other, "other", Kind::Flag, "the second model was right"),
];

impl Column {
    /// The column with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Columns::named(name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Columns::name(self)
    }

    /// What its values are.
    pub fn kind(self) -> Kind {
        Columns::kind(self)
    }

    /// What it says.
    pub fn help(self) -> &'static str {
        Columns::help(self)
    }

    /// Whether it says something of a second model only.
    pub fn is_of_second(self) -> bool {
        matches!(self, Self::Other | Self::OtherP | Self::OtherPred)
    }

    /// The number in a row of a [`Kind::Count`] or [`Kind::Time`] column; `None`: not known.
    pub fn count(self, t: &Table, i: usize) -> Option<u64> {
        match self {
            Self::Event => Some(u64::from(t.event[i])),
            Self::Time => Some(t.time[i]),
            Self::Cpu => Some(u64::from(t.cpu[i].0)),
            Self::Rank => Some(u64::from(t.rank[i])),
            Self::Queue => Some(u64::from(t.queue[i])),
            Self::Waited => t.waited[i].ns(),
            Self::Stint => t.stint[i].ns(),
            Self::Ran => t.ran[i].ns(),
            Self::Lead => t.lead[i].ns(),
            Self::Bin => Some(bin(t.p[i]) as u64 + 1),
            _ => None,
        }
    }

    /// The number in a row of a [`Kind::Share`] column.
    pub fn share(self, t: &Table, i: usize) -> f32 {
        match self {
            Self::P => t.p[i],
            Self::PReal => t.p_real[i],
            Self::Margin => t.p[i] - t.p_real[i],
            Self::OtherP => t.other.get(i).map_or(0.0, |o| o.1),
            _ => 0.0,
        }
    }

    /// Yes or no in a row of a [`Kind::Flag`] column.
    pub fn flag(self, t: &Table, i: usize) -> bool {
        let bit = match self {
            Self::Hit => HIT,
            Self::Covered => COVERED,
            Self::Asked => ASKED,
            Self::Forecast => FORECAST,
            Self::Other => OTHER,
            Self::Baseline(b) if usize::from(b) < BASELINES.len() => 1 << b,
            _ => 0,
        };
        t.bits[i] & bit != 0
    }

    /// The thread in a row of a column of tasks.
    pub fn thread(self, t: &Table, i: usize) -> Option<ThreadIx> {
        match self {
            Self::Prev => Some(t.prev[i]),
            Self::Pred => Some(t.pred[i]),
            Self::Real => Some(t.real[i]),
            Self::OtherPred => Some(t.other.get(i).map_or(ThreadIx::NONE, |o| o.0)),
            _ => None,
        }
    }

    /// The value in a row as text: what lists and CSV show. Times are in ns, flags `1` or `0`,
    /// unknown is empty.
    pub fn text(self, t: &Table, i: usize) -> Cow<'_, str> {
        let source = t.source_of(i);
        match self {
            Self::Trace => source.name.as_str().into(),
            Self::Workload => source.workload.as_str().into(),
            Self::Category => source.category.as_str().into(),
            Self::Kernel => source.kernel.as_str().into(),
            Self::Machine => source.machine.as_str().into(),
            Self::Scheduler => source.scheduler.label().into(),
            Self::Prev | Self::Pred | Self::Real | Self::OtherPred => {
                self.thread(t, i).map_or_else(String::new, |thread| label(t, i, thread)).into()
            }
            Self::State => t.state[i].label().to_string().into(),
            Self::Enqueued => t.enqueued[i].label().into(),
            _ => match self.kind() {
                Kind::Share => format!("{:.6}", self.share(t, i)).into(),
                Kind::Flag => if self.flag(t, i) { "1" } else { "0" }.into(),
                _ => self.count(t, i).map(|n| n.to_string()).unwrap_or_default().into(),
            },
        }
    }

    /// A key by which rows sort: numbers by size, unknown ones last; names by `names`, see
    /// [`Self::order`].
    pub fn key(self, t: &Table, i: usize, names: &[Vec<u32>]) -> u64 {
        match self.kind() {
            Kind::Count | Kind::Time => self.count(t, i).unwrap_or(u64::MAX),
            // Shares are not negative: their bits sort like them.
            Kind::Share => u64::from(self.share(t, i).max(0.0).to_bits()),
            Kind::Flag => u64::from(self.flag(t, i)),
            Kind::Text => {
                let source = t.source_ix(i);
                let at = |place: usize| names.get(source).and_then(|n| n.get(place));
                match self {
                    Self::State => state_class(t.state[i]) as u64,
                    Self::Enqueued => t.enqueued[i] as u64,
                    _ => match self.thread(t, i) {
                        Some(thread) => at(t.source_of(i).who_ix(thread, t.event[i]))
                            .map_or(u64::MAX, |n| u64::from(*n)),
                        None => at(0).map_or(u64::MAX, |n| u64::from(*n)),
                    },
                }
            }
        }
    }

    /// Per recording and thread (or, for columns about the recording, per recording alone): place
    /// of its text in alphabetical order. Empty for other columns.
    pub fn order(self, t: &Table) -> Vec<Vec<u32>> {
        let texts: Vec<Vec<String>> = match self {
            Self::Prev | Self::Pred | Self::Real | Self::OtherPred => {
                let of = |s: &super::Source| {
                    s.threads.iter().map(|w| format!("{}:{:09}", w.name, w.pid)).collect()
                };
                t.sources.iter().map(of).collect()
            }
            _ if self.of_source(&super::Source::default()).is_some() => t
                .sources
                .iter()
                .map(|s| vec![self.of_source(s).unwrap_or_default().to_owned()])
                .collect(),
            _ => return Vec::new(),
        };
        let mut all: Vec<&String> = texts.iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let place = |text: &String| all.binary_search(&text).unwrap_or(0) as u32;
        texts.iter().map(|of| of.iter().map(place).collect()).collect()
    }

    /// The value of a column that is the same for a whole recording.
    pub fn of_source(self, source: &super::Source) -> Option<&str> {
        Some(match self {
            Self::Trace => &source.name,
            Self::Workload => &source.workload,
            Self::Category => &source.category,
            Self::Kernel => &source.kernel,
            Self::Machine => &source.machine,
            Self::Scheduler => source.scheduler.label(),
            _ => return None,
        })
    }
}

/// `name:pid` of a thread of the recording that row `i` is from, as it is called there; `idle` for
/// idle threads.
pub fn label(t: &Table, i: usize, thread: ThreadIx) -> String {
    match t.source_of(i).who(thread, t.event[i]) {
        None => "?".into(),
        Some(who) if who.pid == 0 => "idle".into(),
        Some(who) => format!("{}:{}", who.name, who.pid),
    }
}

/// Bin of a probability, 0..15, as the evaluation's calibration error has it.
pub fn bin(p: f32) -> usize {
    ((p * ECE_BINS as f32).ceil() as usize).clamp(1, ECE_BINS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_baselines_are_in_their_order() {
        for (i, (column, name, ..)) in COLUMNS.iter().enumerate() {
            assert_eq!(Column::parse(name), Some(*column), "{name}");
            assert!(COLUMNS[..i].iter().all(|c| c.0 != *column && c.1 != *name), "{name}");
        }
        for (b, name) in BASELINES.iter().enumerate() {
            assert_eq!(Column::Baseline(b as u8).name(), *name);
        }
    }
}
