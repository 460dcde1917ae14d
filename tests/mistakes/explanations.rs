//! A mistake taken apart: nothing outside the receptive field moves an answer, where a walk starts
//! makes no difference, similar decisions are similar.

use super::common::recordings;
use super::{MODEL, NAMES, TABLE, engine};
use kernel_oracle::evaluate::mistakes::Column;
use kernel_oracle::evaluate::mistakes::collect::{collect, collect_keeping, states_every};
use kernel_oracle::evaluate::mistakes::filter::parse;
use kernel_oracle::evaluate::mistakes::why::{explain, explain_from, same_shape};
use kernel_oracle::evaluate::overlay::BASELINES;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::engine::Choice;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::predictor::networks::Kind as Net;
use kernel_oracle::predictor::weights::Weights;
use std::path::PathBuf;
use std::sync::Arc;

#[test]
fn what_is_outside_the_receptive_field_moves_nothing() {
    let trace = recordings::open(NAMES[0]);
    let field = MODEL.config.receptive_field();
    let t = &*TABLE;
    let wrong = parse("trace=hackbench-pipe-2g_run2 and not hit and queue>4").unwrap().rows(t);
    let (mut inside, mut seen) = (0, 0);
    for row in wrong.iter().step_by(wrong.count() / 8).take(8) {
        let event = t.event(row);
        let explained =
            |window| explain(&trace, engine(&trace), event, &[], window, &Cancel::new()).unwrap();
        let wide = explained(Some(field + 40));
        assert_eq!(wide.past.len(), field + 40);
        let (near, far) = wide.past.split_at(field);
        assert!(far.iter().all(|m| m.pull.to_bits() == 0), "outside: {far:?}");
        inside += near.iter().filter(|m| m.pull != 0.0).count();
        seen += 1;
        // The same answer as in the table, whatever the window; and the effects do not depend on
        // it.
        let close = explained(None);
        assert_eq!((&close.past[..], &close.groups), (near, &wide.groups));
        let first = &close.candidates[0];
        assert_eq!(first.p.to_bits(), Column::P.share(t, row).to_bits());
        assert_eq!(Some(first.thread), Column::Pred.thread(t, row));
        assert_eq!(Some(close.real), Column::Real.thread(t, row));
        assert_eq!(
            close.candidates[close.rivals.unwrap()[1]].thread,
            close.real,
            "a miss is held against the real one"
        );
        assert!(close.groups.iter().any(|g| g.pull.abs() > 0.01));
        assert!(close.past.is_sorted_by(|a, b| a.what >= b.what) && close.past[0].what < event);
    }
    assert!(seen == 8 && inside > 100, "{seen} {inside}");
}

/// An explanation that starts from a state of the pass is the one that starts from the first event,
/// bit by bit: for a network that sees a stretch, for one that remembers everything, and for
/// predictors that learn as they go.
#[test]
fn an_explanation_does_not_depend_on_where_its_walk_starts() {
    let trace = recordings::open("hackbench-socket-4g_run0");
    for choice in [
        Choice::Network(Net::Tcn),
        Choice::Network(Net::Lstm),
        Choice::Ppm,
        Choice::Rule(Rule::Random),
    ] {
        let model = choice.network().map(|kind| Arc::new(Weights::bundled_of(kind).unwrap()));
        let engine = || choice.make(model.as_ref(), &trace).unwrap();
        let states = states_every(1_500, &trace, engine());
        let kept = collect_keeping(&trace, PathBuf::new(), &states, None, &Cancel::new(), &|_| {})
            .unwrap();
        assert_eq!(states.len(), trace.len().div_ceil(1_500));
        let plain =
            collect(&trace, PathBuf::new(), &mut engine(), None, &Cancel::new(), &|_| {}).unwrap();
        let wrong = parse("not hit and queue>2").unwrap().rows(&kept);
        assert_eq!(parse("not hit and queue>2").unwrap().rows(&plain), wrong, "{}", choice.label());
        let mut alike = 0;
        for row in
            [wrong.next(kept.len() / 3), wrong.next(kept.len() / 2), wrong.before(kept.len())]
        {
            let (event, shape) = (kept.event(row.unwrap()), same_shape(&kept, row.unwrap()));
            let near: Vec<u32> =
                shape.iter().copied().filter(|e| (*e as usize) + 4_000 > event).collect();
            alike += shape.len();
            for similar in [&near[..], &shape[..], &[]] {
                let from =
                    explain_from(&trace, &states, event, similar, None, &Cancel::new()).unwrap();
                let whole =
                    explain(&trace, engine(), event, similar, None, &Cancel::new()).unwrap();
                assert_eq!(from, whole, "{} {event}", choice.label());
            }
        }
        assert!(alike > 0, "{}", choice.label());
    }
}

#[test]
fn the_nearest_right_decisions_have_the_same_shape() {
    let trace = recordings::open(NAMES[0]);
    let t = &*TABLE;
    let row = parse("not hit and queue=5 and enqueued=wake and state=S")
        .unwrap()
        .rows(t)
        .iter()
        .next()
        .unwrap();
    assert_eq!(t.source_ix(row), 0);
    let shape = same_shape(t, row);
    assert!(shape.len() > 20 && shape.is_sorted());
    let why = explain(&trace, engine(&trace), t.event(row), &shape, None, &Cancel::new()).unwrap();
    assert_eq!(why.similar.len(), 5);
    assert!(why.similar.is_sorted_by(|a, b| a.distance <= b.distance));
    for similar in &why.similar {
        let other = t.find(0, similar.event).unwrap();
        assert!(t.is_hit(other) && other != row);
        for column in [Column::Queue, Column::State, Column::Enqueued] {
            assert_eq!(column.text(t, other), column.text(t, row));
        }
    }
    for (b, (name, pick)) in why.baselines.iter().enumerate() {
        assert_eq!(*name, BASELINES[b]);
        assert_eq!(*pick == why.real, Column::Baseline(b as u8).flag(t, row), "{name}");
    }
    // A rule has no inputs to take away.
    let bare =
        explain(&trace, Heuristic::new(Rule::Fifo, 0), t.event(row), &[], None, &Cancel::new())
            .unwrap();
    assert!(bare.groups.is_empty() && bare.past.is_empty() && bare.candidates.len() == 5);
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(explain(&trace, engine(&trace), t.event(row), &[], None, &cancel).is_err());
    assert!(explain(&trace, engine(&trace), trace.len(), &[], None, &Cancel::new()).is_err());
}
