//! Every wait of a recording, in columns of some 45 bytes a row. Names are the trace's: they are
//! asked for at an event.

use super::Window;
use super::states::{Cause, NO_EVENT, Sink, Wait, walk};
use crate::trace::{CpuId, ThreadIx, Trace};
use std::sync::{Arc, OnceLock};

/// A row per wait, in the order in which they were found to end; the rows of one thread by time.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    thread: Vec<ThreadIx>,
    cpu: Vec<CpuId>,
    from: Vec<u64>,
    to: Vec<u64>,
    first: Vec<u32>,
    last: Vec<u32>,
    causes: Vec<(Cause, Cause)>,
    waker: Vec<ThreadIx>,
    waker_cpu: Vec<CpuId>,
    /// Rows by thread, and within a thread by time; where each thread's begin.
    by_thread: Vec<u32>,
    starts: Vec<u32>,
}

impl Sink for Waits {
    fn waited(&mut self, w: &Wait) {
        self.thread.push(w.thread);
        self.cpu.push(w.cpu);
        self.from.push(w.from);
        self.to.push(w.to);
        self.first.push(w.first);
        self.last.push(w.last);
        self.causes.push((w.began, w.kind));
        self.waker.push(w.waker);
        self.waker_cpu.push(w.waker_cpu);
    }
}

impl Waits {
    /// Of a recording: one pass.
    pub fn of(trace: &Trace) -> Self {
        let mut waits = Self::default();
        walk(trace, &mut waits);
        waits.index(trace.tasks().thread_count());
        waits
    }

    /// Counts the rows of each thread, then puts each row into its thread's place.
    fn index(&mut self, threads: usize) {
        self.starts = vec![0; threads + 1];
        for thread in &self.thread {
            self.starts[thread.ix() + 1] += 1;
        }
        for t in 0..threads {
            self.starts[t + 1] += self.starts[t];
        }
        let mut next = self.starts.clone();
        self.by_thread = vec![0; self.len()];
        for (row, thread) in self.thread.iter().enumerate() {
            let place = &mut next[thread.ix()];
            self.by_thread[*place as usize] = row as u32;
            *place += 1;
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.thread.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.thread.is_empty()
    }

    /// A row.
    pub fn get(&self, row: usize) -> Wait {
        Wait {
            thread: self.thread[row],
            cpu: self.cpu[row],
            from: self.from[row],
            to: self.to[row],
            first: self.first[row],
            last: self.last[row],
            began: self.causes[row].0,
            kind: self.causes[row].1,
            waker: self.waker[row],
            waker_cpu: self.waker_cpu[row],
        }
    }

    /// Who waited.
    pub fn thread(&self, row: usize) -> ThreadIx {
        self.thread[row]
    }

    /// Where it came in.
    pub fn cpu(&self, row: usize) -> CpuId {
        self.cpu[row]
    }

    /// Since when, ns since the start.
    pub fn from(&self, row: usize) -> u64 {
        self.from[row]
    }

    /// Until when.
    pub fn to(&self, row: usize) -> u64 {
        self.to[row]
    }

    /// How long, ns.
    pub fn ns(&self, row: usize) -> u64 {
        self.to[row] - self.from[row]
    }

    /// What is known of it ended before it did: at a loss, or with the recording.
    pub fn is_open(&self, row: usize) -> bool {
        self.last[row] == NO_EVENT
    }

    /// The rows of a thread, by time.
    pub fn of_thread(&self, thread: ThreadIx) -> &[u32] {
        let at = |t: usize| self.starts.get(t).map_or(0, |s| *s as usize);
        self.by_thread.get(at(thread.ix())..at(thread.ix() + 1)).unwrap_or_default()
    }

    /// The wait after which a thread had the CPU at `time`, or was about to lose it.
    pub fn before(&self, thread: ThreadIx, time: u64) -> Option<usize> {
        let rows = self.of_thread(thread);
        let after = rows.partition_point(|r| self.to[*r as usize] <= time);
        rows[..after].last().map(|r| *r as usize)
    }

    /// Bytes of the columns.
    pub fn heap_bytes(&self) -> usize {
        let row =
            size_of::<(u64, u64, ThreadIx, ThreadIx, u32, u32, u32, CpuId, CpuId, Cause, Cause)>();
        self.thread.capacity() * row + self.starts.capacity() * 4
    }
}

/// The waits of a recording with the recording: what filters are asked of.
#[derive(Clone, Debug)]
pub struct Table {
    /// How the recording is called.
    pub name: String,
    /// The recording.
    pub trace: Arc<Trace>,
    /// Its waits.
    pub waits: Waits,
    /// Per thread: it has more than one name.
    pub(super) renamed: Vec<bool>,
    /// See [`Self::idle`].
    pub(super) idle: OnceLock<Vec<u64>>,
}

impl Table {
    /// Of a recording.
    pub fn new(name: String, trace: Arc<Trace>) -> Self {
        let mut renamed = vec![false; trace.tasks().thread_count()];
        for (thread, _) in trace.renamed() {
            renamed[thread.ix()] = true;
        }
        Self { name, waits: Waits::of(&trace), trace, renamed, idle: OnceLock::new() }
    }

    /// The event at which the names of a row are asked for: the switch that ended the wait, else
    /// the last one.
    pub fn event(&self, row: usize) -> usize {
        (self.waits.last[row] as usize).min(self.trace.len().saturating_sub(1))
    }

    /// The rows, the longest first, equals by time; of those for which `wanted`, the first `most`.
    pub fn worst(&self, rows: impl Iterator<Item = usize>, most: usize) -> Vec<usize> {
        let mut rows: Vec<usize> = rows.collect();
        let key =
            |row: &usize| (std::cmp::Reverse(self.waits.ns(*row)), self.waits.from(*row), *row);
        if most < rows.len() {
            rows.select_nth_unstable_by_key(most, key);
            rows.truncate(most);
        }
        rows.sort_unstable_by_key(key);
        rows
    }

    /// True when a wait has something of a window, or lies in it.
    pub fn touches(&self, row: usize, window: Window) -> bool {
        self.waits.from(row) < window.to && self.waits.to(row) > window.from
            || (window.from..=window.to).contains(&self.waits.from(row)) && self.waits.ns(row) == 0
    }
}
