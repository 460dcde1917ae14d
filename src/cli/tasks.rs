//! `koracle tasks`: where the time of each thread or name went, and how often it was switched,
//! woken and moved.

use super::table::{Page, Style};
use super::{output, window::Times};
use crate::app::time::{grouped, short};
use crate::stats::tasks::{COLUMNS, Column, Expr, Query, Tasks};
use crate::stats::{By, CpuTime, Totals, Window};
use crate::trace::{CpuId, Trace};
use clap::{ValueEnum, ValueHint};
use color_eyre::eyre::Result;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// One thread.
    Thread,
    /// All threads of a name.
    Comm,
}

/// What the help says of the figures.
const WORDS: &str = "Run, wait, sleep and unknown of a row add up to its span: from the first \
                     event that names it to the end, less the time in which it was dead.\nColumns: \
                     % is of one CPU's time; stints: how often it came in; left: to sleep or to \
                     end (voluntary); preempted: it could have run on (involuntary); woken: by \
                     others; woke: others; moved: came in on another CPU. Those that waited \
                     longest come first.\nWith --from and --to all figures are those of that time; \
                     what reaches over its ends is cut.\n";

fn columns_help() -> String {
    super::values::columns_help(COLUMNS.iter().map(|(_, name, _, help)| (*name, *help)))
}

/// Options of `tasks`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("{}\n{WORDS}", columns_help())
)]
pub struct Args {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    trace: PathBuf,
    /// Only tasks for which this is true, such as: task~nginx and wait>1ms
    #[arg(long = "where", value_name = "EXPR", value_parser = super::values::expression::<Column>)]
    filter: Option<Expr>,
    /// A row per thread, or per name.
    #[arg(long, value_name = "comm|thread", default_value = "thread")]
    by: Rows,
    #[command(flatten)]
    times: Times,
    /// Print one JSON object: `tasks`, and `cpus` with the time of each.
    #[arg(long, group = "form")]
    json: bool,
    /// Write a CSV row per task; times in ns.
    #[arg(long, group = "form")]
    csv: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// Sums up, prints.
pub fn run(args: &Args) -> Result<()> {
    let trace = output::open(&args.trace, &args.machine.told())?.trace;
    let window = args.times.window(&trace)?;
    let by = if args.by == Rows::Thread { By::Thread } else { By::Name };
    let tasks = Tasks::new(Arc::new(trace), by, window);
    let query = Query { filter: args.filter.clone(), sort: Column::Wait, descending: true };
    let totals: Vec<Totals> =
        tasks.listed(&query).into_iter().map(|row| tasks.rows[row as usize].clone()).collect();
    let trace = &tasks.trace;
    if args.json {
        let cpus: Vec<Value> =
            (0..trace.cpus()).map(|cpu| cpu_json(trace, CpuId(cpu as u16), window)).collect();
        output::json(&json!({
            "trace": trace.meta().name,
            "from_ns": args.times.shown(trace, window.from),
            "to_ns": args.times.shown(trace, window.to),
            "tasks": totals.iter().map(|t| row(t, by)).collect::<Vec<_>>(),
            "cpus": cpus,
        }))
    } else if args.csv {
        csv(&totals, by)
    } else {
        output::stdout(page(&totals, by, window).as_bytes())
    }
}

fn cpu_json(trace: &Trace, cpu: CpuId, window: Window) -> Value {
    let time = CpuTime::of(trace, cpu, window);
    json!({ "cpu": cpu.0, "use_ns": time.used, "idle_ns": time.idle, "unknown_ns": time.unknown })
}

/// A name has no pid.
fn pid(t: &Totals, by: By) -> Option<i32> {
    (by == By::Thread).then_some(t.pid.0)
}

fn row(t: &Totals, by: By) -> Value {
    let (w, n) = (&t.waits, &t.counts);
    json!({
        "pid": pid(t, by), "comm": t.comm, "threads": t.threads, "run_ns": t.run, "stints": n.stints,
        "waits": { "count": w.count, "sum_ns": w.sum, "p50_ns": w.p50, "p99_ns": w.p99, "max_ns": w.max },
        "sleep_ns": t.sleep, "blocked_ns": t.blocked, "unknown_ns": t.unknown, "span_ns": t.span(),
        "voluntary": n.voluntary, "involuntary": n.involuntary, "wakeups": n.wakeups,
        "wakeups_given": n.wakeups_given, "migrations": n.migrations,
        "cpus": t.cpus.iter().map(|c| c.0).collect::<Vec<_>>(),
    })
}

fn csv(totals: &[Totals], by: By) -> Result<()> {
    output::write(Path::new("-"), |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record([
            "pid",
            "comm",
            "threads",
            "run_ns",
            "stints",
            "waits",
            "wait_ns",
            "wait_p50_ns",
            "wait_p99_ns",
            "wait_max_ns",
            "sleep_ns",
            "blocked_ns",
            "unknown_ns",
            "voluntary",
            "involuntary",
            "wakeups",
            "wakeups_given",
            "migrations",
            "cpus",
        ])?;
        for t in totals {
            let numbers = [
                t.threads,
                t.run,
                t.counts.stints,
                t.waits.count,
                t.waits.sum,
                t.waits.p50,
                t.waits.p99,
                t.waits.max,
                t.sleep,
                t.blocked,
                t.unknown,
                t.counts.voluntary,
                t.counts.involuntary,
                t.counts.wakeups,
                t.counts.wakeups_given,
                t.counts.migrations,
            ];
            let mut row =
                vec![pid(t, by).map(|p| p.to_string()).unwrap_or_default(), t.comm.clone()];
            row.extend(numbers.map(|n| n.to_string()));
            row.push(cpus(t, usize::MAX));
            csv.write_record(row)?;
        }
        Ok(csv.flush()?)
    })
}

/// The CPUs in words; beyond `most`, how many.
fn cpus(t: &Totals, most: usize) -> String {
    if t.cpus.len() > most {
        return format!("{} CPUs", t.cpus.len());
    }
    t.cpus.iter().map(|c| c.0.to_string()).collect::<Vec<_>>().join(" ")
}

/// Columns of the table.
const HEAD: [&str; 17] = [
    "task",
    "run",
    "%",
    "stints",
    "waits",
    "waited",
    "p50",
    "p99",
    "longest",
    "slept",
    "unknown",
    "left",
    "preempted",
    "woken",
    "woke",
    "moved",
    "CPUs",
];

fn page(totals: &[Totals], by: By, window: Window) -> String {
    let mut page = Page::new(Style::Text);
    page.heading(&format!(
        "{} in {}, those that waited longest first",
        rows_in_words(totals.len(), by),
        short(window.ns())
    ));
    let mut rows = vec![HEAD.map(String::from).to_vec()];
    rows.extend(totals.iter().map(|t| cells(t, by, window).to_vec()));
    page.table(&rows);
    page.out
}

/// What the table says of a thread or of all of a name.
fn cells(t: &Totals, by: By, window: Window) -> [String; HEAD.len()] {
    let name = match by {
        By::Thread => format!("{}:{}", t.comm, t.pid.0),
        By::Name if t.threads > 1 => format!("{} ×{}", t.comm, t.threads),
        By::Name => t.comm.clone(),
    };
    let share = 100.0 * t.run as f64 / window.ns().max(1) as f64;
    let time = |ns: u64| if ns == 0 { "–".into() } else { short(ns) };
    [
        name,
        time(t.run),
        format!("{share:.1}"),
        grouped(t.counts.stints),
        grouped(t.waits.count),
        time(t.waits.sum),
        time(t.waits.p50),
        time(t.waits.p99),
        time(t.waits.max),
        time(t.sleep),
        time(t.unknown),
        grouped(t.counts.voluntary),
        grouped(t.counts.involuntary),
        grouped(t.counts.wakeups),
        grouped(t.counts.wakeups_given),
        grouped(t.counts.migrations),
        cpus(t, 4),
    ]
}

fn rows_in_words(n: usize, by: By) -> String {
    output::count(n as u64, if by == By::Thread { "thread" } else { "name" })
}
