//! `koracle diff A B`: what differs between two recordings, in all and by task name, the most
//! certain first.

use super::door::say;
use super::output;
use super::table::{Page, Style};
use crate::app::compare::{difference, value, words};
use crate::driver;
use crate::job::{self, Cancel};
use crate::stats::diff::{BLOCKS, DRAWS, Difference, Differences, Scored, compare_scored};
use crate::trace::Trace;
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Differences in a table, and names that one recording alone has.
const SHOWN: usize = 30;
const ALONE: usize = 50;

/// Options of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "An interval holds 95 % of the differences of the same figures over equal \
                        stretches of time of both recordings, drawn with replacement.\nWhat \
                        happened in fewer than 5 of 100 such stretches is not compared.\nIt says \
                        how much chance within these two runs accounts for; compare several runs \
                        to know about others.\nhit rate and surprise (nats per decision) are a \
                        model's, as in `koracle eval`: of decisions with at least two candidates, \
                        after the first events; each counts for the name that came in. Asking the \
                        model takes most of the time: --model none.\n")]
pub struct Args {
    /// The recording to compare with.
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    a: PathBuf,
    /// The recording that is compared.
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    b: PathBuf,
    /// Whose hit rate and surprise: a model file, a run, a predictor's name; `none` leaves them
    /// out. Without it, the bundled model.
    #[arg(long, value_name = "MODEL|none", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    /// Print one JSON object with all differences.
    #[arg(long, group = "form")]
    json: bool,
    /// Print the table as markdown.
    #[arg(long, group = "form")]
    markdown: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// Compares, prints.
pub fn run(args: &Args) -> Result<()> {
    if [&args.a, &args.b].iter().all(|path| path.as_os_str() == "-") {
        return Err(super::wrong("the two recordings cannot both be standard input"));
    }
    let open = |path| -> Result<Trace> { Ok(output::open(path, &args.machine.told())?.trace) };
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let (label, scored) = match args.model.as_deref() {
        Some(who) if who == Path::new("none") => (None, [Vec::new(), Vec::new()]),
        who => {
            let who = super::found("--model", driver::find(who.unwrap_or(Path::new("tcn"))))?;
            (Some(who.label.clone()), ask(&who, [&a, &b])?)
        }
    };
    let found = compare_scored([&a, &b], [&scored[0], &scored[1]]);
    for (path, cautions) in [&args.a, &args.b].into_iter().zip(&found.cautions) {
        for caution in cautions {
            say!("koracle: warning: {}: {caution}", path.display());
        }
    }
    if args.json {
        return output::json(&in_json(&found, [&a, &b], label.as_deref()));
    }
    let style = if args.markdown { Style::Markdown } else { Style::Text };
    output::stdout(page(&found, style).as_bytes())
}

/// How a predictor does on both recordings, at the same time where there are cores for it.
fn ask(who: &driver::Source, [a, b]: [&Trace; 2]) -> Result<[Vec<Scored>; 2]> {
    let bar = output::progress((a.len() + b.len()) as u64, "predicting");
    let one = |trace: &Trace| -> Result<Vec<Scored>> {
        let mut engine = who.engine(trace)?;
        let scored = driver::scored(trace, &mut engine, &Cancel::new(), &|n| bar.inc(n));
        scored.ok_or_else(|| eyre!("cancelled"))
    };
    let both = job::on_threads(job::cores().min(2), || rayon::join(|| one(a), || one(b)))?;
    bar.finish_and_clear();
    Ok([both.0?, both.1?])
}

fn in_json(found: &Differences, traces: [&Trace; 2], model: Option<&str>) -> Value {
    let side = |k: usize| {
        json!({
            "trace": traces[k].meta().name, "span_ns": traces[k].span().0, "cpus": traces[k].cpus(),
            "only": found.only[k].iter().take(ALONE).collect::<Vec<_>>(),
        })
    };
    let row = |d: &Difference| {
        json!({
            "comm": d.name, "measure": d.measure.label(), "a": d.values[0], "b": d.values[1],
            "difference": d.difference, "interval": d.interval,
            "certainty": d.certainty.is_finite().then_some(d.certainty),
        })
    };
    json!({
        "a": side(0), "b": side(1), "model": model, "blocks": BLOCKS, "draws": DRAWS,
        "differences": found.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn page(found: &Differences, style: Style) -> String {
    let mut page = Page::new(style);
    // What no draw gets rid of: the interval leaves out zero.
    let certain = found.rows.iter().filter(|d| d.is_certain()).count();
    page.heading(&format!(
        "{certain} of {} differences are more than chance within these runs; the most certain \
         first",
        found.rows.len()
    ));
    let mut rows =
        vec![["task", "what", "A", "B", "difference", "from", "to"].map(String::from).to_vec()];
    for d in found.rows.iter().take(SHOWN) {
        let [a, b] = d.values.map(|x| value(d.measure, x));
        let [by, low, high] =
            [d.difference, d.interval[0], d.interval[1]].map(|x| difference(d.measure, x));
        rows.push(vec![
            d.name.clone().unwrap_or_else(|| "all tasks".into()),
            words(d.measure).into(),
            a,
            b,
            by,
            low,
            high,
        ]);
    }
    page.table(&rows);
    for (side, name) in
        ["A", "B"].into_iter().enumerate().filter(|(side, _)| !found.only[*side].is_empty())
    {
        let names: Vec<&str> = found.only[side].iter().take(12).map(String::as_str).collect();
        let more = found.only[side].len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.line(&crate::text::shown(&format!("only in {name}: {}{more}", names.join(", "))));
    }
    page.out
}
