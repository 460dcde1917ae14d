//! The command line: everything that the interface does, without a screen. The only room besides
//! `main` that prints: machine output goes to standard output, everything else to standard error.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 128 and the number of a signal that ended it. A reader that closes the pipe early is no failure.

mod bench;
mod completions;
mod config;
mod conform;
mod convert;
mod diff;
mod door;
mod eval;
mod eval_rules;
mod eval_truth;
mod examples;
mod experiment;
mod explore;
mod features;
mod frontier;
mod info;
mod mistakes;
mod output;
mod perfetto;
mod predict;
mod record;
mod runs;
mod score;
mod table;
mod tasks;
mod told;
mod train;
mod values;
mod vm;
mod waits;
mod window;

use crate::dataset::catalog::Split;
use crate::export::ExportError;
use crate::predictor::engine::{Choice, ChoiceError};
use crate::predictor::networks::Kind;
use crate::predictor::weights::Weights;
use crate::train::named::{self, NameError};
use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use color_eyre::eyre::{Result, WrapErr};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

/// Replays recorded Linux scheduling timelines and overlays a predicted next task on the real one.
#[derive(Debug, Parser)]
#[command(name = "koracle", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Recordings to explore; without any, the bundled ones.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
    /// Show another predictor's answers in a second row: its name (lstm, mlp, ppm, eevdf, ...), a
    /// run or a model file.
    #[arg(long, value_name = "PREDICTOR", value_parser = predictor_or_path(), hide_possible_values = true)]
    compare: Option<PathBuf>,
    /// Go on where the program was left: its recordings, the screen, the place, the filters.
    #[arg(long, conflicts_with = "traces")]
    restore: bool,
    #[command(flatten)]
    machine: told::Machine,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is in a recording, what was lost or skipped, and how much of it there is to
    /// predict.
    Info(info::Args),
    /// Run a workload under ftrace, here or over SSH, and keep what the scheduler decided.
    Record(record::RecordArgs),
    /// Machines of this program's own to record on: build, start, end, list.
    Vm(vm::Args),
    /// List the workloads that can be recorded: name, category, packages, what it exercises,
    /// script.
    Workloads,
    /// Write any readable recording as a native one.
    Import(convert::ImportArgs),
    /// Write a recording in another format.
    Export(convert::ExportArgs),
    /// Score predictors on recordings.
    Eval(eval::Args),
    /// Write the prediction of every decision of a recording as CSV.
    Predict(predict::Args),
    /// Write the inputs of every question of a recording, who the candidates were and who came in,
    /// as arrays for numpy.
    Features(features::Args),
    /// Score the answers of any program to the questions of a recording.
    Score(score::Args),
    /// List wrong predictions and what they have in common: by task, state, queue, wait,
    /// probability, ...
    Mistakes(mistakes::Args),
    /// Hold every pick against the rule of its scheduling class: with the kernel's own state where
    /// it was recorded.
    Conform(conform::Args),
    /// List who waited for a CPU, how long, who woke it and who ran instead.
    Waits(waits::Args),
    /// Say of each thread or name how long it ran, waited and slept, and how often it was switched,
    /// woken and moved.
    Tasks(tasks::Args),
    /// Say what differs between two recordings: use, stints, waits, migrations, in all and by name.
    Diff(diff::Args),
    /// Train a network on the bundled recordings.
    Train(train::Args),
    /// Train and score on what was held out, on another kernel, with several seeds, or one network
    /// against another.
    Experiment(experiment::Args),
    /// List the training runs that are kept; export or remove one.
    Runs(runs::Args),
    /// Measure this machine: time per decision, reading, drawing.
    Bench(bench::Args),
    /// What accuracy costs: configurations from a fixed rule upwards, by accuracy and time per
    /// decision.
    Frontier(frontier::Args),
    /// Say where the settings of the interface are kept, or print an example.
    Config(config::Args),
    /// Print the manual page, or write those of all commands into a folder.
    Man {
        /// The folder, e.g. `~/.local/share/man/man1`.
        #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        output: Option<PathBuf>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments, runs the command, prints what went wrong.
pub fn main() -> ExitCode {
    door::take_panics();
    let done = match command_line() {
        Ok(cli) => dispatch(cli),
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(told) => return ExitCode::from(usage(&told) as u8),
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.chain().any(is_usage) { 2 } else { 1 };
            let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
            // A cause that is already part of the message above it is not said twice.
            let mut text = String::new();
            for cause in causes.iter().filter(|c| !c.is_empty()) {
                if !text.contains(cause.as_str()) {
                    text = if text.is_empty() { cause.clone() } else { format!("{text}: {cause}") };
                }
            }
            door::lines(&format!("koracle: {text}"));
            ExitCode::from(code)
        }
    }
}

/// The arguments, and what a file that they name adds to them.
fn command_line() -> Result<Cli> {
    let mut given: Vec<OsString> = std::env::args_os().collect();
    let mut matches = command().try_get_matches_from(&given)?;
    let more = match matches.subcommand() {
        Some(("train", of)) => train::complete(of)?,
        _ => Vec::new(),
    };
    if !more.is_empty() {
        given.extend(more);
        matches = command().try_get_matches_from(&given)?;
    }
    Ok(Cli::from_arg_matches(&matches)?)
}

/// The command line, with examples at the end of each command's help.
fn command() -> clap::Command {
    let mut all = Cli::command();
    let names: Vec<String> = all.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let Some(examples) = examples::of(&name) else { continue };
        all = all.mut_subcommand(name, |c| {
            let before = c
                .get_after_help()
                .map(|text| format!("{}\n\n", text.to_string().trim_end()))
                .unwrap_or_default();
            c.after_help(format!("{before}Examples:\n{examples}"))
        });
    }
    taking_negatives(all)
}

/// Lets every option have a negative number as its value, so that its own limits refuse it: taken
/// for an option, it would be one that there is not.
fn taking_negatives(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let is_option = !arg.is_positional() && arg.get_action().takes_values();
            if is_option { arg.allow_negative_numbers(true) } else { arg }
        })
        .mut_subcommands(taking_negatives)
}

/// A value of an argument that only the command itself can see to be wrong: exit code 2, as for
/// those that the parser sees.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

/// Whether an argument is what is wrong.
fn is_usage(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<WrongUsage>()
        || matches!(cause.downcast_ref(), Some(ExportError::Name(_) | ExportError::Refused { .. }))
        || matches!(cause.downcast_ref(), Some(ChoiceError::OtherModel { .. }))
}

/// An error that says that an argument is wrong.
fn wrong(problem: impl std::fmt::Display) -> color_eyre::Report {
    WrongUsage(problem.to_string()).into()
}

/// `--model` beside a predictor that is no network.
fn not_for(predictor: Choice) -> color_eyre::Report {
    wrong(format!("--model is for a network, not for {}", predictor.label()))
}

/// Prints help where it was asked for, and what is wrong with the arguments otherwise. The exit
/// code.
fn usage(told: &clap::Error) -> i32 {
    if told.use_stderr() {
        door::lines(&told.render().to_string());
        return told.exit_code();
    }
    match door::help(&told.render()) {
        Err(error) if !is_broken_pipe(&error) => {
            door::lines(&format!("koracle: standard output: {error}"));
            1
        }
        _ => 0,
    }
}

fn dispatch(cli: Cli) -> Result<()> {
    match cli.command {
        None => explore::run(cli.traces, cli.compare, cli.restore, cli.machine.told()),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Record(args)) => record::record(&args),
        Some(Command::Vm(args)) => vm::run(&args),
        Some(Command::Workloads) => record::list(),
        Some(Command::Import(args)) => convert::import(&args),
        Some(Command::Export(args)) => convert::export(&args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Config(args)) => config::run(&args),
        Some(Command::Features(args)) => features::run(&args),
        Some(Command::Score(args)) => score::run(&args),
        Some(Command::Frontier(args)) => frontier::run(&args),
        Some(Command::Mistakes(args)) => mistakes::run(&args),
        Some(Command::Conform(args)) => conform::run(&args),
        Some(Command::Waits(args)) => waits::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Tasks(args)) => tasks::run(&args),
        Some(Command::Train(args)) => train::run(&args),
        Some(Command::Experiment(args)) => experiment::run(&args),
        Some(Command::Runs(args)) => runs::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Man { output }) => man(output.as_deref()),
    }
}

/// Manual pages, from the same words as `--help`.
fn man(folder: Option<&Path>) -> Result<()> {
    if let Some(folder) = folder {
        let named = || folder.display().to_string();
        std::fs::create_dir_all(folder).wrap_err_with(named)?;
        return clap_mangen::generate_to(command(), folder).wrap_err_with(named);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page)?;
    output::stdout(&page)
}

fn is_broken_pipe(error: &color_eyre::Report) -> bool {
    error.chain().any(|cause| {
        let export = cause.downcast_ref::<ExportError>().and_then(|e| match e {
            ExportError::Io { source, .. } => Some(source),
            _ => None,
        });
        let csv = cause.downcast_ref::<csv::Error>().and_then(|e| match e.kind() {
            csv::ErrorKind::Io(source) => Some(source),
            _ => None,
        });
        let io = cause.downcast_ref::<std::io::Error>();
        io.or(export).or(csv).is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
    })
}

/// The network that `name` means, or the bundled one.
fn model(name: Option<&Path>) -> Result<Arc<Weights>> {
    match name {
        Some(name) => found("--model", named::network(name)).map(|found| found.weights),
        None => Ok(Arc::new(Weights::bundled()?)),
    }
}

/// The network that `name` means, or the bundled one of that kind.
fn model_of(name: Option<&Path>, kind: Kind) -> Result<Arc<Weights>> {
    match name {
        Some(name) => model(Some(name)),
        None => Ok(Arc::new(Weights::bundled_of(kind)?)),
    }
}

/// What a name led to. A name that leads nowhere is wrong usage, a file that cannot be used a
/// failure.
fn found<T>(option: &str, result: Result<T, NameError>) -> Result<T> {
    result.map_err(|e| match e {
        NameError::Weights(e) => e.into(),
        e => wrong(format!("{option}: {e}")),
    })
}

/// An argument that is one of these words: shells complete them, and what is none of them is an
/// error that lists them.
fn one_of<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    let words: Vec<&str> = words.into_iter().collect();
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// A split.
fn split() -> impl TypedValueParser<Value = Split> {
    one_of(["train", "validation", "test"])
}

/// A predictor.
fn predictor() -> impl TypedValueParser<Value = Choice> {
    one_of(Choice::named().map(Choice::label))
}

/// A predictor's name, which shells complete, or a run or a model file.
fn predictor_or_path() -> impl TypedValueParser<Value = PathBuf> {
    predictor_or_path_or(&[])
}

/// The same, or one of these words.
fn predictor_or_path_or(words: &[&'static str]) -> impl TypedValueParser<Value = PathBuf> + use<> {
    let names = Choice::named().map(Choice::label).chain(words.iter().copied());
    Suggested(names.chain([completions::RUNS]).collect())
}

/// Takes every value but none, and lets shells complete some words.
#[derive(Clone)]
struct Suggested(Vec<&'static str>);

impl TypedValueParser for Suggested {
    type Value = PathBuf;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<PathBuf, clap::Error> {
        if !value.is_empty() {
            return PathBufValueParser::new().parse_ref(command, arg, value);
        }
        let mut error = clap::Error::new(clap::error::ErrorKind::InvalidValue).with_cmd(command);
        let known = self.0.iter().filter(|word| **word != completions::RUNS);
        let known = known.map(ToString::to_string).chain(["RUN".into(), "FILE".into()]);
        let arg = arg.map_or_else(String::new, ToString::to_string);
        error.insert(ContextKind::InvalidArg, ContextValue::String(arg));
        error.insert(ContextKind::InvalidValue, ContextValue::String(String::new()));
        error.insert(ContextKind::ValidValue, ContextValue::Strings(known.collect()));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}
