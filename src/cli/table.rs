//! An evaluation as markdown tables, readable as they are. All figures come from the same report as the JSON.

use super::output::count;
use crate::evaluate::report::{MIN_NON_TRIVIAL, PickScore, Report, Scores, Slice};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How a row of the macro table is written.
type Field = fn(&PickScore) -> String;

/// In place of a figure that there is not.
const NONE: &str = "–";

/// Renders the whole report.
pub fn markdown(report: &Report) -> String {
    let names = &report.predictors;
    let mut out = String::new();
    out.push_str("### Pick: top-1 over non-trivial decisions, %\n\n");
    let mut rows = vec![header(&["workload", "decisions", "non-trivial", "coverage", "trivial", "idle"], names)];
    for (workload, w) in &report.workloads {
        let star = if w.in_macro { "" } else { " *" };
        let mut row = vec![format!("{workload}{star}")];
        row.extend(facts(&w.scores));
        row.extend(names.iter().map(|n| cell(w.scores.pick.get(n).map(|s| s.top1))));
        rows.push(row);
    }
    rows.push(mean(names, 5, |n| report.mean.pick.get(n).map(|s| s.top1)));
    table(&mut out, &rows);
    if !report.mean.left_out.is_empty() {
        let _ = writeln!(out, "\n\\* fewer than {MIN_NON_TRIVIAL} non-trivial decisions: not in the macro mean");
    }

    let _ = writeln!(out, "\n### Pick: macro over {}\n", count(report.mean.pick_workloads as u64, "workload"));
    let mut rows = vec![header(&["measure"], names)];
    let fields: [(&str, Field); 5] = [
        ("top-1 %", |s| percent(s.top1)),
        ("top-3 %", |s| percent(s.top3)),
        ("MRR", |s| number(s.mrr)),
        ("NLL", |s| number(s.nll)),
        ("ECE", |s| number(s.ece)),
    ];
    for (label, field) in fields {
        let cells = names.iter().map(|n| report.mean.pick.get(n).map_or_else(|| NONE.into(), field));
        rows.push(std::iter::once(label.to_owned()).chain(cells).collect());
    }
    table(&mut out, &rows);

    out.push_str("\n### Forecast: top-1, %\n\n");
    let asked: Vec<_> = names.iter().filter(|n| report.mean.forecast.contains_key(*n)).cloned().collect();
    let mut rows = vec![header(&["workload", "median lead, µs"], &asked)];
    for (workload, w) in &report.workloads {
        let lead = format!("{:.1}", w.scores.lead_ns_median as f64 / 1e3);
        let mut row = vec![workload.clone(), if w.scores.decisions == 0 { NONE.into() } else { lead }];
        row.extend(asked.iter().map(|n| cell(w.scores.forecast.get(n).map(|s| s.top1))));
        rows.push(row);
    }
    rows.push(mean(&asked, 1, |n| report.mean.forecast.get(n).map(|s| s.top1)));
    table(&mut out, &rows);

    out.push_str("\n### Pick by queue size and by the state of the task that leaves: top-1, %, all recordings\n\n");
    let mut rows = vec![header(&["slice", "non-trivial"], names)];
    let kinds = [("queue", &report.slices.queue), ("prev", &report.slices.prev_state)];
    for (kind, slices) in kinds {
        rows.extend(slices.iter().filter(|s| s.non_trivial > 0).map(|s| slice_row(kind, s, names)));
    }
    table(&mut out, &rows);
    out
}

fn header(first: &[&str], names: &[String]) -> Vec<String> {
    first.iter().map(ToString::to_string).chain(names.iter().cloned()).collect()
}

fn facts(s: &Scores) -> [String; 5] {
    let [coverage, trivial, idle] = [s.coverage, s.trivial_share, s.idle_share].map(percent);
    [s.decisions.to_string(), s.non_trivial.to_string(), coverage, trivial, idle]
}

fn slice_row(kind: &str, slice: &Slice, names: &[String]) -> Vec<String> {
    let top1: &BTreeMap<_, _> = &slice.top1;
    let cells = names.iter().map(|n| cell(top1.get(n).copied()));
    [format!("{kind} {}", slice.slice), slice.non_trivial.to_string()].into_iter().chain(cells).collect()
}

fn mean(names: &[String], blanks: usize, of: impl Fn(&String) -> Option<f64>) -> Vec<String> {
    let blank = std::iter::repeat_n(String::new(), blanks);
    std::iter::once("**macro**".to_owned()).chain(blank).chain(names.iter().map(|n| cell(of(n)))).collect()
}

fn percent(share: f64) -> String {
    if share.is_nan() { NONE.into() } else { format!("{:.1}", 100.0 * share) }
}

fn number(x: f64) -> String {
    if x.is_nan() { NONE.into() } else { format!("{x:.3}") }
}

fn cell(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.into(), percent)
}

/// Columns as wide as their widest cell, the first to the left, numbers to the right.
pub(super) fn table(out: &mut String, rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for (i, row) in rows.iter().enumerate() {
        for (c, (text, w)) in row.iter().zip(&widths).enumerate() {
            let _ = if c == 0 { write!(out, "| {text:<w$} ") } else { write!(out, "| {text:>w$} ") };
        }
        out.push_str("|\n");
        if i == 0 {
            for (c, w) in widths.iter().enumerate() {
                let _ = write!(out, "|{}{}", "-".repeat(w + 1), if c == 0 { "-" } else { ":" });
            }
            out.push_str("|\n");
        }
    }
}
