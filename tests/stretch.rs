//! Predictions of a stretch of a recording, and the key of those that are kept on disk: both must
//! be what a pass over the whole recording says, or somebody is shown an answer that nobody gave.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

use common::recordings;
use kernel_oracle::evaluate::overlay::{self, Cache};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::Weights;
use kernel_oracle::trace::{CpuId, Gap, Nanos, Pid, TaskId, Trace, TraceBuilder, TraceMeta};
use std::sync::Arc;

#[test]
fn a_network_says_of_a_stretch_what_it_says_of_the_whole() {
    let trace = recordings::open("sysbench-threads-16t_run3");
    let weights = Arc::new(Weights::bundled().unwrap().frozen());
    let context = weights.config.receptive_field();
    let engine = StreamEngine::new(&weights, trace.cpus());
    let mut whole = vec![Vec::new(); trace.cpus()];
    let mut keep =
        |c: overlay::Chunk| whole.iter_mut().zip(c.per_cpu).for_each(|(all, new)| all.extend(new));
    let steps = overlay::run(&trace, engine.clone(), &Cancel::new(), &mut keep).unwrap();
    assert!(steps.len() > 2);

    // A stretch so little behind a kept state that half the context would begin at that state, and
    // all of it before it: an engine that is shown less than it reads would answer otherwise.
    let kept = 8_192;
    let back = |first: usize, context: usize| {
        let of = |cpu: usize| {
            let switches = trace.cpu_switches(CpuId(cpu as u16));
            let before = switches.partition_point(|e| (*e as usize) < first);
            switches[before - context] as usize
        };
        (0..trace.cpus()).map(of).min().unwrap()
    };
    let first =
        (kept..kept + 4_096).find(|first| back(*first, context.div_ceil(2)) >= kept).unwrap();
    assert!(back(first, context) < kept);

    let events = first..first + 2_000;
    let stretch =
        overlay::stretch(&trace, &steps, engine, events.clone(), context, &Cancel::new()).unwrap();
    for (cpu, (from, found)) in stretch.per_cpu.iter().enumerate() {
        let switches = trace.cpu_switches(CpuId(cpu as u16));
        let inside = switches.iter().filter(|e| events.contains(&(**e as usize))).count();
        assert!(
            inside > 100 && found.len() == inside,
            "CPU {cpu}: {inside} switches, {} predictions",
            found.len()
        );
        assert_eq!(found[..], whole[cpu][*from..*from + inside], "CPU {cpu}");
    }
}

/// The same events with other metadata, and with a gap.
fn edited(trace: &Trace, gap: Option<Gap>, edit: impl Fn(&mut TraceMeta)) -> Trace {
    let mut b = TraceBuilder::with_capacity(trace.len());
    for e in trace.events() {
        let mut task =
            |id| trace.tasks().get(id).map_or(TaskId::NONE, |t| b.task(t.pid, t.name.as_bytes()));
        let (task, next) = (task(e.task), task(e.next));
        let actor =
            if trace.tasks().is_idle(e.actor) { Pid(0) } else { trace.tasks().pid(e.actor) };
        b.push(kernel_oracle::trace::Event { task, next, ..e }, actor);
    }
    trace.gaps().iter().copied().chain(gap).for_each(|g| b.gap(g));
    let mut meta = trace.meta().clone();
    edit(&mut meta);
    b.finish(meta)
}

/// The key of the kept predictions has everything in it that an answer depends on.
type Edit = fn(&mut TraceMeta);

#[test]
fn predictions_of_an_edited_recording_are_not_those_that_were_kept() {
    let trace = recordings::open("cfs/cpu-bound-4p_run3");
    let dir = tempfile::tempdir().unwrap();
    let key = |trace: &Trace| Cache::new(dir.path(), trace, 7);
    let same = key(&edited(&trace, None, |_| {}));
    assert_eq!(same, key(&trace));
    assert_eq!(
        same,
        key(&edited(&trace, None, |m| m.note.push_str("slow"))),
        "a note changes no answer"
    );
    let edits: [(&str, Edit); 5] = [
        ("slice", |m| m.slice_ns += 1),
        ("class", |m| m.scheduler = kernel_oracle::trace::SchedClass::Eevdf),
        ("frequency of the tick", |m| m.hz = 100),
        ("phase of the tick", |m| m.start_ns += 1_000_000),
        ("autogroup", |m| m.autogroup = Some(!m.autogroup.unwrap_or(false))),
    ];
    for (what, edit) in edits {
        assert_ne!(same, key(&edited(&trace, None, edit)), "{what}");
    }
    let gap = Gap { cpu: CpuId(0), from: Nanos(trace.time(900).0), to: trace.time(1_000), lost: 1 };
    assert_ne!(same, key(&edited(&trace, Some(gap), |_| {})), "a loss");
}

#[test]
fn a_walk_that_begins_near_soon_says_what_the_whole_one_says() {
    let trace = recordings::open("sysbench-threads-16t_run3");
    let weights = Arc::new(Weights::bundled().unwrap());
    let engine = StreamEngine::new(&weights, trace.cpus());
    let mut whole = vec![Vec::new(); trace.cpus()];
    let mut keep =
        |c: overlay::Chunk| whole.iter_mut().zip(c.per_cpu).for_each(|(all, new)| all.extend(new));
    overlay::run(&trace, engine.clone(), &Cancel::new(), &mut keep).unwrap();
    let events = trace.len() - 2_000..trace.len();
    let shares = [2_000, overlay::WARM].map(|warm| {
        let near =
            overlay::early(&trace, engine.clone(), events.clone(), warm, &Cancel::new()).unwrap();
        let (mut same, mut asked) = (0_u32, 0_u32);
        for (cpu, (first, near)) in near.per_cpu.iter().enumerate() {
            assert_eq!(first + near.len(), whole[cpu].len(), "CPU {cpu}: up to the end");
            for (near, whole) in
                near.iter().zip(&whole[cpu][*first..]).filter(|(_, whole)| !whole.trivial)
            {
                assert_eq!(near.real, whole.real);
                asked += 1;
                same += u32::from(near.pick.thread == whole.pick.thread);
            }
        }
        assert!(asked > 100, "{asked} decisions");
        f64::from(same) / f64::from(asked)
    });
    assert!(shares[0] > 0.8 && shares[1] > 0.95, "{shares:?}");

    // An inspection of one of them says the same, whatever others say of it.
    let near =
        overlay::early(&trace, engine.clone(), events.clone(), overlay::WARM, &Cancel::new())
            .unwrap();
    let (first, lane) = &near.per_cpu[0];
    let at = lane.iter().position(|p| !p.trivial && p.pick.p < 0.9).unwrap();
    let event = trace.cpu_switches(CpuId(0))[first + at] as usize;
    let told = overlay::inspect_early(&trace, engine, events.start, event, &Cancel::new()).unwrap();
    let best = &told.candidates[0];
    assert_eq!((best.thread, best.p.to_bits()), (lane[at].pick.thread, lane[at].pick.p.to_bits()));
}

#[test]
fn two_threads_say_what_one_says() {
    for name in ["hackbench-pipe-2g_run3", "nginx-ab_run0"] {
        let trace = recordings::open(name);
        let weights = Arc::new(Weights::bundled().unwrap());
        let [one, two] = [1, 2].map(|threads| {
            let (mut all, mut ends) = (vec![Vec::new(); trace.cpus()], Vec::new());
            let mut keep = |c: overlay::Chunk| {
                ends.push(c.end);
                all.iter_mut().zip(c.per_cpu).for_each(|(all, new)| all.extend(new));
            };
            let engine = StreamEngine::new(&weights, trace.cpus());
            overlay::once_on(threads, &trace, engine, &Cancel::new(), &mut keep).unwrap();
            (all, ends)
        });
        assert!(one.0.iter().flatten().count() > 1_000 && one.1.len() > 1, "{name}");
        assert_eq!(one.1, two.1, "{name}: chunks end where they did");
        assert!(one.0 == two.0, "{name}: the same answers");
    }
}

#[test]
fn a_pass_on_two_threads_ends_when_it_is_cancelled() {
    let trace = recordings::open("hackbench-pipe-2g_run3");
    let weights = Arc::new(Weights::bundled().unwrap());
    let (cancel, mut chunks) = (Cancel::new(), 0);
    let mut first = |_| {
        chunks += 1;
        cancel.cancel();
    };
    let engine = StreamEngine::new(&weights, trace.cpus());
    let ended = overlay::once_on(2, &trace, engine, &cancel, &mut first);
    assert_eq!((ended, chunks), (Err(overlay::OverlayError::Cancelled), 1));
}
