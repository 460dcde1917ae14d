//! The decisions as columns: numbers only, some 60 bytes each. Names are kept once per recording;
//! what a row means in words is in [`super::column`].

use crate::evaluate::lack::Lack;
use crate::evaluate::overlay::BASELINES;
use crate::features::MOST_CANDIDATES;
use crate::trace::{
    CpuId, SchedClass, TaskState, ThreadIx, Trace, machine_name, told_apart, with_paths,
};
use std::collections::HashMap;
use std::path::PathBuf;

/// A duration in 32 bits that sorts like the duration: exact below 134 ms, from there on cut to 27
/// significant bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u32);

/// Significant bits of a [`Span`].
const BITS: u32 = 27;

impl Span {
    /// Not known.
    pub const NONE: Self = Self(u32::MAX);

    /// Of `ns`.
    pub fn of(ns: u64) -> Self {
        let cut = (u64::BITS - ns.leading_zeros()).saturating_sub(BITS);
        Self((cut << (BITS - 1)) + (ns >> cut) as u32)
    }

    /// In ns; `None` when it is not known.
    pub fn ns(self) -> Option<u64> {
        if self == Self::NONE {
            return None;
        }
        let cut = (self.0 >> (BITS - 1)).saturating_sub(1);
        Some(u64::from(self.0 - (cut << (BITS - 1))) << cut)
    }
}

/// A thread of a recording under one of its names, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadName {
    /// Its pid; 0 is idle.
    pub pid: i32,
    /// Its name.
    pub name: Box<str>,
    /// Index of the name up to any `/` in [`Table::groups`]: kernel workers and the like count as
    /// one.
    pub group: u32,
}

/// A recording that rows come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The file; empty when it came from elsewhere.
    pub path: PathBuf,
    /// Name of the recording.
    pub name: String,
    /// Its workload; the name when the recording does not say.
    pub workload: String,
    /// Family of the workload.
    pub category: String,
    /// Kernel release.
    pub kernel: String,
    /// The machine, see [`machine_name`].
    pub machine: String,
    /// Scheduler of that.
    pub scheduler: SchedClass,
    /// Threads under their first names, by [`ThreadIx`], and then under later ones; see
    /// [`Self::who_ix`].
    pub threads: Vec<ThreadName>,
    /// For threads with more than one name: from which event on which of `threads` it is,
    /// ascending.
    renamed: HashMap<ThreadIx, Vec<(u32, u32)>>,
    /// What was counted, trivial decisions included.
    pub whole: Whole,
    /// Ns from its first to its last event.
    pub span_ns: u64,
}

impl Source {
    /// What is known before anything is counted. Group numbers are given by [`Table::join`].
    pub fn new(trace: &Trace, path: PathBuf) -> Self {
        let (meta, tasks) = (trace.meta(), trace.tasks());
        let who = |t: usize| {
            let thread = ThreadIx(t as u32);
            ThreadName {
                pid: tasks.pid(thread).0,
                name: tasks.thread_name(thread).into(),
                group: 0,
            }
        };
        let mut threads: Vec<ThreadName> = (0..tasks.thread_count()).map(who).collect();
        let mut renamed = HashMap::new();
        // In the order of the threads: a table does not depend on a map's order.
        let mut changed: Vec<_> = trace.renamed().collect();
        changed.sort_unstable_by_key(|(thread, _)| *thread);
        for (thread, names) in changed {
            let mut of = Vec::with_capacity(names.len());
            for &(event, task) in names {
                of.push((event, threads.len() as u32));
                let name = tasks.get(task).map_or("?", |t| &t.name);
                threads.push(ThreadName { pid: tasks.pid(thread).0, name: name.into(), group: 0 });
            }
            renamed.insert(thread, of);
        }
        let named = |text: &str| if text.is_empty() { "?".to_owned() } else { text.to_owned() };
        Self {
            path,
            name: named(&meta.name),
            workload: if meta.workload.is_empty() {
                named(&meta.name)
            } else {
                meta.workload.clone()
            },
            category: named(&meta.category),
            kernel: named(&meta.kernel),
            machine: named(&machine_name(&meta.kernel, meta.cpus)),
            scheduler: meta.scheduler,
            threads,
            renamed,
            span_ns: trace.span().0,
            ..Self::default()
        }
    }
}

impl Source {
    /// Index in [`Self::threads`] of a thread under the name that it has at `event`.
    pub fn who_ix(&self, thread: ThreadIx, event: u32) -> usize {
        let names = if self.renamed.is_empty() { None } else { self.renamed.get(&thread) };
        let Some(names) = names else { return thread.ix() };
        let after = names.partition_point(|(from, _)| *from <= event);
        names.get(after.saturating_sub(1)).map_or(thread.ix(), |n| n.1 as usize)
    }

    /// A thread under the name that it has at `event`; `None` for no thread.
    pub fn who(&self, thread: ThreadIx, event: u32) -> Option<&ThreadName> {
        self.threads.get(self.who_ix(thread, event))
    }
}

/// What a recording has, or the recordings of a table together, whatever a filter lets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Scored decisions, trivial ones included.
    pub decisions: u64,
    /// Of those, trivial: not in the table.
    pub trivial: u64,
    /// Forecasts of all scored decisions, trivial ones included: what `koracle eval` counts. In the
    /// rows are only those of decisions that were not trivial.
    pub asked: u64,
    /// Of those, right.
    pub forecasts: u64,
    /// Why none of the decisions has a row; of one recording.
    pub lack: Option<Lack>,
}

/// Why the one that came in had been queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Enqueued {
    /// It woke up.
    Wake,
    /// It was forked.
    New,
    /// It was moved here from another CPU.
    Migrate,
    /// It had left a CPU while runnable.
    Preempted,
    /// It was not known to be queued.
    Unknown,
}

impl Enqueued {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Wake, Self::New, Self::Migrate, Self::Preempted, Self::Unknown];

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::New => "new",
            Self::Migrate => "migrate",
            Self::Preempted => "preempted",
            Self::Unknown => "unknown",
        }
    }
}

/// Bits of [`DecisionRow::bits`] above those of the baselines.
pub(super) const HIT: u16 = 1 << 8;
pub(super) const COVERED: u16 = 1 << 9;
pub(super) const ASKED: u16 = 1 << 10;
pub(super) const FORECAST: u16 = 1 << 11;
pub(super) const OTHER: u16 = 1 << 12;
const _: () = assert!(BASELINES.len() <= 8, "a bit each");

/// One decision, as it is put into the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecisionRow {
    pub time: u64,
    pub event: u32,
    pub cpu: CpuId,
    pub prev: ThreadIx,
    pub state: TaskState,
    pub pred: ThreadIx,
    pub real: ThreadIx,
    pub p: f32,
    pub p_real: f32,
    pub rank: u16,
    pub queue: u16,
    pub waited: Span,
    pub stint: Span,
    pub lead: Span,
    pub enqueued: Enqueued,
    pub bits: u16,
    /// The second model's pick and its probability.
    pub other: Option<(ThreadIx, f32)>,
}

/// Non-trivial decisions of one or more recordings: recording by recording, in the order of the
/// events.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The recordings.
    pub sources: Vec<Source>,
    /// Names of tasks up to any `/`, sorted.
    pub groups: Vec<Box<str>>,
    /// Name of the model; of the second one, when there is one.
    pub models: [String; 2],
    pub(super) source: Vec<u16>,
    pub(super) time: Vec<u64>,
    pub(super) event: Vec<u32>,
    pub(super) cpu: Vec<CpuId>,
    pub(super) prev: Vec<ThreadIx>,
    pub(super) state: Vec<TaskState>,
    pub(super) pred: Vec<ThreadIx>,
    pub(super) real: Vec<ThreadIx>,
    pub(super) p: Vec<f32>,
    pub(super) p_real: Vec<f32>,
    pub(super) rank: Vec<u16>,
    pub(super) queue: Vec<u16>,
    pub(super) waited: Vec<Span>,
    pub(super) stint: Vec<Span>,
    pub(super) lead: Vec<Span>,
    /// How long the one that came in ran: how long a wrong answer would have been wrong.
    pub(super) ran: Vec<Span>,
    pub(super) enqueued: Vec<Enqueued>,
    pub(super) bits: Vec<u16>,
    pub(super) other: Vec<(ThreadIx, f32)>,
}

/// Calls `$do!(column)` for every column.
macro_rules! columns {
    ($do:ident) => {
        $do!(source);
        $do!(time);
        $do!(event);
        $do!(cpu);
        $do!(prev);
        $do!(state);
        $do!(pred);
        $do!(real);
        $do!(p);
        $do!(p_real);
        $do!(rank);
        $do!(queue);
        $do!(waited);
        $do!(stint);
        $do!(lead);
        $do!(ran);
        $do!(enqueued);
        $do!(bits);
        $do!(other);
    };
}

impl Table {
    /// Rows.
    pub fn len(&self) -> usize {
        self.event.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// Decisions of which not every waiting thread was a candidate.
    pub fn cut(&self) -> usize {
        self.queue.iter().filter(|&&n| usize::from(n) == MOST_CANDIDATES).count()
    }

    /// True when a second model answered too.
    pub fn has_other(&self) -> bool {
        !self.models[1].is_empty()
    }

    /// The recordings together.
    pub fn whole(&self) -> Whole {
        self.sources.iter().map(|source| source.whole).fold(Whole::default(), |all, one| Whole {
            decisions: all.decisions + one.decisions,
            trivial: all.trivial + one.trivial,
            asked: all.asked + one.asked,
            forecasts: all.forecasts + one.forecasts,
            lack: None,
        })
    }

    /// Why there is no row.
    pub fn lack(&self) -> Option<Lack> {
        let lacks = self.sources.iter().find_map(|source| source.whole.lack);
        lacks.filter(|_| self.is_empty())
    }

    /// Bytes of the columns.
    pub fn heap_bytes(&self) -> usize {
        let mut bytes = 0;
        macro_rules! add {
            ($column:ident) => {
                bytes += self.$column.capacity() * self.$column.first().map_or(0, size_of_val);
            };
        }
        columns!(add);
        bytes
    }

    /// Bytes per decision.
    pub fn bytes_per_row(&self) -> f64 {
        self.heap_bytes() as f64 / self.len().max(1) as f64
    }

    pub(super) fn push(&mut self, row: &DecisionRow) {
        self.source.push(0);
        self.time.push(row.time);
        self.event.push(row.event);
        self.cpu.push(row.cpu);
        self.prev.push(row.prev);
        self.state.push(row.state);
        self.pred.push(row.pred);
        self.real.push(row.real);
        self.p.push(row.p);
        self.p_real.push(row.p_real);
        self.rank.push(row.rank);
        self.queue.push(row.queue);
        self.waited.push(row.waited);
        self.stint.push(row.stint);
        self.lead.push(row.lead);
        self.ran.push(Span::NONE);
        self.enqueued.push(row.enqueued);
        self.bits.push(row.bits);
        if let Some(other) = row.other {
            self.other.push(other);
        }
    }

    /// Several tables as one, in this order; at most 65,535 recordings. Those of one name from
    /// several machines say theirs.
    pub fn join(tables: Vec<Self>) -> Self {
        let mut all = Self::default();
        for (s, mut table) in tables.into_iter().enumerate() {
            if s == 0 {
                all.models.clone_from(&table.models);
            }
            table.source.fill(all.sources.len() as u16);
            all.sources.append(&mut table.sources);
            macro_rules! append {
                ($column:ident) => {
                    if all.$column.is_empty() {
                        all.$column = table.$column;
                    } else {
                        all.$column.append(&mut table.$column);
                    }
                };
            }
            columns!(append);
        }
        macro_rules! shrink {
            ($column:ident) => {
                all.$column.shrink_to_fit();
            };
        }
        columns!(shrink);
        let names: Vec<_> =
            all.sources.iter().map(|s| (s.name.clone(), s.machine.clone())).collect();
        let mut names = told_apart(&names);
        let paths: Vec<PathBuf> = all.sources.iter().map(|s| s.path.clone()).collect();
        with_paths(&mut names, &paths);
        all.sources.iter_mut().zip(names).for_each(|(source, name)| source.name = name);
        all.number_groups();
        all
    }

    fn number_groups(&mut self) {
        let group = |who: &ThreadName| who.name.split('/').next().unwrap_or_default().to_owned();
        let mut names: Vec<_> = self.sources.iter().flat_map(|s| &s.threads).map(group).collect();
        names.sort_unstable();
        names.dedup();
        let number: HashMap<&str, u32> =
            names.iter().enumerate().map(|(i, n)| (n.as_str(), i as u32)).collect();
        for who in self.sources.iter_mut().flat_map(|s| &mut s.threads) {
            who.group = number.get(group(who).as_str()).copied().unwrap_or(0);
        }
        self.groups = names.into_iter().map(Into::into).collect();
    }

    /// The recording of a row.
    pub fn source_of(&self, row: usize) -> &Source {
        &self.sources[usize::from(self.source[row])]
    }

    /// Index of the recording of a row.
    pub fn source_ix(&self, row: usize) -> usize {
        usize::from(self.source[row])
    }

    /// Index of a row's switch among the events of its recording.
    pub fn event(&self, row: usize) -> usize {
        self.event[row] as usize
    }

    /// The CPU that decided.
    pub fn cpu(&self, row: usize) -> CpuId {
        self.cpu[row]
    }

    /// Rows of this recording with a time in `from..to`, ns.
    pub fn rows_between(&self, source: usize, from: u64, to: u64) -> std::ops::Range<usize> {
        let first = self.source.partition_point(|s| usize::from(*s) < source);
        let last = self.source.partition_point(|s| usize::from(*s) <= source);
        let at = |t: u64| first + self.time[first..last].partition_point(|x| *x < t);
        at(from)..at(to)
    }

    /// The first row of this recording at or after this event; the row after its last one if there
    /// is none.
    pub fn row_from(&self, source: usize, event: usize) -> usize {
        let from = self.source.partition_point(|s| usize::from(*s) < source);
        let to = self.source.partition_point(|s| usize::from(*s) <= source);
        from + self.event[from..to].partition_point(|e| (*e as usize) < event)
    }

    /// The row of this switch of this recording.
    pub fn find(&self, source: usize, event: usize) -> Option<usize> {
        let at = self.row_from(source, event);
        (at < self.len() && self.source_ix(at) == source && self.event(at) == event).then_some(at)
    }

    /// The model was right.
    pub fn is_hit(&self, row: usize) -> bool {
        self.bits[row] & HIT != 0
    }

    /// Group of a thread's name; `None` for no thread.
    pub(super) fn group(&self, row: usize, thread: ThreadIx) -> Option<u32> {
        self.source_of(row).who(thread, self.event[row]).map(|w| w.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exact_when_short_and_sort_like_durations() {
        let mut last = Span::of(0);
        let mut ns = 0_u64;
        while ns < u64::MAX / 3 {
            let span = Span::of(ns);
            let back = span.ns().unwrap();
            assert!(span >= last && back <= ns && ns - back <= ns >> 26, "{ns} {back}");
            assert!(ns >= 1 << BITS || back == ns, "{ns}");
            last = span;
            ns = ns + ns / 1_000 + 1;
        }
        assert!(Span::of(u64::MAX) < Span::NONE && Span::of(u64::MAX) > last);
        for edge in [(1 << 27) - 1, 1 << 27, (1 << 28) - 2, 1 << 28] {
            assert_eq!(Span::of(edge).ns(), Some(edge));
        }
        assert_eq!(Span::NONE.ns(), None);
    }
}
