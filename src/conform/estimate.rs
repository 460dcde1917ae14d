//! The same of a recording without the kernel's own state: what the corrected replay holds of everybody before each pick.

use super::FAIR;
use super::rule::{Cause, Ruling};
use super::scene::{Level, Marks, Member, Scene, Whence, Who};
use crate::sched::replay::{KernelReplay, View};
use crate::sched::runqueue::RunQueues;
use crate::trace::{Event, EventKind, SchedClass, ThreadIx, Trace};

/// Hands over each switch among the first `until` events.
pub(super) fn walk(trace: &Trace, until: usize, each: &mut dyn FnMut(&Scene)) {
    let (mut queues, mut replay) = (RunQueues::of(trace), KernelReplay::of(trace, true));
    let mut candidates = Vec::new();
    for i in 0..until.min(trace.len()) {
        let Some(e) = trace.queue_event(i) else { continue };
        queues.observe(&e, trace);
        if e.kind != EventKind::Switch {
            replay.event(&e, trace);
            queues.apply(&e, trace);
            continue;
        }
        replay.before_pick(&e, trace);
        queues.begin_switch(&e, trace.tasks());
        candidates.clear();
        candidates.extend_from_slice(queues.candidates(e.cpu));
        let next = trace.tasks().thread_on(e.next, e.cpu);
        each(&scene(trace, i, &e, &candidates, &mut replay));
        let waiting = queues.queue(e.cpu);
        replay.after_pick(&e, trace, waiting, next);
        queues.finish_switch(&e, trace.tasks());
    }
}

fn scene(trace: &Trace, event: usize, e: &Event, candidates: &[ThreadIx], replay: &mut KernelReplay) -> Scene {
    let tasks = trace.tasks();
    let (prev, chosen) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
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
        scene.levels.push(level(e, class, candidates, chosen, replay));
        scene.conclude();
    }
    scene
}

fn level(e: &Event, class: SchedClass, candidates: &[ThreadIx], chosen: ThreadIx, replay: &mut KernelReplay) -> Level {
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
    let ruling = match () {
        () if !view.picked && !others.is_empty() => Ruling::Broken(picked),
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
        marks: Marks { yielded: e.state.is_runnable() && !e.state.is_preempted(), ..Marks::default() },
        granularity_ns: 0,
        ruling,
    }
}

fn member(thread: ThreadIx, view: &View, standing: Option<(i64, i64)>, class: SchedClass) -> Member {
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
