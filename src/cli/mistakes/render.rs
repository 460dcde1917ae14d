//! The mistakes as CSV, JSON and markdown. Nothing is counted here.

use super::{ALL_RIGHT, Found, NONE, nothing_for};
use crate::cli::table::table as grid;
use crate::evaluate::mistakes::slices::{Slice, Tally};
use crate::evaluate::mistakes::sums::Versus;
use crate::evaluate::mistakes::{Bitmap, Column, Kind, Table, column::COLUMNS};
use crate::evaluate::overlay::BASELINES;
use crate::export::io_error;
use crate::text::count;
use color_eyre::eyre::Result;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::Write;

/// Rows of a list and of the tasks in a report.
const SHOWN: usize = 20;

fn columns(t: &Table) -> impl Iterator<Item = Column> + '_ {
    let second = |c: &Column| matches!(c, Column::Other | Column::OtherP | Column::OtherPred);
    COLUMNS.iter().map(|c| c.0).filter(move |c| t.has_other() || !second(c))
}

/// One CSV row per decision.
pub fn list(t: &Table, rows: &Bitmap, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(columns(t).map(Column::name)).map_err(io_error)?;
    for i in rows.iter() {
        csv.write_record(columns(t).map(|c| c.text(t, i).into_owned())).map_err(io_error)?;
    }
    Ok(csv.flush()?)
}

/// One CSV row per slice.
pub fn slices(t: &Table, by: &[(Column, Vec<Slice>)], out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let fixed = [
        "by",
        "slice",
        "where",
        "decisions",
        "misses",
        "accuracy",
        "low",
        "high",
        "wrong_ns",
        "forecasts",
        "asked",
    ];
    let other = t.has_other().then_some("other");
    csv.write_record(fixed.into_iter().chain(BASELINES).chain(other)).map_err(io_error)?;
    for (column, slice) in by.iter().flat_map(|(c, all)| all.iter().map(move |s| (c, s))) {
        let tally = &slice.tally;
        let (low, high) = tally.interval();
        let mut row = vec![column.name().to_owned(), slice.label.clone(), slice.filter.to_string()];
        row.extend([tally.decisions, tally.misses()].map(|n| n.to_string()));
        row.extend([tally.accuracy(), low, high].map(|x| format!("{x:.6}")));
        row.extend([tally.wrong_ns, tally.forecasts, tally.asked].map(|n| n.to_string()));
        row.extend(tally.baselines.map(|n| n.to_string()));
        row.extend(other.map(|_| tally.other.to_string()));
        csv.write_record(row).map_err(io_error)?;
    }
    Ok(csv.flush()?)
}

fn tally_json(t: &Table, tally: &Tally) -> Map<String, Value> {
    let (low, high) = tally.interval();
    let baselines: Map<_, _> =
        BASELINES.iter().zip(tally.baselines).map(|(n, x)| ((*n).to_owned(), x.into())).collect();
    let value = json!({
        "decisions": tally.decisions,
        "hits": tally.hits,
        "misses": tally.misses(),
        "accuracy": tally.accuracy(),
        "interval": [low, high],
        "covered": tally.covered,
        "forecasts": tally.forecasts,
        "asked": tally.asked,
        "baselines": baselines,
        "learnable": tally.learnable,
        "wrong_ns": tally.wrong_ns,
        "other": t.has_other().then_some(tally.other),
    });
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn slices_json(t: &Table, slices: &[Slice]) -> Value {
    let one = |s: &Slice| {
        let mut map = tally_json(t, &s.tally);
        map.insert("slice".into(), s.label.clone().into());
        map.insert("where".into(), s.filter.to_string().into());
        Value::Object(map)
    };
    slices.iter().map(one).collect()
}

fn versus_json(v: &Versus) -> Value {
    json!({
        "name": v.name, "both_right": v.both_right, "fixed": v.fixed, "broken": v.broken, "both_wrong": v.both_wrong,
        "mcnemar_p": v.p_value,
    })
}

/// One object with everything.
pub fn json(f: &Found) -> Value {
    let (t, sums) = (&f.table, &f.sums);
    let mut all = tally_json(t, &sums.total);
    let source = |s: &crate::evaluate::mistakes::Source| {
        let whole = s.whole;
        json!({
            "trace": s.name, "workload": s.workload, "category": s.category, "kernel": s.kernel,
            "decisions": whole.decisions, "trivial": whole.trivial,
            "non_trivial": whole.decisions - whole.trivial,
            "forecasts_asked": whole.asked, "forecasts_right": whole.forecasts,
        })
    };
    let confused = &sums.confusion;
    let cut = |(column, slices): &(Column, Vec<Slice>)| {
        (column.name().to_owned(), slices_json(t, slices))
    };
    let more = json!({
        "where": f.filter.as_ref().map(ToString::to_string),
        "models": t.models,
        "traces": t.sources.iter().map(source).collect::<Vec<_>>(),
        "bytes_per_decision": t.bytes_per_row(),
        "ece": sums.ece(),
        "tasks": slices_json(t, &sums.tasks),
        "confusion": { "names": confused.names, "folded": confused.folded, "real_by_predicted": confused.counts },
        "slices": sums.slices.iter().chain(&f.by).map(cut).collect::<Map<_, _>>(),
        "reliability": sums.bins.iter().map(|b| json!({ "decisions": b.decisions, "p_sum": b.p, "hits": b.hits }))
            .collect::<Vec<_>>(),
        "answered": sums.answered.iter().map(|a| json!({ "p_least": a.least, "decisions": a.decisions, "hits": a.hits }))
            .collect::<Vec<_>>(),
        "compare": f.versus.as_ref().map(versus_json),
        "in_time": {
            "share": f.in_time.share,
            "latency_ns": { "p50": f.in_time.latency.map(|l| l[0]), "p99": f.in_time.latency.map(|l| l[1]) },
            "measured": f.measured,
            "by_lead": f.in_time.classes.iter().map(|(slice, share)| {
                json!({ "slice": slice.label, "where": slice.filter.to_string(), "decisions": slice.tally.decisions,
                    "share": share })
            }).collect::<Vec<_>>(),
        },
    });
    if let Value::Object(more) = more {
        all.extend(more);
    }
    Value::Object(all)
}

fn percent(x: f64) -> String {
    if x.is_nan() { "–".into() } else { format!("{:.1}", 100.0 * x) }
}

fn seconds(ns: u64) -> String {
    format!("{:.3}", ns as f64 / 1e6)
}

fn slice_rows(t: &Table, title: &str, slices: &[Slice]) -> Vec<Vec<String>> {
    let mut head: Vec<String> =
        [title, "decisions", "misses", "per 1,000", "right %", "95 % from", "to", "wrong for, ms"]
            .map(String::from)
            .into();
    head.extend(BASELINES.iter().map(|b| format!("{b} %")));
    head.extend(t.has_other().then(|| "second %".to_owned()));
    let mut rows = vec![head];
    for slice in slices {
        let tally = &slice.tally;
        let (low, high) = tally.interval();
        let share = |n: u64| percent(n as f64 / tally.decisions as f64);
        let mut row =
            vec![slice.label.clone(), tally.decisions.to_string(), tally.misses().to_string()];
        row.push(format!("{:.1}", tally.per_thousand()));
        row.extend([tally.accuracy(), low, high].map(percent));
        row.push(seconds(tally.wrong_ns));
        row.extend(tally.baselines.map(share));
        row.extend(t.has_other().then(|| share(tally.other)));
        rows.push(row);
    }
    rows
}

/// A report to read.
pub fn markdown(f: &Found, all: bool) -> String {
    let mut out = String::new();
    if f.sums.total.decisions == 0 {
        nothing(f, &mut out);
        return out;
    }
    summary(f, &mut out);
    if let Some(v) = &f.versus {
        versus(&f.table.models[0], v, &mut out);
    }
    if f.by.is_empty() {
        tasks(f, &mut out);
        if f.sums.total.misses() > 0 {
            confusion(f, &mut out);
        }
        reliability(f, &mut out);
        answered(f, &mut out);
    }
    let cuts = if f.by.is_empty() { &f.sums.slices } else { &f.by };
    for (column, slices) in cuts {
        let _ = writeln!(out, "\n### By {}: {}\n", column.name(), column.help());
        grid(&mut out, &slice_rows(&f.table, column.name(), slices));
    }
    if f.by.is_empty() {
        examples(f, all, &mut out);
    }
    out
}

/// Instead of figures of nothing.
fn nothing(f: &Found, out: &mut String) {
    let (of, whole) = (f.table.len() as u64, f.table.whole());
    // Writing to a String cannot fail.
    let _ = match (f.table.lack(), &f.filter) {
        (Some(lack), _) => writeln!(
            out,
            "{}\n{} in {}, {} of them trivial",
            nothing_for(lack),
            count(whole.decisions, "scored decision"),
            count(f.table.sources.len() as u64, "recording"),
            whole.trivial
        ),
        (None, Some(filter)) => {
            writeln!(out, "{NONE}: {filter}, of {}", count(of, "non-trivial decision"))
        }
        (None, None) => writeln!(out, "{NONE}"),
    };
}

/// The figures of the whole list, in sentences.
fn summary(f: &Found, out: &mut String) {
    let (t, sums) = (&f.table, &f.sums);
    let (total, whole) = (&sums.total, t.whole());
    let (low, high) = total.interval();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} of {} non-trivial decisions wrong: {} % right (95 %: {} to {}), covered {} %, ECE {}\n",
        total.misses(),
        total.decisions,
        percent(total.accuracy()),
        percent(low),
        percent(high),
        percent(total.covered as f64 / total.decisions as f64),
        if sums.ece().is_nan() { "–".into() } else { format!("{:.3}", sums.ece()) },
    );
    forecasts(f, out);
    if let Some(filter) = &f.filter {
        let (found, of) = (total.decisions, t.len());
        let _ = writeln!(out, "where {filter}: {found} of {of} non-trivial decisions\n");
    }
    let _ = writeln!(
        out,
        "{} in {}, {} of them trivial and left out; {:.0} bytes per decision in the table",
        count(whole.decisions, "decision"),
        count(t.sources.len() as u64, "recording"),
        whole.trivial,
        t.bytes_per_row()
    );
    let (learnable, hard) = (total.learnable, total.misses() - total.learnable);
    let _ = writeln!(
        out,
        "of the wrong ones {learnable} were right by some baseline (badly learned), {hard} by none \
         (hard)"
    );
    in_time(f, out);
}

/// How many of the forecasts were right. The list has no trivial decisions, an evaluation counts
/// their forecasts too: both figures, each by its name.
fn forecasts(f: &Found, out: &mut String) {
    let (total, whole) = (&f.sums.total, f.table.whole());
    let _ = if whole.asked == 0 {
        writeln!(out, "no forecasts: {} makes none\n", f.table.models[0])
    } else {
        writeln!(
            out,
            "{} of {} forecasts of all switches right: {} %; of these decisions' {} of {}: {} %\n",
            whole.forecasts,
            whole.asked,
            percent(whole.forecasts as f64 / whole.asked as f64),
            total.forecasts,
            total.asked,
            percent(total.forecasts as f64 / total.asked as f64),
        )
    };
}

/// How many of the forecasts would have come in time, where there are some and that was measured.
fn in_time(f: &Found, out: &mut String) {
    let Some([p50, p99]) = f.in_time.latency.filter(|_| f.sums.total.asked > 0) else { return };
    let _ = writeln!(
        out,
        "in time: {} % of the forecasts, asked a stint ahead, would have come before the switch; a \
         decision takes {:.1} µs here (p50), {:.1} µs (p99)",
        percent(f.in_time.share),
        p50 as f64 / 1e3,
        p99 as f64 / 1e3
    );
}

/// The model held against a second predictor.
fn versus(model: &str, v: &Versus, out: &mut String) {
    let _ = writeln!(out, "\n### {model} against {}\n", v.name);
    let row = |what: String, n: u64| vec![what, n.to_string()];
    let rows = [
        ["", "decisions"].map(String::from).into(),
        row("both right".into(), v.both_right),
        row(format!("fixed: only {} right", v.name), v.fixed),
        row(format!("broken: only {model} right"), v.broken),
        row("both wrong".into(), v.both_wrong),
    ];
    grid(out, &rows);
    let p = if v.p_value > 0.0 { format!("= {:.2e}", v.p_value) } else { "< 1e-300".into() };
    let _ = writeln!(out, "\nMcNemar's test: p {p}");
}

fn tasks(f: &Found, out: &mut String) {
    let _ = writeln!(out, "\n### Tasks that came in, the most time mispredicted first\n");
    let tasks = &f.sums.tasks;
    grid(out, &slice_rows(&f.table, "task", &tasks[..tasks.len().min(SHOWN)]));
}

fn confusion(f: &Found, out: &mut String) {
    let _ =
        writeln!(out, "\n### Wrong decisions: who came in (rows), who was expected (columns)\n");
    let confused = &f.sums.confusion;
    let mut rows = vec![vec!["came in".to_owned()]];
    rows[0].extend(confused.names.clone());
    for (name, counts) in confused.names.iter().zip(&confused.counts) {
        let counts = counts.iter().map(ToString::to_string);
        rows.push(std::iter::once(name.clone()).chain(counts).collect());
    }
    grid(out, &rows);
}

fn reliability(f: &Found, out: &mut String) {
    let _ = writeln!(out, "\n### Reliability\n");
    let mut rows = vec![["p", "decisions", "mean p", "right %"].map(String::from).to_vec()];
    for (i, b) in f.sums.bins.iter().enumerate().filter(|(_, b)| b.decisions > 0) {
        let n = b.decisions as f64;
        rows.push(vec![
            format!("{:.2}-{:.2}", i as f64 / 15.0, (i + 1) as f64 / 15.0),
            b.decisions.to_string(),
            format!("{:.3}", b.p / n),
            percent(b.hits as f64 / n),
        ]);
    }
    grid(out, &rows);
}

/// How right it is when it answers only what it is sure of.
fn answered(f: &Found, out: &mut String) {
    let _ = writeln!(out, "\n### Accuracy against share answered\n");
    let mut rows = vec![["answered %", "where", "right %"].map(String::from).to_vec()];
    for a in &f.sums.answered {
        rows.push(vec![
            percent(a.decisions as f64 / f.sums.total.decisions as f64),
            a.filter().to_string(),
            percent(a.hits as f64 / a.decisions as f64),
        ]);
    }
    grid(out, &rows);
}

/// The surest wrong decisions.
fn examples(f: &Found, all: bool, out: &mut String) {
    const COLUMNS: [Column; 12] = [
        Column::Trace,
        Column::Time,
        Column::Cpu,
        Column::Prev,
        Column::State,
        Column::Pred,
        Column::P,
        Column::Real,
        Column::PReal,
        Column::Queue,
        Column::Waited,
        Column::Stint,
    ];
    let t = &f.table;
    let mut rows: Vec<usize> = f.rows.iter().filter(|i| all || !t.is_hit(*i)).collect();
    rows.sort_by(|a, b| Column::Margin.share(t, *b).total_cmp(&Column::Margin.share(t, *a)));
    let (shown, of) = (rows.len().min(SHOWN), rows.len());
    if of == 0 {
        let _ = writeln!(out, "\n{ALL_RIGHT}");
        return;
    }
    let _ = writeln!(out, "\n### The surest of them ({shown} of {of})\n");
    let mut lines = vec![COLUMNS.map(|c| c.name().to_owned()).to_vec()];
    for i in rows.into_iter().take(SHOWN) {
        let text = |c: Column| match c.kind() {
            Kind::Time if c == Column::Time => {
                c.count(t, i).map_or_else(String::new, |ns| format!("{:.9} s", ns as f64 / 1e9))
            }
            Kind::Time => {
                c.count(t, i).map_or_else(String::new, |ns| format!("{:.1} µs", ns as f64 / 1e3))
            }
            Kind::Share => format!("{:.2}", c.share(t, i)),
            _ => c.text(t, i).into_owned(),
        };
        lines.push(COLUMNS.map(text).to_vec());
    }
    grid(out, &lines);
}
