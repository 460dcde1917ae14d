//! What the Mistakes screen asks of the outside, answered at once over a real recording.

use kernel_oracle::app::mistakes::{Explanation, Found, News, Order, Origin};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::view::View;
use kernel_oracle::evaluate::mistakes::why::{Moved, describe, explain, same_shape};
use kernel_oracle::features::{Decision, Forecast, Outcome};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::Trace;
use std::path::Path;
use std::sync::{Arc, LazyLock};

pub const REAL: &str = "traces/hackbench-pipe-2g_run0.csv.zst";

/// A rule whose probabilities are spread out.
#[derive(Clone)]
pub struct Soft(Heuristic);

impl Predictor for Soft {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.0.pick(decision, scores);
        for s in scores.iter_mut() {
            *s *= 0.06;
        }
    }
    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        self.0.forecast(forecast, scores);
    }
    fn outcome(&mut self, outcome: &Outcome) {
        self.0.outcome(outcome);
    }
}

pub fn soft() -> Soft {
    Soft(Heuristic::new(Rule::Followed, 0))
}

pub static TRACE: LazyLock<Arc<Trace>> =
    LazyLock::new(|| Arc::new(ingest::open(Path::new(REAL)).unwrap().trace));

pub static FOUND: LazyLock<Arc<Found>> = LazyLock::new(|| {
    let table = collect(&TRACE, REAL.into(), &mut soft(), None, &Cancel::new(), &|_| {}).unwrap();
    Arc::new(Found { table, latencies: vec![2_000, 3_000, 4_000], ..Found::default() })
});

pub fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec![REAL.into()], size);
    let loaded = Loaded {
        path: REAL.into(),
        pyramid: Pyramid::build(trace),
        trace: Arc::clone(trace),
        notes: Vec::new(),
    };
    app.update(Msg::Opened { ticket: Ticket(1), path: REAL.into(), result: Ok(Arc::new(loaded)) });
    app
}

/// What the outside would answer to an order, at once.
pub fn answer(order: Order) -> Option<News> {
    match order {
        Order::Collect { ticket, origins, .. } => {
            let Origin::Open(_, trace) = &origins[0] else { return None };
            let result = if Arc::ptr_eq(trace, &TRACE) {
                Arc::clone(&FOUND)
            } else {
                let table = collect(trace, REAL.into(), &mut soft(), None, &Cancel::new(), &|_| {})
                    .unwrap();
                Arc::new(Found { table, ..Found::default() })
            };
            Some(News::Collected { ticket, result: Ok(result) })
        }
        Order::Look { ticket, found, query, old } => {
            let view = Arc::new(View::new(&found.table, &found.latencies, query, old.as_deref()));
            Some(News::Looked { ticket, view })
        }
        Order::Explain { ticket, found, row, .. } => {
            let event = found.table.event(row);
            let shape = same_shape(&found.table, row);
            let mut why =
                explain(&TRACE, soft(), event, &shape[..shape.len().min(40)], None, &Cancel::new())
                    .unwrap();
            // A rule cannot be taken apart; the screen is shown what it would get of a network.
            let groups =
                ["who follows whom", "place in the queue", "waiting and sleeping", "queue length"];
            let pulls = [1.5, -0.75, 0.5, 0.0];
            why.groups = groups
                .into_iter()
                .zip(pulls)
                .map(|(what, pull)| Moved { what, pull, without: [0.5, 0.1] })
                .collect();
            why.past = (event.saturating_sub(9)..event)
                .rev()
                .enumerate()
                .map(|(i, what)| Moved {
                    what,
                    pull: [0.25, -1.0, 0.0][i % 3],
                    without: [0.5, 0.1],
                })
                .collect();
            why.all_past = Some(Moved { what: (), pull: 0.3, without: [0.5, 0.1] });
            let now = TRACE.time(event);
            let past = why
                .past
                .iter()
                .map(|m| (describe(&TRACE, m.what), now.since(TRACE.time(m.what)).0))
                .collect();
            Some(News::Explained {
                ticket,
                row,
                result: Ok(Arc::new(Explanation { why, past, unknown: false, kernel: None })),
            })
        }
        Order::LoadFilters => {
            Some(News::Filters(vec!["p>0.5".into(), "queue>=9 and state=S".into()]))
        }
        Order::SaveFilters(_) => None,
    }
}

/// Performs what the application orders of this screen, until it wants nothing more.
pub fn perform(app: &mut App, effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Mistakes(order) = effect
            && let Some(news) = answer(order)
        {
            let more = app.update(Msg::Mistakes(news));
            perform(app, more);
        }
    }
}
