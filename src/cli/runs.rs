//! `koracle runs`: the training runs that are kept, as a table or as JSON; one of them as CSV, or
//! gone.

use super::door::{self, say};
use super::output;
use crate::app::train::size;
use crate::text::shown;
use crate::train::runs::{self, KeptRun, State};
use clap::ValueHint;
use color_eyre::eyre::{Result, bail, eyre};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Options of `runs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of runs; without it `runs` here if it is there, else the user's data folder.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// Print one JSON array.
    #[arg(long, conflicts_with_all = ["export", "delete"])]
    json: bool,
    /// Print the names alone, a line each: completions ask for them.
    #[arg(long, hide = true, conflicts_with_all = ["json", "export", "config", "delete"])]
    names: bool,
    /// Write this run's metrics as one CSV table, to `--output`.
    #[arg(long, value_name = "RUN")]
    export: Option<PathBuf>,
    /// Where the CSV goes; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "export")]
    output: PathBuf,
    /// Print this run's settings, as a file for `koracle train --config`.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["export", "delete", "json"])]
    config: Option<PathBuf>,
    /// Remove this run: its checkpoints, models and metrics. Asks for `--yes`.
    #[arg(long, value_name = "RUN", conflicts_with = "export")]
    delete: Option<PathBuf>,
    /// Really remove it.
    #[arg(long, requires = "delete")]
    yes: bool,
}

/// Whether a shell that completes takes the name for nothing but a word: bash and zsh expand what
/// they are offered, and a folder can be called `$(rm x)`.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "._-+".contains(c))
}

/// Lists, exports or removes.
pub fn run(args: &Args) -> Result<()> {
    let find = |name: &Path| {
        let is_kept = |folder: &PathBuf| folder.join("config.toml").is_file();
        let folder = args.dir.as_ref().map(|dir| dir.join(name)).filter(is_kept);
        let folder = folder.or_else(|| Some(runs::find(name)).filter(|folder| folder.exists()));
        folder.ok_or_else(|| super::wrong(format!("{}: no run is kept here", name.display())))
    };
    if let Some(name) = &args.export {
        let folder = find(name)?;
        output::named(&args.output, "csv", "CSV")?;
        return output::write(&args.output, |to| Ok(runs::export(&folder, to)?));
    }
    if let Some(name) = &args.config {
        let run = runs::open(&find(name)?)?;
        return output::stdout(super::train::text(&run.config).as_bytes());
    }
    if let Some(name) = &args.delete {
        let folder = find(name)?;
        if !args.yes {
            let run = runs::open(&folder)?;
            bail!(
                "{} ({}, {}) would be removed: say --yes",
                folder.display(),
                run.state.label(),
                output::count(run.epochs.len() as u64, "epoch")
            );
        }
        runs::delete(&folder)?;
        say!("koracle: {} is removed", folder.display());
        return Ok(());
    }
    if let Some(dir) = args.dir.as_deref().filter(|dir| !dir.is_dir()) {
        bail!("{}: no such folder", dir.display());
    }
    let dir = args.dir.clone().or_else(runs::home).ok_or_else(|| eyre!("no folder of runs"))?;
    let (list, problems) = runs::list(&dir)?;
    if args.names {
        let names = list.iter().filter(|run| is_plain(&run.name));
        let names = names.map(|run| run.name.clone() + "\n");
        return output::stdout(names.collect::<String>().as_bytes());
    }
    for problem in &problems {
        door::lines(&format!("koracle: warning: {problem}"));
    }
    if args.json {
        return output::json(&list);
    }
    if list.is_empty() {
        say!("koracle: no run is kept in {}", dir.display());
    }
    output::stdout(table(&list).as_bytes())
}

fn table(list: &[KeptRun]) -> String {
    let head = [
        "run",
        "state",
        "epoch",
        "step",
        "best",
        "pick %",
        "forecast %",
        "k events/s",
        "time",
        "device",
        "network",
        "learns from",
    ];
    let mut rows = vec![head.map(String::from)];
    for run in list {
        let none = || "–".to_owned();
        let best = run.best();
        let percent = |share: f64| format!("{:.2}", 100.0 * share);
        rows.push([
            shown(&run.name).into_owned(),
            run.state.label().into(),
            format!("{}/{}", run.epochs.len(), run.config.epochs),
            format!("{}/{}", run.last.map_or(0, |s| s.step), run.steps),
            best.map_or_else(none, |e| e.epoch.to_string()),
            best.map_or_else(none, |e| percent(e.validation.pick_top1)),
            best.map_or_else(none, |e| percent(e.validation.forecast_top1)),
            run.events_per_s.map_or_else(none, |s| format!("{:.0}", s / 1e3)),
            run.last.map_or_else(none, |s| format!("{:.0} s", s.wall_s)),
            shown(
                &run.sessions
                    .last()
                    .map_or_else(|| run.config.device.to_string(), |s| s.device.clone()),
            )
            .into_owned(),
            size::trunk(&run.config.model),
            shown(&run.learns_from().unwrap_or_else(|| "all".into())).into_owned(),
        ]);
    }
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        if list.is_empty() {
            break;
        }
        for (c, (text, w)) in row.iter().zip(&widths).enumerate() {
            // A String takes all.
            let words = c < 2 || c >= head.len() - 2;
            let _ = if words { write!(out, "{text:<w$}  ") } else { write!(out, "{text:>w$}  ") };
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        if let Some(State::Failed(why)) = i.checked_sub(1).map(|i| &list[i].state) {
            let _ = writeln!(out, "    {}", shown(why));
        }
    }
    out
}
