//! The Train screen's state: runs, the form, the charts, and what keys and news change. Pure, as all of `app`.

pub mod chart;
pub mod curve;
pub mod form;
pub mod layout;
pub mod live;
pub mod run;

use super::App;
use super::input::{Key, Mouse, MouseKind};
use super::keys::Action;
use crate::predictor::weights::Weights;
use crate::train::runs::{self, Step};
use crate::train::{Ending, Phase, Progress, TrainConfig};
use chart::Chart;
use form::{Answer, Form};
use run::{Run, Stage};
use std::path::PathBuf;
use std::sync::Arc;

/// A fact about runs.
#[derive(Debug)]
pub enum News {
    /// The runs that are kept, and what there is to train on.
    Kept {
        /// The runs.
        runs: Vec<runs::Run>,
        /// What could not be read.
        problems: Vec<String>,
        /// Categories of the bundled recordings.
        categories: Vec<String>,
        /// CPUs of this machine: so many runs work at once at first.
        cpus: usize,
    },
    /// A run has its folder and reads the recordings.
    Made {
        /// The run.
        id: u64,
        /// Its folder.
        path: PathBuf,
    },
    /// A run reads the recordings.
    Reading {
        /// The run.
        id: u64,
        /// Read so far, in all.
        counts: [usize; 2],
    },
    /// Steps since the last time, and where the run stands.
    Progress {
        /// The run.
        id: u64,
        /// In order.
        steps: Vec<Step>,
        /// The newest.
        now: Box<Progress>,
    },
    /// A run is over.
    Ended {
        /// The run.
        id: u64,
        /// How, or why it failed.
        result: Result<Ending, String>,
        /// It has a checkpoint and something left to do.
        resumable: bool,
    },
    /// All steps of a kept run.
    Steps {
        /// The run.
        id: u64,
        /// In order.
        steps: Vec<Step>,
    },
    /// A run was to be removed.
    Deleted {
        /// The run.
        id: u64,
        /// Why it was not.
        result: Result<(), String>,
    },
    /// A run was to be written as CSV.
    Exported {
        /// The file, or why there is none.
        result: Result<PathBuf, String>,
    },
    /// A kept model was to be read, to be used for everything (`current`) or to be watched.
    Model {
        /// The run.
        id: u64,
        /// To be the current model.
        current: bool,
        /// The model, or why there is none.
        result: Result<Arc<Weights>, String>,
    },
}

/// What is wanted of the outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// List the kept runs; answered by [`News::Kept`].
    List,
    /// Train; with a folder in the settings the run in it goes on. Answered by [`News::Made`], [`News::Progress`] and
    /// [`News::Ended`].
    Start {
        /// For the answers.
        id: u64,
        /// The settings.
        config: Box<TrainConfig>,
    },
    /// Rest after the step in hand.
    Pause(u64),
    /// Go on.
    Resume(u64),
    /// End after the step in hand, with a checkpoint and a validation.
    Stop(u64),
    /// End at once.
    Kill(u64),
    /// Tell the newest weights with the next progress.
    Show(u64),
    /// Read the steps of a kept run; answered by [`News::Steps`].
    Read(u64, PathBuf),
    /// Remove a kept run; answered by [`News::Deleted`].
    Delete(u64, PathBuf),
    /// Write a run as CSV into the working folder; answered by [`News::Exported`].
    Export(PathBuf),
    /// Read a run's best model; answered by [`News::Model`].
    Model {
        /// The run.
        id: u64,
        /// Its folder.
        path: PathBuf,
        /// To be the current model.
        current: bool,
    },
}

/// Keys of the Train screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Set up a run.
    New,
    /// Pause, or go on.
    Pause,
    /// Go on with a kept run.
    GoOn,
    /// Stop with a checkpoint.
    Stop,
    /// End at once.
    Kill,
    /// Remove.
    Delete,
    /// Write CSV.
    Export,
    /// Draw beside others.
    Choose,
    /// Next chart.
    NextChart,
    /// Chart before.
    PrevChart,
    /// Another horizontal axis.
    Axis,
    /// Logarithmic or not.
    Log,
    /// Cursor to earlier.
    ReadEarlier,
    /// Cursor to later.
    ReadLater,
    /// Predict the open recording with the run's newest weights.
    Watch,
    /// Make the run's best model the current one.
    Use,
    /// More runs at once.
    More,
    /// Fewer runs at once.
    Fewer,
}

/// A question that `y` answers with yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Remove this run?
    Delete(u64),
    /// End this run at once?
    Kill(u64),
}

/// The state of the Train screen.
#[derive(Debug, Default)]
pub struct Train {
    /// Kept ones first, then those of this session.
    pub runs: Vec<Run>,
    /// The row one stands on.
    pub selected: usize,
    /// A run being set up.
    pub form: Option<Form>,
    /// A question waiting for `y`.
    pub question: Option<Question>,
    /// What the charts show.
    pub chart: Chart,
    /// Runs that work at the same time; others wait.
    pub at_once: usize,
    /// The kept runs have been listed.
    pub listed: bool,
    /// What could not be read.
    pub problems: Vec<String>,
    /// The run whose newest weights predict the open recording.
    pub watched: Option<u64>,
    /// The weights that do, and what has been asked with them.
    pub live: Option<live::Live>,
    /// The model that a run gave to everything else: the run's name.
    pub current: Option<(String, Arc<Weights>)>,
    categories: Vec<String>,
    last_config: Option<TrainConfig>,
    next_id: u64,
    orders: Vec<Order>,
    /// Runs of this session, for the summary at its end.
    mine: Vec<u64>,
    /// The kept runs have been asked for.
    asked: bool,
    /// The open recording shall be predicted again.
    repredict: bool,
}

impl Train {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self { at_once: 1, ..Self::default() }
    }

    /// The screen is looked at: the kept runs are wanted.
    pub fn enter(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            self.orders.push(Order::List);
        }
    }

    /// What is to be done outside since the last time.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// The selected run.
    pub fn current_run(&self) -> Option<&Run> {
        self.runs.get(self.selected)
    }

    /// First visible row of the list when `rows` fit.
    pub fn scroll(&self, rows: usize) -> usize {
        self.selected.saturating_sub(rows.saturating_sub(1) / 2).min(self.runs.len().saturating_sub(rows))
    }

    /// The runs whose curves are drawn, each with its place in the list: the chosen ones, and the selected one.
    pub fn shown(&self) -> Vec<(usize, &Run)> {
        self.runs.iter().enumerate().filter(|(i, r)| r.chosen || *i == self.selected).collect()
    }

    /// Where the longest of the shown runs ends on the horizontal axis.
    pub fn end(&self) -> f64 {
        self.shown().iter().map(|(_, r)| self.chart.axis.end(r)).fold(0.0, f64::max)
    }

    /// Runs that work or wait here.
    pub fn unfinished(&self) -> usize {
        self.runs.iter().filter(|r| r.stage.is_working() || r.stage == Stage::Queued).count()
    }

    fn by_id(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|r| r.id == id)
    }

    fn add(&mut self, config: TrainConfig) {
        self.next_id += 1;
        let id = self.next_id;
        self.runs.push(Run::queued(id, config));
        self.mine.push(id);
        self.selected = self.runs.len() - 1;
        // The first one is worth watching without being asked.
        if self.unfinished() == 1 {
            self.watched = Some(id);
        }
    }

    /// Starts runs that wait, as long as there is room.
    fn fill(&mut self) {
        let mut room = self.at_once.saturating_sub(self.runs.iter().filter(|r| r.stage.is_working()).count());
        for run in self.runs.iter_mut().filter(|r| r.stage == Stage::Queued) {
            if room == 0 {
                return;
            }
            room -= 1;
            run.stage = Stage::Reading;
            self.orders.push(Order::Start { id: run.id, config: Box::new(run.config.clone()) });
        }
    }

    /// Asks for the steps of shown runs that have not been read.
    fn read_shown(&mut self) {
        let selected = self.selected;
        for (i, run) in self.runs.iter_mut().enumerate() {
            if let (true, false, Some(path)) = (run.chosen || i == selected, run.read, &run.path) {
                run.read = true;
                self.orders.push(Order::Read(run.id, path.clone()));
            }
        }
    }

    /// Takes a fact. The words for the last row, if it is one.
    fn news(&mut self, news: News) -> Option<String> {
        match news {
            News::Kept { runs, problems, categories, cpus } => {
                if !self.listed {
                    self.at_once = cpus.max(1);
                }
                (self.listed, self.problems, self.categories) = (true, problems, categories);
                self.runs.retain(|r| r.stage.is_working() || r.stage == Stage::Queued || self.mine.contains(&r.id));
                let new = runs.into_iter().filter(|k| !self.runs.iter().any(|r| r.path.as_ref() == Some(&k.path)));
                let mut kept: Vec<Run> = Vec::new();
                for run in new.collect::<Vec<_>>() {
                    self.next_id += 1;
                    kept.push(Run::kept(self.next_id, run));
                }
                kept.append(&mut self.runs);
                self.runs = kept;
                self.selected = self.runs.len().saturating_sub(1);
            }
            News::Made { id, path } => {
                if let Some(run) = self.by_id(id) {
                    run.name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                    run.config.folder = None;
                    run.path = Some(path);
                }
            }
            News::Reading { id, counts } => self.by_id(id)?.reading = counts,
            News::Progress { id, steps, now } => {
                let watched = self.watched == Some(id);
                let run = self.by_id(id)?;
                run.progress(steps, &now);
                if let Some(weights) = now.weights.clone().filter(|_| watched) {
                    let epoch = now.step as f64 / run.per_epoch() as f64;
                    let label = format!("{} · epoch {epoch:.1}", run.name);
                    self.live = Some(live::Live::new(label, weights));
                }
            }
            News::Ended { id, result, resumable } => {
                let run = self.by_id(id)?;
                run.ended(result, resumable);
                let (name, stage) = (run.name.clone(), run.stage.clone());
                return match stage {
                    Stage::Kept(runs::State::Failed(why)) => Some(format!("{name} failed: {why}")),
                    stage => Some(format!("{name}: {}", stage.label())),
                };
            }
            News::Steps { id, steps } => {
                let run = self.by_id(id)?;
                // It may have gone on meanwhile: what it told itself comes after what was read.
                let told = run.curve.steps().to_vec();
                let first = told.first().map_or(usize::MAX, |s| s.step);
                run.curve = curve::Curve::new(run.config.forecast_weight);
                let before = steps.into_iter().filter(|s| s.step < first);
                before.chain(told).for_each(|s| run.curve.push(s));
            }
            News::Deleted { id, result: Ok(()) } => {
                self.runs.retain(|r| r.id != id);
                self.selected = self.selected.min(self.runs.len().saturating_sub(1));
            }
            News::Deleted { result: Err(why), .. } => return Some(why),
            News::Exported { result } => {
                return Some(result.map_or_else(|e| e, |path| format!("written: {}", path.display())));
            }
            News::Model { id, current, result } => {
                let name = self.by_id(id)?.name.clone();
                match result {
                    Err(why) => return Some(why),
                    Ok(weights) if current => {
                        self.current = Some((name.clone(), weights));
                        (self.live, self.watched) = (None, None);
                        return Some(format!("the current model is now the best one of {name}"));
                    }
                    Ok(weights) => self.live = Some(live::Live::new(format!("{name} · best"), weights)),
                }
            }
        }
        None
    }

    fn form_key(&mut self, key: Key) {
        let Some(form) = &mut self.form else { return };
        match form.key(key) {
            Answer::Going => {}
            Answer::Closed => self.form = None,
            Answer::Start(config) => {
                self.form = None;
                self.last_config = Some((*config).clone());
                self.add(*config);
            }
        }
    }

    fn answer(&mut self, key: Key) {
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
    fn act(&mut self, act: Act) -> Option<String> {
        let end = self.end();
        match act {
            Act::New => {
                let config = self.last_config.clone().unwrap_or_default();
                self.form = Some(Form::new(&config, self.categories.clone()));
                return None;
            }
            Act::NextChart => self.chart.turn(true),
            Act::PrevChart => self.chart.turn(false),
            Act::Axis => self.chart.next_axis(),
            Act::Log => self.chart.log = !self.chart.log,
            Act::ReadEarlier => self.chart.read(false, end),
            Act::ReadLater => self.chart.read(true, end),
            Act::More | Act::Fewer => {
                self.at_once = if act == Act::More { self.at_once + 1 } else { self.at_once - 1 }.clamp(1, 64);
                return Some(format!("{} at once", self.at_once));
            }
            _ => return self.act_on_run(act),
        }
        None
    }

    fn act_on_run(&mut self, act: Act) -> Option<String> {
        let run = self.runs.get_mut(self.selected)?;
        let (id, path) = (run.id, run.path.clone());
        let order = match (act, &run.stage) {
            (Act::Pause, Stage::Working(Phase::Paused)) => Order::Resume(id),
            (Act::Pause, Stage::Working(_)) => Order::Pause(id),
            (Act::Stop, Stage::Working(_)) => {
                run.stage = Stage::Stopping;
                Order::Stop(id)
            }
            (Act::Stop | Act::Kill, Stage::Queued) => {
                self.runs.remove(self.selected);
                self.selected = self.selected.min(self.runs.len().saturating_sub(1));
                return None;
            }
            (Act::Stop, Stage::Reading) => Order::Kill(id),
            (Act::Kill, stage) if stage.is_working() => {
                self.question = Some(Question::Kill(id));
                return None;
            }
            (Act::GoOn | Act::Pause, Stage::Kept(_)) if run.resumable => {
                run.config = TrainConfig { resume: true, folder: path, ..run.config.clone() };
                run.stage = Stage::Queued;
                self.mine.push(id);
                return None;
            }
            (Act::GoOn | Act::Pause, Stage::Kept(_)) => return Some(format!("{} has nothing to go on with", run.name)),
            (Act::Choose, _) => {
                run.chosen = !run.chosen;
                return None;
            }
            (Act::Delete, Stage::Kept(state)) if *state != runs::State::Running => {
                self.question = Some(Question::Delete(id));
                return None;
            }
            (Act::Delete, _) => return Some("it is running: x stops it".into()),
            (Act::Export, _) => Order::Export(path?),
            (Act::Watch, stage) if self.watched == Some(id) && !stage.is_working() => {
                (self.watched, self.live) = (None, None);
                return Some("the Timeline shows the current model".into());
            }
            (Act::Watch, stage) => {
                self.watched = Some(id);
                if stage.is_working() {
                    Order::Show(id)
                } else if run.epochs.is_empty() {
                    return Some(format!("{} has no model yet", run.name));
                } else {
                    Order::Model { id, path: path?, current: false }
                }
            }
            (Act::Use, _) if run.epochs.is_empty() => return Some(format!("{} has no model yet", run.name)),
            (Act::Use, _) => Order::Model { id, path: path?, current: true },
            _ => return None,
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
            let place = r.path.as_ref().map(|p| format!("  {}", p.display())).unwrap_or_default();
            format!(
                "{}: {}, step {} of {}{}{place}",
                r.name,
                r.stage.label(),
                r.last.step,
                r.steps,
                best.unwrap_or_default()
            )
        })
        .collect()
    }
}

impl App {
    /// Sets up a run without the form.
    pub fn train_anew(&mut self, config: TrainConfig) -> Vec<super::Effect> {
        self.train.add(config);
        self.settle_training();
        self.train.take_orders().into_iter().map(super::Effect::Train).collect()
    }

    /// Takes a fact about runs.
    pub(super) fn train_news(&mut self, news: News) {
        let before = self.train.current.as_ref().map(|c| Arc::as_ptr(&c.1));
        if let Some(words) = self.train.news(news) {
            self.message = Some(words);
        }
        if self.train.current.as_ref().map(|c| Arc::as_ptr(&c.1)) != before {
            self.predict_anew();
        }
        self.settle_training();
    }

    /// Lets waiting runs begin and asks for what is shown.
    pub(super) fn settle_training(&mut self) {
        self.train.fill();
        self.train.read_shown();
    }

    /// Takes a key that belongs to the form or to a question. False when there is none.
    pub(super) fn train_key(&mut self, key: Key) -> bool {
        if self.tab != super::Tab::Train || self.help {
            return false;
        }
        if self.train.form.is_some() {
            self.train.form_key(key);
        } else if self.train.question.is_some() {
            self.train.answer(key);
        } else {
            return false;
        }
        self.settle_training();
        true
    }

    /// The layout of the Train screen.
    pub fn train_layout(&self) -> layout::TrainLayout {
        layout::TrainLayout::new(self.size, self.train.runs.len())
    }

    /// A click in the list selects, the wheel zooms the charts, a click in the large one reads there.
    pub(super) fn mouse_on_train(&mut self, mouse: Mouse) {
        let l = self.train_layout();
        let t = &mut self.train;
        if t.form.is_some() || t.question.is_some() {
            return;
        }
        let end = t.end();
        match mouse.kind {
            MouseKind::WheelUp if l.list.has(mouse.x, mouse.y) => t.selected = t.selected.saturating_sub(1),
            MouseKind::WheelDown if l.list.has(mouse.x, mouse.y) => {
                t.selected = (t.selected + 1).min(t.runs.len().saturating_sub(1));
            }
            MouseKind::WheelUp | MouseKind::WheelDown => t.chart.zoom(mouse.kind == MouseKind::WheelUp, end),
            MouseKind::Down if l.list.has(mouse.x, mouse.y) => {
                let row = t.scroll(l.rows()) + usize::from(mouse.y - l.list.y);
                if row < t.runs.len() {
                    t.selected = row;
                }
            }
            MouseKind::Down | MouseKind::Drag => {
                let plot = layout::plot(l.main);
                if plot.has(mouse.x, mouse.y) {
                    let (from, to) = t.chart.window(end);
                    let share = (f64::from(mouse.x - plot.x) + 0.5) / f64::from(plot.w.max(1));
                    t.chart.cursor = Some(from + share * (to - from));
                }
            }
            MouseKind::Up => {}
        }
        self.settle_training();
    }

    /// Follows an order on the Train screen.
    pub(super) fn act_on_train(&mut self, action: Action) {
        let t = &mut self.train;
        let end = t.end();
        let select = |t: &mut Train, by: isize| {
            t.selected = t.selected.saturating_add_signed(by).min(t.runs.len().saturating_sub(1));
        };
        match action {
            Action::Train(act) => self.message = t.act(act),
            Action::Up => select(t, -1),
            Action::Down => select(t, 1),
            Action::PageUp => select(t, -8),
            Action::PageDown => select(t, 8),
            Action::Start => select(t, isize::MIN),
            Action::End => select(t, isize::MAX),
            Action::ZoomIn => t.chart.zoom(true, end),
            Action::ZoomOut => t.chart.zoom(false, end),
            Action::PanLeft => t.chart.pan(false, end),
            Action::PanRight => t.chart.pan(true, end),
            Action::Fit => (t.chart.zoom, t.chart.cursor) = (None, None),
            Action::Back if t.chart.cursor.is_some() => t.chart.cursor = None,
            Action::Back => self.tab = super::Tab::Timeline,
            _ => {}
        }
        self.settle_training();
    }
}

#[cfg(test)]
mod tests;
