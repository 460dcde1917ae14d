//! What facts about runs change.

use super::curve::Curve;
use super::live::Live;
use super::run::{Run, RunState};
use super::{News, Train};
use crate::app::Shared;
use crate::app::ticket::Ticket;
use crate::predictor::weights::Weights;
use crate::train::runs::{self, KeptRun, Step};
use crate::train::{Ending, Progress};
use std::path::PathBuf;
use std::sync::Arc;

impl Train {
    /// Takes a fact. The words for the last row, if it is one.
    pub(super) fn news(&mut self, news: News, shared: &mut Shared) -> Option<String> {
        match news {
            News::Kept { runs, problems, kinds, cpus } => {
                if !self.kept.listed {
                    self.at_once = cpus.max(1);
                }
                (self.kept.listed, self.kept.problems, self.setup.kinds) = (true, problems, kinds);
                self.list_kept(runs);
            }
            News::Memory(outlook) => self.form.as_mut()?.outlook = Some(outlook),
            News::Made { id, path } => self.made(id, path),
            News::Reading { id, counts } => self.by_id(id)?.done.reading = counts,
            News::Progress { id, steps, now } => self.progressed(id, steps, &now, shared),
            News::Ended { id, result, resumable } => return self.ended(id, result, resumable),
            News::Steps { id, steps } => self.steps_read(id, steps),
            News::Deleted { id, result: Ok(()) } => {
                self.runs.retain(|r| r.id != id);
                self.list.at = self.list.at.min(self.runs.len().saturating_sub(1));
            }
            News::Deleted { result: Err(why), .. } => return Some(why),
            News::Exported { result } => {
                return Some(result.map_or_else(|e| e, |to| format!("written: {}", to.display())));
            }
            News::Model { id, current, result } => {
                return self.model_read(id, current, result, shared);
            }
        }
        None
    }

    /// Kept runs come before those of this session, each once.
    fn list_kept(&mut self, found: Vec<KeptRun>) {
        self.runs.retain(|r| {
            r.stage.is_working() || r.stage == RunState::Queued || self.mine.contains(&r.id)
        });
        let known =
            |found: &KeptRun| self.runs.iter().any(|r| r.path.as_ref() == Some(&found.path));
        let new: Vec<KeptRun> = found.into_iter().filter(|run| !known(run)).collect();
        let mut kept: Vec<Run> =
            new.into_iter().map(|run| Run::kept(self.tickets.draw(), run)).collect();
        kept.append(&mut self.runs);
        self.runs = kept;
        self.list.at = self.runs.len().saturating_sub(1);
    }

    fn made(&mut self, id: Ticket, path: PathBuf) {
        let Some(run) = self.by_id(id) else { return };
        run.name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        run.config.folder = None;
        run.path = Some(path);
    }

    fn progressed(&mut self, id: Ticket, steps: Vec<Step>, now: &Progress, shared: &mut Shared) {
        let watched = self.watched == Some(id);
        let Some(run) = self.by_id(id) else { return };
        run.progress(steps, now);
        if let Some(weights) = now.weights.clone().filter(|_| watched) {
            let epoch = now.step as f64 / run.per_epoch() as f64;
            let label = format!("{} · epoch {epoch:.1}", run.name);
            shared.live = Some(Live::new(label, weights));
        }
    }

    fn ended(
        &mut self,
        id: Ticket,
        result: Result<Ending, String>,
        resumable: bool,
    ) -> Option<String> {
        let run = self.by_id(id)?;
        run.ended(result, resumable);
        Some(match &run.stage {
            RunState::Kept(runs::State::Failed(why)) => format!("{} failed: {why}", run.name),
            stage => format!("{}: {}", run.name, stage.label()),
        })
    }

    /// All steps of a kept run. It may have gone on meanwhile: what it told itself comes after what
    /// was read.
    fn steps_read(&mut self, id: Ticket, steps: Vec<Step>) {
        let Some(run) = self.by_id(id) else { return };
        let told = run.curve.steps().to_vec();
        let first = told.first().map_or(usize::MAX, |s| s.step);
        run.curve = Curve::new(run.config.forecast_weight);
        let before = steps.into_iter().filter(|s| s.step < first);
        before.chain(told).for_each(|s| run.curve.push(s));
    }

    /// A kept model becomes the current one, or is watched.
    fn model_read(
        &mut self,
        id: Ticket,
        current: bool,
        result: Result<Arc<Weights>, String>,
        shared: &mut Shared,
    ) -> Option<String> {
        let name = self.by_id(id)?.name.clone();
        match result {
            Err(why) => Some(why),
            Ok(weights) if current => {
                shared.model = Some((name.clone(), weights));
                (shared.live, self.watched) = (None, None);
                Some(format!("the current model is now the best one of {name}"))
            }
            Ok(weights) => {
                shared.live = Some(Live::new(format!("{name} · best"), weights));
                None
            }
        }
    }
}
