//! `koracle mistakes`: the wrong decisions of recordings, a filter over them, and what is summed up
//! of the rest. The same table and sums as the Mistakes screen; what is printed adds up to what
//! `koracle eval` says.

mod render;
mod why;

use super::door::say;
use super::output;
use crate::dataset::catalog::{Filter, Split};
use crate::dataset::opening;
use crate::driver::{Source as Who, find};
use crate::evaluate::lack::Lack;
use crate::evaluate::mistakes::collect::{collect, latencies};
use crate::evaluate::mistakes::slices::{Slice, sliceable, slices};
use crate::evaluate::mistakes::sums::{InTime, Sums, Versus, in_time, versus};
use crate::evaluate::mistakes::{Bitmap, Column, Expr, Table, column::COLUMNS};
use crate::evaluate::overlay::BASELINES;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::engine::{Choice, Engine};
use crate::trace::Trace;
use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use color_eyre::eyre::{Result, eyre};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `mistakes`.
#[derive(Debug, clap::Args)]
#[command(after_help = columns_help())]
pub struct Args {
    /// Recordings; without any, those of the bundled split.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
    /// Which bundled recordings: train, validation or test; without it validation, or all where that
    /// is empty.
    #[arg(long, value_parser = super::split(), conflicts_with = "traces")]
    split: Option<Split>,
    /// Who predicts.
    #[arg(long, default_value = "tcn", value_parser = super::predictor())]
    predictor: Choice,
    /// The model: a file, or a run (its folder, or its name among the kept runs); without it, the
    /// bundled one.
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    /// Only decisions for which this is true, such as: prev~hackbench and state=S and p>0.9
    #[arg(long = "where", value_name = "EXPR", value_parser = super::values::expression::<Column>)]
    filter: Option<Expr>,
    /// Cut the decisions by these columns, separated by commas.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', value_parser = cuts())]
    by: Vec<Column>,
    /// A second predictor on the same decisions: the name of a predictor, a model file or a run.
    #[arg(long, value_name = "MODEL", value_parser = super::predictor_or_path(), hide_possible_values = true)]
    compare: Option<PathBuf>,
    /// Explain one decision of the one recording: the number of its switch (column `event`).
    #[arg(long, value_name = "EVENT", value_parser = super::values::whole::<usize>(0..=u64::MAX),
          conflicts_with_all = ["filter", "by", "compare", "all", "csv"])]
    why: Option<usize>,
    /// List the right decisions too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// In which form it is printed.
#[derive(Debug, clap::Args)]
struct Form {
    /// Write the list as CSV (with --by: the slices); times in ns.
    #[arg(long, group = "form")]
    csv: bool,
    /// Print one JSON object.
    #[arg(long, group = "form")]
    json: bool,
    /// Print tables as markdown (also what a terminal gets).
    #[arg(long, group = "form")]
    markdown: bool,
}

fn columns_help() -> String {
    super::values::columns_help(COLUMNS.iter().map(|(_, name, _, help)| (*name, *help)))
        + "\nTimes need a unit (ns, us, ms, s). Names: = != ~ !~ (contains). Joined by and, or, \
            not, ( ).\n"
}

/// A column that decisions can be cut by.
fn cuts() -> impl TypedValueParser<Value = Column> {
    let names: Vec<&str> = sliceable().map(Column::name).collect();
    PossibleValuesParser::new(names).try_map(|name| Column::parse(&name).ok_or("no such column"))
}

/// Said where nothing is left to say.
const NONE: &str = "no decision is like that";
/// Said where the list of the wrong ones is empty.
const ALL_RIGHT: &str = "none of these decisions is wrong; --all lists the right ones";

/// Said where no recording has a decision to list.
fn nothing_for(lack: Lack) -> String {
    format!("nothing to list: {lack}")
}

/// The second predictor.
enum Second {
    None,
    /// A baseline that is in every table.
    Baseline(Column),
    Another(Who),
}

impl Second {
    fn parse(who: Option<&Path>) -> Result<Self> {
        let Some(who) = who else { return Ok(Self::None) };
        let baseline = who.to_str().filter(|name| BASELINES.contains(name));
        Ok(match baseline.and_then(Column::parse) {
            Some(column) => Self::Baseline(column),
            None => Self::Another(super::found("--compare", find(who))?),
        })
    }

    fn engine(&self, trace: &Trace) -> Result<Option<Engine>> {
        match self {
            Self::Another(who) => Ok(Some(who.engine(trace)?)),
            _ => Ok(None),
        }
    }

    fn column(&self) -> Option<Column> {
        match self {
            Self::None => None,
            Self::Baseline(column) => Some(*column),
            Self::Another(_) => Some(Column::Other),
        }
    }
}

/// The first predictor. A model says itself which network it is.
fn first(args: &Args) -> Result<Who> {
    let name = Path::new(args.predictor.label());
    let Some(model) = args.model.as_deref() else { return Ok(find(name)?) };
    if args.predictor.network().is_none() {
        return Err(super::not_for(args.predictor));
    }
    super::found("--model", find(model))
}

/// All that is printed.
struct Found {
    table: Table,
    filter: Option<Expr>,
    /// The decisions that the filter lets through.
    rows: Bitmap,
    sums: Sums,
    by: Vec<(Column, Vec<Slice>)>,
    versus: Option<Versus>,
    /// How many decisions were measured on this machine, and how many forecasts would have come in
    /// time.
    measured: usize,
    in_time: InTime,
}

fn recordings(args: &Args) -> Result<Vec<PathBuf>> {
    if !args.traces.is_empty() {
        return output::within(&args.traces);
    }
    let catalog = super::eval::bundled_or_inside()?;
    let of = |split: Option<Split>| -> Vec<PathBuf> {
        let filter = Filter { split, ..Filter::default() };
        catalog.select(&filter).map(|entry| catalog.path(entry)).collect()
    };
    let mut paths = of(args.split.or(Some(Split::Validation)));
    if paths.is_empty() && args.split.is_none() {
        paths = of(None);
    }
    if paths.is_empty() {
        let of =
            |split: Split| super::wrong(format!("no recording in the {} split", split.label()));
        return Err(args.split.map_or_else(|| eyre!("no recording"), of));
    }
    Ok(paths)
}

/// Refuses columns that have no value without a second model, and a cut that is asked twice.
fn columns(args: &Args, second: &Second) -> Result<()> {
    super::values::each_once("--by", args.by.iter().map(|column| column.name()))?;
    let is_there = matches!(second, Second::Another(_));
    let lacks = |column: Column| column.is_of_second() && !is_there;
    let asked = args.by.iter().copied().find(|column| lacks(*column)).map(|c| ("--by", c));
    let in_filter = || Some(("--where", args.filter.as_ref()?.find(&lacks)?));
    let Some((option, column)) = asked.or_else(in_filter) else { return Ok(()) };
    let name = column.name();
    let why = match second {
        Second::Baseline(baseline) => {
            format!("{} is a column of its own: ask for it instead", baseline.name())
        }
        _ => "name one with --compare".into(),
    };
    Err(super::wrong(format!("{option} {name}: this column is of a second model; {why}")))
}

/// Collects, filters, sums up, prints.
pub fn run(args: &Args) -> Result<()> {
    let paths = recordings(args)?;
    let second = Second::parse(args.compare.as_deref())?;
    columns(args, &second)?;
    let who = first(args)?;
    if let Some(event) = args.why {
        let [path] = &paths[..] else {
            return Err(super::wrong(
                "--why explains a decision of one recording: name just that one",
            ));
        };
        let trace = Arc::new(output::open(path, &args.machine.told())?.trace);
        return why::run(&trace, path, who.engine(&trace)?, event, args.form.json);
    }
    let table = collected(args, &paths, &who, &second)?;
    output::warn_of_cut(table.cut());
    let rows =
        args.filter.as_ref().map_or_else(|| Bitmap::all(table.len(), true), |f| f.rows(&table));
    let is_none = rows.count() == 0;
    if is_none && args.form.csv {
        say!("koracle: note: {}", table.lack().map_or_else(|| NONE.to_owned(), nothing_for));
    }
    if args.form.csv && args.by.is_empty() {
        let listed =
            if args.all { rows } else { rows.and(&Expr::Flag(Column::Hit).negate().rows(&table)) };
        if !is_none && listed.count() == 0 {
            say!("koracle: note: {ALL_RIGHT}");
        }
        return output::write(Path::new("-"), |out| render::list(&table, &listed, out));
    }
    let slice = |column: &Column| Some((*column, slices(&table, &rows, *column)?));
    let by: Vec<_> = args.by.iter().filter_map(slice).collect();
    if args.form.csv {
        return output::write(Path::new("-"), |out| render::slices(&table, &by, out));
    }
    let times = measured(args, &paths, &who)?;
    let sums = Sums::new(&table, &rows);
    let found = Found {
        in_time: in_time(&table, &rows, sums.by(Column::Lead), &times),
        measured: times.len(),
        sums,
        by,
        versus: second.column().map(|column| versus(&table, &rows, column)),
        filter: args.filter.clone(),
        table,
        rows,
    };
    if args.form.json {
        output::json(&render::json(&found))
    } else {
        output::stdout(render::markdown(&found, args.all).as_bytes())
    }
}

/// All decisions of the recordings, with what both predictors say of them.
fn collected(args: &Args, paths: &[PathBuf], who: &Who, second: &Second) -> Result<Table> {
    let bar = output::progress(0, "predicting");
    let collected = |path: &PathBuf| {
        let trace = output::open(path, &args.machine.told())?.trace;
        bar.inc_length(trace.len() as u64);
        let mut engine = who.engine(&trace)?;
        let mut other = second.engine(&trace)?;
        let other = other.as_mut().map(|e| e as &mut dyn Predictor);
        let table =
            collect(&trace, path.clone(), &mut engine, other, &Cancel::new(), &|n| bar.inc(n));
        table.ok_or_else(|| eyre!("cancelled"))
    };
    let tables: Result<Vec<Table>> = paths.par_iter().map(collected).collect();
    bar.finish_and_clear();
    let mut table = Table::join(tables?);
    table.models[0].clone_from(&who.label);
    if let Second::Another(who) = second {
        table.models[1].clone_from(&who.label);
    }
    Ok(table)
}

/// How long each decision of the first recording takes, when nothing else of this program runs. A
/// recording from standard input cannot be read twice.
fn measured(args: &Args, paths: &[PathBuf], who: &Who) -> Result<Vec<u64>> {
    let Some(path) = paths.first().filter(|p| p.as_os_str() != "-") else { return Ok(Vec::new()) };
    // What is wrong with it was said before.
    let trace = opening::open(path, &args.machine.told())?.trace;
    Ok(latencies(&trace, &mut who.engine(&trace)?, &Cancel::new()))
}
