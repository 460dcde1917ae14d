//! Options of `koracle train`: those of the command, and one for each setting of a training, made
//! from the table of settings.

use crate::train::settings::{
    self, COURSE, DEVICE, FOLDER, Input, NETWORK, RECORDINGS, Setting, Usual,
};
use crate::train::{Target, TrainConfig};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, ValueHint};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's folder; the model of the best epoch is its `best.koracle`. Without it a new one
    /// among the kept runs.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Train in `DIR` though it holds other files; a run that it holds is replaced.
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Go on with the run in this folder, or of this name among the kept runs, from its last
    /// checkpoint and with its settings: of the other options only `--device`, `--memory-limit` and
    /// `--json` go with it.
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with = "output")]
    pub resume: Option<PathBuf>,
    /// Take settings from this file: options of this command by their names, such as `epochs = 3`
    /// and `hold-out = ["hackbench"]`; options win over it. Also a run, by its folder or name: its
    /// settings. `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Print the settings as a file for `--config`, and train nothing.
    #[arg(long, conflicts_with = "resume")]
    pub print_config: bool,
    #[command(flatten)]
    settings: Settings,
    /// The program may hold this much main memory; a run that cannot fit is refused, one that would
    /// take more ends as failed, with a checkpoint. Without it, what the machine, its control
    /// groups and `ulimit -v` leave.
    #[arg(long, id = "memory-limit", value_name = "MIB", value_parser = crate::cli::values::whole::<u64>(1..=u64::MAX))]
    pub memory_limit: Option<u64>,
    /// Print one JSON object per epoch, and one at the start and at the end.
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The settings that they make.
    pub fn config(&self) -> TrainConfig {
        TrainConfig { memory_limit: self.memory_limit, ..self.settings.config.clone() }
    }

    /// Where to compute, if that was said.
    pub fn device(&self) -> Option<Target> {
        self.settings.device
    }
}

/// The settings of a training as options: one for each entry of their table.
#[derive(Debug)]
struct Settings {
    config: TrainConfig,
    /// Where to compute, if that was said: a run that goes on does so where it began.
    device: Option<Target>,
}

/// In the order of the help.
fn all() -> impl Iterator<Item = &'static Setting> {
    [&FOLDER[..], &RECORDINGS, &COURSE, &NETWORK, &DEVICE].into_iter().flatten()
}

/// The option of a setting.
fn option_of(setting: &'static Setting) -> Arg {
    static USUAL: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
        let usual = TrainConfig::default();
        settings::all().map(|setting| (setting.name, setting.of(&usual).text())).collect()
    });
    let input = setting.of(&TrainConfig::default()).input();
    let is_real = input == Input::Real;
    let read = move |text: &str| {
        let checked = setting.read(&mut TrainConfig::default(), &[OsStr::new(text)]);
        let takes = |problem| setting.takes(text).unwrap_or(problem);
        // "nan" and "inf" can be read, and are in no limits.
        match text.parse::<f64>() {
            Ok(x) if is_real && !x.is_finite() => Err(takes(String::new())),
            _ => checked.map(|()| OsString::from(text)).map_err(takes),
        }
    };
    let arg = Arg::new(setting.option).long(setting.option).value_name(setting.placeholder);
    let arg = arg.help(setting.help);
    let arg = match input {
        Input::Folder => arg
            .value_hint(ValueHint::DirPath)
            .value_parser(PathBufValueParser::new().map(PathBuf::into_os_string)),
        Input::Names => arg.action(ArgAction::Append).value_parser(read),
        _ => arg.value_parser(read),
    };
    match (setting.usual, setting.name) {
        (Usual::Stated, name) => arg.default_value(USUAL[name].as_str()),
        // What recordings have is called so.
        (_, "only") => arg.visible_alias("category"),
        _ => arg,
    }
}

impl clap::Args for Settings {
    fn augment_args(command: Command) -> Command {
        command.args(all().map(option_of))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut made = Self { config: TrainConfig::default(), device: None };
        made.update_from_arg_matches(matches)?;
        Ok(made)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        // As in a file: the kind of network comes before its sizes.
        for setting in settings::all() {
            let Some(words) = matches.get_many::<OsString>(setting.option) else { continue };
            let words: Vec<&OsStr> = words.map(OsString::as_os_str).collect();
            // It was read before, when it was parsed.
            let read = setting.read(&mut self.config, &words);
            read.map_err(|e| clap::Error::raw(ErrorKind::ValueValidation, e))?;
            if setting.name == "device" {
                self.device = Some(self.config.device);
            }
        }
        Ok(())
    }
}

/// The option that makes a setting of a configuration.
pub fn option(setting: &'static str) -> &'static str {
    settings::named(setting).map_or(setting, |setting| setting.option)
}
