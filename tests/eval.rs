//! Scoring and overlay: known answers on a hand-made stream, and the agreement of everything that
//! predicts a trace.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

use common::recordings;
use kernel_oracle::evaluate::overlay::{self, Cache, Chunk, Prediction};
use kernel_oracle::evaluate::report::Report;
use kernel_oracle::evaluate::score::{Counts, score};
use kernel_oracle::evaluate::watch::{Everybody, Exchange};
use kernel_oracle::features::{ASK, Decision, Extractor, Forecast, Outcome, QUERY, Sink};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::trace::{
    CpuId, EventKind, Nanos, Pid, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta,
};

/// Always the same logits: candidate 0 twice as likely as 1, four times as likely as 2, ...; of a
/// forecast candidate 0, then 1, then 2, and nobody else.
struct Fixed;

impl Predictor for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }
    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        scores.clear();
        scores.extend((0..decision.candidates.len()).map(|i| -(i as f32) * std::f32::consts::LN_2));
    }
    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        scores.clear();
        scores.extend(
            (0..forecast.candidates.len())
                .map(|i| if i < 3 { -(i as f32) } else { f32::NEG_INFINITY }),
        );
    }
}

/// Knows nothing of forecasts.
struct Mute;

impl Predictor for Mute {
    fn name(&self) -> &'static str {
        "mute"
    }
    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        scores.clear();
        scores.resize(decision.candidates.len(), 0.0);
    }
    fn forecast(&mut self, _: &Forecast<'_>, _: &mut Vec<f32>) {}
}

/// One decision among `n` candidates with its outcome, then the next forecast, of four.
fn tell(
    (exchange, counts): (&mut Exchange<Everybody<'_, '_>>, &mut Counts),
    event: u32,
    n: usize,
    pick: Option<u32>,
    foretold: Option<u32>,
    scored: bool,
) {
    let threads: Vec<_> = (10..10 + n as u32).map(ThreadIx).collect();
    let (cpu, time) = (CpuId(0), Nanos(u64::from(event) * 100));
    let (waited, lag) = (vec![Nanos(0); n], vec![0; n]);
    let decision = Decision {
        event,
        cpu,
        time,
        prev: ThreadIx(3),
        prev_state: TaskState::SLEEP,
        stint: Nanos(5),
        candidates: &threads,
        query: &[0.0; QUERY],
        features: &[],
        waited: &waited,
        lag: &lag,
    };
    exchange.decision(&decision);
    let next = pick.map_or(ThreadIx(0), |p| threads[p as usize]);
    exchange.outcome(&Outcome {
        event,
        cpu,
        time,
        next,
        pick,
        foretold,
        scored,
        unknown: false,
        no_pick: false,
    });
    counts.take(1, &mut exchange.answered(decision).unwrap());
    let candidates = [20, 21, 22, 23].map(ThreadIx);
    exchange.forecast(&Forecast {
        event,
        cpu,
        time,
        running: next,
        candidates: &candidates,
        ranked: 4,
        queue: &[],
        query: &[0.0; ASK],
        features: &[],
    });
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn metrics_of_a_hand_made_stream() {
    let mut predictors: Vec<Box<dyn Predictor>> = vec![Box::new(Fixed), Box::new(Mute)];
    let (mut exchange, mut counts) = (Exchange::new(1, Everybody(&mut predictors)), Counts::new(2));
    let mut tell = |event, n, pick, foretold, scored| {
        tell((&mut exchange, &mut counts), event, n, pick, foretold, scored);
    };
    tell(0, 2, Some(0), None, false); // warm-up: not counted
    tell(1, 4, Some(0), Some(0), true); // rank 1; forecast hit
    tell(2, 4, Some(1), Some(1), true); // rank 2; forecast second
    tell(3, 4, Some(3), Some(2), true); // rank 4; forecast third
    tell(4, 4, None, None, true); // not covered; no candidate of the forecast: a miss
    tell(6, 1, Some(0), Some(0), true); // trivial; forecast hit, asked 200 ns before
    assert_eq!(
        (counts.decisions, counts.non_trivial, counts.covered, counts.covered_non_trivial),
        (5, 4, 4, 3)
    );
    assert_eq!(counts.idle, 1);

    let meta = TraceMeta { name: "hand".into(), ..TraceMeta::default() };
    let report = Report::new(&["fixed".into(), "mute".into()], &[(meta, counts)]);
    let scores = &report.traces[0].scores;
    let pick = &scores.pick["fixed"];
    assert!(close(pick.top1, 0.25) && close(pick.top3, 0.5), "{pick:?}");
    assert!(close(pick.mrr, (1.0 + 0.5 + 0.25) / 4.0), "{pick:?}");
    // Probabilities 8, 4, 2, 1 of 15; all four answers say 8/15 and one is right.
    let nll = -((8.0f64 / 15.0).ln() + (4.0f64 / 15.0).ln() + (1.0f64 / 15.0).ln()) / 3.0;
    assert!(close(pick.nll, nll), "{pick:?} {nll}");
    assert!(close(pick.ece, 8.0 / 15.0 - 0.25), "{pick:?}");
    let forecast = &scores.forecast["fixed"];
    assert!(close(forecast.top1, 2.0 / 5.0) && close(forecast.top3, 4.0 / 5.0), "{forecast:?}");
    assert!(!scores.forecast.contains_key("mute"), "gives no forecast");
    assert!(close(scores.coverage, 0.8) && close(scores.coverage_non_trivial, 0.75));
    assert!(close(scores.forecast_coverage, 0.8) && close(report.mean.forecast_coverage, 0.8));
    assert!(close(scores.trivial_share, 0.2) && close(scores.idle_share, 0.2));
    assert_eq!(scores.lead_ns_median, 100);
    assert_eq!(report.mean.left_out, ["hand"], "four decisions are too few for the macro mean");
    assert!(report.mean.pick.is_empty() && close(report.mean.forecast["fixed"].top1, 0.4));
    assert_eq!((&*report.slices.queue[1].slice, report.slices.queue[1].non_trivial), ("3-4", 4));
    assert_eq!(report.slices.prev_state[2].top1["fixed"], Some(0.25));
}

#[test]
fn who_is_a_candidate_but_not_named_is_a_miss() {
    let mut predictors: Vec<Box<dyn Predictor>> = vec![Box::new(Fixed), Box::new(Mute)];
    let (mut exchange, mut counts) = (Exchange::new(1, Everybody(&mut predictors)), Counts::new(2));
    tell((&mut exchange, &mut counts), 0, 2, Some(0), None, true); // nothing was asked before
    assert_eq!((counts.lead.len(), counts.forecast[0].asked), (0, 0));
    tell((&mut exchange, &mut counts), 1, 2, Some(0), Some(3), true);
    let of = &counts.forecast[0];
    assert_eq!((of.asked, of.top1, of.top3, counts.foreseeable), (1, 0, 0, 1));
    assert_eq!(counts.forecast[1].asked, 0, "who names nobody is not counted");
}

/// `trace` with only its first `head` events, then those of `tail` in the given order.
fn spliced(trace: &Trace, head: usize, tail: impl Iterator<Item = usize>) -> Trace {
    let mut builder = TraceBuilder::with_capacity(trace.len());
    let ids: Vec<_> =
        trace.tasks().iter().map(|(_, t)| builder.task(t.pid, t.name.as_bytes())).collect();
    assert!(ids.iter().enumerate().all(|(i, id)| id.0 as usize == i));
    for (at, i) in (0..head).chain(tail).enumerate() {
        let e = trace.event(i);
        let actor =
            if trace.tasks().is_idle(e.actor) { Pid(0) } else { trace.tasks().pid(e.actor) };
        let time = trace.time(at);
        builder.push(kernel_oracle::trace::Event { time, ..e }, actor);
    }
    builder.finish(trace.meta().clone())
}

fn rule(rule: Rule) -> Vec<Box<dyn Predictor>> {
    vec![Box::new(Heuristic::new(rule, 0))]
}

fn counts(trace: &Trace, by: Rule) -> Counts {
    score(trace, &mut rule(by), &Cancel::new(), &|_| {}).unwrap()
}

fn whole(trace: &Trace, by: Rule) -> (Vec<Vec<Prediction>>, Vec<Chunk>) {
    let mut chunks = Vec::new();
    overlay::run(trace, Heuristic::new(by, 0), &Cancel::new(), &mut |c| chunks.push(c)).unwrap();
    let all =
        (0..trace.cpus()).map(|cpu| chunks.iter().flat_map(|c| c.per_cpu[cpu].clone()).collect());
    (all.collect(), chunks)
}

#[test]
fn pooled_counts_are_the_sums_and_the_macro_is_the_mean_of_workloads() {
    let traces = ["cpu-bound-8p_run3", "hackbench-pipe-2g_run2", "hackbench-pipe-2g_run3"]
        .map(recordings::open);
    let counted: Vec<_> =
        traces.iter().map(|t| (t.meta().clone(), counts(t, Rule::Lifo))).collect();
    let report = Report::new(&["lifo".into()], &counted);
    let pool = &report.workloads["hackbench-pipe-2g"];
    let (asked, hits) = counted[1..]
        .iter()
        .fold((0, 0), |(a, h), (_, c)| (a + c.pick[0].asked, h + c.pick[0].top1));
    assert!(asked > 1000);
    assert_eq!((pool.scores.non_trivial, pool.traces), (asked, 2));
    assert!(close(pool.scores.pick["lifo"].top1, hits as f64 / asked as f64));
    let mean = f64::midpoint(
        pool.scores.pick["lifo"].top1,
        report.workloads["cpu-bound-8p"].scores.pick["lifo"].top1,
    );
    assert!(close(report.mean.pick["lifo"].top1, mean));
}

#[test]
fn overlay_and_eval_count_the_same_hits() {
    let trace = recordings::open("hackbench-pipe-2g_run3");
    let warm = Extractor::WARM_UP.min(trace.len() / 10);
    let (all, chunks) = whole(&trace, Rule::Followed);
    assert!(
        chunks.len() > 1
            && chunks[0].end == overlay::FIRST_CHUNK
            && chunks.last().unwrap().end == trace.len()
    );
    let scored = (0..trace.cpus()).flat_map(|cpu| {
        let switches = trace.cpu_switches(CpuId(cpu as u16));
        assert_eq!(switches.len(), all[cpu].len(), "one prediction per switch");
        switches.iter().zip(&all[cpu]).filter(|(i, _)| **i as usize >= warm).map(|(_, p)| *p)
    });
    let scored: Vec<_> = scored.collect();
    let hits = scored.iter().filter(|p| !p.trivial && p.pick.rank == 1).count() as u64;
    let forecasts = scored.iter().filter(|p| p.forecast.rank == 1).count() as u64;
    let told =
        scored.iter().map(|p| p.forecast).zip(&scored).filter(|(f, _)| f.thread != ThreadIx::NONE);
    assert!(told.clone().count() + trace.cpus() >= scored.len(), "each forecast names a thread");
    assert!(
        told.clone().all(|(f, p)| (f.rank == 1) == (f.thread == p.real)),
        "a hit is the thread that came in"
    );
    assert!(told.clone().all(|(f, _)| f.p > 0.0 && f.p_real <= f.p));
    let counts = counts(&trace, Rule::Followed);
    assert!(
        counts.foreseeable > counts.forecast[0].top3
            && counts.foreseeable <= counts.lead.len() as u64
    );
    assert_eq!((hits, forecasts), (counts.pick[0].top1, counts.forecast[0].top1));
    assert!(hits > 1000 && forecasts > 1000);
    // The baseline in every prediction is the same predictor.
    let baseline = scored.iter().filter(|p| !p.trivial && p.baselines[3] == p.real).count() as u64;
    assert_eq!(baseline, hits);
}

#[test]
fn inspections_agree_with_the_overlay_from_any_snapshot() {
    let trace = recordings::open("sysbench-threads-8t_run3");
    let (all, _) = whole(&trace, Rule::Eevdf);
    let engine = Heuristic::new(Rule::Eevdf, 0);
    let walked = overlay::run(&trace, engine.clone(), &Cancel::new(), &mut |_| {}).unwrap();
    let lazy = overlay::states(&trace, engine);
    for at in [0, 1, 100, 3_000, 5_999] {
        let switches = trace.cpu_switches(CpuId(1));
        let at = at.min(switches.len() - 1);
        let (event, p) = (switches[at] as usize, &all[1][at]);
        let seen = overlay::inspect(&trace, &walked, event, &Cancel::new()).unwrap();
        // Behind unknown time nothing is said to have been predicted; the candidates can be looked
        // at all the same.
        if !trace.follows_unknown(event) {
            assert_eq!(
                (seen.candidates[0].thread, seen.candidates[0].p),
                (p.pick.thread, p.pick.p)
            );
        }
        assert_eq!((seen.real, seen.event), (p.real, event));
        if p.forecast.thread != ThreadIx::NONE {
            assert_eq!(seen.forecast[0], (p.forecast.thread, p.forecast.p));
            assert!(
                seen.forecast.iter().all(|(thread, _)| *thread != seen.prev),
                "who runs is not next"
            );
        }
        assert!(seen.candidates.is_sorted_by(|a, b| a.p >= b.p));
        assert!(
            seen.context.iter().all(|i| *i < event) && seen.context.is_sorted_by(|a, b| a >= b)
        );
        assert!(seen.context.len() <= 32 && (at < 100 || seen.context.len() == 32));
        let same = overlay::inspect(&trace, &lazy, event, &Cancel::new()).unwrap();
        assert_eq!(
            overlay::Inspection { decision_ns: 0, ..seen },
            overlay::Inspection { decision_ns: 0, ..same }
        );
    }
    assert!(walked.len() > 1 && walked.len() <= 33);
    let other = (0..trace.len()).find(|i| trace.event(*i).kind != EventKind::Switch).unwrap();
    assert!(overlay::inspect(&trace, &lazy, other, &Cancel::new()).is_err());
    assert!(overlay::inspect(&trace, &lazy, trace.len(), &Cancel::new()).is_err());
    let cancel = Cancel::new();
    cancel.cancel();
    let fresh = overlay::states(&trace, Heuristic::new(Rule::Fifo, 0));
    let event = trace.cpu_switches(CpuId(0))[5] as usize;
    assert_eq!(
        overlay::inspect(&trace, &fresh, event, &cancel).err(),
        Some(overlay::OverlayError::Cancelled)
    );
    assert!(
        overlay::inspect(&trace, &fresh, event, &Cancel::new()).is_ok(),
        "a cancelled walk spoils nothing"
    );
}

#[test]
fn a_cache_gives_back_what_was_put_in_and_survives_damage() {
    let whole_trace = recordings::open("hackbench-socket-2g_run3");
    let trace = spliced(&whole_trace, 9_000, 0..0);
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path(), &trace, 7);
    assert_ne!(cache, Cache::new(dir.path(), &trace, 8), "another model");
    assert_ne!(
        cache,
        Cache::new(dir.path(), &spliced(&whole_trace, 8_999, 0..0), 7),
        "another trace"
    );
    let pass = || {
        let (mut all, mut chunks) = (vec![Vec::new(); trace.cpus()], 0);
        let engine = Heuristic::new(Rule::Lifo, 0);
        overlay::run_cached(&trace, engine, &cache, &Cancel::new(), &mut |c| {
            chunks += 1;
            all.iter_mut().zip(c.per_cpu).for_each(|(a, b)| a.extend(b));
        })
        .unwrap();
        (all, chunks)
    };
    let (first, chunks) = pass();
    assert_eq!(chunks, 2);
    let kept = std::fs::read(cache.path()).unwrap();
    assert_eq!(pass(), (first.clone(), 1), "from the cache");
    for damaged in [&kept[..kept.len() / 2], &b"junk"[..], &[][..]] {
        std::fs::write(cache.path(), damaged).unwrap();
        assert_eq!(pass(), (first.clone(), 2), "computed again");
        assert_eq!(std::fs::read(cache.path()).unwrap(), kept, "and written again");
    }
}

#[test]
fn no_prediction_depends_on_anything_later() {
    let trace = spliced(&recordings::open("hackbench-pipe-2g_run3"), 8_000, 0..0);
    let head = 5_000;
    let shuffled = spliced(&trace, head, (head..trace.len()).rev());
    for by in [Rule::Eevdf, Rule::Followed] {
        let ((a, _), (b, _)) = (whole(&trace, by), whole(&shuffled, by));
        for cpu in 0..trace.cpus() {
            let n = trace.cpu_switches(CpuId(cpu as u16)).partition_point(|i| (*i as usize) < head);
            assert!(n > 100);
            assert_eq!(a[cpu][..n], b[cpu][..n], "{by:?} on CPU {cpu}");
            assert_ne!(a[cpu][n..], b[cpu][n.min(b[cpu].len())..], "the future did change");
        }
    }
}

#[test]
fn a_cancelled_pass_stops() {
    let trace = recordings::open("cpu-bound-4p_run3");
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(score(&trace, &mut [], &cancel, &|_| {}).is_none());
    let result =
        overlay::run(&trace, Heuristic::new(Rule::Fifo, 0), &cancel, &mut |_| panic!("no chunk"));
    assert_eq!(result.err(), Some(overlay::OverlayError::Cancelled));
}
