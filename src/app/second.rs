//! The second prediction row: another predictor's answers under those of the first, for the same
//! decisions. When they are asked for is decided in `viewer`.

use super::answers::{AnswerRow, Answers};
use crate::evaluate::overlay::Chunk;
use crate::trace::Trace;
use std::path::{Path, PathBuf};

/// The second row of the open recording.
#[derive(Clone, Debug)]
pub struct Second {
    who: PathBuf,
    /// Its name in the lanes: that of what was asked for, until it is known better.
    pub label: String,
    /// Its predictions so far; their row is always pick or forecast.
    pub answers: Answers,
}

/// The row of the second predictor beside this one of the first: its own pick stands beside every
/// baseline's.
fn beside(row: AnswerRow) -> AnswerRow {
    if row == AnswerRow::Forecast { AnswerRow::Forecast } else { AnswerRow::Pick }
}

impl Second {
    /// Nothing known yet; beside this row of the first.
    pub(super) fn new(who: PathBuf, row: AnswerRow, trace: &Trace) -> Self {
        let label = who.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut answers = Answers::new(trace.cpus());
        answers.set_row(beside(row), trace);
        Self { who, label, answers }
    }

    /// Who was asked for.
    pub(super) fn who(&self) -> &Path {
        &self.who
    }

    /// Answers the same question as the first row.
    pub fn follow(&mut self, row: AnswerRow, trace: &Trace) {
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

/// The name of a model in the second row: its file's, or its run's when the file is one that every
/// run has.
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
