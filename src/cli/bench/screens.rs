//! Opening a recording and what runs by itself then, the tables of waits and tasks, and frames of
//! the screens that show them.

use super::{Args, laid_out, quantiles};
use crate::cli::output;
use crate::dataset::opening::{self, StatedMachine};
use crate::driver;
use crate::evaluate::overlay;
use crate::job::{self, Cancel};
use crate::replay::lod::Pyramid;
use crate::stats::column::parse;
use crate::stats::view::{Query, View};
use crate::stats::{By, Table, Window, load, tasks};
use crate::trace::Trace;
use crate::ui;
use color_eyre::eyre::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A filter that looks at names, lengths and kinds.
const FILTER: &str = "wait>100us and not task~kworker and (kind=wakeup or kind=preempted)";
/// The same for threads.
const TASKS: &str = "wait>1ms and not task~kworker";
/// Of several runs the fastest counts: the machine does other things too.
const RUNS: usize = 3;
/// Parts of the recording that the crowd is drawn in.
const PARTS: usize = 1_000;
/// Size of the frames.
const SIZE: (u16, u16) = (200, 50);

/// The fastest of several runs in ms, and what it gave.
fn timed<T>(mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let mut once = || -> Result<(f64, T)> {
        let start = Instant::now();
        let found = work()?;
        Ok((start.elapsed().as_secs_f64() * 1e3, found))
    };
    let mut best = once()?;
    for _ in 1..RUNS {
        let next = once()?;
        if next.0 < best.0 {
            best = next;
        }
    }
    Ok(best)
}

/// Measures and prints.
pub fn measure(path: &Path, args: &Args) -> Result<()> {
    let (opening_ms, opened) = timed(|| Ok(opening::open(path, &StatedMachine::default())?))?;
    let (index_ms, _) = timed(|| Ok(Pyramid::build(&opened.trace)))?;
    let predict_ms = predicted(&opened.trace)?;
    let early = super::early::measure(&opened.trace)?;
    let opening = json!({
        "events": opened.trace.len(), "opening_ms": opening_ms, "index_ms": index_ms, "prediction_ms": predict_ms,
        "by_itself": (index_ms + predict_ms) / opening_ms,
    });
    let beside = args.cpus.map_or(1, |cpus| usize::from(cpus).div_ceil(opened.trace.cpus().max(1)));
    let asked = args.events.map(|events| events as usize);
    let events = asked.unwrap_or(if beside > 1 { opened.trace.len() } else { 0 });
    let trace = if events > 0 { laid_out(&opened.trace, events, beside) } else { opened.trace };
    let result = json!({
        "opening": opening, "early": early, "events": trace.len(), "cpus": trace.cpus(), "threads": trace.tasks().thread_count(),
        "screens": screens(&Arc::new(trace))?,
    });
    if args.json {
        return output::json(&result);
    }
    output::stdout(format!("{}\n", serde_json::to_string_pretty(&result)?).as_bytes())
}

/// What the bundled model needs to answer all of a recording, which it does beside the user, ms.
fn predicted(trace: &Trace) -> Result<f64> {
    let start = Instant::now();
    if let Ok((engine, _)) = driver::bundled_engine(trace) {
        job::on_one_thread(|| overlay::run(trace, engine, &Cancel::new(), &mut |_| {}))??;
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Tables on one thread, as their jobs find them, and what is asked of them on all cores.
fn screens(trace: &Arc<Trace>) -> Result<Value> {
    let one = |trace: &Arc<Trace>| Table::new("bench".into(), Arc::clone(trace));
    let (table_ms, table) = timed(|| Ok(job::on_one_thread(|| one(trace))?))?;
    let filtered = Query { filter: Some(parse(FILTER)?), ..Query::default() };
    let ask =
        |query: &Query| job::on_threads(job::cores(), || View::new(&table, query.clone(), None));
    let (all_ms, _) = timed(|| Ok(ask(&Query::default())?))?;
    let (filter_ms, some) = timed(|| Ok(ask(&filtered)?))?;
    let all = Window::all(trace);
    let (crowd_ms, _) = timed(|| {
        let found = || {
            let queues = load::longest_queues(trace, &table.waits, all, PARTS);
            (queues, load::idle_while_waited(trace, &table.waits, all, PARTS))
        };
        Ok(job::on_one_thread(found)?)
    })?;
    let sum = || tasks::Tasks::new(Arc::clone(trace), By::Thread, all);
    let (tasks_ms, threads) = timed(|| Ok(job::on_one_thread(sum)?))?;
    let query = tasks::Query {
        filter: Some(tasks::parse(TASKS)?),
        sort: tasks::Column::Wait,
        descending: true,
    };
    let (tasks_filter_ms, listed) = timed(|| Ok(job::on_one_thread(|| threads.listed(&query))?))?;
    let frames = |times: Vec<u64>| {
        let (p50, p99) = quantiles(times);
        json!({ "p50": p50 as f64 / 1e3, "p99": p99 as f64 / 1e3 })
    };
    let (width, height) = SIZE;
    Ok(json!({
        "waits": {
            "waits": table.waits.len(), "table_ms": table_ms, "list_ms": all_ms, "filter": FILTER, "filter_ms": filter_ms,
            "selected": some.rows.len(), "crowd_ms": crowd_ms,
        },
        "tasks": {
            "threads": threads.rows.len(), "table_ms": tasks_ms, "filter": TASKS, "filter_ms": tasks_filter_ms,
            "selected": listed.len(),
        },
        "frame_us": {
            "size": [width, height],
            "timeline": frames(ui::bench_frames(Arc::clone(trace), width, height)),
            "waits": frames(ui::bench_screen(Arc::clone(trace), '5', width, height)),
            "tasks": frames(ui::bench_screen(Arc::clone(trace), '6', width, height)),
        },
    }))
}
