//! The run-queue rules, each on a small timeline written down as text.
//!
//! ```text
//! cpu0: A >S B        A leaves in state S, B comes in
//! cpu0: wake C @1     wake-up of C on CPU 1, executed on CPU 0 (new = wakeup_new)
//! cpu0: move C @1     migration of C to CPU 1
//! cpu0: by A          any event that tells only that A executes here
//! cpu0? A B           the candidates are A and B, oldest first (- is idle)
//! cpu0! A             A runs there (? nobody knows)
//! ```

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::sched::runqueue::{Cause, RunQueues, ThreadState};
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Gap, Nanos, Pid, TaskId, TaskState, ThreadIx, Trace, TraceBuilder,
    TraceMeta,
};

const CPUS: u16 = 2;

fn pid(name: &str) -> Pid {
    if name == "-" { Pid(0) } else { Pid(100 + i32::from(name.as_bytes()[0])) }
}

fn thread(trace: &Trace, name: &str, cpu: CpuId) -> ThreadIx {
    if name == "?" { ThreadIx::NONE } else { trace.tasks().thread_of_pid(pid(name), cpu) }
}

/// The lines that are events, as a trace with 10 ns between them; every event tells its actor if
/// `actors`.
fn recorded(script: &[&str], actors: bool, gaps: &[Gap]) -> Trace {
    let mut b = TraceBuilder::default();
    for (i, line) in script.iter().enumerate() {
        let Some((cpu, text)) = line.split_once(": ") else { continue };
        let cpu = CpuId(cpu.trim_start_matches("cpu").parse().unwrap());
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut task = |name: &str| b.task(pid(name), name.as_bytes());
        let mut event = Event {
            time: Nanos(1_000 + 10 * i as u64),
            cpu,
            kind: EventKind::Wakeup,
            actor: ThreadIx::NONE,
            task: TaskId::NONE,
            prio: 120,
            state: TaskState::RUNNING,
            next: TaskId::NONE,
            next_prio: 120,
            from_cpu: CpuId::NONE,
            to_cpu: CpuId::NONE,
        };
        let mut actor = Pid(-1);
        match words[..] {
            [prev, how, next] if how.starts_with('>') => {
                event.kind = EventKind::Switch;
                event.state = TaskState::parse(&how.as_bytes()[1..]).unwrap();
                (event.task, event.next) = (task(prev), task(next));
                if actors {
                    actor = pid(prev);
                }
            }
            [what @ ("wake" | "new" | "move"), name, to] => {
                event.kind = match what {
                    "wake" => EventKind::Wakeup,
                    "new" => EventKind::WakeupNew,
                    _ => EventKind::Migrate,
                };
                event.task = task(name);
                event.to_cpu = CpuId(to[1..].parse().unwrap());
            }
            ["by", name] => {
                event.kind = EventKind::Migrate;
                event.task = task("Z");
                event.to_cpu = cpu;
                actor = pid(name);
            }
            _ => panic!("{line:?}"),
        }
        b.push(event, actor);
    }
    for g in gaps {
        b.gap(*g);
    }
    b.finish(TraceMeta { cpus: CPUS, start_ns: 1_000, ..TraceMeta::default() })
}

/// Runs the script and holds it to its own expectations; gives the queues at the end.
fn play(script: &[&str], actors: bool, gaps: &[Gap]) -> (RunQueues, Trace) {
    let trace = recorded(script, actors, gaps);
    let mut queues = RunQueues::of(&trace);
    let mut events = 0..trace.len();
    for line in script {
        if let Some((cpu, names)) = line.split_once("? ") {
            let cpu = CpuId(cpu.trim_start_matches("cpu").parse().unwrap());
            let wanted: Vec<_> = names.split_whitespace().map(|n| thread(&trace, n, cpu)).collect();
            assert_eq!(queues.candidates(cpu), wanted, "{line:?} of {script:#?}");
        } else if let Some((cpu, name)) = line.split_once("! ") {
            let cpu = CpuId(cpu.trim_start_matches("cpu").parse().unwrap());
            assert_eq!(queues.current(cpu), thread(&trace, name, cpu), "{line:?} of {script:#?}");
        } else {
            let e = trace.event(events.next().unwrap());
            queues.observe(&e, &trace);
            if e.kind == EventKind::Switch {
                queues.begin_switch(&e, trace.tasks());
                queues.finish_switch(&e, trace.tasks());
            } else {
                queues.apply(&e, &trace);
            }
        }
    }
    (queues, trace)
}

#[test]
fn sleepers_leave_and_the_preempted_go_to_the_back() {
    play(
        &[
            "cpu0: - >R A",
            "cpu0: wake B @0",
            "cpu0: wake C @0",
            "cpu0? B C",
            "cpu0: A >R+ B",
            "cpu0? C A",
            "cpu0: B >S C",
            "cpu0? A",
            "cpu0: C >D A",
            "cpu0? -",
            "cpu0: A >S -",
            "cpu0? -",
            "cpu0! -",
        ],
        true,
        &[],
    );
}

#[test]
fn prev_is_not_a_candidate_at_its_own_switch() {
    let script = ["cpu0: - >R A", "cpu0: wake B @0", "cpu0: A >R+ B"];
    let trace = recorded(&script, true, &[]);
    let mut queues = RunQueues::of(&trace);
    for i in 0..3 {
        let e = trace.event(i);
        queues.observe(&e, &trace);
        if i == 1 {
            queues.apply(&e, &trace);
            continue;
        }
        let leaving = queues.begin_switch(&e, trace.tasks());
        if i == 2 {
            assert_eq!(leaving.prev, thread(&trace, "A", CpuId(0)));
            assert_eq!(leaving.stint, Some(Nanos(20)));
            assert_eq!(queues.candidates(CpuId(0)), [thread(&trace, "B", CpuId(0))]);
        }
        queues.finish_switch(&e, trace.tasks());
    }
    assert_eq!(queues.candidates(CpuId(0)), [thread(&trace, "A", CpuId(0))]);
}

#[test]
fn waking_a_running_thread_only_marks_it() {
    // A is woken while it runs: it still leaves when it says so.
    play(&["cpu0: - >R A", "cpu1: wake A @0", "cpu0? -", "cpu0: A >S -", "cpu0? -"], true, &[]);
    // But if it left unseen, the wake-up was for real.
    let (queues, trace) =
        play(&["cpu0: - >R A", "cpu1: wake A @0", "cpu0: B >S -", "cpu0? A", "cpu0! -"], true, &[]);
    assert_eq!(queues.resyncs(), 1);
    assert_eq!(queues.entry(thread(&trace, "A", CpuId(0))).cause, Cause::Wake);
}

#[test]
fn without_a_pending_wake_the_lost_thread_sleeps() {
    play(&["cpu0: - >R A", "cpu0: wake C @0", "cpu0: B >S C", "cpu0? -", "cpu0! C"], true, &[]);
    // B was thought to wait on CPU 1 and turns out to run on CPU 0.
    play(
        &["cpu0: - >R A", "cpu0: wake B @1", "cpu1? B", "cpu0: B >S -", "cpu1? -", "cpu0? -"],
        true,
        &[],
    );
}

#[test]
fn a_thread_seen_here_does_not_run_there() {
    play(&["cpu0: - >R A", "cpu1: - >R A", "cpu0! ?", "cpu1! A"], true, &[]);
}

#[test]
fn migration_moves_the_queued_and_ignores_the_sleeping() {
    play(
        &[
            "cpu0: - >R A",
            "cpu0: wake B @0",
            "cpu0: wake C @0",
            "cpu1: move B @1",
            "cpu0? C",
            "cpu1? B",
            "cpu1: move B @0",
            "cpu0? C B",
            "cpu0: move D @1",
            "cpu1? -",
            "cpu1: move A @1",
            "cpu1? -",
            "cpu0! A",
        ],
        true,
        &[],
    );
}

#[test]
fn a_second_wake_keeps_the_place_and_one_elsewhere_moves() {
    play(
        &[
            "cpu0: wake B @0",
            "cpu0: wake C @0",
            "cpu0: wake B @0",
            "cpu0? B C",
            "cpu0: wake B @1",
            "cpu0? C",
            "cpu1? B",
            "cpu0: new C @0",
            "cpu0? C",
        ],
        true,
        &[],
    );
}

#[test]
fn actors_tell_who_runs() {
    play(
        &[
            "cpu0! ?",
            "cpu0: by A",
            "cpu0! A",
            "cpu0: wake B @0",
            "cpu0: by B",
            "cpu0! B",
            "cpu0? -",
        ],
        true,
        &[],
    );
    play(&["cpu1: by -", "cpu1! -", "cpu1? -"], true, &[]);
}

#[test]
fn after_a_loss_nobody_knows_who_runs() {
    let gap = Gap { cpu: CpuId(0), from: Nanos(1_010), to: Nanos(1_020), lost: 0 };
    let script =
        ["cpu0: - >R A", "cpu1: - >R B", "cpu0: wake C @1", "cpu0! ?", "cpu1! B", "cpu1? C"];
    let (queues, _) = play(&script, true, &[gap]);
    assert_eq!((queues.since(CpuId(0)), queues.since(CpuId(1))), (None, Some(Nanos(10))));
}

#[test]
fn a_queue_without_end_forgets_its_oldest() {
    let mut builder = TraceBuilder::default();
    for n in 0..20_000 {
        let mut e = Event::blank(Nanos(n), CpuId(0));
        (e.kind, e.to_cpu) = (EventKind::WakeupNew, CpuId(0));
        e.task = builder.task(Pid(n as i32 + 1), b"many");
        builder.push(e, Pid(0));
    }
    let trace = builder.finish(TraceMeta::default());
    let mut queues = RunQueues::of(&trace);
    for e in trace.events() {
        queues.observe(&e, &trace);
        queues.apply(&e, &trace);
    }
    let of = |n: i32| trace.tasks().thread_of_pid(Pid(n), CpuId(0));
    let queue = queues.queue(CpuId(0));
    assert_eq!(
        (queue.len(), queue[0], queue[queue.len() - 1]),
        (1 << 14, of(20_000 - (1 << 14) + 1), of(20_000))
    );
    assert_eq!(queues.entry(of(1)).run, ThreadState::Asleep);
}
