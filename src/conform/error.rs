//! The replay held to the kernel's own state: how far its lag and deadline of the one that came in are off, by how that one had been
//! queued and how long it had waited.

use super::FAIR;
use super::picks::Picks;
use super::scene::{Scene, Whence};
use crate::sched::follow::{Follower, Moment};
use crate::sched::replay::KernelReplay;
use crate::sched::runqueue::Cause;
use std::collections::BTreeMap;

/// Waits up to so many ns, and what they are called.
const WAITED: [(u64, &str); 3] = [(20_000, "< 20 µs"), (1_000_000, "< 1 ms"), (u64::MAX, "1 ms and more")];

/// Of many errors, virtual ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half are not larger.
    pub p50: u64,
    /// Nine of ten are not larger.
    pub p90: u64,
    /// The one in the middle, with its sign: positive when the replay's is too large.
    pub bias: i64,
}

/// Those that came in after one kind of wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How they had been queued.
    pub cause: &'static str,
    /// For how long.
    pub waited: &'static str,
    /// How many.
    pub picks: u64,
    /// The replay would have taken another one.
    pub missed: u64,
    /// Of lag.
    pub lag: Spread,
    /// Of the deadline (CFS: of the virtual run time).
    pub deadline: Spread,
}

#[derive(Default)]
struct Found {
    lag: Vec<i64>,
    deadline: Vec<i64>,
    missed: u64,
}

/// Lag and deadline of who came in, by event.
fn truths(picks: &Picks) -> BTreeMap<usize, (i64, i64)> {
    let mut truths = BTreeMap::new();
    picks.walk(&mut |scene: &Scene| {
        let level = scene.levels.iter().find(|l| !l.of_groups);
        if let Some((lag, level)) = level.and_then(|l| Some((l.chosen.lag_ns?, l))) {
            truths.insert(scene.event, (lag, level.chosen.deadline_ns.unwrap_or(lag.wrapping_neg())));
        }
    });
    truths
}

/// The errors of a replay, corrected by the observed picks or left alone; empty without recorded state.
pub fn errors(picks: &Picks, corrected: bool) -> Vec<Group> {
    if picks.from() != Whence::Recorded {
        return Vec::new();
    }
    let (trace, truths) = (picks.trace(), truths(picks));
    let mut follower = Follower::new(trace, KernelReplay::of(trace, corrected));
    let mut found: BTreeMap<(&'static str, usize), Found> = BTreeMap::new();
    for i in 0..trace.len() {
        follower.step(trace, i, |Moment { e, queues, replay, next }| {
            let waits = queues.queue(e.cpu).contains(&next) && e.next_prio >= FAIR;
            let Some((lag, deadline)) = truths.get(&i).filter(|_| waits) else { return };
            let entry = queues.entry(next);
            let waited = e.time.since(entry.enqueued).0;
            let class = WAITED.iter().position(|(most, _)| waited < *most).unwrap_or(WAITED.len() - 1);
            let group = found.entry((queued(entry.cause), class)).or_default();
            group.missed += u64::from(!replay.picks(e.cpu, next));
            if let Some((l, d)) = replay.standing(e.cpu, next) {
                group.lag.push(l.wrapping_sub(*lag));
                group.deadline.push(d.wrapping_sub(*deadline));
            }
        });
    }
    let group = |((cause, class), f): ((&'static str, usize), Found)| Group {
        cause,
        waited: WAITED[class].1,
        picks: f.lag.len() as u64,
        missed: f.missed,
        lag: spread(f.lag),
        deadline: spread(f.deadline),
    };
    found.into_iter().map(group).filter(|g| g.picks > 0).collect()
}

fn queued(cause: Cause) -> &'static str {
    match cause {
        Cause::Wake => "wake-up",
        Cause::New => "fork",
        Cause::Migrate => "migration",
        Cause::Preempted => "preemption",
    }
}

fn spread(mut errors: Vec<i64>) -> Spread {
    errors.sort_unstable();
    let bias = errors.get(errors.len() / 2).copied().unwrap_or(0);
    let mut sizes: Vec<u64> = errors.into_iter().map(i64::unsigned_abs).collect();
    sizes.sort_unstable();
    let at = |tenths: usize| sizes.get(sizes.len() * tenths / 10).copied().unwrap_or(0);
    Spread { p50: at(5), p90: at(9), bias }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_summed_up_without_their_sign_but_for_the_bias() {
        assert_eq!(spread(vec![]), Spread::default());
        let all: Vec<i64> = (-5..=4).collect();
        assert_eq!(spread(all), Spread { p50: 3, p90: 5, bias: 0 });
    }
}
