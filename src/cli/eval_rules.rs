//! `koracle eval --rules`: the same events under several rules, and where they part.

use super::output;
use super::table::{Page, Style};
use crate::app::time::{grouped, point};
use crate::dataset::opening::StatedMachine;
use crate::evaluate::rules::{Compared, Gain, Pair, Parting, compare};
use crate::job::Cancel;
use crate::sched::replay::Rules;
use crate::trace::{ThreadIx, Trace};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Threads whose gain a table shows.
const SHOWN: usize = 8;

/// The names of rules, for clap.
pub fn names() -> impl TypedValueParser<Value = Rules> {
    let names = Rules::ALL.map(|rules| PossibleValue::new(rules.name).help(rules.about));
    PossibleValuesParser::new(names).try_map(|name| Rules::named(&name).ok_or("no such rules"))
}

/// Compares and prints.
pub fn run(paths: &[PathBuf], told: &StatedMachine, rules: &[Rules], as_json: bool) -> Result<()> {
    let (mut all, mut page) = (Vec::new(), Page::new(Style::Text));
    for path in paths {
        let trace = output::open(path, told)?.trace;
        let compared = compare(&trace, rules, &Cancel::new()).ok_or_else(|| eyre!("cancelled"))?;
        if as_json {
            all.push(object(&trace, &compared));
        } else {
            print(&trace, &compared, &mut page);
        }
    }
    if as_json {
        output::json(&json!({ "traces": all }))
    } else {
        output::stdout(page.out.as_bytes())
    }
}

fn share(n: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { n as f64 / of as f64 }
}

fn object(trace: &Trace, c: &Compared) -> Value {
    let meta = trace.meta();
    let name = |at: usize| c.rules[at].rules.name;
    let rules = c.rules.iter().map(|k| {
        json!({
            "name": k.rules.name, "recorded": k.rules == Rules::of(trace.machine()),
            "right": k.alone, "share": share(k.alone, c.picks),
            "corrected": { "right": k.corrected, "share": share(k.corrected, c.picks) },
        })
    });
    let gain = |g: &Gain| json!({ "task": task(trace, g.thread), "a": g.by[0], "b": g.by[1] });
    let first = |p: &Parting| {
        let label = |thread| trace.label_at(thread, p.event);
        json!({
            "event": p.event, "time_ns": p.time.0, "cpu": p.cpu.0,
            "a": label(p.would[0]), "b": label(p.would[1]), "came": label(p.came),
        })
    };
    let pair = |p: &Pair| {
        json!({
            "a": name(p.of[0]), "b": name(p.of[1]), "parts": p.parts, "share": share(p.parts, c.picks),
            "first": p.first.as_ref().map(first), "gains": p.gains.iter().map(gain).collect::<Vec<_>>(),
        })
    };
    json!({
        "trace": meta.name, "workload": meta.workload, "kernel": meta.kernel, "picks": c.picks,
        "rules": rules.collect::<Vec<_>>(), "pairs": c.pairs.iter().map(pair).collect::<Vec<_>>(),
    })
}

/// A thread, by its last name.
fn task(trace: &Trace, thread: ThreadIx) -> String {
    trace.label_at(thread, trace.len().saturating_sub(1))
}

fn print(trace: &Trace, c: &Compared, page: &mut Page) {
    rules(trace, c, page);
    if c.pairs.is_empty() {
        return;
    }
    partings(trace, c, page);
    for p in c.pairs.iter().filter(|p| !p.gains.is_empty()) {
        gains(trace, c, p, page);
    }
}

/// So many of all picks, in percent.
fn percent(n: u64, c: &Compared) -> String {
    if c.picks == 0 { "–".into() } else { format!("{:.1}", 100.0 * share(n, c.picks)) }
}

/// How many picks each rule takes as the recorded kernel did.
fn rules(trace: &Trace, c: &Compared, page: &mut Page) {
    let meta = trace.meta();
    let kernel = if meta.kernel.is_empty() { "kernel not known" } else { &meta.kernel };
    page.heading(&format!(
        "{} · {kernel} · {} picks among several under each rule",
        meta.name,
        grouped(c.picks)
    ));
    let head = ["rule", "takes who came in, %", "corrected by each pick, %", ""];
    let mut rows = vec![head.map(String::from).to_vec()];
    for k in &c.rules {
        let recorded =
            if k.rules == Rules::of(trace.machine()) { "the recorded kernel's" } else { "" };
        let (alone, corrected) = (percent(k.alone, c), percent(k.corrected, c));
        rows.push(vec![k.rules.name.into(), alone, corrected, recorded.into()]);
    }
    page.table(&rows);
}

/// How often two rules take different tasks, and where they first do.
fn partings(trace: &Trace, c: &Compared, page: &mut Page) {
    page.heading("Where they part, each left alone");
    let head = [
        "A",
        "B",
        "picks",
        "%",
        "first at",
        "CPU",
        "event",
        "A would take",
        "B would take",
        "came in",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for p in &c.pairs {
        let mut row: Vec<String> =
            p.of.iter().map(|at| c.rules[*at].rules.name.to_owned()).collect();
        row.extend([grouped(p.parts), percent(p.parts, c)]);
        match &p.first {
            Some(first) => {
                let (cpu, event) = (first.cpu.0.to_string(), first.event.to_string());
                row.extend([point(first.time.0, 0), cpu, event]);
                let who = [first.would[0], first.would[1], first.came];
                row.extend(who.map(|thread| trace.label_at(thread, first.event)));
            }
            None => row.extend(std::iter::repeat_n("–".to_owned(), 6)),
        }
        rows.push(row);
    }
    page.table(&rows);
}

fn gains(trace: &Trace, c: &Compared, p: &Pair, page: &mut Page) {
    let [a, b] = p.of.map(|at| c.rules[at].rules.name);
    page.heading(&format!(
        "Who gains under {b} over {a} ({} of {} tasks)",
        p.gains.len().min(SHOWN),
        p.gains.len()
    ));
    let head =
        ["task".into(), format!("only {a} takes it"), format!("only {b} does"), "more".into()];
    let row = |g: &Gain| {
        let sign = if g.more() < 0 { "−" } else { "+" };
        let more = format!("{sign}{}", grouped(g.more().unsigned_abs()));
        vec![task(trace, g.thread), grouped(g.by[0]), grouped(g.by[1]), more]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.to_vec()).chain(p.gains.iter().take(SHOWN).map(row)).collect();
    page.table(&rows);
}
