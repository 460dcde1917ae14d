//! `koracle experiment`: trainings and what they score on recordings of a kind that they have, or
//! have not, seen. The folder keeps each training as `koracle train` does; what is finished there
//! is not done again, what is under way is gone on with.
//!
//! Test recordings are read by the scoring alone: epochs and temperatures are chosen on the
//! validation recordings of what a training may see.

mod part;
mod plan;
mod results;
mod trained;

use super::door::{self, say};
use super::eval::{self, Column};
use super::{bench, output, table};
use crate::dataset::catalog::Split;
use crate::dataset::opening;
use crate::evaluate::report::Report;
use crate::job::{Job, JobError};
use crate::predictor::engine::Choice;
use crate::train::Progress;
use clap::ValueHint;
use color_eyre::eyre::{Result, bail, eyre};
use indicatif::ProgressBar;
use part::Context;
use plan::{Part, Plan};
use results::Speed;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use trained::Trained;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// Train without a category, score on it: each in turn.
    HoldOut,
    /// Train on the recordings of one kernel, score on those of the other, and on its own.
    Kernels,
    /// Train without the recordings of a machine, score on it and on the others: each in turn,
    /// beside a training on all.
    Machines,
    /// Train on everything with several seeds.
    Seeds,
    /// One kind of network against another: accuracy and speed.
    Models,
}

/// Options of `experiment`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which.
    #[arg(value_enum)]
    name: Name,
    /// Its folder; one that is there is gone on with.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    output: PathBuf,
    /// hold-out: this category only (may be repeated); without, each in turn.
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<String>,
    /// machines: leave out this one only, e.g. 6.12x8 (may be repeated); without, each in turn.
    #[arg(long, value_name = "MACHINE")]
    machine: Vec<String>,
    /// kernels: these instead of CFS and EEVDF. The others: only recordings of this kernel. May be
    /// repeated.
    #[arg(long, value_name = "KERNEL")]
    kernel: Vec<String>,
    /// Kinds of networks, separated by commas; the first is compared with the others.
    #[arg(long = "model", value_name = "KIND", value_delimiter = ',', value_parser = super::predictor())]
    models: Vec<Choice>,
    /// Trainings of each, with seeds from 0.
    #[arg(long, default_value_t = 3, value_parser = super::values::whole::<u64>(1..=64))]
    seeds: u64,
    /// Passes over the data; without, as `koracle train`.
    #[arg(long, value_parser = super::values::whole::<u64>(1..=u64::MAX))]
    epochs: Option<u64>,
    /// Trainings at the same time.
    #[arg(long, default_value_t = 1, value_parser = super::values::whole::<u64>(1..=64))]
    jobs: u64,
    /// Score on these recordings; validation is for rehearsals.
    #[arg(long, default_value = "test", value_parser = super::split())]
    split: Split,
    /// Score with networks that go on learning from outcomes, or with fixed ones; without, as each
    /// kind does. Nothing is trained again for it.
    #[arg(long, value_name = "on|off", value_parser = super::values::on_or_off)]
    adapt: Option<bool>,
    #[command(flatten)]
    printed: table::Printed,
}

/// What a training says while it runs.
enum Word {
    Progress(Box<Progress>),
    Done(Box<Result<Result<Trained>, JobError>>),
}

/// Trains what is missing, at most so many at a time, and gives what is there for each part, in
/// order.
fn train(context: &Arc<Context>, plan: &Plan, jobs: usize) -> Result<Vec<Trained>> {
    const UNIT: u64 = 1_000;
    let mut done: BTreeMap<usize, Trained> = BTreeMap::new();
    let mut waiting = VecDeque::new();
    for (i, part) in plan.parts.iter().enumerate() {
        if let Some(trained) = part.kept(context)? {
            say!("koracle: {}: finished before", part.title());
            done.insert(i, trained);
        } else {
            waiting.push_back(i);
        }
    }
    let bar = output::progress(UNIT * plan.parts.len() as u64, "training");
    bar.set_position(UNIT * done.len() as u64);
    let (sender, words) = channel();
    let mut running: BTreeMap<usize, (Job, u64)> = BTreeMap::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < jobs
            && let Some(i) = waiting.pop_front()
        {
            running.insert(i, (start(context, plan.parts[i].clone(), i, sender.clone()), 0));
        }
        if running.is_empty() {
            break;
        }
        // The sender is kept here, so that this waits as long as a job runs.
        let (i, word) = words.recv()?;
        let title = plan.parts[i].title();
        match word {
            Word::Progress(p) => {
                let at = UNIT * p.step as u64 / p.steps.max(1) as u64;
                if let Some((_, before)) = running.get_mut(&i) {
                    bar.inc(at.saturating_sub(*before));
                    *before = at.max(*before);
                }
                tell(&bar, &title, &p);
            }
            Word::Done(result) => {
                let (_job, before) =
                    running.remove(&i).ok_or_else(|| eyre!("{title}: ended twice"))?;
                bar.inc(UNIT - before);
                match (*result).map_err(Into::into).and_then(|r| r) {
                    Ok(trained) => drop(done.insert(i, trained)),
                    Err(error) => {
                        bar.suspend(|| door::lines(&format!("koracle: {title}: {error:#}")));
                        failed.push(title);
                    }
                }
            }
        }
    }
    bar.finish_and_clear();
    if !failed.is_empty() {
        bail!("{} of {} trainings failed: {}", failed.len(), plan.parts.len(), failed.join("; "));
    }
    Ok(done.into_values().collect())
}

fn start(context: &Arc<Context>, part: Part, i: usize, words: Sender<(usize, Word)>) -> Job {
    let (context, progress) = (Arc::clone(context), words.clone());
    let work = move |cancel: &_| {
        // Nobody listens any more only when the program ends.
        part.run(&context, cancel, &mut |p| drop(progress.send((i, Word::Progress(Box::new(p))))))
    };
    Job::spawn("experiment", work, move |result| {
        drop(words.send((i, Word::Done(Box::new(result)))));
    })
}

fn tell(bar: &ProgressBar, title: &str, p: &Progress) {
    door::message(bar, &format!("{title}: epoch {} of {}", p.epoch, p.epochs));
    if let Some(v) = &p.validation {
        let [pick, forecast] = [v.pick_top1, v.forecast_top1].map(|x| 100.0 * x);
        let line = format!(
            "{title}: epoch {} of {}, validation macro: pick {pick:.2} %, forecast {forecast:.2} \
             %, {:.0} k events/s",
            p.epoch,
            p.epochs,
            p.figures.events_per_s / 1e3
        );
        bar.suspend(|| say!("koracle: {line}"));
    }
}

/// Scores of the baselines on every test set.
fn baselines(context: &Context, plan: &Plan) -> Result<Vec<Report>> {
    let score = |test: &plan::TestSet| {
        let name = format!("baselines on {}", test.name);
        context.scored(&context.folder.join("baselines"), &name, test, &Column::baselines)
    };
    plan.tests.iter().map(score).collect()
}

/// Nanoseconds that each kind of network needs, on the first recordings of the plan's validation
/// data.
fn speeds(context: &Context, plan: &Plan, trained: &[Trained]) -> Result<Vec<Speed>> {
    const RECORDINGS: usize = 4;
    let paths = context.paths(Split::Validation, &plan.all)?;
    let step = paths.len().div_ceil(RECORDINGS).max(1);
    let mut speeds = Vec::new();
    for one in trained::first_of_each(trained) {
        let (mut tokens, mut decisions) = (Vec::new(), Vec::new());
        for path in paths.iter().step_by(step) {
            let trace = opening::open(path, &opening::StatedMachine::default())?.trace;
            tokens.extend(bench::trunk(&trace, one.column()?.engine(&trace)?));
            decisions.extend(bench::decisions::usual(&trace, one.column()?.engine(&trace)?));
        }
        let per_s = trained
            .iter()
            .filter(|t| t.part.kind == one.part.kind)
            .filter_map(|t| t.finished.events_per_s);
        speeds.push(Speed {
            model: one.part.kind.label(),
            parameters: one.finished.parameters,
            token_ns: bench::quantiles(tokens).0,
            decision_ns: bench::quantiles(decisions).0,
            train_events_per_s: crate::evaluate::figures::median(per_s)[1],
        });
    }
    Ok(speeds)
}

/// The command line, without the folder of the program.
fn command() -> String {
    std::env::args().skip(1).fold("koracle".to_owned(), |all, arg| all + " " + &arg)
}

/// Trains, scores, writes the results into the folder, and prints them.
pub fn run(args: &Args) -> Result<()> {
    output::clean_up_on_signals();
    let catalog = eval::bundled()?;
    let plan = Plan::new(args, &catalog)?;
    part::claim(&args.output)?;
    let context = Arc::new(Context::new(catalog, args.output.clone(), args.split, args.adapt));
    let trained = train(&context, &plan, args.jobs as usize)?;
    let (mut scored, baselines) = (Vec::new(), baselines(&context, &plan)?);
    for one in &trained {
        scored.push(one.score(&context, &plan)?);
    }
    let speeds =
        if args.name == Name::Models { speeds(&context, &plan, &trained)? } else { Vec::new() };
    let results = results::Results::new(args, &plan, &trained, &scored, &baselines, speeds);
    let [json, markdown] = ["json", "md"]
        .map(|kind| args.output.join(format!("results{}.{kind}", part::suffix(args.adapt))));
    output::write(&json, |out| Ok(serde_json::to_writer_pretty(out, &results)?))?;
    output::write(&markdown, |out| {
        Ok(out.write_all(results.render(table::Style::Markdown).as_bytes())?)
    })?;
    say!("koracle: {} and {} written", json.display(), markdown.display());
    if args.printed.json {
        return output::json(&results);
    }
    let style = args.printed.style();
    output::stdout(results.render(style).as_bytes())
}
