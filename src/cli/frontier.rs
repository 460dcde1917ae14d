//! `koracle frontier`: what accuracy costs. Each configuration, from a fixed rule upwards, by how
//! often it is right and by the nanoseconds of a decision, as a table and a chart.

use super::bench::{decisions, quantiles};
use super::door::say;
use super::eval::{self, Column};
use super::output;
use super::table::{Page, Style};
use crate::dataset::catalog::{Filter, Split};
use crate::dataset::opening::StatedMachine;
use crate::ingest;
use crate::predictor::engine::Choice;
use crate::predictor::heuristics::Rule;
use crate::predictor::networks::{Kind, ModelConfig};
use crate::trace::Trace;
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Recordings that decisions are timed on.
const TIMED: [&str; 2] = ["hackbench-pipe-2g_run3", "sysbench-threads-8t_run3"];
/// So often each configuration is timed; the median counts.
const ROUNDS: usize = 3;
/// Rows and columns of the chart.
const CHART: [usize; 2] = [12, 60];

/// What the times hold.
const NOTE: &str = "Each is asked through the same walk, which makes all inputs: a rule alone \
                    would need few of them. Leads: nobody else is as good on the pick for less.";

/// Options of `frontier`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Another configuration: a model file or a run (may be repeated).
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: Vec<PathBuf>,
    /// Which bundled recordings are scored: train, validation or test.
    #[arg(long, default_value = "validation", value_parser = super::split())]
    split: Split,
    /// Only those of this category (may be repeated).
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<String>,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table as markdown.
    #[arg(long)]
    markdown: bool,
}

/// A configuration, measured.
struct Configuration {
    name: String,
    parameters: usize,
    /// Shares that are right, macro over workloads.
    pick: f64,
    forecast: f64,
    /// Median time of a whole event with 2 to 8 candidates, ns.
    decision_ns: u64,
}

impl Configuration {
    /// Nobody else is at least as good on the pick for less.
    fn leads(&self, all: &[Self]) -> bool {
        !all.iter().any(|other| other.decision_ns < self.decision_ns && other.pick >= self.pick)
    }
}

/// Name of a network by its kind and what it is sized otherwise than usual.
fn named(config: &ModelConfig) -> String {
    let usual = ModelConfig::of(config.kind);
    let sizes =
        |c: &ModelConfig| [c.channels, c.blocks, c.hidden, c.hidden2, c.forecast, c.forecast2];
    let marks = ["c", "b", "h", "h2=", "f", "f2="];
    let other = sizes(config)
        .into_iter()
        .zip(sizes(&usual))
        .zip(marks)
        .filter(|((mine, usual), _)| mine != usual);
    other.fold(config.kind.label().to_owned(), |name, ((mine, _), mark)| {
        format!("{name} {mark}{mine}")
    })
}

impl Args {
    fn columns(&self) -> Result<Vec<(String, Column)>> {
        let plain = [
            Choice::Rule(Rule::Fifo),
            Choice::Rule(Rule::Eevdf),
            Choice::Ppm,
            Choice::KernelOracle,
        ];
        let mut columns: Vec<_> = plain
            .into_iter()
            .map(|choice| (choice.label().to_owned(), Column { choice, model: None }))
            .collect();
        for kind in Kind::ALL {
            let model = super::model_of(None, kind)?;
            columns.push((named(&model.config), Column::of(model)));
        }
        for path in &self.model {
            let model = super::model(Some(path))?;
            let mut name = named(&model.config);
            while columns.iter().any(|(other, _)| *other == name) {
                name.push('\'');
            }
            columns.push((name, Column::of(model)));
        }
        Ok(columns)
    }
}

/// Scores, times and prints.
pub fn run(args: &Args) -> Result<()> {
    let (catalog, columns) = (eval::bundled()?, args.columns()?);
    let filter =
        Filter { split: Some(args.split), categories: args.category.clone(), ..Filter::default() };
    let paths = eval::paths(&catalog, &filter)?;
    let mut timed = Vec::new();
    for entry in catalog.entries.iter().filter(|e| TIMED.contains(&e.name())) {
        timed.push(ingest::open(&catalog.path(entry))?.trace);
    }
    if timed.is_empty() {
        return Err(eyre!("none of {} is there to time decisions on", TIMED.join(", ")));
    }
    let bar = output::progress(0, "scoring");
    let only: Vec<Column> = columns.iter().map(|(_, column)| column.clone()).collect();
    let report = eval::report_as(
        &columns.iter().map(|c| c.0.clone()).collect::<Vec<_>>(),
        &only,
        &paths,
        &StatedMachine::default(),
        &bar,
    )?;
    bar.finish_and_clear();
    // In turn, so that whatever else the machine does falls on all of them.
    let mut times = vec![Vec::new(); columns.len()];
    for round in 1..=ROUNDS {
        say!("koracle: timing, round {round} of {ROUNDS}");
        for ((_, column), times) in columns.iter().zip(&mut times) {
            times.push(time(column, &timed)?);
        }
    }
    let mut rows = Vec::new();
    for ((name, column), times) in columns.into_iter().zip(times) {
        let top1 = report.mean.pick.get(&name).map_or(f64::NAN, |p| p.top1);
        let forecast = report.mean.forecast.get(&name).map_or(f64::NAN, |p| p.top1);
        let parameters = column.model.as_ref().map_or(0, |m| m.parameters());
        rows.push(Configuration {
            parameters,
            pick: top1,
            forecast,
            decision_ns: quantiles(times).0,
            name,
        });
    }
    rows.sort_by_key(|row| row.decision_ns);
    if args.json {
        let row = |row: &Configuration| {
            json!({
                "name": row.name, "parameters": row.parameters, "pick": row.pick, "forecast": row.forecast,
                "decision_ns": row.decision_ns, "leads": row.leads(&rows),
            })
        };
        let list: Vec<_> = rows.iter().map(row).collect();
        return output::json(
            &json!({ "split": args.split.label(), "workloads": report.mean.pick_workloads, "rows": list }),
        );
    }
    let style = if args.markdown { Style::Markdown } else { Style::Text };
    output::stdout(text(&rows, style).as_bytes())
}

/// Median ns of a usual decision.
fn time(column: &Column, traces: &[Trace]) -> Result<u64> {
    let mut times = Vec::new();
    for trace in traces {
        times.extend(decisions::usual(trace, column.engine(trace)?));
    }
    Ok(quantiles(times).0)
}

/// The table, then the chart.
fn text(rows: &[Configuration], style: Style) -> String {
    let mut page = Page::new(style);
    let mut table: Vec<Vec<String>> = vec![
        ["", "configuration", "parameters", "ns per decision", "pick, %", "forecast, %", "leads"]
            .map(String::from)
            .into(),
    ];
    for (row, letter) in rows.iter().zip('a'..) {
        let parameters = if row.parameters > 0 { row.parameters.to_string() } else { "-".into() };
        let share = |x: f64| format!("{:.1}", 100.0 * x);
        let leads = if row.leads(rows) { "yes" } else { "" };
        table.push(vec![
            letter.to_string(),
            row.name.clone(),
            parameters,
            row.decision_ns.to_string(),
            share(row.pick),
            share(row.forecast),
            leads.into(),
        ]);
    }
    page.table(&table);
    page.line(NOTE);
    let [open, close] =
        if style == Style::Markdown { ["\n```text\n", "```\n"] } else { ["\n", ""] };
    page.out + open + &chart(rows) + close
}

/// Picks that are right over time, on a logarithmic scale; where two fall together the later letter
/// stands beside the first.
fn chart(rows: &[Configuration]) -> String {
    let [height, width] = CHART;
    let ends = |of: &dyn Fn(&Configuration) -> f64| {
        let (low, high) = rows
            .iter()
            .map(of)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        (low, if high > low { high - low } else { 1.0 })
    };
    let (time, pick) = (
        |row: &Configuration| (row.decision_ns.max(1) as f64).ln(),
        |row: &Configuration| row.pick,
    );
    let ((fast, times), (worst, picks)) = (ends(&time), ends(&pick));
    let mut grid = vec![vec![' '; width + rows.len()]; height];
    for (row, letter) in rows.iter().zip('a'..) {
        let x = ((time(row) - fast) / times * (width - 1) as f64).round() as usize;
        let y = ((pick(row) - worst) / picks * (height - 1) as f64).round() as usize;
        let line = &mut grid[height - 1 - y.min(height - 1)];
        let free = (x..line.len()).find(|x| line[*x] == ' ').unwrap_or(x);
        if let Some(cell) = line.get_mut(free) {
            *cell = letter;
        }
    }
    let mut out = String::new();
    for (i, line) in grid.iter().enumerate() {
        let label = match i {
            0 => format!("{:.1}", 100.0 * (worst + picks)),
            _ if i + 1 == height => format!("{:.1}", 100.0 * worst),
            _ => String::new(),
        };
        let line: String = line.iter().collect();
        let _ = writeln!(out, "{label:>5} │{}", line.trim_end());
    }
    let _ = writeln!(out, "      └{}", "─".repeat(width));
    let (first, last) = (fast.exp(), (fast + times).exp());
    let last = format!("{last:.0} ns");
    let _ = writeln!(
        out,
        "pick, % {first:.0} ns{last:>gap$}",
        gap = width.saturating_sub(format!("{first:.0} ns").len() + 1)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, decision_ns: u64, pick: f64) -> Configuration {
        Configuration { name: name.into(), parameters: 0, pick, forecast: 0.5, decision_ns }
    }

    #[test]
    fn who_is_beaten_for_less_does_not_lead() {
        let rows = [
            row("rule", 100, 0.5),
            row("slow", 900, 0.7),
            row("good", 300, 0.9),
            row("best", 400, 0.95),
        ];
        let leads: Vec<_> = rows.iter().map(|r| r.leads(&rows)).collect();
        assert_eq!(leads, [true, false, true, true]);
    }

    #[test]
    fn the_chart_shows_every_row_once() {
        let rows = [row("rule", 100, 0.5), row("same", 100, 0.5), row("best", 10_000, 0.9)];
        let text = text(&rows, Style::Text);
        let chart: Vec<&str> = text.lines().filter(|line| line.contains('│')).collect();
        assert_eq!(chart.len(), CHART[0]);
        assert!(chart[0].starts_with(" 90.0 │") && chart[0].ends_with('c'), "{text}");
        assert!(chart[CHART[0] - 1].ends_with("│ab"), "{text}");
        assert!(text.contains("100 ns") && text.contains("10000 ns"));
        // One point alone has a place too.
        assert!(self::text(&rows[..1], Style::Markdown).contains("│a"));
    }

    #[test]
    fn a_network_is_named_by_what_is_unusual() {
        let usual = ModelConfig::of(Kind::Tcn);
        assert_eq!(named(&usual), "tcn");
        assert_eq!(named(&ModelConfig { channels: 16, hidden2: 8, ..usual }), "tcn c16 h2=8");
    }
}
