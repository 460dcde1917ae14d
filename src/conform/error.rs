//! The replay held to the kernel's own state: how far its lag and deadline of the one that came in
//! are off, by how that one had been queued and how long it had waited, by time since the start,
//! and by the length of the queue.

use super::FAIR;
use super::bound::Bound;
use super::picks::Picks;
use super::ruling::Ruling;
use super::scene::{Scene, Whence};
use crate::sched::follow::{Follower, Moment};
use crate::sched::replay::{KernelReplay, Rules};
use crate::sched::runqueue::Cause;
use std::collections::BTreeMap;

/// Waits up to so many ns, and what they are called.
const WAITED: [(u64, &str); 3] =
    [(20_000, "< 20 µs"), (1_000_000, "< 1 ms"), (u64::MAX, "1 ms and more")];

/// Times since the start of a recording, in the same way.
const SINCE: [(u64, &str); 5] = [
    (10_000_000, "< 10 ms"),
    (100_000_000, "< 100 ms"),
    (1_000_000_000, "< 1 s"),
    (3_000_000_000, "< 3 s"),
    (u64::MAX, "3 s and more"),
];

/// Numbers of those that wait.
const LENGTHS: [(u64, &str); 6] =
    [(2, "1"), (3, "2"), (5, "3–4"), (9, "5–8"), (17, "9–16"), (u64::MAX, "17 and more")];

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

/// Those that came in under one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How they had been queued; empty where that does not divide them.
    pub cause: &'static str,
    /// For how long they had waited, how long the recording had lasted, or how many waited.
    pub within: &'static str,
    /// How many.
    pub picks: u64,
    /// The replay would have taken another one.
    pub missed: u64,
    /// Of lag.
    pub lag: Spread,
    /// Of the deadline (CFS: of the virtual run time).
    pub deadline: Spread,
}

/// What a replay has wrong, divided in three ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// By how they had been queued and for how long they had waited.
    pub by_wait: Vec<Group>,
    /// By time since the start of the recording.
    pub by_time: Vec<Group>,
    /// By how many waited.
    pub by_queue: Vec<Group>,
    /// Of those that were taken out of several.
    pub several: Bound,
}

#[derive(Default)]
struct Found {
    lag: Vec<i64>,
    deadline: Vec<i64>,
    missed: u64,
}

/// One division: errors by class.
type Division = BTreeMap<(&'static str, usize), Found>;

/// What the kernel's own state says of one that came in.
struct Known {
    lag: i64,
    deadline: i64,
    ruling: Ruling,
}

/// By event.
fn known(picks: &Picks) -> BTreeMap<usize, Known> {
    let mut known = BTreeMap::new();
    picks.walk(&mut |scene: &Scene| {
        let level = scene.levels.iter().find(|l| !l.of_groups);
        if let Some((lag, level)) = level.and_then(|l| Some((l.chosen.lag_ns?, l))) {
            let deadline = level.chosen.deadline_ns.unwrap_or(lag.wrapping_neg());
            known.insert(scene.event, Known { lag, deadline, ruling: scene.ruling });
        }
    });
    known
}

/// The errors of a replay, corrected by the observed picks or left alone; empty without recorded
/// state.
pub fn errors(picks: &Picks, corrected: bool) -> Errors {
    if picks.from() != Whence::Recorded {
        return Errors::default();
    }
    let (trace, known) = (picks.trace(), known(picks));
    let class = trace.machine().class.value;
    let mut follower =
        Follower::new(trace, KernelReplay::under(trace, Rules::of(trace.machine()), corrected));
    let mut divisions: [Division; 3] = Default::default();
    let mut several = Bound::default();
    for i in 0..trace.len() {
        follower.step(trace, i, |Moment { e, queues, replay, next }| {
            let waiting = queues.queue(e.cpu);
            let waits = waiting.contains(&next) && e.next_prio >= FAIR;
            let Some(truth) = known.get(&i).filter(|_| waits) else { return };
            let right = replay.picks(e.cpu, next);
            if waiting.len() > 1 {
                several.count(right, truth.ruling, class);
            }
            let entry = queues.entry(next);
            let keys = [
                (queued(entry.cause), of(&WAITED, e.time.since(entry.enqueued).0)),
                ("", of(&SINCE, e.time.0)),
                ("", of(&LENGTHS, waiting.len() as u64)),
            ];
            let standing = replay.standing(e.cpu, next);
            for (division, key) in divisions.iter_mut().zip(keys) {
                let found = division.entry(key).or_default();
                found.missed += u64::from(!right);
                if let Some((lag, deadline)) = standing {
                    found.lag.push(lag.wrapping_sub(truth.lag));
                    found.deadline.push(deadline.wrapping_sub(truth.deadline));
                }
            }
        });
    }
    let [by_wait, by_time, by_queue] = divisions;
    Errors {
        by_wait: groups(by_wait, &WAITED),
        by_time: groups(by_time, &SINCE),
        by_queue: groups(by_queue, &LENGTHS),
        several,
    }
}

/// The class of a value: the first that it is below.
fn of(classes: &[(u64, &str)], value: u64) -> usize {
    classes.iter().position(|(most, _)| value < *most).unwrap_or(classes.len() - 1)
}

fn groups(division: Division, classes: &[(u64, &'static str)]) -> Vec<Group> {
    let group = |((cause, class), f): ((&'static str, usize), Found)| Group {
        cause,
        within: classes[class].1,
        picks: f.lag.len() as u64,
        missed: f.missed,
        lag: spread(f.lag),
        deadline: spread(f.deadline),
    };
    division.into_iter().map(group).filter(|g| g.picks > 0).collect()
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
