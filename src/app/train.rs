//! The Train screen's state: runs, the form, the charts, and what keys and news change. Pure, as
//! all of `app`.

pub mod chart;
pub mod curve;
pub mod form;
pub mod layout;
pub mod live;
pub mod run;
pub mod size;

mod acts;
mod facts;
mod words;

pub use words::{Act, News, Order, Question};

use super::Shared;
use super::input::Key;
use super::list::List;
use super::ticket::{Ticket, Tickets};
use crate::dataset::catalog::Kinds;
use crate::train::cost::Pace;
use crate::train::{Phase, TrainConfig, runs};
use chart::Chart;
use form::{Answer, Form};
use run::{Run, RunState};
use std::collections::BTreeSet;

/// The state of the Train screen.
#[derive(Debug, Default)]
pub struct Train {
    /// Kept ones first, then those of this session.
    pub runs: Vec<Run>,
    /// The row one stands on.
    pub list: List,
    /// A run being set up.
    pub form: Option<Form>,
    /// A question waiting for `y`.
    pub question: Option<Question>,
    /// What the charts show.
    pub chart: Chart,
    /// Runs that work at the same time; others wait.
    pub at_once: usize,
    /// What is known of the runs that earlier sessions kept.
    pub kept: Kept,
    /// The run whose newest weights predict the open recording.
    pub watched: Option<Ticket>,
    setup: Setup,
    /// A run is named by the ticket of its first order.
    tickets: Tickets,
    orders: Vec<Order>,
    /// Runs of this session, for the summary at its end.
    mine: Vec<Ticket>,
}

/// What is known of the runs that earlier sessions kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// They have been listed.
    pub listed: bool,
    /// What could not be read.
    pub problems: Vec<String>,
    /// They have been asked for.
    asked: bool,
}

/// What a new form begins with.
#[derive(Debug, Default)]
struct Setup {
    kinds: Kinds,
    /// The settings of the run that was set up last.
    last: Option<TrainConfig>,
}

fn no_model(run: &Run) -> String {
    format!("{} has no model yet", run.name)
}

impl Train {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self { at_once: 1, ..Self::default() }
    }

    /// The kept runs are wanted, whether their screen is looked at or not.
    pub(super) fn want_kept(&mut self) {
        if !std::mem::replace(&mut self.kept.asked, true) {
            self.orders.push(Order::List);
        }
    }

    /// The selected run.
    pub fn current_run(&self) -> Option<&Run> {
        self.runs.get(self.list.at)
    }

    /// The runs whose curves are drawn, each with its place in the list: the chosen ones, and the
    /// selected one.
    pub fn shown(&self) -> Vec<(usize, &Run)> {
        self.runs.iter().enumerate().filter(|(i, r)| r.chosen || *i == self.list.at).collect()
    }

    /// Where the longest of the shown runs ends on the horizontal axis.
    pub fn end(&self) -> f64 {
        self.shown().iter().map(|(_, r)| self.chart.axis.end(r)).fold(0.0, f64::max)
    }

    /// Runs that work or wait here.
    pub fn unfinished(&self) -> usize {
        self.runs.iter().filter(|r| r.stage.is_working() || r.stage == RunState::Queued).count()
    }

    fn by_id(&mut self, id: Ticket) -> Option<&mut Run> {
        self.runs.iter_mut().find(|r| r.id == id)
    }

    pub(super) fn add(&mut self, config: TrainConfig) {
        let id = self.tickets.draw();
        self.runs.push(Run::queued(id, config));
        self.mine.push(id);
        self.list.at = self.runs.len() - 1;
        // The first one is worth watching without being asked.
        if self.unfinished() == 1 {
            self.watched = Some(id);
        }
    }

    /// Starts runs that wait, as long as there is room.
    fn fill(&mut self) {
        let mut room =
            self.at_once.saturating_sub(self.runs.iter().filter(|r| r.stage.is_working()).count());
        for run in self.runs.iter_mut().filter(|r| r.stage == RunState::Queued) {
            if room == 0 {
                return;
            }
            room -= 1;
            run.stage = RunState::Reading;
            self.orders.push(Order::Start { id: run.id, config: Box::new(run.config.clone()) });
        }
    }

    /// Asks for the steps of shown runs that have not been read.
    fn read_shown(&mut self) {
        let selected = self.list.at;
        for (i, run) in self.runs.iter_mut().enumerate() {
            if let (true, false, Some(path)) = (run.chosen || i == selected, run.read, &run.path) {
                run.read = true;
                self.orders.push(Order::Read(run.id, path.clone()));
            }
        }
    }

    fn form_key(&mut self, key: Key) {
        let Some(form) = &mut self.form else { return };
        match form.key(key) {
            Answer::Going => {}
            Answer::Closed => self.form = None,
            Answer::Start(config) => {
                self.form = None;
                self.setup.last = Some((*config).clone());
                self.add(*config);
            }
        }
    }

    fn answer_question(&mut self, key: Key) {
        let Some(question) = self.question.take() else { return };
        if !matches!(key, Key::Char('y' | 'Y')) {
            return;
        }
        match question {
            Question::Kill(id) => self.orders.push(Order::Kill(id)),
            Question::Delete(id) => {
                if let Some(path) = self.by_id(id).and_then(|r| r.path.clone()) {
                    self.orders.push(Order::Delete(id, path));
                }
            }
        }
    }

    /// Follows a key. The words for the last row when it makes no sense now.
    fn follow(&mut self, act: Act, shared: &mut Shared) -> Option<String> {
        let end = self.end();
        match act {
            Act::New => {
                let config = self.setup.last.clone().unwrap_or_default();
                let mut form = Form::new(&config, self.setup.kinds.clone());
                let pace =
                    |run: &Run| Pace::of(&run.name, &run.config, &run.done.last, run.done.steps);
                form.paces = self.runs.iter().filter_map(pace).collect();
                self.form = Some(form);
                self.orders.push(Order::Memory);
                return None;
            }
            Act::NextChart => self.chart.turn(true),
            Act::PrevChart => self.chart.turn(false),
            Act::NextWorkload | Act::PrevWorkload => {
                let shown =
                    self.runs.iter().enumerate().filter(|(i, r)| r.chosen || *i == self.list.at);
                let last = shown.filter_map(|(_, r)| r.epochs.last());
                let names: BTreeSet<&str> =
                    last.flat_map(|e| e.validation.workloads.keys()).map(String::as_str).collect();
                let names: Vec<&str> = names.into_iter().collect();
                self.chart.turn_workload(&names, act == Act::NextWorkload);
            }
            Act::Axis => self.chart.next_axis(),
            Act::Log => self.chart.log = !self.chart.log,
            Act::ReadEarlier => self.chart.read(false, end),
            Act::ReadLater => self.chart.read(true, end),
            Act::More | Act::Fewer => {
                self.at_once =
                    if act == Act::More { self.at_once + 1 } else { self.at_once - 1 }.clamp(1, 64);
                return Some(format!("{} at once", self.at_once));
            }
            _ => return self.act_on_run(act, shared),
        }
        None
    }

    fn act_on_run(&mut self, act: Act, shared: &mut Shared) -> Option<String> {
        let run = self.runs.get_mut(self.list.at)?;
        let id = run.id;
        match (act, &run.stage) {
            (Act::Pause, RunState::Working(Phase::Paused)) => self.orders.push(Order::Resume(id)),
            (Act::Pause, RunState::Working(_)) => self.orders.push(Order::Pause(id)),
            (Act::Pause | Act::GoOn, RunState::Kept(_)) => return self.go_on(),
            (Act::Stop, RunState::Working(_)) => {
                run.stage = RunState::Stopping;
                self.orders.push(Order::Stop(id));
            }
            (Act::Stop | Act::Kill, RunState::Queued) => {
                self.runs.remove(self.list.at);
                self.list.at = self.list.at.min(self.runs.len().saturating_sub(1));
            }
            (Act::Stop, RunState::Reading) => self.orders.push(Order::Kill(id)),
            (Act::Kill, stage) if stage.is_working() => self.question = Some(Question::Kill(id)),
            (Act::Choose, _) => run.chosen = !run.chosen,
            (Act::Delete, RunState::Kept(state)) if *state != runs::State::Running => {
                self.question = Some(Question::Delete(id));
            }
            (Act::Delete, _) => return Some("it is running: x stops it".into()),
            (Act::Export, _) => {
                let path = run.path.clone()?;
                self.orders.push(Order::Export(path));
            }
            (Act::Watch, _) => return self.watch(shared),
            (Act::Use, _) if run.epochs.is_empty() => return Some(no_model(run)),
            (Act::Use, _) => {
                let path = run.path.clone()?;
                self.orders.push(Order::Model { id, path, current: true });
            }
            _ => {}
        }
        None
    }

    /// Goes on with the selected run, which is kept.
    fn go_on(&mut self) -> Option<String> {
        let run = self.runs.get_mut(self.list.at)?;
        if !run.resumable {
            return Some(format!("{} has nothing to go on with", run.name));
        }
        run.config = TrainConfig { resume: true, folder: run.path.clone(), ..run.config.clone() };
        run.stage = RunState::Queued;
        self.mine.push(run.id);
        None
    }

    /// Lets the selected run predict the open recording; again, when it is over: no more.
    fn watch(&mut self, shared: &mut Shared) -> Option<String> {
        let run = self.runs.get(self.list.at)?;
        let (id, working) = (run.id, run.stage.is_working());
        if self.watched == Some(id) && !working {
            (self.watched, shared.live) = (None, None);
            return Some("the Timeline shows the current model".into());
        }
        self.watched = Some(id);
        let order = if working {
            Order::Show(id)
        } else if run.epochs.is_empty() {
            return Some(no_model(run));
        } else {
            Order::Model { id, path: run.path.clone()?, current: false }
        };
        self.orders.push(order);
        None
    }

    /// What became of the runs of this session, a line each.
    pub fn summary(&self) -> Vec<String> {
        let mine = self.runs.iter().filter(|r| self.mine.contains(&r.id));
        mine.map(|r| {
            let best = r.best().map(|e| {
                let v = &e.validation;
                format!(
                    ", best epoch {}: pick {:.2} %, forecast {:.2} %",
                    e.epoch,
                    100.0 * v.pick_top1,
                    100.0 * v.forecast_top1
                )
            });
            // A run that could not even begin left no folder to look into.
            let place = r.path.as_ref().filter(|_| r.done.steps > 0);
            let place = place.map(|p| format!("  {}", p.display())).unwrap_or_default();
            let why = match &r.stage {
                RunState::Kept(runs::State::Failed(why)) => format!(" ({why})"),
                _ => String::new(),
            };
            format!(
                "{}: {}{why}, step {} of {}{}{place}",
                r.name,
                r.stage.label(),
                r.done.last.step,
                r.done.steps,
                best.unwrap_or_default()
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
