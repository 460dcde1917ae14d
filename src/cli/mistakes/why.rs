//! `koracle mistakes --why EVENT`: one decision taken apart, as tables or JSON.

use super::output;
use crate::cli::conform;
use crate::cli::table::table as grid;
use crate::conform::picture::Picture;
use crate::conform::words::axis_name;
use crate::conform::{Picks, Who};
use crate::evaluate::lack::not_asked;
use crate::evaluate::mistakes::collect::{collect_keeping, states};
use crate::evaluate::mistakes::why::{Moved, Weighed, Why, describe, explain_from, same_shape};
use crate::evaluate::mistakes::{Column, Table};
use crate::features::{CAND_NAMES, QUERY_NAMES};
use crate::job::Cancel;
use crate::predictor::engine::Engine;
use crate::text::count;
use crate::trace::{EventKind, Trace};
use color_eyre::eyre::{Result, eyre};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Past events that the tables list: the strongest.
const EVENTS: usize = 12;

/// Explains and prints; `engine` is in its state before the first event.
pub fn run(
    trace: &Arc<Trace>,
    path: &Path,
    engine: Engine,
    event: usize,
    as_json: bool,
) -> Result<()> {
    if event >= trace.len() {
        return Err(crate::cli::wrong(format!(
            "--why {event}: the recording has {}, counted from 0",
            count(trace.len() as u64, "event")
        )));
    }
    if trace.event(event).kind != EventKind::Switch {
        return Err(crate::cli::wrong(no_switch(trace, event)));
    }
    let states = states(trace, engine);
    let bar = output::progress(trace.len() as u64, "predicting");
    let table = collect_keeping(trace, path.into(), &states, None, &Cancel::new(), &|n| bar.inc(n));
    bar.finish_and_clear();
    let table = table.ok_or_else(|| eyre!("cancelled"))?;
    let similar = table.find(0, event).map_or_else(Vec::new, |row| same_shape(&table, row));
    let why = explain_from(trace, &states, event, &similar, None, &Cancel::new())?;
    let scene = Picks::new(Arc::clone(trace)).at(event);
    if as_json {
        let mut value = object(trace, &why);
        value["kernel"] = scene.as_ref().map(|s| conform::scene(trace, s)).into();
        return output::json(&value);
    }
    let mut out = text(trace, &table, &why);
    if let Some(scene) = &scene {
        kernel(&Picture::of(trace, scene, COMPETED), &why, &mut out);
    }
    output::stdout(out.as_bytes())
}

/// What to ask for instead of an event that is no switch.
fn no_switch(trace: &Trace, event: usize) -> String {
    let is_switch = |i: &usize| trace.event(*i).kind == EventKind::Switch;
    let (before, behind) = ((0..event).rev().find(is_switch), (event..trace.len()).find(is_switch));
    let nearest = [before, behind].into_iter().flatten().min_by_key(|i| i.abs_diff(event));
    let nearest = nearest.map_or_else(
        || "the recording has no switch".to_owned(),
        |i| format!("the nearest switch is {i}"),
    );
    format!(
        "--why {event}: this event is no switch; {nearest}; the numbers of decisions are in column \
         `event` of --csv"
    )
}

fn micros(ns: u64) -> String {
    format!("{:.1}", ns as f64 / 1e3)
}

fn object(trace: &Trace, why: &Why) -> Value {
    let named = |names: &[&str], values: &[f32]| -> Map<String, Value> {
        names.iter().zip(values).map(|(n, x)| ((*n).to_owned(), (*x).into())).collect()
    };
    let candidate = |c: &Weighed| {
        json!({
            "task": trace.label_at(c.thread, why.event), "p": c.p, "waited_ns": c.waited.0, "lag_ns": c.lag_ns,
            "enqueued": c.enqueued.label(), "came_in": c.thread == why.real, "features": named(CAND_NAMES, &c.features),
        })
    };
    let past = |m: &Moved<usize>| json!({ "event": m.what, "pull": m.pull, "p_without": m.without, "what": describe(trace, m.what) });
    json!({
        "event": why.event,
        "time_ns": trace.time(why.event).0,
        "prev": trace.label_at(why.prev.0, why.event),
        "state": why.prev.1.label().to_string(),
        "stint_ns": (!trace.follows_unknown(why.event)).then_some(why.prev.2.0),
        "real": trace.label_at(why.real, why.event),
        "rivals": why.rivals,
        "candidates": why.candidates.iter().map(candidate).collect::<Vec<_>>(),
        "query": named(QUERY_NAMES, &why.query),
        "groups": why.groups.iter().map(|m| json!({ "group": m.what, "pull": m.pull, "p_without": m.without }))
            .collect::<Vec<_>>(),
        "past": why.past.iter().map(past).collect::<Vec<_>>(),
        "all_past": why.all_past.map(|m| json!({ "pull": m.pull, "p_without": m.without })),
        "baselines": why.baselines.iter().map(|(n, t)| ((*n).to_owned(), trace.label_at(*t, why.event).into())).collect::<Map<_, _>>(),
        "similar": why.similar.iter().map(|s| json!({ "event": s.event, "distance": s.distance })).collect::<Vec<_>>(),
    })
}

/// Those that competed, as far as a level's table shows them.
const COMPETED: usize = 9;

/// Why the kernel chose as it did, with the model's probabilities beside it.
fn kernel(picture: &Picture, why: &Why, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "\n### Why the kernel chose it ({})\n\n{}",
        picture.class.label(),
        picture.sentence
    );
    for level in &picture.levels {
        let key = format!("{}, µs", picture.key);
        let head = ["", axis_name(picture.class).trim(), "lag, µs", key.as_str(), "p", ""];
        let mut rows = vec![head.map(String::from).to_vec()];
        let micros = |ns: Option<i64>| {
            ns.map_or_else(|| "–".into(), |ns| format!("{:+.1}", ns as f64 / 1e3))
        };
        for m in &level.lines {
            let thread = if let Who::Thread(thread) = m.who { Some(thread) } else { None };
            let model = why.candidates.iter().find(|c| Some(c.thread) == thread);
            let p = model.map_or_else(String::new, |c| format!("{:.3}", c.p));
            rows.push(vec![
                m.name.clone(),
                m.axis.clone(),
                micros(m.lag_ns),
                micros(m.key_ns),
                p,
                m.note.clone(),
            ]);
        }
        let _ = writeln!(out, "\n{}\n", level.title);
        grid(out, &rows);
        if let Some(rest) = &level.rest {
            let _ = writeln!(out, "\n{rest}");
        }
    }
}

/// How long the one who leaves had run; since when is not known behind a gap.
fn after(trace: &Trace, why: &Why) -> String {
    if trace.follows_unknown(why.event) {
        return "a time that is not known".into();
    }
    format!("{} µs", micros(why.prev.2.0))
}

fn text(trace: &Trace, table: &Table, why: &Why) -> String {
    let mut out = String::new();
    let e = trace.event(why.event);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "event {} on CPU{} at {:.9} s: {} leaves in {} after {}, {} comes in\n",
        why.event,
        e.cpu.0,
        e.time.secs(),
        trace.label_at(why.prev.0, why.event),
        why.prev.1.label(),
        after(trace, why),
        trace.label_at(why.real, why.event)
    );
    if let Some(lack) = not_asked(trace, why.event) {
        let _ = writeln!(out, "no pick is asked here, {lack}: what follows counts nowhere\n");
    }
    candidates(trace, why, &mut out);
    if let Some(rivals) = why.rivals {
        raised(trace, why, rivals, &mut out);
        past_events(trace, why, &mut out);
    }
    similar(table, why, &mut out);
    out
}

/// Who could come in, and what the baselines say.
fn candidates(trace: &Trace, why: &Why, out: &mut String) {
    let head = ["candidate", "p", "waited, µs", "lag, µs", "queued by", ""];
    let mut rows = vec![head.map(String::from).to_vec()];
    for c in &why.candidates {
        let mark = if c.thread == why.real { "came in" } else { "" };
        rows.push(vec![
            trace.label_at(c.thread, why.event),
            format!("{:.3}", c.p),
            micros(c.waited.0),
            format!("{:.1}", c.lag_ns as f64 / 1e3),
            c.enqueued.label().into(),
            mark.into(),
        ]);
    }
    grid(out, &rows);
    let baseline =
        |(name, thread): &(_, _)| format!("{name} {}", trace.label_at(*thread, why.event));
    let baselines: Vec<_> = why.baselines.iter().map(baseline).collect();
    let _ = writeln!(out, "\nbaselines: {}", baselines.join(", "));
}

/// Header of the tables of what moved an answer.
fn moved_head() -> Vec<String> {
    ["", "moved", "p of the pick without it", "p of the other"].map(String::from).to_vec()
}

/// A row of such a table.
fn moved_row<T>(what: String, m: &Moved<T>) -> Vec<String> {
    let [pick, other] = m.without.map(|p| format!("{p:.3}"));
    vec![what, format!("{:+.2}", m.pull), pick, other]
}

/// What raised the pick above its rival: groups of inputs.
fn raised(trace: &Trace, why: &Why, rivals: [usize; 2], out: &mut String) {
    let [pick, rival] = rivals.map(|i| trace.label_at(why.candidates[i].thread, why.event));
    let _ = writeln!(out, "\n### What raised {pick} above {rival}, in nats\n");
    let mut rows = vec![moved_head()];
    rows.extend(why.all_past.iter().map(|m| moved_row("all past events".into(), m)));
    rows.extend(why.groups.iter().map(|m| moved_row(m.what.into(), m)));
    grid(out, &rows);
}

/// And the past events that did, the strongest first.
fn past_events(trace: &Trace, why: &Why, out: &mut String) {
    let _ = writeln!(out, "\n### Past events that moved it most, of {}\n", why.past.len());
    let mut strongest: Vec<_> = why.past.iter().collect();
    strongest.sort_by(|a, b| b.pull.abs().total_cmp(&a.pull.abs()));
    let mut rows = vec![moved_head()];
    for m in strongest.into_iter().take(EVENTS) {
        let ago = micros(trace.time(why.event).since(trace.time(m.what)).0);
        rows.push(moved_row(format!("{ago} µs before: {}", describe(trace, m.what)), m));
    }
    grid(out, &rows);
}

fn similar(table: &Table, why: &Why, out: &mut String) {
    const COLUMNS: [Column; 7] = [
        Column::Event,
        Column::Time,
        Column::Prev,
        Column::Real,
        Column::P,
        Column::Waited,
        Column::Stint,
    ];
    let _ = writeln!(out, "\n### The most similar decisions that were right\n");
    let head = COLUMNS.map(|c| c.name().to_owned()).into_iter();
    let mut rows: Vec<Vec<String>> = vec![head.chain(["distance".into()]).collect()];
    for similar in &why.similar {
        let Some(row) = table.find(0, similar.event) else { continue };
        let cells = COLUMNS.map(|c| c.text(table, row).into_owned()).into_iter();
        rows.push(cells.chain([format!("{:.2}", similar.distance)]).collect());
    }
    grid(out, &rows);
}
