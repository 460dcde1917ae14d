//! The second prediction row: another predictor's answers under those of the first, for the same decisions. Here is
//! decided who gives them and when they are asked for; the driver computes them.

use super::answers::{Answers, Row};
use super::{App, Ask, Effect, Prompt};
use crate::evaluate::overlay::Chunk;
use crate::predictor::engine::Choice;
use crate::trace::Trace;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whom the second row shows, whatever recording is open.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// A predictor's name, a run or a model file; `None`: there is no second row.
    pub wanted: Option<PathBuf>,
    /// Who was shown last: the key shows it again.
    last: Option<PathBuf>,
    /// Of the newest request.
    serial: u64,
}

/// The second row of the open recording.
#[derive(Clone, Debug)]
pub struct Second {
    who: PathBuf,
    /// Its name in the lanes: that of what was asked for, until it is known better.
    pub label: String,
    /// Its predictions so far; their row is always pick or forecast.
    pub answers: Answers,
}

/// The row of the second predictor beside this one of the first: its own pick stands beside every baseline's.
fn beside(row: Row) -> Row {
    if row == Row::Forecast { Row::Forecast } else { Row::Pick }
}

impl Second {
    fn new(who: PathBuf, row: Row, trace: &Trace) -> Self {
        let label = who.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut answers = Answers::new(trace.cpus());
        answers.set_row(beside(row), trace);
        Self { who, label, answers }
    }

    /// Answers the same question as the first row.
    pub fn follow(&mut self, row: Row, trace: &Trace) {
        if self.answers.row() != beside(row) {
            self.answers.set_row(beside(row), trace);
        }
    }
}

/// A fact about the second row.
#[derive(Debug)]
pub enum News {
    /// Its predictor was found and has this name.
    Named(String),
    /// Predictions of the next events.
    Predicted(Chunk),
    /// There is no such predictor, or it gave no answer.
    Failed(String),
}

impl App {
    /// Shows this predictor, run or model file in the second row from the next message on.
    pub fn show_beside(&mut self, who: PathBuf) {
        self.beside.wanted = Some(who);
    }

    /// Closes the second row, shows the last one again, or asks for the first one.
    pub(super) fn toggle_second(&mut self) {
        if self.beside.wanted.take().is_some() {
            self.message = Some("second row closed; c shows it again, C another one".into());
        } else if let Some(last) = self.beside.last.clone() {
            self.beside.wanted = Some(last);
        } else {
            self.ask_for_second();
        }
    }

    /// Asks for a predictor, a run or a model file.
    pub(super) fn ask_for_second(&mut self) {
        self.ask_who(Ask::Second);
    }

    /// Asks for a predictor in one of its parts. The kept runs are wanted, whether their screen was looked at or not.
    pub(super) fn ask_who(&mut self, ask: Ask) {
        self.train.enter();
        self.prompt = Some(Prompt::new(ask));
    }

    /// The best model of the selected run beside the current one; again: no more.
    pub(super) fn run_beside(&mut self) {
        let Some(run) = self.train.current_run() else { return };
        let (name, known) = (run.name.clone(), !run.epochs.is_empty());
        let Some(path) = run.path.clone().filter(|_| known) else {
            self.message = Some(format!("{name} has no model yet"));
            return;
        };
        if self.beside.wanted.as_ref() == Some(&path) {
            self.beside.wanted = None;
            self.message = Some("second row closed".into());
        } else {
            self.beside.wanted = Some(path);
            self.message = Some(format!("the best model of {name} is the second row of the Timeline"));
        }
    }

    /// Takes a fact about the second row.
    pub(super) fn second_news(&mut self, serial: u64, news: News) {
        if serial != self.beside.serial {
            return;
        }
        let Some(t) = self.timeline_mut() else { return };
        let trace = Arc::clone(&t.loaded.trace);
        let Some(second) = &mut t.second else { return };
        match news {
            News::Named(label) => {
                second.label = label;
                self.beside.last.clone_from(&self.beside.wanted);
            }
            News::Predicted(chunk) => second.answers.append(chunk, &trace),
            News::Failed(problem) => {
                self.beside.wanted = None;
                self.message = Some(format!("no second row: {problem}"));
            }
        }
    }

    /// What the second row lacks: everything when another one is wanted than is there, or another recording is open.
    pub(super) fn second_wants(&mut self) -> Option<Effect> {
        let (wanted, serial) = (self.beside.wanted.clone(), self.beside.serial + 1);
        let t = self.timeline_mut()?;
        match (wanted, &t.second) {
            (None, None) => None,
            (None, Some(_)) => {
                t.second = None;
                Some(Effect::CloseSecond)
            }
            (Some(who), Some(second)) if second.who == who => None,
            (Some(who), _) => {
                let trace = Arc::clone(&t.loaded.trace);
                t.second = Some(Second::new(who.clone(), t.answers.row(), &trace));
                self.beside.serial = serial;
                Some(Effect::Second { serial, trace, who })
            }
        }
    }

    /// The first predictor or run whose name continues what was typed; the next one after a whole name.
    pub(super) fn complete_who(&self, text: &str) -> Option<String> {
        let runs = self.train.runs.iter().filter(|r| !r.epochs.is_empty()).map(|r| r.name.as_str());
        let mut all: Vec<&str> = Choice::all().map(Choice::label).collect();
        all.extend(runs);
        let known = all.iter().position(|n| *n == text);
        match known {
            Some(at) => Some(all[(at + 1) % all.len()].into()),
            None => all.iter().find(|n| n.starts_with(text)).map(|n| (*n).into()),
        }
    }
}

/// Short enough for the lanes: the beginning of a name, and its end where that tells runs apart.
pub fn short_label(label: &str, room: usize) -> String {
    let n = label.chars().count();
    if n <= room {
        return label.into();
    }
    let tail = room.saturating_sub(1) / 2;
    let head: String = label.chars().take(room.saturating_sub(tail + 1)).collect();
    let end: String = label.chars().skip(n - tail).collect();
    format!("{head}…{end}")
}

/// The name of a model in the second row: its file's, or its run's when the file is one that every run has.
pub fn model_label(path: &Path) -> String {
    let text = |name: Option<&std::ffi::OsStr>| name.map(|n| n.to_string_lossy().into_owned());
    let stem = text(path.file_stem()).unwrap_or_default();
    let folder = text(path.parent().and_then(Path::file_name));
    folder.filter(|_| matches!(stem.as_str(), "best" | "last")).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(short_label("lstm", 10), "lstm");
        assert_eq!(short_label("tcn-20260101-007", 10), "tcn-2…-007");
        assert_eq!(short_label("abc", 1), "…");
        assert_eq!(short_label("abc", 2), "a…");
    }

    #[test]
    fn a_model_has_the_name_of_its_run() {
        assert_eq!(model_label(Path::new("runs/tcn-004/best.koracle")), "tcn-004");
        assert_eq!(model_label(Path::new("assets/models/lstm.koracle")), "lstm");
    }
}
