//! `koracle eval`: scores predictors on recordings, in parallel, and prints tables or JSON.

use super::door::say;
use super::output;
use super::table::{self, By, Layout, MEASURES, Printed};
use super::values::each_once;
use crate::dataset::catalog::{self, Catalog, Filter, Split};
use crate::dataset::opening::StatedMachine;
use crate::evaluate::lack::Lack;
use crate::evaluate::report::Report;
use crate::evaluate::score::{self, Counts};
use crate::ingest;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::engine::{Choice, Engine};
use crate::predictor::networks::Kind;
use crate::predictor::weights::Weights;
use crate::sched::replay::Rules;
use crate::trace::Trace;
use clap::ValueHint;
use clap::builder::PossibleValuesParser;
use color_eyre::eyre::{Result, WrapErr, eyre};
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings; without any, those of the bundled split.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
    #[command(flatten)]
    bundled: Bundled,
    /// Names, separated by commas; without, the models and every baseline that needs none.
    #[arg(long, value_delimiter = ',', value_parser = super::predictor())]
    predictors: Vec<Choice>,
    /// A model: a file, or a run (its folder, or its name among the kept runs); may be repeated.
    /// Without, the bundled TCN. Several of one kind are trainings
    /// of it that differ in their seed: medians are printed, with the least and the greatest value.
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: Vec<PathBuf>,
    /// Whether networks go on learning from the outcomes while they answer; without, as each model
    /// says (the bundled TCN does, the networks beside it do not).
    #[arg(long, value_name = "on|off", value_parser = super::values::on_or_off)]
    adapt: Option<bool>,
    /// Tables of a report that --json wrote, instead of scoring anything.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["traces", "split", "category", "workload", "kernel", "machine", "predictors", "model", "adapt"])]
    report: Option<PathBuf>,
    #[command(flatten)]
    tables: Tables,
    /// Score nobody: say how far the replay's lag and deadline are off the kernel's own state, in
    /// recordings that have it.
    #[arg(long, requires = "traces", conflicts_with_all = ["report", "markdown", "slices", "measures", "by", "predictors", "model", "adapt"])]
    truth: bool,
    /// Score nobody: replay the same events under several rules, separated by commas, and say where
    /// they part.
    #[arg(long = "rules", value_name = "RULES", value_delimiter = ',', value_parser = super::eval_rules::names(),
          conflicts_with_all = ["report", "markdown", "slices", "measures", "by", "predictors", "model", "adapt", "truth"])]
    replayed: Vec<Rules>,
    #[command(flatten)]
    printed: Printed,
    #[command(flatten)]
    rules: super::told::Rules,
}

/// Which of the bundled recordings.
#[derive(Debug, clap::Args)]
struct Bundled {
    /// Which bundled recordings: train, validation or test.
    #[arg(long, default_value = "test", value_parser = super::split(), conflicts_with = "traces")]
    split: Split,
    /// Only bundled recordings of this category (may be repeated).
    #[arg(long, value_name = "CATEGORY", conflicts_with = "traces")]
    category: Vec<String>,
    /// Only bundled recordings of this workload (may be repeated).
    #[arg(long, value_name = "NAME", conflicts_with = "traces")]
    workload: Vec<String>,
    /// Only bundled recordings of this kernel, e.g. 6.1 or EEVDF (may be repeated). With
    /// recordings: theirs, if they do not say it.
    #[arg(long, value_name = "KERNEL")]
    kernel: Vec<String>,
    /// Only bundled recordings of this machine, e.g. 6.1 or 6.12x8 (may be repeated).
    #[arg(long, value_name = "MACHINE", conflicts_with = "traces")]
    machine: Vec<String>,
}

/// What the tables show.
#[derive(Debug, clap::Args)]
struct Tables {
    /// Figures that get a table with a row per workload, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "top1", value_parser = figures())]
    measures: Vec<String>,
    /// What the rows of the tables are: workloads, or machines with the means over their workloads.
    #[arg(long, value_enum, default_value_t = By::Workload)]
    by: By,
    /// Also by queue size and by the state of the task that leaves.
    #[arg(long)]
    slices: bool,
}

fn figures() -> PossibleValuesParser {
    MEASURES.iter().map(|m| m.name).collect::<Vec<_>>().into()
}

impl Args {
    /// What is said of the recordings' machine.
    fn told(&self) -> Result<StatedMachine> {
        let kernel = self.bundled.kernel.last().filter(|_| !self.traces.is_empty());
        let kernel = kernel
            .map(|k| {
                super::values::release(k).map_err(|e| super::wrong(format!("--kernel {k}: {e}")))
            })
            .transpose()?;
        Ok(self.rules.told(kernel))
    }

    fn filter(&self) -> Filter {
        Filter {
            split: Some(self.bundled.split),
            categories: self.bundled.category.clone(),
            workloads: self.bundled.workload.clone(),
            kernels: self.bundled.kernel.clone(),
            machines: self.bundled.machine.clone(),
            ..Filter::default()
        }
    }

    fn recordings(&self) -> Result<Vec<PathBuf>> {
        if !self.traces.is_empty() {
            return output::within(&self.traces);
        }
        let paths = paths(&bundled_or_inside()?, &self.filter())?;
        if paths.is_empty() {
            return Err(super::wrong(format!(
                "no recording in the {} split is of that kind",
                self.bundled.split.label()
            )));
        }
        Ok(paths)
    }

    /// The columns: models first, in the order given, several of one kind side by side.
    fn columns(&self) -> Result<Vec<Column>> {
        let given = self.model.iter().map(|path| super::model(Some(path)).map(Column::of));
        let mut models = given.collect::<Result<Vec<_>>>()?;
        let mut names: Vec<Choice> = Vec::new();
        let mut add = |name: Choice| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        if self.predictors.is_empty() {
            for c in &models {
                add(c.choice);
            }
            if models.is_empty() {
                // The bundled networks: the TCN always, for its absence is an error; the others
                // where they are there.
                let there = |kind: &Kind| *kind == Kind::Tcn || Weights::bundled_of(*kind).is_ok();
                Kind::ALL.into_iter().filter(there).map(Choice::Network).for_each(&mut add);
            }
            Choice::all().filter(|c| !c.needs_model()).for_each(&mut add);
        } else {
            self.predictors.iter().for_each(|name| add(*name));
        }
        if let Some(left) = models.iter().position(|c| !names.contains(&c.choice)) {
            let (path, label) = (self.model[left].display(), models[left].choice.label());
            return Err(super::wrong(format!(
                "{path} is a model for {label}, which --predictors does not name"
            )));
        }
        let mut columns = Vec::new();
        for name in names {
            let of: Vec<_> = models.extract_if(.., |c| c.choice == name).collect();
            let config = |c: &Column| c.model.as_ref().map(|m| m.config);
            if of.iter().any(|c| config(c) != config(&of[0])) {
                return Err(super::wrong(format!(
                    "--model: the {} models differ in size: they are not one model with several \
                     seeds",
                    name.label()
                )));
            }
            if of.is_empty() {
                columns.push(match name.network() {
                    Some(kind) => Column::of(super::model_of(None, kind)?),
                    None => Column { choice: name, model: None },
                });
            } else {
                columns.extend(of);
            }
        }
        if self.adapt.is_some() && columns.iter().all(|c| c.model.is_none()) {
            return Err(super::wrong("--adapt is for networks, and --predictors names none"));
        }
        Ok(columns.into_iter().map(|c| c.adapting(self.adapt)).collect())
    }
}

/// The catalog of the bundled recordings.
pub fn bundled() -> Result<Catalog> {
    let dir = catalog::bundled_dir().ok_or_else(|| eyre!(catalog::NOT_FOUND))?;
    Ok(Catalog::load(&dir)?)
}

/// The same, or the two recordings inside the program, said to be no more than that.
pub fn bundled_or_inside() -> Result<Catalog> {
    let (catalog, inside) = catalog::bundled_or_inside()?;
    if inside {
        say!("koracle: warning: {}: these are the two inside the program", catalog::NOT_FOUND);
    }
    Ok(catalog)
}

/// The recordings that a filter takes; a name in it that nothing has is an error.
pub fn paths(catalog: &Catalog, filter: &Filter) -> Result<Vec<PathBuf>> {
    match catalog.unknown(filter) {
        Some(problem) => Err(super::wrong(problem)),
        None => Ok(catalog.select(filter).map(|entry| catalog.path(entry)).collect()),
    }
}

/// A predictor of a report.
#[derive(Clone, Debug)]
pub struct Column {
    /// Who.
    pub choice: Choice,
    /// With which numbers, if it needs some.
    pub model: Option<Arc<Weights>>,
}

impl Column {
    /// A network.
    pub fn of(model: Arc<Weights>) -> Self {
        Self { choice: model.config.kind.into(), model: Some(model) }
    }

    /// The same network, learning from outcomes or not; as its model says without a wish.
    pub fn adapting(mut self, adapt: Option<bool>) -> Self {
        if let (Some(model), Some(adapt)) = (&mut self.model, adapt) {
            Arc::make_mut(model).config.adapt = adapt;
        }
        self
    }

    /// Every baseline that needs no model.
    pub fn baselines() -> Vec<Self> {
        Choice::all()
            .filter(|c| !c.needs_model())
            .map(|choice| Self { choice, model: None })
            .collect()
    }

    /// The predictor, in its state before the first event.
    pub fn engine(&self, trace: &Trace) -> Result<Engine> {
        Ok(self.choice.make(self.model.as_ref(), trace)?)
    }
}

/// Scores every column on every recording; columns of one predictor are several trainings of it.
pub fn report(
    columns: &[Column],
    paths: &[PathBuf],
    told: &StatedMachine,
    bar: &ProgressBar,
) -> Result<Report> {
    let names: Vec<_> = columns.iter().map(|c| c.choice.label().to_owned()).collect();
    report_as(&names, columns, paths, told, bar)
}

/// The same under other names.
pub fn report_as(
    names: &[String],
    columns: &[Column],
    paths: &[PathBuf],
    told: &StatedMachine,
    bar: &ProgressBar,
) -> Result<Report> {
    let counted: Result<Vec<_>> = paths
        .par_iter()
        .map(|path| {
            let trace = output::open(path, told)?.trace;
            bar.inc_length(trace.len() as u64);
            let make = |column: &Column| Ok(Box::new(column.engine(&trace)?) as Box<dyn Predictor>);
            let mut predictors = columns.iter().map(make).collect::<Result<Vec<_>>>()?;
            let counts = score::score(&trace, &mut predictors, &Cancel::new(), &|n| bar.inc(n));
            let counts = counts.ok_or_else(|| eyre!("cancelled"))?;
            // Of several recordings some may have forecasts alone: their rows say so.
            warn_of_lack(path, &trace, &counts, paths.len() == 1);
            Ok((trace.meta().clone(), counts))
        })
        .collect();
    Ok(Report::new(names, &counted?))
}

/// Says why nothing of a recording is scored, or with `picks` why no pick is.
pub fn warn_of_lack(path: &Path, trace: &Trace, counts: &Counts, picks: bool) {
    let lack = Lack::of(trace, counts.decisions, counts.non_trivial);
    if let Some(lack) = lack.filter(|lack| picks || !lack.is_of_picks()) {
        let what = if lack.is_of_picks() { "no pick" } else { "nothing" };
        say!("koracle: warning: {}: {what} to score: {lack}", path.display());
    }
}

/// The tables of a report; without a scored decision they would have no figure.
pub fn tables(report: &Report, layout: &Layout) -> Result<()> {
    if report.traces.iter().all(|trace| trace.scores.decisions == 0) {
        return Err(eyre!("no decision is scored: there are no figures"));
    }
    output::stdout(table::render(report, layout).as_bytes())
}

/// The report in a file.
fn written(path: &Path) -> Result<Report> {
    let name = path.display();
    if path.is_file() && ingest::is_recording(path) {
        return Err(super::wrong(format!(
            "--report {name}: this is a recording; tables are made of what `koracle eval --json` \
             wrote, a recording is scored by koracle eval {name}"
        )));
    }
    let bytes = std::fs::read(path).wrap_err_with(|| name.to_string())?;
    serde_json::from_slice(&bytes)
        .wrap_err_with(|| format!("{name}: no report that `koracle eval --json` wrote"))
}

/// Scores and prints.
pub fn run(args: &Args) -> Result<()> {
    each_once("--rules", args.replayed.iter().map(|rules| rules.name))?;
    each_once("--predictors", args.predictors.iter().map(|choice| choice.label()))?;
    each_once("--measures", args.tables.measures.iter().map(String::as_str))?;
    each_once("--model", args.model.iter().filter_map(|model| model.to_str()))?;
    if args.truth {
        return super::eval_truth::run(&args.recordings()?, &args.told()?, args.printed.json);
    }
    if !args.replayed.is_empty() {
        return super::eval_rules::run(
            &args.recordings()?,
            &args.told()?,
            &args.replayed,
            args.printed.json,
        );
    }
    let report = if let Some(path) = &args.report {
        written(path)?
    } else {
        let (paths, columns) = (args.recordings()?, args.columns()?);
        let bar = output::progress(0, "scoring");
        let report = report(&columns, &paths, &args.told()?, &bar)?;
        bar.finish_and_clear();
        report
    };
    if args.printed.json {
        return output::json(&report);
    }
    let layout = Layout {
        style: args.printed.style(),
        measures: args.tables.measures.clone(),
        slices: args.tables.slices,
        by: args.tables.by,
    };
    tables(&report, &layout)
}
