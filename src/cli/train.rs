//! `koracle train`: trains on the bundled recordings into a run folder: a bar on a terminal, lines
//! otherwise, events as JSON. Ctrl-C keeps a checkpoint and says how to go on.

mod args;
mod file;

pub use args::Args;
pub use file::{complete, text};

use super::door::{self, say};
use super::output;
use crate::app::train::size;
use crate::dataset::catalog::{self, Catalog};
use crate::job::{self, Cancel, Job};
use crate::predictor::networks::ModelConfig;
use crate::train::cost::{self, Pace, Pass};
use crate::train::memory::{self, MIB, Outlook, Room};
use crate::train::runs::{Holds, KeptRun};
use crate::train::{
    self, Control, Data, Ending, Outcome, Progress, Stop, TrainConfig, TrainError, Wrong, load,
    runs,
};
use color_eyre::eyre::{Result, WrapErr, eyre};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// The configuration of the run in `folder`, set to go on.
fn resumed(folder: &Path) -> Result<TrainConfig> {
    let file = folder.join("config.toml");
    let text = std::fs::read_to_string(&file).wrap_err_with(|| file.display().to_string())?;
    let config: TrainConfig = toml::from_str(&text).wrap_err_with(|| file.display().to_string())?;
    Ok(TrainConfig { resume: true, folder: Some(folder.into()), ..config })
}

/// The first signal that asks the program to end stops the run with a checkpoint, the second ends
/// the program. The signal, 0 for none.
fn stop_on_signals(control: &Control, reading: &Cancel) -> Result<Arc<AtomicI32>> {
    let mut signals = Signals::new(output::endings())?;
    let seen = Arc::new(AtomicI32::new(0));
    let (control, reading, out) = (control.clone(), reading.clone(), Arc::clone(&seen));
    let wait = move |_: &Cancel| {
        for signal in signals.forever() {
            if out.swap(signal, Ordering::Relaxed) != 0 {
                output::end(signal);
            }
            control.stop(Stop::Leave);
            reading.cancel();
        }
    };
    // It waits for as long as the program runs: nobody has to cancel it.
    drop(Job::spawn("signals", wait, |_| {}));
    Ok(seen)
}

/// The recordings; names in the settings that none of them has are refused.
fn named(config: &TrainConfig) -> Result<Option<Catalog>> {
    let dir = config.traces.clone().or_else(catalog::bundled_dir);
    // A folder that cannot be read is told of when it is read.
    let catalog = dir.and_then(|dir| Catalog::load(&dir).ok());
    match catalog.as_ref().and_then(|c| load::wrong(c, config)) {
        Some(problem) => Err(super::wrong(problem)),
        None => Ok(catalog),
    }
}

/// Refuses recordings that there are not, and what cannot fit into memory, before anything is read
/// or made; says so when it will be tight.
fn fits(config: &TrainConfig) -> Result<()> {
    let catalog = named(config)?;
    let (sizes, recordings) = catalog.map(|c| (memory::sizes(&c), c.entries)).unwrap_or_default();
    let room = Room::now(config.memory_limit.map(|mib| mib.saturating_mul(MIB)));
    let traces = config.traces.clone();
    let readers = rayon::current_num_threads();
    let outlook = Outlook { room, recordings, sizes, readers, traces, ..Outlook::default() };
    if let Some(tight) = outlook.check(config).map_err(|wrong| too_large(config, wrong))? {
        say!("koracle: warning: {tight}");
    }
    Ok(())
}

/// What cannot fit, at the setting that weighs most where that was chosen: nobody gave the others.
fn too_large(config: &TrainConfig, wrong: Wrong) -> color_eyre::Report {
    match wrong.setting {
        "only" if config.only.is_empty() => {
            eyre!("{}; --only takes fewer recordings", wrong.problem)
        }
        "channels" if config.model.channels <= ModelConfig::of(config.model.kind).channels => {
            eyre!("{}", wrong.problem)
        }
        _ => wrong.into(),
    }
}

/// Refuses a folder that holds something, unless it is meant. What a run would replace and is not
/// of one is refused all the same.
fn free(folder: &Path, force: bool) -> Result<()> {
    match runs::holds(folder) {
        Holds::Run if !force => {
            let way = "resume it or choose another folder (--force replaces it)";
            Err(super::wrong(format!("{} holds a run already; {way}", folder.display())))
        }
        Holds::Foreign(file) if !force => Err(super::wrong(format!(
            "{}: not an empty folder: it holds {}; choose another one (--force trains in it all \
             the same)",
            folder.display(),
            file.file_name().unwrap_or_default().display()
        ))),
        Holds::Foreign(file) if runs::is_needed(&file) => Err(super::wrong(format!(
            "{}: this is not of a run, but a run would replace it; choose another folder",
            file.display()
        ))),
        _ => Ok(()),
    }
}

/// The settings of a run that goes on, and its folder.
fn going_on(run: &Path, args: &Args) -> Result<(TrainConfig, PathBuf)> {
    let folder = runs::find(run);
    if !folder.exists() {
        return Err(super::wrong(format!("{}: no run is kept here", run.display())));
    }
    let kept = resumed(&folder)?;
    let device = args.device().unwrap_or(kept.device);
    let config = TrainConfig { device, memory_limit: args.memory_limit, ..kept };
    config.check().wrap_err_with(|| folder.join("config.toml").display().to_string())?;
    fits(&config)?;
    Ok((config, folder))
}

/// The settings of a new run.
fn settings(args: &Args) -> Result<TrainConfig> {
    let config = args.config();
    config.check().map_err(|e| match e.setting {
        // The value is right, this program cannot do it.
        "device" => e.into(),
        setting => super::wrong(format!("--{}: {}", args::option(setting), e.problem)),
    })?;
    if let Some(folder) = config.traces.as_deref().filter(|folder| !folder.is_dir()) {
        let problem = format!("{}: no such folder", folder.display());
        return Err(super::wrong(format!("--{}: {problem}", args::option("traces"))));
    }
    Ok(config)
}

/// The settings of a new run, and the folder that it gets.
fn new_run(args: &Args) -> Result<(TrainConfig, PathBuf)> {
    let config = settings(args)?;
    fits(&config)?;
    if let Some(folder) = &args.output {
        free(folder, args.force)?;
        return Ok((config, folder.clone()));
    }
    let home = runs::home().ok_or_else(|| eyre!("no folder for runs; -o DIR names one"))?;
    let folder = runs::new_folder(&home, config.model.kind.label());
    Ok((config, folder.wrap_err_with(|| home.display().to_string())?))
}

/// Reads the recordings. A folder that was made for the run goes again when they cannot be read.
fn read(
    args: &Args,
    (config, folder): (&TrainConfig, &Path),
    reading: &Cancel,
    signal: &AtomicI32,
) -> Result<Data> {
    say!("koracle: reading recordings");
    let problem = match load::data(config, reading, &|path, opened, _| output::warn(path, opened)) {
        Ok(data) => return Ok(data),
        Err(problem) => problem,
    };
    if args.output.is_none() && args.resume.is_none() {
        // It is empty; where it is not, it stays.
        let _ = std::fs::remove_dir(folder);
    }
    if matches!(problem, load::LoadError::Cancelled) {
        std::process::exit(128 + signal.load(Ordering::Relaxed));
    }
    Err(problem.into())
}

/// Trains and says what came of it.
pub fn run(args: &Args) -> Result<()> {
    if args.print_config {
        let config = settings(args)?;
        named(&config)?;
        return output::stdout(text(&config).as_bytes());
    }
    let (mut config, folder) = match &args.resume {
        Some(run) => going_on(run, args)?,
        None => new_run(args)?,
    };
    config.folder = Some(folder.clone());
    config.command =
        std::env::args().skip(1).fold("koracle".to_owned(), |all, arg| all + " " + &arg);
    config.revision = train::revision();
    let (control, reading) = (Control::default(), Cancel::new());
    let signal = stop_on_signals(&control, &reading)?;
    let data = read(args, (&config, &folder), &reading, &signal)?;
    outlook(&config, &data);
    let bar = output::progress(0, "training");
    let mut last = Progress::default();
    let mut report = |p: Progress| {
        tell(&p, &folder, &bar, args.json);
        last = Progress { weights: None, baselines: None, ..p };
    };
    let result =
        job::on_one_thread(|| train::run_controlled(&config, &data, &control, &mut report))?;
    bar.finish_and_clear();
    if args.json {
        end_event(&result, &last)?;
    }
    stopped(&result, &folder, &last, signal.load(Ordering::Relaxed));
    let outcome = result.wrap_err_with(|| folder.display().to_string())?;
    summary(&config, &folder, &outcome);
    Ok(())
}

/// Says how to go on with a run that did not come to its end. What a signal stopped ends here.
fn stopped(result: &Result<Outcome, TrainError>, folder: &Path, last: &Progress, signal: i32) {
    let stopped = match result {
        Ok(outcome) => outcome.cancelled,
        Err(e) => is_cancelled(e),
    };
    if signal != 0 && stopped {
        kept(folder, last);
        std::process::exit(128 + signal);
    }
    if last.step > 0 && matches!(result, Err(TrainError::Memory(_))) {
        kept(folder, last);
    }
}

/// Says what came of it.
fn summary(config: &TrainConfig, folder: &Path, outcome: &Outcome) {
    say!(
        "koracle: best epoch {}: pick {:.2} %, forecast {:.2} % (validation macro); {} parameters \
         in {}",
        outcome.epoch,
        100.0 * outcome.validation.pick_top1,
        100.0 * outcome.validation.forecast_top1,
        outcome.weights.parameters(),
        folder.join("best.koracle").display()
    );
    if outcome.ending == Ending::Early {
        let epochs = output::count(config.patience as u64, "epoch");
        say!("koracle: ended early: {epochs} without a better validation");
    }
}

/// Says how large the run is and how long it may take.
fn outlook(config: &TrainConfig, data: &Data) {
    let pass = Pass::of(config, data);
    say!("koracle: {}", size::size(&config.model));
    say!("koracle: {}", size::course(&pass, config.epochs));
    // How fast others were is a convenience: without a folder of runs nothing is known.
    let kept = runs::home().and_then(|home| runs::list(&home).ok()).unwrap_or_default().0;
    let pace = |run: &KeptRun| Pace::of(&run.name, &run.config, &run.last?, run.steps);
    let known: Vec<Pace> = kept.iter().filter_map(pace).collect();
    if let Some(pace) = cost::like(&known, config) {
        say!("koracle: {}", size::time(pace, pace.seconds(pass.steps * config.epochs)));
    }
}

/// How to go on.
fn kept(folder: &Path, last: &Progress) {
    say!(
        "koracle: stopped after step {} of {}; a checkpoint is kept. To go on:",
        last.step,
        last.steps
    );
    say!("  koracle train --resume {}", folder.display());
}

fn is_cancelled(e: &TrainError) -> bool {
    matches!(e, TrainError::Cancelled)
}

fn tell(p: &Progress, folder: &Path, bar: &ProgressBar, json: bool) {
    bar.set_length(p.steps as u64);
    if p.baselines.is_some() {
        // What an earlier session did took none of this one's time.
        bar.set_position(p.step as u64);
        bar.reset_eta();
        if json {
            event(&json!({
                "event": "start", "run": folder.display().to_string(), "epochs": p.epochs, "steps": p.steps, "step": p.step,
                "baselines": p.baselines.as_deref(),
            }));
        }
    }
    bar.set_position(p.step as u64);
    let of = &p.figures;
    if p.stepped {
        // A step without a question of a kind has no loss of it.
        let [pick, forecast] = of.loss.map(|x| match x {
            x if x.is_nan() => "–".to_owned(),
            x => format!("{x:.3}"),
        });
        bar.set_message(format!("epoch {}, loss {pick} + {forecast}", p.epoch));
    }
    let Some(v) = &p.validation else { return };
    if json {
        event(&json!({
            "event": "epoch", "epoch": p.epoch, "epochs": p.epochs, "step": p.step, "steps": p.steps,
            "wall_s": of.wall_s, "loss": of.loss, "learning_rate": of.learning_rate,
            "events_per_s": of.events_per_s,
            "best_epoch": p.best_epoch, "validation": v,
        }));
    }
    let line = format!(
        "epoch {:>2} of {}  validation macro: pick {:.2} %, forecast {:.2} %  nll {:.3} + \
         {:.3}  {:.0} k events/s",
        p.epoch,
        p.epochs,
        100.0 * v.pick_top1,
        100.0 * v.forecast_top1,
        v.nll[0],
        v.nll[1],
        of.events_per_s / 1e3
    );
    bar.suspend(|| say!("{line}"));
}

/// One line of JSON; a reader that went away is no reason to end a training.
fn event(value: &Value) {
    let _ = door::json_line(value);
}

fn end_event(result: &Result<Outcome, TrainError>, last: &Progress) -> Result<()> {
    let value = match result {
        Ok(o) => json!({
            "event": "end", "ending": o.ending, "epoch": o.epoch, "step": last.step, "validation": o.validation,
        }),
        Err(e) if is_cancelled(e) => {
            json!({ "event": "end", "ending": Ending::Stopped, "step": last.step })
        }
        Err(e) => json!({ "event": "end", "failure": e.to_string(), "step": last.step }),
    };
    door::json_line(&value)
}
