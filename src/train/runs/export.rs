//! A run as one table of CSV.

use super::{RunError, at, open, steps};
use std::io::{self, Write};
use std::path::Path;

/// A figure, or nothing where there is none: a step that asked for no forecast has no loss of it.
fn figure(x: impl Into<f64> + std::fmt::Display + Copy) -> String {
    if x.into().is_nan() { String::new() } else { x.to_string() }
}

/// Writes a run as one table: a row per step, validation where an epoch ends.
pub fn export(folder: &Path, to: &mut dyn Write) -> Result<(), RunError> {
    let run = open(folder)?;
    let bad = |e: csv::Error| RunError::Io { path: folder.into(), source: io::Error::other(e) };
    let mut out = csv::Writer::from_writer(to);
    let head = [
        "run",
        "epoch",
        "step",
        "session",
        "wall_s",
        "paused_s",
        "learning_rate",
        "pick_loss",
        "forecast_loss",
    ];
    let more =
        ["events_per_s", "val_pick_top1", "val_forecast_top1", "val_pick_nll", "val_forecast_nll"];
    out.write_record(head.iter().chain(&more)).map_err(bad)?;
    for s in steps(folder) {
        let mut row =
            vec![run.name.clone(), s.epoch.to_string(), s.step.to_string(), s.session.to_string()];
        row.extend([s.wall_s, s.paused_s, s.learning_rate].map(figure));
        row.extend([s.pick_loss, s.forecast_loss].map(figure));
        row.push(figure(s.events_per_s));
        match run.epochs.iter().find(|e| e.step == s.step).map(|e| &e.validation) {
            Some(v) => row.extend([v.pick_top1, v.forecast_top1, v.nll[0], v.nll[1]].map(figure)),
            None => row.extend(vec![String::new(); 4]),
        }
        out.write_record(&row).map_err(bad)?;
    }
    out.flush().map_err(at(folder))
}
