//! `koracle train`: trains a TCN on the bundled recordings into a run folder, with the loss on standard error.

use super::output;
use crate::dataset::catalog::{self, Catalog, Filter, Split};
use crate::dataset::chunks::{Keep, Recording};
use crate::job::{self, Cancel};
use crate::predictor::weights::ModelConfig;
use crate::train::{self, Data, Progress, TrainConfig};
use clap::ValueHint;
use color_eyre::eyre::{Result, WrapErr, bail, eyre};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's folder; the model of the best epoch is its `best.koracle`.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "resume")]
    output: Option<PathBuf>,
    /// Go on with the run in this folder after its last finished epoch.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "output")]
    resume: Option<PathBuf>,
    /// Leave this category out of training and validation (may be repeated).
    #[arg(long, value_name = "CATEGORY")]
    hold_out: Vec<String>,
    /// Passes over the data.
    #[arg(long, default_value_t = TrainConfig::default().epochs)]
    epochs: usize,
    /// Seed of weights and order: the same seed gives the same bits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = TrainConfig::default().learning_rate)]
    lr: f64,
    /// Width of the trunk.
    #[arg(long, default_value_t = ModelConfig::default().channels)]
    channels: usize,
    /// Taps per convolution.
    #[arg(long, default_value_t = ModelConfig::default().kernel)]
    kernel: usize,
    /// Residual blocks; block i looks back in steps of 2^i.
    #[arg(long, default_value_t = ModelConfig::default().blocks)]
    blocks: usize,
    /// Width of the pick head.
    #[arg(long, default_value_t = ModelConfig::default().hidden)]
    hidden: usize,
    /// Width of the pick head's second layer; 0: none.
    #[arg(long, default_value_t = ModelConfig::default().hidden2)]
    hidden2: usize,
}

impl Args {
    fn config(&self, folder: &Path) -> Result<TrainConfig> {
        let model = ModelConfig {
            channels: self.channels,
            kernel: self.kernel,
            blocks: self.blocks,
            hidden: self.hidden,
            hidden2: self.hidden2,
            ..ModelConfig::default()
        };
        let sane = |n: usize, most: usize| (1..=most).contains(&n);
        if !sane(model.channels, 512) || !sane(model.kernel, 8) || !sane(model.blocks, 12) || !sane(model.hidden, 512) {
            bail!("channels and hidden must be 1 to 512, kernel 1 to 8, blocks 1 to 12");
        }
        if !(self.lr.is_finite() && self.lr > 0.0) || self.epochs == 0 {
            bail!("the learning rate must be a positive number, and there must be an epoch");
        }
        Ok(TrainConfig {
            epochs: self.epochs,
            learning_rate: self.lr,
            seed: self.seed,
            hold_out: self.hold_out.clone(),
            folder: Some(folder.into()),
            model,
            ..TrainConfig::default()
        })
    }
}

/// The command line of this run.
pub(super) fn command() -> String {
    std::env::args().skip(1).fold("koracle".to_owned(), |all, arg| all + " " + &arg)
}

/// The revision of the source tree this program was built from, if it is still there under git.
pub(super) fn revision() -> String {
    let git = |args: &[&str]| {
        let out =
            std::process::Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(args).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    git(&["rev-parse", "HEAD"]).map(|head| if dirty { head + "-dirty" } else { head }).unwrap_or_default()
}

/// The configuration of the run in `folder`, set to go on.
fn resumed(folder: &Path) -> Result<TrainConfig> {
    let file = folder.join("config.toml");
    let text = std::fs::read_to_string(&file).wrap_err_with(|| file.display().to_string())?;
    let config: TrainConfig = toml::from_str(&text).wrap_err_with(|| file.display().to_string())?;
    Ok(TrainConfig { resume: true, folder: Some(folder.into()), ..config })
}

fn load(dir: &Path, split: Split, hold_out: &[String], keep: Keep) -> Result<Vec<Recording>> {
    let catalog = Catalog::load(dir)?;
    for category in hold_out {
        if !catalog.entries.iter().any(|e| e.category == *category) {
            bail!("no recording of category {category}; there are {}", catalog.categories().join(", "));
        }
    }
    let filter = Filter { split: Some(split), ..Filter::default() };
    let entries: Vec<_> = catalog.select(&filter).filter(|e| !hold_out.contains(&e.category)).collect();
    entries.par_iter().map(|e| Ok(Recording::new(&output::open(&catalog.path(e))?.trace, keep))).collect()
}

/// Trains and says what came of it.
pub fn run(args: &Args) -> Result<()> {
    let mut config = match (&args.resume, &args.output) {
        (Some(folder), _) => resumed(folder)?,
        (None, Some(folder)) if folder.join("config.toml").exists() => {
            bail!("{} holds a run already; resume it or choose another folder", folder.display())
        }
        (None, Some(folder)) => args.config(folder)?,
        (None, None) => bail!("no folder for the run"),
    };
    config.command = command();
    config.revision = revision();
    let dir = catalog::bundled_dir().ok_or_else(|| eyre!("the bundled recordings are not found"))?;
    eprintln!("koracle: reading recordings");
    let data = Data {
        training: load(&dir, Split::Train, &config.hold_out, Keep::TRAINING)?,
        validation: load(&dir, Split::Validation, &config.hold_out, Keep::VALIDATION)?,
    };
    let bar = output::progress(0, "training");
    let mut report = |p: Progress| {
        bar.set_length(p.steps as u64);
        bar.set_position(p.step as u64);
        bar.set_message(format!("epoch {}, loss {:.3} + {:.3}", p.epoch, p.loss[0], p.loss[1]));
        if let Some(v) = &p.validation {
            let line = format!(
                "epoch {:>2} of {}  validation macro: pick {:.2} %, forecast {:.2} %  nll {:.3} + {:.3}  {:.0} k events/s",
                p.epoch,
                p.epochs,
                100.0 * v.pick_top1,
                100.0 * v.forecast_top1,
                v.nll[0],
                v.nll[1],
                p.events_per_s / 1e3
            );
            bar.suspend(|| eprintln!("{line}"));
        }
    };
    let outcome = job::on_one_thread(|| train::run(&config, &data, &Cancel::new(), &mut report))??;
    bar.finish_and_clear();
    let folder = config.folder.as_deref().unwrap_or(Path::new("."));
    eprintln!(
        "koracle: best epoch {}: pick {:.2} %, forecast {:.2} % (validation macro); {} parameters in {}",
        outcome.epoch,
        100.0 * outcome.validation.pick_top1,
        100.0 * outcome.validation.forecast_top1,
        outcome.weights.parameters(),
        folder.join("best.koracle").display()
    );
    Ok(())
}
