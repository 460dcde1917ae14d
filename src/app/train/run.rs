//! One run as the Train screen knows it, whether it is being trained here or was kept by an earlier
//! session.

use super::curve::{Curve, Series};
use super::form::{FIELDS, Form};
use crate::app::ticket::Ticket;
use crate::dataset::catalog::Kinds;
use crate::train::runs::{self, Epoch, HeldOut, State, Step};
use crate::train::settings::Setting;
use crate::train::{Baseline, Ending, Phase, Progress, TrainConfig};
use std::path::PathBuf;

/// What a run is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waits until there is room.
    Queued,
    /// Reads the recordings.
    Reading,
    /// Trains here.
    Working(Phase),
    /// Was asked to stop and finishes its step.
    Stopping,
    /// Is not trained here; what is known of it from its folder.
    Kept(State),
}

impl RunState {
    /// A word for the list.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Reading => "reading",
            Self::Working(Phase::Training) => "training",
            Self::Working(Phase::Paused) => "paused",
            Self::Working(Phase::Validating) => "validating",
            Self::Stopping => "stopping",
            Self::Kept(State::Running) => "elsewhere",
            Self::Kept(state) => state.label(),
        }
    }

    /// True while it takes one of the places for runs.
    pub fn is_working(&self) -> bool {
        matches!(self, Self::Reading | Self::Working(_) | Self::Stopping)
    }
}

/// A run and its curves.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names it in orders and news.
    pub id: Ticket,
    /// Its name: that of its folder.
    pub name: String,
    /// Its folder, once it has one.
    pub path: Option<PathBuf>,
    /// Its settings.
    pub config: TrainConfig,
    /// What it is doing.
    pub stage: RunState,
    /// Every step so far, as far as they have been read.
    pub curve: Curve,
    /// The steps of a kept run have been read, or asked for.
    pub read: bool,
    /// Every epoch so far.
    pub epochs: Vec<Epoch>,
    /// How far it is.
    pub done: Done,
    /// What simple rules score on the same validation.
    pub baselines: Vec<Baseline>,
    /// Its curves are drawn beside others.
    pub chosen: bool,
    /// It has a checkpoint and something left to do.
    pub resumable: bool,
    /// What it scores on what it has not seen, where an experiment asked.
    pub held_out: Option<HeldOut>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Recordings read so far, in all.
    pub reading: [usize; 2],
    /// The last step.
    pub last: Step,
    /// Steps in all; 0 before that is known.
    pub steps: usize,
}

impl Run {
    /// A run that waits for its turn.
    pub fn queued(id: Ticket, config: TrainConfig) -> Self {
        Self {
            id,
            name: format!("new run {id}"),
            path: None,
            curve: Curve::new(config.forecast_weight),
            config,
            stage: RunState::Queued,
            read: true,
            epochs: Vec::new(),
            done: Done::default(),
            baselines: Vec::new(),
            chosen: false,
            resumable: false,
            held_out: None,
        }
    }

    /// A run that is kept on disk.
    pub fn kept(id: Ticket, run: runs::KeptRun) -> Self {
        Self {
            name: run.name,
            path: Some(run.path),
            stage: RunState::Kept(run.state),
            read: false,
            epochs: run.epochs,
            done: Done { last: run.last.unwrap_or_default(), steps: run.steps, reading: [0; 2] },
            baselines: run.baselines,
            resumable: run.resumable,
            held_out: run.held_out,
            ..Self::queued(id, run.config)
        }
    }

    /// Takes what the running run tells.
    pub fn progress(&mut self, steps: Vec<Step>, now: &Progress) {
        for step in steps {
            self.done.last = step;
            self.curve.push(step);
        }
        if self.stage != RunState::Stopping {
            self.stage = RunState::Working(now.phase);
        }
        self.done.steps = now.steps;
        if let Some(baselines) = &now.baselines {
            self.baselines.clone_from(baselines);
        }
        // What an unfinished epoch came to when the run was stopped is not an epoch's result.
        if let Some(validation) =
            now.validation.clone().filter(|_| now.step.is_multiple_of(self.per_epoch()))
        {
            self.epochs.retain(|e| e.epoch < now.epoch);
            self.epochs.push(Epoch {
                epoch: now.epoch,
                step: now.step,
                wall_s: now.figures.wall_s,
                validation,
            });
        }
    }

    /// Takes how it ended.
    pub fn ended(&mut self, result: Result<Ending, String>, resumable: bool) {
        self.stage = RunState::Kept(match result {
            Ok(ending) => State::Ended(ending),
            Err(why) => State::Failed(why),
        });
        self.resumable = resumable;
    }

    /// Steps of an epoch, at least 1.
    pub fn per_epoch(&self) -> usize {
        (self.done.steps / self.config.epochs.max(1)).max(1)
    }

    /// The best epoch by validation, the later of equals.
    pub fn best(&self) -> Option<&Epoch> {
        self.epochs.iter().max_by(|a, b| a.validation.score().total_cmp(&b.validation.score()))
    }

    /// Smoothed tokens per second.
    pub fn throughput(&self) -> Option<f64> {
        let last = self.curve.steps().len().checked_sub(1);
        let smooth = last.and_then(|i| self.curve.smooth(Series::Throughput, i));
        smooth.or((self.done.last.events_per_s > 0.0).then_some(self.done.last.events_per_s))
    }

    /// Seconds until the last step, from the pace of this session so far, pauses left out; `None`
    /// before there is one.
    pub fn eta(&self) -> Option<f64> {
        let steps = self.curve.steps();
        let session = steps.last()?.session;
        let from = steps.partition_point(|s| s.session < session);
        let (first, last) = (steps.get(from)?, steps.last()?);
        let done = last.step.checked_sub(first.step).filter(|n| *n > 0)?;
        let paused: f64 = steps.get(from + 1..)?.iter().map(|s| s.paused_s).sum();
        let pace = (last.wall_s - first.wall_s - paused) / done as f64;
        let working = matches!(self.stage, RunState::Working(_));
        working.then(|| pace * self.done.steps.saturating_sub(last.step) as f64)
    }

    /// Settings as names and values, for comparing runs.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let form = Form::new(&self.config, Kinds::default());
        let kind = self.config.model.kind;
        let value = |(f, value): (&&Setting, String)| {
            let label = f.field.map_or("", |field| field.label);
            (label, if kind.has(f.name) { value } else { String::new() })
        };
        FIELDS.iter().zip(form.values).map(value).collect()
    }
}

/// The settings in which these runs differ: name, and the value of each.
pub fn differences(runs: &[&Run]) -> Vec<(&'static str, Vec<String>)> {
    let all: Vec<_> = runs.iter().map(|r| r.settings()).collect();
    let Some(first) = all.first() else { return Vec::new() };
    let rows = first.iter().enumerate().map(|(i, (name, _))| {
        let values: Vec<String> = all.iter().map(|s| s[i].1.clone()).collect();
        (*name, values)
    });
    rows.filter(|(_, values)| values.iter().any(|v| *v != values[0])).collect()
}
