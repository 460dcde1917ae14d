//! `koracle train`: trains on the bundled recordings into a run folder: a bar on a terminal, lines
//! otherwise, events as JSON. Ctrl-C keeps a checkpoint and says how to go on.

use super::door::{self, say};
use super::output;
use crate::dataset::catalog::{self, Catalog};
use crate::job::{self, Cancel, Job};
use crate::predictor::networks::{Kind, ModelConfig};
use crate::train::memory::{MIB, Outlook, Room};
use crate::train::runs::Holds;
use crate::train::{
    self, Control, Ending, Progress, Schedule, Stop, Target, TrainConfig, TrainError, load, runs,
};
use clap::ValueHint;
use color_eyre::eyre::{Result, WrapErr, bail, eyre};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's folder; the model of the best epoch is its `best.koracle`. Without it a new one
    /// among the kept runs.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    output: Option<PathBuf>,
    /// Train in `DIR` though it holds other files; a run that it holds is replaced.
    #[arg(long, requires = "output")]
    force: bool,
    /// Go on with the run in this folder, or of this name among the kept runs, from its last
    /// checkpoint.
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with = "output")]
    resume: Option<PathBuf>,
    /// Folder of recordings with a `catalog.toml` that says the splits; without it, the bundled
    /// ones.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    traces: Option<PathBuf>,
    /// Train on this category only (may be repeated).
    #[arg(long, value_name = "CATEGORY", visible_alias = "category")]
    only: Vec<String>,
    /// Leave this category or machine (e.g. 6.12x8) out of training and validation (may be
    /// repeated).
    #[arg(long, value_name = "CATEGORY")]
    hold_out: Vec<String>,
    /// Train on recordings of this kernel only, e.g. 6.18 or EEVDF (may be repeated).
    #[arg(long, value_name = "KERNEL")]
    kernel: Vec<String>,
    /// Passes over the data.
    #[arg(long, default_value_t = TrainConfig::default().epochs)]
    epochs: usize,
    /// End after so many epochs without a better validation; 0: never.
    #[arg(long, default_value_t = TrainConfig::default().patience)]
    patience: usize,
    /// Seed of weights and order: on the CPU the same seed gives the same bits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = TrainConfig::default().learning_rate)]
    lr: f64,
    /// How the learning rate changes: one-cycle, cosine or constant.
    #[arg(long, default_value = TrainConfig::default().schedule.label())]
    schedule: Schedule,
    /// Weight of the forecast's loss beside the pick's; 0: picks only.
    #[arg(long, default_value_t = TrainConfig::default().forecast_weight)]
    forecast_weight: f32,
    /// Chunks per step.
    #[arg(long, default_value_t = TrainConfig::default().batch)]
    batch: usize,
    /// Scored tokens in a chunk.
    #[arg(long, default_value_t = TrainConfig::default().chunk)]
    chunk: usize,
    /// What turns the events into a state: tcn, lstm, or mlp (the last event only, no sequence).
    #[arg(long, value_name = "KIND", default_value = Kind::Tcn.label())]
    model: Kind,
    /// Width of the trunk; 32, for an LSTM 48 (then it has as many parameters).
    #[arg(long)]
    channels: Option<usize>,
    /// Taps per convolution of a TCN; 3.
    #[arg(long)]
    taps: Option<usize>,
    /// Residual blocks of a TCN, block i looks back in steps of 2^i; 5. Layers of an LSTM; 1.
    #[arg(long)]
    blocks: Option<usize>,
    /// Width of the pick head.
    #[arg(long, default_value_t = ModelConfig::default().hidden)]
    hidden: usize,
    /// Width of the pick head's second layer; 0: none.
    #[arg(long, default_value_t = ModelConfig::default().hidden2)]
    hidden2: usize,
    /// Width of the forecast head.
    #[arg(long, default_value_t = ModelConfig::default().forecast)]
    forecast: usize,
    /// Width of the forecast head's second layer; 0: none.
    #[arg(long, default_value_t = ModelConfig::default().forecast2)]
    forecast2: usize,
    /// Whether the network goes on learning from outcomes while it answers; without, as the kind of
    /// network has it: on for all three.
    #[arg(long, value_name = "on|off", value_parser = super::values::on_or_off)]
    adapt: Option<bool>,
    /// Where to compute: cpu, cuda, cuda:N, wgpu or wgpu:N; cuda and wgpu where the program was
    /// built with that feature. Without it cpu, or for a resumed run the device that it began on.
    #[arg(long)]
    device: Option<Target>,
    /// The program may hold this much main memory; a run that cannot fit is refused, one that would
    /// take more ends as failed, with a checkpoint. Without it, what the machine, its control
    /// groups and `ulimit -v` leave.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory_limit: Option<u64>,
    /// Print one JSON object per epoch, and one at the start and at the end.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn config(&self) -> TrainConfig {
        let usual = ModelConfig::of(self.model);
        let model = ModelConfig {
            channels: self.channels.unwrap_or(usual.channels),
            kernel: self.taps.unwrap_or(usual.kernel),
            blocks: self.blocks.unwrap_or(usual.blocks),
            hidden: self.hidden,
            hidden2: self.hidden2,
            forecast: self.forecast,
            forecast2: self.forecast2,
            adapt: self.adapt.unwrap_or(usual.adapt),
            ..usual
        };
        TrainConfig {
            epochs: self.epochs,
            patience: self.patience,
            learning_rate: self.lr,
            schedule: self.schedule,
            forecast_weight: self.forecast_weight,
            batch: self.batch,
            chunk: self.chunk,
            seed: self.seed,
            device: self.device.unwrap_or_default(),
            traces: self.traces.clone(),
            only: self.only.clone(),
            hold_out: self.hold_out.clone(),
            memory_limit: self.memory_limit,
            kernels: self.kernel.clone(),
            model,
            ..TrainConfig::default()
        }
    }
}

/// The option that makes a setting of a configuration.
fn flag(setting: &'static str) -> String {
    match setting {
        "kernel" => "taps".into(),
        "learning_rate" => "lr".into(),
        other => other.replace('_', "-"),
    }
}

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

/// Refuses recordings that there are not, and what cannot fit into memory, before anything is read
/// or made; says so when it will be tight.
fn fits(config: &TrainConfig) -> Result<()> {
    let dir = config.traces.clone().or_else(catalog::bundled_dir);
    // A folder that cannot be read is told of when it is read.
    let catalog = dir.and_then(|dir| Catalog::load(&dir).ok());
    if let Some(problem) = catalog.as_ref().and_then(|c| load::wrong(c, config)) {
        return Err(super::wrong(problem));
    }
    let recordings = catalog.map(|c| c.entries).unwrap_or_default();
    let room = Room::now(config.memory_limit.map(|mib| mib.saturating_mul(MIB)));
    let outlook = Outlook { room, recordings, traces: config.traces.clone() };
    if let Some(tight) = outlook.check(config)? {
        say!("koracle: warning: {tight}");
    }
    Ok(())
}

/// Refuses a folder that holds something, unless it is meant. What a run would replace and is not
/// of one is refused all the same.
fn free(folder: &Path, force: bool) -> Result<()> {
    match runs::holds(folder) {
        Holds::Run if !force => {
            bail!(
                "{} holds a run already; resume it or choose another folder (--force replaces it)",
                folder.display()
            )
        }
        Holds::Foreign(file) if !force => bail!(
            "{}: not an empty folder: it holds {}; choose another one (--force trains in it all \
             the same)",
            folder.display(),
            file.file_name().unwrap_or_default().display()
        ),
        Holds::Foreign(file) if runs::is_needed(&file) => {
            bail!(
                "{}: this is not of a run, but a run would replace it; choose another folder",
                file.display()
            )
        }
        _ => Ok(()),
    }
}

/// Trains and says what came of it.
pub fn run(args: &Args) -> Result<()> {
    let (mut config, folder) = match (&args.resume, &args.output) {
        (Some(run), _) => {
            let folder = runs::find(run);
            let kept = resumed(&folder)?;
            let device = args.device.unwrap_or(kept.device);
            let config = TrainConfig { device, memory_limit: args.memory_limit, ..kept };
            config.check().wrap_err_with(|| folder.join("config.toml").display().to_string())?;
            fits(&config)?;
            (config, folder)
        }
        (None, output) => {
            let config = args.config();
            config.check().map_err(|e| match e.setting {
                // The value is right, this program cannot do it.
                "device" => e.into(),
                setting => super::wrong(format!("--{}: {}", flag(setting), e.problem)),
            })?;
            fits(&config)?;
            let folder = if let Some(folder) = output {
                free(folder, args.force)?;
                folder.clone()
            } else {
                let home =
                    runs::home().ok_or_else(|| eyre!("no folder for runs; -o DIR names one"))?;
                runs::new_folder(&home, config.model.kind.label())
                    .wrap_err_with(|| home.display().to_string())?
            };
            (config, folder)
        }
    };
    config.folder = Some(folder.clone());
    config.command =
        std::env::args().skip(1).fold("koracle".to_owned(), |all, arg| all + " " + &arg);
    config.revision = train::revision();
    let (control, reading) = (Control::default(), Cancel::new());
    let signal = stop_on_signals(&control, &reading)?;
    say!("koracle: reading recordings");
    let data = match load::data(&config, &reading, &|path, opened, _| output::warn(path, opened)) {
        Err(load::LoadError::Cancelled) => std::process::exit(128 + signal.load(Ordering::Relaxed)),
        result => result?,
    };
    let bar = output::progress(0, "training");
    let mut last = Progress::default();
    let mut report = |p: Progress| {
        tell(&p, &folder, &bar, args.json);
        last = Progress { weights: None, baselines: None, ..p };
    };
    let result =
        job::on_one_thread(|| train::run_controlled(&config, &data, &control, &mut report))?;
    bar.finish_and_clear();
    let signal = signal.load(Ordering::Relaxed);
    if args.json {
        end_event(&result, &last)?;
    }
    let stopped = match &result {
        Ok(outcome) => outcome.cancelled,
        Err(e) => is_cancelled(e),
    };
    if signal != 0 && stopped {
        kept(&folder, &last);
        std::process::exit(128 + signal);
    }
    if last.step > 0 && matches!(result, Err(TrainError::Memory(_))) {
        kept(&folder, &last);
    }
    let outcome = result.wrap_err_with(|| folder.display().to_string())?;
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
        say!("koracle: ended early: {} epochs without a better validation", config.patience);
    }
    Ok(())
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
    if p.stepped {
        bar.set_message(format!("epoch {}, loss {:.3} + {:.3}", p.epoch, p.loss[0], p.loss[1]));
    }
    let Some(v) = &p.validation else { return };
    if json {
        event(&json!({
            "event": "epoch", "epoch": p.epoch, "epochs": p.epochs, "step": p.step, "steps": p.steps,
            "wall_s": p.wall_s, "loss": p.loss, "learning_rate": p.learning_rate, "events_per_s": p.events_per_s,
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
        p.events_per_s / 1e3
    );
    bar.suspend(|| say!("{line}"));
}

/// One line of JSON; a reader that went away is no reason to end a training.
fn event(value: &Value) {
    let _ = door::json_line(value);
}

fn end_event(result: &Result<train::Outcome, TrainError>, last: &Progress) -> Result<()> {
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
