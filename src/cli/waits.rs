//! `koracle waits`: who waited for a CPU, how long, who woke it, who ran instead, and which CPUs
//! were idle meanwhile.

use super::door::say;
use super::table::{Page, Style};
use super::{output, window::Times};
use crate::app::time::{grouped, point, short};
use crate::query::Bitmap;
use crate::stats::blame::{Blame, Link};
use crate::stats::column::{COLUMNS, Column, Expr};
use crate::stats::{Bucket, Distribution, Table};
use crate::trace::{ThreadIx, Trace, machine_name, told_apart, with_paths};
use clap::ValueHint;
use color_eyre::eyre::Result;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Waits that are listed, unless told otherwise.
const SHOWN: usize = 20;

/// Options of `waits`.
#[derive(Debug, clap::Args)]
#[command(after_help = columns_help())]
pub struct Args {
    /// Recordings; `-` reads standard input.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath, required = true)]
    traces: Vec<PathBuf>,
    /// Only waits for which this is true, such as: task~nginx and wait>1ms and kind=wakeup
    #[arg(long = "where", value_name = "EXPR", value_parser = super::values::expression::<Column>)]
    filter: Option<Expr>,
    /// List so many of the longest, without the histogram; without it 20 (CSV: all).
    #[arg(long, value_name = "N", value_parser = super::values::at_least_one())]
    top: Option<usize>,
    #[command(flatten)]
    times: Times,
    /// Print one JSON object.
    #[arg(long, group = "form")]
    json: bool,
    /// Write the list as CSV, the longest first; times in ns.
    #[arg(long, group = "form")]
    csv: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

fn columns_help() -> String {
    super::values::columns_help(COLUMNS.iter().map(|(_, name, _, help)| (*name, *help)))
        + "\nTimes need a unit (ns, us, ms, s) and count from the start. Names: = != ~ !~ \
            (contains). Joined by and, or, not, ( ).\n--from and --to select the waits that have \
            something of that time; they are listed whole.\nBuckets of the histogram: [from_ns, \
            to_ns), each twice as long as the one before.\n"
}

/// What is printed: recordings, the rows that were asked for, and the longest of all of them.
struct Found {
    tables: Vec<Table>,
    all: Distribution,
    /// Index of the recording, and row.
    worst: Vec<(usize, usize)>,
    /// So many of the longest were asked for: the page is the list.
    listed: bool,
}

/// Every wait of each recording, under names that tell the recordings apart.
fn tables(args: &Args) -> Result<Vec<Table>> {
    let (mut tables, mut names) = (Vec::new(), Vec::new());
    let paths = output::within(&args.traces)?;
    for path in &paths {
        let trace = output::open(path, &args.machine.told())?.trace;
        if !trace.knows_queues() {
            say!(
                "koracle: warning: {}: there are no wake-ups: only waits after a preemption are \
                 known",
                path.display()
            );
        }
        let meta = trace.meta();
        let name =
            if meta.name.is_empty() { path.display().to_string() } else { meta.name.clone() };
        names.push((name.clone(), machine_name(&meta.kernel, meta.cpus)));
        tables.push(Table::new(name, Arc::new(trace)));
    }
    let mut names = told_apart(&names);
    with_paths(&mut names, &paths);
    tables.iter_mut().zip(names).for_each(|(table, name)| table.name = name);
    Ok(tables)
}

/// Finds, filters, prints.
pub fn run(args: &Args) -> Result<()> {
    let tables = tables(args)?;
    let (mut lengths, mut worst) = (Vec::new(), Vec::new());
    let most = args.top.unwrap_or(if args.csv { usize::MAX } else { SHOWN });
    for (t, table) in tables.iter().enumerate() {
        let window = args.times.window(&table.trace)?;
        let asked = args
            .filter
            .as_ref()
            .map_or_else(|| Bitmap::all(table.waits.len(), true), |f| f.rows(table));
        let rows: Vec<usize> = asked.iter().filter(|row| table.touches(*row, window)).collect();
        lengths.extend(rows.iter().map(|row| table.waits.ns(*row)));
        worst.extend(table.worst(rows.into_iter(), most).into_iter().map(|row| (t, row)));
    }
    // Stable: equals stay by recording and time.
    worst.sort_by_key(|(t, row)| std::cmp::Reverse(tables[*t].waits.ns(*row)));
    worst.truncate(most);
    let found = Found { tables, all: Distribution::of(lengths), worst, listed: args.top.is_some() };
    if args.json {
        output::json(&found.json(&args.times))
    } else if args.csv {
        found.csv(&args.times)
    } else {
        output::stdout(found.page(&args.times).as_bytes())
    }
}

fn who(trace: &Trace, thread: ThreadIx, event: usize) -> Value {
    json!({ "pid": trace.tasks().pid(thread).0, "comm": trace.name_at(thread, event) })
}

impl Found {
    fn json(&self, times: &Times) -> Value {
        let d = &self.all;
        let bucket = |b: &crate::stats::distribution::Bucket| json!({ "from_ns": b.from, "to_ns": b.to, "count": b.count, "sum_ns": b.sum });
        json!({
            "count": d.count, "sum_ns": d.sum, "p50_ns": d.p50, "p90_ns": d.p90, "p99_ns": d.p99, "p999_ns": d.p999,
            "max_ns": d.max,
            "histogram": d.histogram.iter().map(bucket).collect::<Vec<_>>(),
            "worst": self.worst.iter().map(|(t, row)| one(&self.tables[*t], *row, times)).collect::<Vec<_>>(),
        })
    }

    fn csv(&self, times: &Times) -> Result<()> {
        output::write(Path::new("-"), |out| {
            let mut csv = csv::Writer::from_writer(out);
            let head = [
                "trace",
                "pid",
                "comm",
                "cpu",
                "from_ns",
                "to_ns",
                "wait_ns",
                "kind",
                "began",
                "waker_pid",
            ];
            csv.write_record(head.into_iter().chain(["waker_comm", "waker_cpu", "open", "event"]))?;
            for (t, row) in &self.worst {
                let (table, row) = (&self.tables[*t], *row);
                let text = |c: Column| c.text(table, row);
                let name = |thread: Option<ThreadIx>| match thread {
                    None | Some(ThreadIx::NONE) => "",
                    Some(thread) => table.trace.name_at(thread, table.event(row)),
                };
                let time = |ns: u64| times.shown(&table.trace, ns).to_string();
                csv.write_record([
                    &text(Column::Trace),
                    &text(Column::Pid),
                    name(Column::Task.thread(table, row)),
                    &text(Column::Cpu),
                    &time(table.waits.from(row)),
                    &time(table.waits.to(row)),
                    &text(Column::Wait),
                    &text(Column::Kind),
                    &text(Column::Began),
                    &text(Column::WakerPid),
                    name(Column::Waker.thread(table, row)),
                    &text(Column::WakerCpu),
                    &text(Column::Open),
                    &text(Column::Event),
                ])?;
            }
            Ok(csv.flush()?)
        })
    }

    fn page(&self, times: &Times) -> String {
        let (d, mut page) = (&self.all, Page::new(Style::Text));
        if d.count == 0 {
            // What was not recorded did not happen to nobody.
            let known = self.tables.iter().all(|table| table.trace.knows_queues());
            page.heading(if known { "no wait" } else { "no wait is known: no wake-ups recorded" });
            return page.out;
        }
        page.heading(&format!(
            "{}, {} in all: p50 {}, p90 {}, p99 {}, p99.9 {}, longest {}",
            if d.count == 1 { "1 wait".into() } else { format!("{} waits", grouped(d.count)) },
            short(d.sum),
            short(d.p50),
            short(d.p90),
            short(d.p99),
            short(d.p999),
            short(d.max)
        ));
        if !self.listed {
            let mut rows = vec![["below", "waits", "together", ""].map(String::from).to_vec()];
            rows.extend(histogram(&d.histogram));
            page.table(&rows);
        }
        page.heading(&format!("The longest ({} of {})", self.worst.len(), grouped(d.count)));
        let several = self.tables.len() > 1;
        let head = [
            "task",
            "waited",
            "from",
            "CPU",
            "kind",
            "woken by",
            "ran instead",
            "idle meanwhile",
            "recording",
        ];
        let mut rows =
            vec![head[..if several { 9 } else { 8 }].iter().map(ToString::to_string).collect()];
        for (t, row) in &self.worst {
            rows.push(cells(&self.tables[*t], *row, times, several));
        }
        page.table(&rows);
        page.out
    }
}

/// A row for each bucket that has something, and one for each stretch of empty ones.
fn histogram(buckets: &[Bucket]) -> Vec<Vec<String>> {
    let most = buckets.iter().map(|b| b.count).max().unwrap_or(1).max(1);
    let mut rows = Vec::new();
    for stretch in buckets.chunk_by(|a, b| a.count == 0 && b.count == 0) {
        rows.push(match stretch {
            [_, .., last] => vec![short(last.to), "none".into(), String::new(), " ".repeat(40)],
            all => {
                let b = &all[0];
                let bar = "▇".repeat((b.count * 40).div_ceil(most) as usize);
                vec![short(b.to), grouped(b.count), short(b.sum), format!("{bar:<40}")]
            }
        });
    }
    rows
}

/// A wait of the list in JSON.
fn one(table: &Table, row: usize, times: &Times) -> Value {
    let (trace, wait, event) = (&table.trace, table.waits.get(row), table.event(row));
    let Blame { instead, idle, chain, .. } = Blame::of(table, row);
    let time = |ns: u64| times.shown(trace, ns);
    let with = |mut value: Value, more: &[(&str, Value)]| {
        for (key, x) in more {
            value[*key] = x.clone();
        }
        value
    };
    let link = |l: &Link| {
        with(
            who(trace, l.waker, l.event as usize),
            &[("cpu", l.cpu.0.into()), ("at_ns", time(l.at.0).into())],
        )
    };
    let waker = (wait.waker != ThreadIx::NONE).then(|| {
        with(who(trace, wait.waker, wait.first as usize), &[("cpu", wait.waker_cpu.0.into())])
    });
    let more = json!({
        "trace": table.name, "cpu": wait.cpu.0, "from_ns": time(wait.from), "to_ns": time(wait.to),
        "wait_ns": wait.to - wait.from, "kind": wait.kind.label(), "began": wait.began.label(),
        "open": table.waits.is_open(row), "event": (!table.waits.is_open(row)).then_some(event), "waker": waker,
        "instead": instead.ran.iter().map(|(thread, ns)| with(who(trace, *thread, event), &[("ns", (*ns).into())])).collect::<Vec<_>>(),
        "instead_rest": { "threads": instead.rest.0, "ns": instead.rest.1 }, "unknown_ns": instead.unknown,
        "idle_cpus": idle.iter().map(|i| json!({ "cpu": i.cpu.0, "ns": i.ns, "allowed": i.allowed })).collect::<Vec<_>>(),
        "chain": chain.iter().map(link).collect::<Vec<_>>(),
    });
    let mut value = who(trace, wait.thread, event);
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

/// A wait of the list for a reader.
fn cells(table: &Table, row: usize, times: &Times, several: bool) -> Vec<String> {
    let (trace, wait, event) = (&table.trace, table.waits.get(row), table.event(row));
    let Blame { instead, idle, .. } = Blame::of(table, row);
    let some = |texts: Vec<String>, all: usize| match (texts.is_empty(), texts.len() < all) {
        (true, _) => "–".into(),
        (_, true) => texts.join(", ") + ", …",
        _ => texts.join(", "),
    };
    let named = |(thread, ns): &(ThreadIx, u64)| {
        format!("{} {}", trace.label_at(*thread, event), short(*ns))
    };
    let mut ran: Vec<String> = instead.ran.iter().take(2).map(named).collect();
    if instead.unknown > 0 {
        // Where most of a wait is not known, that comes first.
        let first = instead.ran.first().is_none_or(|(_, ns)| instead.unknown >= *ns);
        ran.insert(
            if first { 0 } else { ran.len() },
            format!("not known {}", short(instead.unknown)),
        );
    }
    let all = instead.ran.len() + instead.rest.0 as usize + usize::from(instead.unknown > 0);
    let free = idle.iter().take(2).map(|i| format!("CPU{} {}", i.cpu.0, short(i.ns)));
    let waker = match wait.waker {
        ThreadIx::NONE => "–".into(),
        waker => {
            format!("{} on CPU{}", trace.label_at(waker, wait.first as usize), wait.waker_cpu.0)
        }
    };
    let mut cells = vec![
        trace.label_at(wait.thread, event),
        format!(
            "{}{}",
            short(wait.to - wait.from),
            if table.waits.is_open(row) { "+" } else { "" }
        ),
        point(times.shown(trace, wait.from), 100_000),
        wait.cpu.0.to_string(),
        wait.kind.label().into(),
        waker,
        some(ran, all),
        some(free.collect(), idle.len()),
    ];
    cells.extend(several.then(|| table.name.clone()));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_empty_buckets_is_one_row() {
        let rows = histogram(&Distribution::of(vec![1, 1, 900, 1_100, 5_000]).histogram);
        let said: Vec<_> = rows.iter().map(|r| (r[0].as_str(), r[1].as_str())).collect();
        let short = [("2 ns", "2"), ("512 ns", "none"), ("1.02 µs", "1"), ("2.05 µs", "1")];
        assert_eq!(said, [&short[..], &[("4.10 µs", "0"), ("8.19 µs", "1")]].concat());
        assert!(rows.iter().all(|r| r[3].chars().count() == 40));
    }
}
