//! What a recording does not say of its scheduler, inferred from its events: the class and
//! autogroup from whose rules explain the picks, the timer's frequency from the moments at which
//! running tasks were preempted. Looks at a bounded first part, once, when a recording is opened.

use super::follow::{Fair, Follower, Moment};
use super::replay::KernelReplay;
use crate::trace::{EventKind, Fact, Machine, Nanos, SchedClass, ThreadIx, Trace, USUAL_HZ};
use rayon::prelude::*;

/// Events of the first part that are looked at.
const PART: usize = 40_000;
/// Switches of a recording that is long enough to tell the class by: in a shorter one most lags are
/// still unknown, and the class with fewer rules to break looks better than it is.
const SWITCHES: usize = 2_000;
/// Decisions with several candidates that a hypothesis is judged by, at least; fewer say nothing.
const DECISIONS: u64 = 50;
/// Preemptions by the timer that its frequency is told from, at least.
const TICKS: usize = 24;
/// Frequencies that kernels are built with (`kernel/Kconfig.hz`).
const FREQUENCIES: [u32; 4] = [100, 250, 300, 1000];

/// Replaces what is assumed of the machine by what follows from the events, where enough does.
pub fn infer(trace: &mut Trace) {
    let machine = inferred(trace, *trace.machine());
    trace.suppose(machine);
}

/// What is known of the machine, with what follows from the events in the place of what is assumed.
pub fn inferred(trace: &Trace, mut machine: Machine) -> Machine {
    if machine.hz.is_assumed()
        && let Some(hz) = frequency(trace)
    {
        machine.hz = hz;
    }
    if trace.switch_count() < SWITCHES {
        // Too little to tell rules by.
    } else if machine.class.is_assumed() {
        let rules = [(SchedClass::Eevdf, true), (SchedClass::Cfs, true), (SchedClass::Cfs, false)];
        machine =
            best(trace, machine, &rules.map(|(class, grouped)| (Fact::assumed(class), grouped)));
    } else if machine.autogroup.is_assumed() && machine.class.value == SchedClass::Cfs {
        machine = best(trace, machine, &[true, false].map(|grouped| (machine.class, grouped)));
    }
    machine
}

/// A hypothesis and how often its replay picks as the kernel did, corrected by each pick.
struct Tried {
    machine: Machine,
    share: f32,
}

/// Left alone, a replay of CFS in one queue must be better than the others by so much to be
/// believed: corrected, it gains where all orders are alike, as in long queues, since it has fewer
/// rules to break.
const SUPPORT: f32 = 0.02;
/// A winner that explains fewer picks than this, as in queues of dozens, must explain twice as many
/// as the other class when it is left alone too. Otherwise nothing is inferred.
const HALF: f32 = 0.5;

/// The hypothesis whose replay picks as the kernel did most often. What was recorded or told stays.
fn best(trace: &Trace, machine: Machine, rules: &[(Fact<SchedClass>, bool)]) -> Machine {
    let hypothesis = |&(class, grouped): &(Fact<SchedClass>, bool)| {
        let autogroup =
            if machine.autogroup.is_assumed() { Fact::assumed(grouped) } else { machine.autogroup };
        Machine { class, autogroup, ..machine }
    };
    let machines: Vec<Machine> = rules.iter().map(hypothesis).collect();
    let Some(shares) = shares(trace, &machines, true) else {
        // Nothing to tell them apart by.
        return machine;
    };
    let tried: Vec<_> =
        machines.into_iter().zip(shares).map(|(machine, share)| Tried { machine, share }).collect();
    let class = class_of(trace, &tried, machine.class);
    let mut found = Machine { class, ..machine };
    if found.autogroup.is_assumed() && class.value == SchedClass::Cfs {
        let of = |grouped| of(&tried, class.value, grouped);
        if let (Some(grouped), Some(flat)) = (of(true), of(false))
            && grouped.share.total_cmp(&flat.share).is_ne()
        {
            let sure = doubtless(grouped.share - flat.share);
            found.autogroup = Fact::inferred(grouped.share > flat.share, sure);
        }
    }
    found
}

fn of(tried: &[Tried], class: SchedClass, grouped: bool) -> Option<&Tried> {
    tried.iter().find(|t| t.machine.class.value == class && t.machine.autogroup.value == grouped)
}

/// The class of the hypothesis that explains most, among those that are supported.
fn class_of(trace: &Trace, tried: &[Tried], assumed: Fact<SchedClass>) -> Fact<SchedClass> {
    let eevdf = of(tried, SchedClass::Eevdf, true).or(of(tried, SchedClass::Eevdf, false));
    let cfs = match (of(tried, SchedClass::Cfs, true), of(tried, SchedClass::Cfs, false)) {
        (Some(grouped), Some(flat)) if flat.share > grouped.share => {
            // The replays that are left alone take as long as the others: they are asked only where
            // they decide.
            let wins = eevdf.is_none_or(|e| flat.share > e.share);
            let others =
                [Some(flat), Some(grouped), eevdf].into_iter().flatten().map(|t| t.machine);
            let alone = if wins { shares(trace, &others.collect::<Vec<_>>(), false) } else { None };
            let supported = alone.is_none_or(|a| a[1..].iter().all(|other| a[0] > other + SUPPORT));
            Some(if supported { flat } else { grouped })
        }
        (grouped, flat) => grouped.or(flat),
    };
    // Only one class was tried: it was known.
    let Some((eevdf, cfs)) = eevdf.zip(cfs) else {
        return tried.first().map_or(assumed, |t| t.machine.class);
    };
    let (winner, loser) = if cfs.share > eevdf.share { (cfs, eevdf) } else { (eevdf, cfs) };
    if winner.share < HALF
        && let Some(alone) = shares(trace, &[winner.machine, loser.machine], false)
        && alone[0] < 2.0 * alone[1]
    {
        return assumed;
    }
    Fact::inferred(winner.machine.class.value, doubtless(winner.share - loser.share))
}

/// How often the replay of each machine picks as the kernel did, 0..1; `None` when too few
/// decisions tell.
fn shares(trace: &Trace, machines: &[Machine], corrected: bool) -> Option<Vec<f32>> {
    let share = |machine: &Machine| match explained(trace, machine, corrected) {
        (_, of) if of < DECISIONS => None,
        (hits, of) => Some(hits as f32 / of as f32),
    };
    machines.par_iter().map(share).collect()
}

/// Ten points between two rules leave no doubt.
fn doubtless(difference: f32) -> f32 {
    (difference.abs() * 10.0).clamp(0.0, 1.0)
}

/// How many of the picks among several the replay made too, and of how many.
fn explained(trace: &Trace, machine: &Machine, corrected: bool) -> (u64, u64) {
    let mut follower = Follower::new(trace, KernelReplay::judging(trace, machine, corrected));
    let (mut hits, mut of) = (0, 0);
    let mut fair = Fair::of(trace);
    for i in 0..trace.len().min(PART) {
        let Some(e) = trace.queue_event(i) else { continue };
        fair.see(trace, &e);
        follower.step(trace, i, |Moment { e, queues, replay, next }| {
            let waiting = queues.queue(e.cpu);
            if waiting.len() > 1 && waiting.contains(&next) && fair.all(waiting) {
                of += 1;
                hits += u64::from(replay.picks(e.cpu, next));
            }
        });
    }
    (hits, of)
}

/// The timer's frequency: preemptions by its ticks come at one phase of its period. Each is tried
/// as the period of the circle on which the moments are laid; a true one, and its multiples, leave
/// them in one place.
fn frequency(trace: &Trace) -> Option<Fact<u32>> {
    let moments = preemptions(trace);
    if moments.iter().map(Vec::len).sum::<usize>() < TICKS {
        return None;
    }
    let together = FREQUENCIES.map(|hz| concentration(&moments, hz));
    let top = together.into_iter().fold(0.0, f64::max);
    // The lowest that is as good: a multiple of the true one gathers the moments too. The usual one
    // needs less.
    let good =
        |(hz, c): (&u32, &f64)| *c >= if *hz == USUAL_HZ { 0.3 } else { (0.8 * top).max(0.7) };
    let at = FREQUENCIES.iter().zip(&together).position(good)?;
    Some(Fact::inferred(FREQUENCIES[at], together[at] as f32))
}

/// Per CPU: when a task that could have gone on was taken off after half a millisecond or more,
/// clock values in ns.
fn preemptions(trace: &Trace) -> Vec<Vec<u64>> {
    let mut moments = vec![Vec::new(); trace.cpus()];
    let mut since = vec![(Nanos(0), ThreadIx::NONE); trace.cpus()];
    for i in 0..trace.len().min(PART) {
        let e = trace.event(i);
        if e.kind != EventKind::Switch {
            continue;
        }
        let (prev, next) =
            (trace.tasks().thread_on(e.task, e.cpu), trace.tasks().thread_on(e.next, e.cpu));
        let (from, running) = std::mem::replace(&mut since[e.cpu.ix()], (e.time, next));
        let long = running == prev && e.time.since(from).0 >= 500_000;
        if long && e.state.is_runnable() && !trace.tasks().is_idle(prev) {
            moments[e.cpu.ix()].push(trace.meta().start_ns.wrapping_add(e.time.0));
        }
    }
    moments
}

/// How closely the moments lie together on a circle of one period, 0..1: the length of their mean
/// direction, CPU by CPU, since each CPU's ticks may have a phase of their own.
fn concentration(moments: &[Vec<u64>], hz: u32) -> f64 {
    let period = 1e9 / f64::from(hz);
    let (mut sum, mut n) = (0.0, 0);
    for of_cpu in moments.iter().filter(|m| m.len() >= 4) {
        let (mut x, mut y) = (0.0, 0.0);
        for t in of_cpu {
            let angle = std::f64::consts::TAU * ((*t as f64 / period) % 1.0);
            (x, y) = (x + angle.cos(), y + angle.sin());
        }
        sum += f64::hypot(x, y);
        n += of_cpu.len();
    }
    if n == 0 { 0.0 } else { sum / n as f64 }
}
