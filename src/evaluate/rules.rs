//! Several rules on one recording: the same events under each, which may take another one where the
//! kernel took one. Each is left alone, since a replay that is corrected by the observed picks
//! follows the kernel and not its rule; how well each explains the recording when it is corrected
//! stands beside that.

use crate::job::Cancel;
use crate::sched::follow::{Fair, Follower, Moment};
use crate::sched::replay::{KernelReplay, Rules};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What the rules say of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Picks among several fair threads, all known to wait: those that are judged.
    pub picks: u64,
    /// One for each rule, in the order in which they were asked for.
    pub rules: Vec<Kept>,
    /// Every two of them, the earlier one first.
    pub pairs: Vec<Pair>,
}

/// How often a rule leads to who really came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub rules: Rules,
    /// Left alone.
    pub alone: u64,
    /// Corrected by every observed pick.
    pub corrected: u64,
}

/// Two rules, A and B, left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Places in [`Compared::rules`].
    pub of: [usize; 2],
    /// Judged picks in which they would take different threads.
    pub parts: u64,
    /// The first of them.
    pub first: Option<Parting>,
    /// Whom one of them would take where the other would not, the largest difference first.
    pub gains: Vec<Gain>,
}

/// A pick in which two rules part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The switch.
    pub event: usize,
    /// When.
    pub time: Nanos,
    /// Where.
    pub cpu: CpuId,
    /// Whom A would take, and whom B.
    pub would: [ThreadIx; 2],
    /// Who came in.
    pub came: ThreadIx,
}

/// What a thread has of one rule or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain {
    /// Who.
    pub thread: ThreadIx,
    /// Picks in which A would take it and B another one, and the other way round.
    pub by: [u64; 2],
}

impl Gain {
    /// Picks that it has more under B.
    pub fn more(&self) -> i64 {
        self.by[1] as i64 - self.by[0] as i64
    }
}

/// A judged pick: the switch, and whom a rule would take; nobody where it has no opinion.
type Pick = (u32, ThreadIx);

/// Replays `trace` under each of `rules`, twice, in parallel; `None` when cancelled.
pub fn compare(trace: &Trace, rules: &[Rules], cancel: &Cancel) -> Option<Compared> {
    let jobs: Vec<(Rules, bool)> = rules.iter().flat_map(|r| [(*r, false), (*r, true)]).collect();
    let picks: Option<Vec<Vec<Pick>>> = jobs
        .par_iter()
        .map(|(rules, corrected)| picks(trace, *rules, *corrected, cancel))
        .collect();
    let picks = picks?;
    let right = |picks: &[Pick]| {
        picks.iter().filter(|(event, pick)| came(trace, *event) == *pick).count() as u64
    };
    let kept = rules.iter().zip(picks.chunks_exact(2));
    let kept = kept
        .map(|(rules, p)| Kept { rules: *rules, alone: right(&p[0]), corrected: right(&p[1]) })
        .collect();
    let pairs = (0..rules.len()).flat_map(|a| (a + 1..rules.len()).map(move |b| [a, b]));
    let pairs = pairs.map(|of| pair(trace, of, of.map(|at| picks[2 * at].as_slice()))).collect();
    Some(Compared { picks: picks.first().map_or(0, Vec::len) as u64, rules: kept, pairs })
}

/// Events between two looks at whether it was cancelled.
const BLOCK: usize = 4_096;

fn picks(trace: &Trace, rules: Rules, corrected: bool, cancel: &Cancel) -> Option<Vec<Pick>> {
    let mut follower = Follower::new(trace, KernelReplay::under(trace, rules, corrected));
    let (mut fair, mut picks) = (Fair::of(trace), Vec::new());
    for i in 0..trace.len() {
        if i.is_multiple_of(BLOCK) && cancel.is_cancelled() {
            return None;
        }
        let Some(e) = trace.queue_event(i) else { continue };
        fair.see(trace, &e);
        follower.step(trace, i, |Moment { e, queues, replay, next }| {
            let waiting = queues.queue(e.cpu);
            if waiting.len() > 1
                && waiting.contains(&next)
                && fair.all(waiting)
                && !trace.follows_unknown(i)
            {
                let pick = replay.pick(e.cpu).filter(|pick| waiting.contains(pick));
                picks.push((i as u32, pick.unwrap_or(ThreadIx::NONE)));
            }
        });
    }
    Some(picks)
}

fn came(trace: &Trace, event: u32) -> ThreadIx {
    let e = trace.event(event as usize);
    trace.tasks().thread_on(e.next, e.cpu)
}

fn pair(trace: &Trace, of: [usize; 2], picks: [&[Pick]; 2]) -> Pair {
    let (mut parts, mut first, mut by) = (0, None, BTreeMap::<u32, [u64; 2]>::new());
    for ((event, a), (_, b)) in picks[0].iter().zip(picks[1]) {
        if a == b || [a, b].contains(&&ThreadIx::NONE) {
            continue;
        }
        parts += 1;
        by.entry(a.0).or_default()[0] += 1;
        by.entry(b.0).or_default()[1] += 1;
        first.get_or_insert_with(|| {
            let e = trace.event(*event as usize);
            let (event, came) = (*event as usize, came(trace, *event));
            Parting { event, time: e.time, cpu: e.cpu, would: [*a, *b], came }
        });
    }
    let mut gains: Vec<Gain> =
        by.into_iter().map(|(thread, by)| Gain { thread: ThreadIx(thread), by }).collect();
    gains.sort_by_key(|g| std::cmp::Reverse(g.more().unsigned_abs()));
    Pair { of, parts, first, gains }
}
