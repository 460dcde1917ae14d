//! Mistakes at a million decisions: bytes, a new filter with all its sums, sorting, scrolling the
//! list.

use super::quantiles;
use crate::app::mistakes::Found;
use crate::evaluate::mistakes::collect::collect;
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::{Column, Table, filter};
use crate::job::{self, Cancel};
use crate::predictor::Predictor;
use crate::trace::Trace;
use crate::ui;
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// The table has at least so many decisions; the same recording is taken again until it has.
const DECISIONS: usize = 1_000_000;
/// A filter that looks at names, numbers, probabilities and times, and lets some through.
const FILTER: &str = "queue>=3 and not (state=D or prev~kworker) and (p>0.3 or waited>20us)";
/// Of several runs the fastest counts: the machine does other things too.
const RUNS: usize = 5;

/// Measures on one thread, and what a user waits for also on all cores, as the interface does it.
pub fn measure<E: Predictor>(trace: &Arc<Trace>, mut engine: E) -> Result<Value> {
    let table = collect(trace, "bench".into(), &mut engine, None, &Cancel::new(), &|_| {});
    let one = table.ok_or_else(|| eyre!("cancelled"))?;
    let copies = DECISIONS.div_ceil(one.len().max(1));
    let table = Table::join(vec![one; copies]);
    let found = Arc::new(Found { table, latencies: vec![3_000], ..Found::default() });
    let t = &found.table;
    let cores = job::cores();
    let timed = |threads: usize, query: &Query, old: Option<&View>| -> Result<(f64, View)> {
        let mut best: Option<(f64, View)> = None;
        for _ in 0..RUNS {
            let start = Instant::now();
            let view =
                job::on_threads(threads, || View::new(t, &found.latencies, query.clone(), old))?;
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if best.as_ref().is_none_or(|b| ms < b.0) {
                best = Some((ms, view));
            }
        }
        best.ok_or_else(|| eyre!("nothing was measured"))
    };
    let everything = Query { all: true, ..Query::default() };
    let (all_ms, all) = timed(1, &everything, None)?;
    let (all_wide_ms, _) = timed(cores, &everything, None)?;
    let filtered = Query { filter: Some(filter::parse(FILTER)?), ..Query::default() };
    let (filter_ms, some) = timed(1, &filtered, None)?;
    let (filter_wide_ms, _) = timed(cores, &filtered, None)?;
    let by_name = Query { all: true, sort: Column::Prev, ..Query::default() };
    let (sort_ms, _) = timed(1, &by_name, Some(&all))?;
    let (sort_wide_ms, _) = timed(cores, &by_name, Some(&all))?;
    let (selected, listed) = (some.sums.total.decisions, some.rows.len());
    let (p50, p99) =
        quantiles(ui::bench_list(Arc::clone(trace), Arc::clone(&found), Arc::new(all), 200, 50));
    Ok(json!({
        "decisions": t.len(),
        "copies": copies,
        "bytes_per_decision": t.bytes_per_row(),
        "all_sums_ms": all_ms,
        "filter_and_sums_ms": filter_ms,
        "filter": FILTER,
        "selected": selected,
        "listed": listed,
        "sort_ms": sort_ms,
        "on_all_cores": {
            "cores": cores, "all_sums_ms": all_wide_ms, "filter_and_sums_ms": filter_wide_ms, "sort_ms": sort_wide_ms,
        },
        "frame_us": { "p50": p50 as f64 / 1e3, "p99": p99 as f64 / 1e3, "size": [200, 50] },
    }))
}
