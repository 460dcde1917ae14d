//! `koracle eval`: scores predictors on recordings, in parallel, and prints tables or JSON.

use super::{output, table};
use crate::dataset::catalog::{self, Catalog, Filter, Split};
use crate::evaluate::report::Report;
use crate::evaluate::score;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::engine::Choice;
use clap::ValueHint;
use color_eyre::eyre::{Result, bail, eyre};
use rayon::prelude::*;
use std::path::PathBuf;

/// Options of `eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings; without any, those of the bundled split.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
    /// Which bundled recordings: train, validation or test.
    #[arg(long, default_value = "test", value_parser = super::split, conflicts_with = "traces")]
    split: Split,
    /// Names, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "tcn,ppm,eevdf,followed,lrr,lifo,fifo,random")]
    predictors: Vec<Choice>,
    /// The TCN's model file; without it, the bundled one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the tables as markdown (also what a terminal gets).
    #[arg(long)]
    markdown: bool,
}

fn recordings(args: &Args) -> Result<Vec<PathBuf>> {
    if !args.traces.is_empty() {
        return Ok(args.traces.clone());
    }
    let dir = catalog::bundled_dir().ok_or_else(|| eyre!("the bundled recordings are not found"))?;
    let catalog = Catalog::load(&dir)?;
    let filter = Filter { split: Some(args.split), ..Filter::default() };
    Ok(catalog.select(&filter).map(|entry| catalog.path(entry)).collect())
}

/// Scores and prints.
pub fn run(args: &Args) -> Result<()> {
    let paths = recordings(args)?;
    if paths.is_empty() {
        bail!("no recording in the {} split", args.split.label());
    }
    let mut names: Vec<Choice> = Vec::new();
    for name in &args.predictors {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    let model = if names.iter().any(|n| n.needs_model()) { Some(super::model(args.model.as_deref())?) } else { None };
    let bar = output::progress(0, "scoring");
    let counted: Result<Vec<_>> = paths
        .par_iter()
        .map(|path| {
            let trace = output::open(path)?.trace;
            bar.inc_length(trace.len() as u64);
            let make = |name: &Choice| Ok(Box::new(name.make(model.as_ref(), &trace)?) as Box<dyn Predictor>);
            let mut predictors = names.iter().map(make).collect::<Result<Vec<_>>>()?;
            let counts = score::score(&trace, &mut predictors, &Cancel::new(), &|n| bar.inc(n));
            Ok((trace.meta().clone(), counts.ok_or_else(|| eyre!("cancelled"))?))
        })
        .collect();
    bar.finish_and_clear();
    let labels: Vec<_> = names.iter().map(|name| name.label().to_owned()).collect();
    let report = Report::new(&labels, &counted?);
    if args.json { output::json(&report) } else { output::stdout(table::markdown(&report).as_bytes()) }
}
