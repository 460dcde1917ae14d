//! Where the time of each thread, or of all threads of one name, went in a window of a recording.
//!
//! A window cuts: of a piece only what lies inside counts, and of an event only one inside. So run,
//! wait, sleep and unknown of a thread add up to the part of its span that lies in the window, and
//! a wait that was cut counts with what is left.

use super::Window;
use super::distribution::percentile;
use super::names::{By, Rows};
use super::states::{Doing, Piece, Sink, Wait, walk};
use crate::trace::{CpuId, Pid, ThreadIx, Trace};
use std::collections::HashSet;

/// The waits of a row, ns; cut to the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitSums {
    /// How many.
    pub count: u64,
    /// Together.
    pub sum: u64,
    /// Half of them are at most this.
    pub p50: u64,
    /// 99 % of them are at most this.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// How often things happened to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often it came in.
    pub stints: u64,
    /// How often it left to sleep or to end.
    pub voluntary: u64,
    /// How often it left and could have run on.
    pub involuntary: u64,
    /// How often it was woken or forked.
    pub wakeups: u64,
    /// How often another thread was woken or forked while it ran there.
    pub wakeups_given: u64,
    /// How often it came in on another CPU than before.
    pub migrations: u64,
}

/// A thread, or a name. Times in ns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The thread; of a name, one of its threads.
    pub thread: ThreadIx,
    /// Its pid.
    pub pid: Pid,
    /// Its name.
    pub comm: String,
    /// Threads of which the window has something under this name.
    pub threads: u64,
    /// On a CPU.
    pub run: u64,
    /// Asleep, [`Self::blocked`] included.
    pub sleep: u64,
    /// Of that, in uninterruptible sleep.
    pub blocked: u64,
    /// Not known.
    pub unknown: u64,
    /// Waiting for a CPU.
    pub waits: WaitSums,
    /// How often something happened to it.
    pub counts: Counts,
    /// Where it came in, ascending.
    pub cpus: Vec<CpuId>,
}

impl Totals {
    fn new(thread: ThreadIx, pid: Pid, comm: &str) -> Self {
        Self {
            thread,
            pid,
            comm: comm.into(),
            threads: 0,
            run: 0,
            sleep: 0,
            blocked: 0,
            unknown: 0,
            waits: WaitSums::default(),
            counts: Counts::default(),
            cpus: Vec::new(),
        }
    }

    /// All of its time in the window.
    pub fn span(&self) -> u64 {
        self.run + self.waits.sum + self.sleep + self.unknown
    }

    /// Of all rows with something in the window, those that waited longest first.
    pub fn of(trace: &Trace, by: By, window: Window) -> Vec<Self> {
        let mut sums = Sums::new(trace, by, window);
        walk(trace, &mut sums);
        sums.finish()
    }
}

struct Sums<'a> {
    trace: &'a Trace,
    window: Window,
    of: Rows<'a>,
    rows: Vec<Totals>,
    /// Row and length.
    waits: Vec<(u32, u64)>,
    /// Per thread the row that it was last seen in, and all that are counted in a row.
    last: Vec<u32>,
    counted: HashSet<(u32, ThreadIx)>,
}

impl<'a> Sums<'a> {
    fn new(trace: &'a Trace, by: By, window: Window) -> Self {
        let of = Rows::new(trace, by);
        let row = |(name, thread): (&&str, &ThreadIx)| {
            Totals::new(*thread, trace.tasks().pid(*thread), name)
        };
        let rows = of.names.iter().zip(&of.threads).map(row).collect();
        let last = vec![u32::MAX; trace.tasks().thread_count()];
        Self { trace, window, of, rows, waits: Vec::new(), last, counted: HashSet::new() }
    }

    /// The row of a thread at an event of which something lies in the window.
    fn row(&mut self, thread: ThreadIx, event: u32) -> usize {
        let row = self.of.ix(thread, event);
        // A thread that takes another name is counted there too, and once when it takes the old one
        // back.
        if std::mem::replace(&mut self.last[thread.ix()], row as u32) != row as u32
            && self.counted.insert((row as u32, thread))
        {
            self.rows[row].threads += 1;
        }
        row
    }

    /// The row of a thread when the event lies in the window.
    fn at(&mut self, thread: ThreadIx, event: u32) -> Option<&mut Totals> {
        let time = self.trace.time(event as usize).0;
        let end = self.trace.span().0;
        // The recording's last moment belongs to its end.
        let inside = time >= self.window.from
            && (time < self.window.to || time == end && self.window.to == end);
        inside.then(|| self.row(thread, event)).map(|row| &mut self.rows[row])
    }

    fn finish(mut self) -> Vec<Totals> {
        self.waits.sort_unstable();
        let mut lengths = Vec::new();
        for group in self.waits.chunk_by(|a, b| a.0 == b.0) {
            lengths.clear();
            lengths.extend(group.iter().map(|w| w.1));
            self.rows[group[0].0 as usize].waits = WaitSums {
                count: lengths.len() as u64,
                sum: lengths.iter().sum(),
                p50: percentile(&lengths, 500),
                p99: percentile(&lengths, 990),
                max: lengths.last().copied().unwrap_or(0),
            };
        }
        let some = |t: &Totals| {
            let c = &t.counts;
            t.span() > 0 || c.stints + c.voluntary + c.involuntary + c.wakeups > 0
        };
        self.rows.retain(some);
        self.rows.sort_by(|a, b| {
            (b.waits.sum.cmp(&a.waits.sum))
                .then(b.run.cmp(&a.run))
                .then(a.pid.cmp(&b.pid))
                .then(a.comm.cmp(&b.comm))
        });
        self.rows
    }
}

impl Sink for Sums<'_> {
    fn piece(&mut self, p: &Piece) {
        let ns = self.window.part(p.from, p.to);
        if ns == 0 {
            return;
        }
        let at = self.row(p.thread, p.last);
        let row = &mut self.rows[at];
        match p.doing {
            Doing::Running => row.run += ns,
            Doing::Runnable => self.waits.push((at as u32, ns)),
            Doing::Sleeping => row.sleep += ns,
            Doing::Blocked => {
                row.sleep += ns;
                row.blocked += ns;
            }
            Doing::Unknown => row.unknown += ns,
        }
    }

    fn waited(&mut self, w: &Wait) {
        // Those that took time are pieces.
        if w.from == w.to && (self.window.from..=self.window.to).contains(&w.from) {
            let row = self.row(w.thread, w.first) as u32;
            self.waits.push((row, 0));
        }
    }

    fn came_in(&mut self, thread: ThreadIx, cpu: CpuId, moved: bool, event: u32) {
        let Some(row) = self.at(thread, event) else { return };
        row.counts.stints += 1;
        row.counts.migrations += u64::from(moved);
        if let Err(place) = row.cpus.binary_search(&cpu) {
            row.cpus.insert(place, cpu);
        }
    }

    fn left(&mut self, thread: ThreadIx, runnable: bool, event: u32) {
        let Some(row) = self.at(thread, event) else { return };
        *if runnable { &mut row.counts.involuntary } else { &mut row.counts.voluntary } += 1;
    }

    fn woken(&mut self, thread: ThreadIx, waker: ThreadIx, event: u32) {
        if let Some(row) = self.at(thread, event) {
            row.counts.wakeups += 1;
        }
        if waker.ix() >= self.trace.cpus()
            && waker != ThreadIx::NONE
            && let Some(row) = self.at(waker, event)
        {
            row.counts.wakeups_given += 1;
        }
    }
}
