//! `koracle score`: the answers of any program, scored by the same rules as ours.

use super::door::say;
use super::eval::{self, Column};
use super::output;
use super::table::{By, Layout, Style};
use crate::driver;
use crate::evaluate::answers::{self, Answers, Scored};
use crate::evaluate::report::Report;
use crate::ingest;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::Trace;
use clap::ValueHint;
use color_eyre::eyre::{Result, WrapErr, eyre};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Stands for no predictor.
const NOBODY: &str = "none";

/// Options of `score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The answers, as CSV: a row per switch as `koracle predict` writes, or a row per candidate as
    /// `predict --full` does.
    #[arg(value_name = "ANSWERS", value_hint = ValueHint::FilePath)]
    answers: PathBuf,
    /// The recording that they are about.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    trace: PathBuf,
    /// Who stands beside them, separated by commas: predictors, runs or model files; `none` for
    /// nobody.
    #[arg(long, value_delimiter = ',', default_value = "tcn,followed,eevdf",
          value_parser = super::predictor_or_path_or(&[NOBODY]), hide_possible_values = true)]
    predictors: Vec<PathBuf>,
    /// Print one JSON object, as `koracle eval --json` does.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the tables as markdown.
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

impl Args {
    fn others(&self) -> Result<Vec<(String, Column)>> {
        let given = self.predictors.iter().filter_map(|name| name.to_str());
        super::values::each_once("--predictors", given)?;
        if self.predictors.len() > 1 && self.predictors.iter().any(|name| name == NOBODY) {
            return Err(super::wrong("--predictors: none stands alone"));
        }
        let mut others = Vec::new();
        for name in self.predictors.iter().filter(|name| *name != NOBODY) {
            let who = super::found("--predictors", driver::find(name))?;
            let (choice, model) = who.parts();
            others.push((who.label.clone(), Column { choice, model: model.cloned() }));
        }
        Ok(others)
    }
}

/// Says what a reader of the figures should know.
fn warn(named: &str, answers: &Answers, scored: &Scored) {
    let kinds = ["pick", "forecast"].into_iter().zip(answers.kinds());
    for (i, (what, _)) in kinds.enumerate().filter(|(_, (_, given))| *given) {
        let of = output::count(scored.asked[i], &format!("scored {what}"));
        if scored.missing[i] > 0 {
            say!(
                "koracle: warning: {}: no answer to {} of {of}: they count as wrong",
                named,
                scored.missing[i]
            );
        }
        if scored.foreign[i] > 0 {
            let n = scored.foreign[i];
            say!(
                "koracle: warning: {}: {n} of {of} answered with nobody who was a candidate: wrong",
                named
            );
        }
    }
    if answers.are_single() {
        say!(
            "koracle: note: {} names one thread a question: of the others it says nothing, so that \
             only top-1, ECE and what is answered at 90 % are its own",
            named
        );
    }
}

/// Scores and prints.
pub fn run(args: &Args) -> Result<()> {
    if [&args.answers, &args.trace].iter().all(|path| path.as_os_str() == "-") {
        return Err(super::wrong("answers and recording cannot both be standard input"));
    }
    let others = args.others()?;
    // A pipe can be read once only.
    if args.answers.is_file() && ingest::is_recording(&args.answers) {
        return Err(super::wrong(format!(
            "{}: this is a recording; the answers come first, then what they are about: koracle \
             score ANSWERS TRACE",
            args.answers.display()
        )));
    }
    let trace = output::open(&args.trace, &args.machine.told())?.trace;
    let is_input = args.answers.as_os_str() == "-";
    let named = || {
        if is_input { "standard input".into() } else { args.answers.display().to_string() }
    };
    let answers = read(&args.answers, &trace).wrap_err_with(named)?;
    let mut engines: Vec<Box<dyn Predictor>> = Vec::new();
    for (_, column) in &others {
        engines.push(Box::new(column.engine(&trace)?));
    }
    let bar = output::progress(trace.len() as u64, "scoring");
    let scored = answers::score(&trace, &answers, engines, &Cancel::new(), &|n| bar.inc(n));
    bar.finish_and_clear();
    let scored = scored.ok_or_else(|| eyre!("cancelled"))?;
    warn(&named(), &answers, &scored);
    eval::warn_of_lack(&args.trace, &trace, &scored.counts, true);
    let labels = others.into_iter().map(|(label, _)| label);
    let names: Vec<String> = std::iter::once(answers::NAME.to_owned()).chain(labels).collect();
    let report = Report::new(&names, &[(trace.meta().clone(), scored.counts)]);
    if args.json {
        return output::json(&report);
    }
    let style = if args.markdown { Style::Markdown } else { Style::Text };
    let measures = vec!["top1".to_owned()];
    let layout = Layout { style, measures, slices: false, by: By::Workload };
    eval::tables(&report, &layout)
}

fn read(path: &Path, trace: &Trace) -> Result<Answers> {
    if path.as_os_str() == "-" {
        return Ok(Answers::read(std::io::stdin().lock(), trace)?);
    }
    Ok(Answers::read(File::open(path)?, trace)?)
}
