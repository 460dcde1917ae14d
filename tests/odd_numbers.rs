//! Recordings whose times, priorities and metadata are as large as their fields: whatever a file
//! says, every input of the model is a number, the kernel replay goes on, and the index that is
//! drawn from can be built. A build with debug assertions finds any sum that overflows on the way.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

use kernel_oracle::features::{
    Decision, Extractor, Forecast, MOST_CANDIDATES, Outcome, Sink, Token,
};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Gap, Nanos, Pid, SchedClass, TaskState, Trace, TraceBuilder, TraceMeta,
};

/// Holds that everything is a number.
#[derive(Default)]
struct Finite {
    decisions: usize,
    most: usize,
    covered: usize,
    last: usize,
}

impl Sink for Finite {
    fn token(&mut self, _: CpuId, t: &Token) {
        assert!(t.x.iter().all(|x| x.is_finite()), "{t:?}");
    }
    fn decision(&mut self, d: &Decision<'_>) {
        assert!(d.query.iter().chain(d.features).all(|x| x.is_finite()), "event {}", d.event);
        self.decisions += 1;
        self.last = d.candidates.len();
        self.most = self.most.max(self.last);
    }
    fn outcome(&mut self, o: &Outcome) {
        assert!(o.pick.is_none_or(|p| (p as usize) < self.last));
        self.covered += usize::from(o.pick.is_some());
    }
    fn forecast(&mut self, f: &Forecast<'_>) {
        assert!(f.query.iter().chain(f.features).all(|x| x.is_finite()), "event {}", f.event);
        assert!(f.queue.len() <= MOST_CANDIDATES);
    }
}

/// Events of 12 threads on 2 CPUs in a fixed confusion, at times that jump.
fn jumps(meta: TraceMeta) -> Trace {
    let mut b = TraceBuilder::default();
    let tasks: Vec<_> =
        (0..12).map(|i| b.task(Pid(i), if i == 0 { b"swapper/0" } else { b"t" })).collect();
    let prios = [120, 100, 139, 99, 0, -1, i16::MIN, i16::MAX, 101];
    let steps = [0, 1, 1_000, 1 << 22, 1 << 40, 1 << 56, 1 << 61, u64::MAX / 3];
    let (mut seed, mut time) = (5_u64, 0_u64);
    let mut draw = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for i in 0..3_000 {
        // Seldom far at first: the end of all times is reached late.
        let far = if i > 2_900 { steps.len() } else { 4 };
        time = time.saturating_add(steps[draw(far)]);
        let cpu = CpuId(draw(2) as u16);
        let (task, next, state) =
            (tasks[draw(12)], tasks[draw(12)], [TaskState::RUNNING, TaskState::SLEEP][draw(2)]);
        let (prio, next_prio, to_cpu) = (prios[draw(9)], prios[draw(9)], CpuId(draw(2) as u16));
        let blank = Event { task, prio, ..Event::blank(Nanos(time), cpu) };
        b.push(
            match draw(4) {
                0 => Event { kind: EventKind::Wakeup, to_cpu, ..blank },
                1 => Event { kind: EventKind::Migrate, from_cpu: cpu, to_cpu, ..blank },
                _ => Event { state, next, next_prio, ..blank },
            },
            Pid(-1),
        );
    }
    for (from, to) in [(0, u64::MAX), (u64::MAX - 5, u64::MAX), (7, 9)] {
        b.gap(Gap { cpu: CpuId(1), from: Nanos(from), to: Nanos(to), lost: u64::MAX });
    }
    b.finish(meta)
}

#[test]
fn every_input_is_a_number_whatever_the_times() {
    for scheduler in [SchedClass::Eevdf, SchedClass::Cfs] {
        for (slice_ns, hz, start_ns) in [(0, 0, 0), (u64::MAX, u32::MAX, u64::MAX), (1, 1, 1 << 63)]
        {
            let trace = jumps(TraceMeta {
                scheduler,
                cpus: 2,
                slice_ns,
                hz,
                start_ns,
                ..TraceMeta::default()
            });
            let (mut sink, mut extractor) = (Finite::default(), Extractor::new(&trace));
            (0..trace.len()).for_each(|i| extractor.step(&trace, i, &mut sink));
            assert!(sink.decisions > 1_000 && sink.most > 3);
            let span = trace.span().0;
            let pyramid = Pyramid::build(&trace);
            for cpu in [CpuId(0), CpuId(1)] {
                let cells = pyramid.cells(&trace, cpu, 0, span.saturating_add(1), 7);
                assert!(
                    cells
                        .iter()
                        .all(|c| (0.0..=1.0).contains(&c.busy) && (0.0..=1.0).contains(&c.gap))
                );
            }
        }
    }
}

/// Of a queue that is longer than any real one, the oldest and the newest are offered.
#[test]
fn a_queue_without_end_offers_its_ends() {
    let n = 4_500;
    for scheduler in [SchedClass::Eevdf, SchedClass::Cfs] {
        let mut b = TraceBuilder::default();
        let tasks: Vec<_> = (1..=n).map(|i| b.task(Pid(i), b"t")).collect();
        let mut time = 0;
        let mut at = || {
            time += 100;
            Event::blank(Nanos(time), CpuId(0))
        };
        for task in tasks.iter().copied() {
            let blank = at();
            b.push(
                Event { kind: EventKind::Wakeup, task, prio: 120, to_cpu: CpuId(0), ..blank },
                Pid(0),
            );
        }
        // First in, first out.
        let idle = b.task(Pid(0), b"swapper/0");
        let mut prev = idle;
        for next in tasks.iter().copied() {
            let blank = at();
            let state = if prev == idle { TaskState::RUNNING } else { TaskState::SLEEP };
            b.push(Event { task: prev, state, prio: 120, next, next_prio: 120, ..blank }, Pid(-1));
            prev = next;
        }
        let trace = b.finish(TraceMeta { scheduler, cpus: 1, ..TraceMeta::default() });
        let (mut sink, mut extractor) = (Finite::default(), Extractor::new(&trace));
        (0..trace.len()).for_each(|i| extractor.step(&trace, i, &mut sink));
        assert_eq!(
            (sink.most, sink.decisions, sink.covered),
            (MOST_CANDIDATES, n as usize, n as usize)
        );
    }
}
