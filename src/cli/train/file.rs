//! Settings of a training in a file: options of `koracle train` by their names. A file is turned
//! into options, so that the command line's parsers, limits and words hold for both. `text` writes
//! such a file.

use super::args::{Args, option};
use crate::cli::wrong;
use crate::text::line_at;
use crate::train::options;
use crate::train::{TrainConfig, runs, settings};
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use color_eyre::eyre::{Result, WrapErr};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::{Spanned, Value};

/// The settings of a training as a file for `--config`.
pub fn text(config: &TrainConfig) -> String {
    let all = options::settings(config);
    all.into_iter().fold(String::new(), |text, (name, value)| format!("{text}{name} = {value}\n"))
}

/// A setting of a file as options, and where it stands.
struct Written {
    name: String,
    line: Option<usize>,
    options: Vec<OsString>,
}

impl Written {
    fn new(name: &str, line: Option<usize>, value: &Value) -> Option<Self> {
        let values = match value {
            Value::Array(list) => list.iter().map(word).collect::<Option<Vec<_>>>()?,
            one => vec![word(one)?],
        };
        let options = values.into_iter().map(|value| format!("--{name}={value}").into()).collect();
        Some(Self { name: name.to_owned(), line, options })
    }
}

/// A value as it is typed behind an option.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Boolean(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        Value::Integer(n) => Some(n.to_string()),
        Value::Float(x) => Some(x.to_string()),
        _ => None,
    }
}

/// The settings of a file; the error is a sentence with the line.
fn read(text: &str) -> Result<Vec<Written>, String> {
    let at = |start: usize, problem: &str| format!("line {}: {problem}", line_at(text, start));
    let table: BTreeMap<String, Spanned<Value>> = toml::from_str(text).map_err(|e| {
        e.span().map_or_else(|| e.message().to_owned(), |span| at(span.start, e.message()))
    })?;
    if runs::is_config(text) {
        // A run keeps its settings in the program's own words.
        let config: TrainConfig = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        let all = options::settings(&config);
        return Ok(all.iter().filter_map(|(name, v)| Written::new(name, None, v)).collect());
    }
    let mut rows: Vec<_> = table.into_iter().collect();
    rows.sort_by_key(|(_, value)| value.span().start);
    let known = || settings::all().map(|s| s.option).chain(["memory-limit"]);
    let mut all = Vec::new();
    for (key, value) in rows {
        let (name, start) = (key.replace('_', "-"), value.span().start);
        if !known().any(|known| known == name) {
            let list = known().collect::<Vec<_>>().join(", ");
            let problem = format!("no such setting: `{key}`; there are {list}");
            return Err(at(start, &problem));
        }
        let setting = Written::new(&name, Some(line_at(text, start)), value.as_ref());
        all.push(setting.ok_or_else(|| at(start, &format!("`{key}` is no value")))?);
    }
    Ok(all)
}

/// The text that `--config` names: of a file, of a run, or standard input.
fn open(name: &Path) -> Result<(PathBuf, String)> {
    if name.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).wrap_err("standard input")?;
        let name = PathBuf::from("standard input");
        return Ok((name.clone(), decoded(&name, bytes)?));
    }
    let is_run = !name.exists() || name.is_dir();
    let path = if is_run { runs::find(name).join("config.toml") } else { name.into() };
    if !path.exists() {
        let why = if name.is_dir() {
            "a folder, and no run: there is no config.toml in it"
        } else {
            "no such file, and no run is kept there"
        };
        return Err(wrong(format!("{}: {why}", name.display())));
    }
    let bytes = std::fs::read(&path).wrap_err_with(|| path.display().to_string())?;
    let text = decoded(&path, bytes)?;
    Ok((path, text))
}

/// The settings in these bytes as text.
fn decoded(name: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| {
        wrong(format!(
            "{}: no text, so no settings: they are TOML, as `koracle train --print-config` writes \
             them, or a run's",
            name.display()
        ))
    })
}

/// Settings as `koracle train` with these options has them; the parser's words for one that cannot
/// be used.
fn parsed<'o>(options: impl Iterator<Item = &'o OsString>) -> Result<Args, String> {
    let line = ["koracle".into(), "train".into()].into_iter().chain(options.cloned());
    let matches = crate::cli::command().try_get_matches_from(line);
    let args = matches.and_then(|m| match m.subcommand() {
        Some((_, of)) => Args::from_arg_matches(of),
        None => Args::from_arg_matches(&m),
    });
    args.map_err(|told| {
        let text = told.to_string();
        let first = text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        first.trim_start_matches("error: ").to_owned()
    })
}

/// What the file of `--config` adds to the options that were given; those win. Beside `--resume` no
/// setting may be given: it would have no effect.
pub fn complete(given: &ArgMatches) -> Result<Vec<OsString>> {
    let is_given = |name: &str| given.value_source(name) == Some(ValueSource::CommandLine);
    if let Some(run) = given.get_one::<PathBuf>("resume") {
        // A run may go on elsewhere.
        let mut own = settings::all().map(|s| s.option).filter(|name| *name != "device");
        return match own.find(|name| is_given(name)) {
            Some(name) => Err(wrong(format!(
                "--{name} beside --resume: a run goes on with the settings that it has; a new one \
                 with the others of it: koracle train --config {} --{name} ...",
                run.display()
            ))),
            None => Ok(Vec::new()),
        };
    }
    let Some(name) = given.get_one::<PathBuf>("config") else { return Ok(Vec::new()) };
    let (path, text) = open(name)?;
    let bad = |line: Option<usize>, problem: &str| {
        let line = line.map(|n| format!("line {n}: ")).unwrap_or_default();
        wrong(format!("{}: {line}{problem}", path.display()))
    };
    let mut all = read(&text).map_err(|problem| bad(None, &problem))?;
    for setting in &all {
        parsed(setting.options.iter()).map_err(|problem| bad(setting.line, &problem))?;
    }
    all.retain(|setting| !is_given(&setting.name));
    let used = parsed(all.iter().flat_map(|s| &s.options)).map_err(|e| bad(None, &e))?;
    if let Err(e) = used.config().check() {
        let name = option(e.setting);
        if let Some(setting) = all.iter().find(|s| s.name == name && name != "device") {
            return Err(bad(setting.line, &format!("{name}: {}", e.problem)));
        }
    }
    Ok(all.into_iter().flat_map(|setting| setting.options).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;
    use crate::predictor::networks::{Kind, ModelConfig};
    use crate::train::Schedule;

    fn config(text: &str) -> TrainConfig {
        let all = read(text).unwrap();
        parsed(all.iter().flat_map(|s| &s.options)).unwrap().config()
    }

    /// Nothing of it is what it would be without being said.
    fn other() -> TrainConfig {
        let model = ModelConfig {
            channels: 24,
            blocks: 2,
            hidden: 20,
            hidden2: 0,
            forecast: 12,
            forecast2: 8,
            adapt: false,
            ..ModelConfig::of(Kind::Lstm)
        };
        TrainConfig {
            epochs: 3,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            weight_decay: 0.1,
            clip: 0.3,
            batch: 4,
            chunk: 128,
            patience: 2,
            forecast_weight: 0.7,
            balance: false,
            seed: 9,
            only: vec!["hackbench".into(), "io_mixed".into()],
            hold_out: vec!["6.12x8".into()],
            kernels: vec!["6.1".into()],
            traces: Some("some where".into()),
            model,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for made in [TrainConfig::default(), other()] {
            assert_eq!(config(&text(&made)), made);
            // As a run keeps it.
            assert_eq!(config(&toml::to_string_pretty(&made).unwrap()), made);
        }
        assert_eq!(config(""), TrainConfig::default());
        let loose = config("hold_out = \"hackbench\"\nadapt = false\nlr = 1\nseed = 0x10\n");
        assert_eq!(loose.hold_out, ["hackbench"]);
        assert_eq!((loose.model.adapt, loose.learning_rate, loose.seed), (false, 1.0, 16));
    }
}
