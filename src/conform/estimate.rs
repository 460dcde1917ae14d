//! The same of a recording without the kernel's own state: what the corrected replay holds of
//! everybody before each pick.

use super::FAIR;
use super::ruling::{Cause, Ruling};
use super::scene::{Level, Marks, Member, Scene, Whence, Who};
use crate::sched::follow::{Follower, Moment};
use crate::sched::replay::{KernelReplay, View};
use crate::trace::{Event, SchedClass, ThreadIx, Trace};

/// Takes event `i` of `trace`; of a switch, the pick.
pub(super) fn step(follower: &mut Follower, trace: &Trace, i: usize) -> Option<Scene> {
    let mut found = None;
    follower.step(trace, i, |moment| found = Some(scene(trace, i, moment)));
    found
}

fn scene(
    trace: &Trace,
    event: usize,
    Moment { e, queues, replay, next: chosen }: Moment<'_>,
) -> Scene {
    let tasks = trace.tasks();
    let prev = tasks.thread_on(e.task, e.cpu);
    let candidates = queues.candidates(e.cpu);
    let class = trace.machine().class.value;
    let mut scene = Scene {
        event,
        time: e.time,
        cpu: e.cpu,
        class,
        from: Whence::Estimated,
        chosen,
        prev,
        levels: Vec::new(),
        ruling: Ruling::Consistent,
    };
    if tasks.is_idle(chosen) {
        scene.ruling = Ruling::Explained(Cause::Idle);
    } else if e.next_prio < FAIR {
        scene.ruling = Ruling::Explained(Cause::RealTime);
    } else if trace.follows_unknown(event) || !candidates.contains(&chosen) {
        scene.ruling = Ruling::Explained(Cause::Unseen);
    } else {
        scene.levels.push(level(&e, class, candidates, chosen, replay));
        scene.conclude();
    }
    scene
}

fn level(
    e: &Event,
    class: SchedClass,
    candidates: &[ThreadIx],
    chosen: ThreadIx,
    replay: &mut KernelReplay,
) -> Level {
    let mut picked = None;
    let mut others = Vec::new();
    let (view, standing) = (replay.view(e.cpu, chosen), replay.standing(e.cpu, chosen));
    let taken = member(chosen, &view, standing, class);
    for &thread in candidates.iter().filter(|t| **t != chosen) {
        let (view, standing) = (replay.view(e.cpu, thread), replay.standing(e.cpu, thread));
        if view.picked {
            picked = Some(others.len());
        }
        others.push(member(thread, &view, standing, class));
    }
    // A buddy of the replay, or the one behind a yield.
    let passed = class == SchedClass::Cfs && others.iter().any(|m| m.lag_ns > taken.lag_ns);
    // Where the replay's numbers do not tell two apart it does not disagree.
    let key = |m: &Member| if class == SchedClass::Cfs { m.lag_ns } else { m.deadline_ns };
    let tied = picked
        .is_some_and(|at: usize| key(&others[at]).is_some() && key(&others[at]) == key(&taken));
    let ruling = match () {
        () if !view.picked && !others.is_empty() && !tied => Ruling::Broken(picked),
        () if passed => Ruling::Explained(Cause::Buddy),
        () => Ruling::Consistent,
    };
    Level {
        of_groups: false,
        chosen: taken,
        count: candidates.len(),
        others,
        unseen: 0,
        exact: true,
        first_ns: None,
        marks: Marks {
            yielded: e.state.is_runnable() && !e.state.is_preempted(),
            ..Marks::default()
        },
        granularity_ns: 0,
        ruling,
    }
}

fn member(
    thread: ThreadIx,
    view: &View,
    standing: Option<(i64, i64)>,
    class: SchedClass,
) -> Member {
    Member {
        who: Who::Thread(thread),
        lag_ns: standing.map(|(lag, _)| lag),
        deadline_ns: standing.map(|(_, deadline)| deadline).filter(|_| class != SchedClass::Cfs),
        eligible: Some(view.eligible),
        weight: super::state::NICE_0,
        delayed: false,
        gone: false,
        prev: false,
        sure: false,
    }
}
