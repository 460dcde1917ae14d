//! The one-line question at the bottom: a task's name, a time, a predictor. Its answer goes to the
//! screen that asked.

use super::entry::Entry;
use super::input::Key;
use super::train::run::Run;
use crate::predictor::engine::Choice;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A task, by name or pid.
    Find,
    /// A point in time.
    Seek,
    /// Whose mistakes are shown.
    Whose,
    /// Whom they are compared with.
    Compare,
    /// Whom the second prediction row shows.
    Second,
    /// Which recording the open one is compared with.
    Beside,
    /// Which file to open.
    Open,
}

/// A question and what has been typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked.
    pub ask: Ask,
    /// The answer so far.
    pub text: String,
    /// It is a proposal: Enter takes it, Tab goes on from it, what is typed replaces it.
    pub proposed: bool,
}

/// Longest answer.
const LONGEST: usize = 256;

impl Ask {
    /// True when a predictor, a run or a model file is asked for.
    pub fn is_who(self) -> bool {
        matches!(self, Self::Second | Self::Whose | Self::Compare)
    }

    /// True when the answer may be a file.
    fn is_file(self) -> bool {
        self.is_who() || matches!(self, Self::Beside | Self::Open)
    }
}

/// What a key in a prompt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It is still being typed.
    Going,
    /// It was closed without an answer.
    Closed,
    /// What files are there whose names begin so.
    Complete(String),
    /// This is the answer, as it was typed.
    Answer(String),
}

impl Prompt {
    /// An empty answer.
    pub fn new(ask: Ask) -> Self {
        Self { ask, text: String::new(), proposed: false }
    }

    /// With an answer that Enter takes.
    pub fn proposing(ask: Ask, text: String) -> Self {
        Self { ask, text, proposed: true }
    }

    /// The question.
    pub fn label(&self) -> &'static str {
        match self.ask {
            Ask::Find => "find task",
            Ask::Seek => "go to time",
            Ask::Whose => "mistakes of: predictor, run or model file",
            Ask::Compare => "compare with: predictor, run or model file",
            Ask::Second => "second row: predictor, run or model file",
            Ask::Beside => "compare with: name of a recording, or a file",
            Ask::Open => "open: a recording's file; Tab completes",
        }
    }

    /// Takes a key; names of these runs and recordings are completed.
    pub fn key(&mut self, key: Key, runs: &[Run], recordings: &[Entry]) -> Typed {
        if std::mem::take(&mut self.proposed) && matches!(key, Key::Char(_)) {
            self.text.clear();
        }
        match key {
            Key::Tab if self.ask.is_file() => {
                let known = match self.ask {
                    Ask::Open => None,
                    Ask::Beside => complete(&self.text, recordings.iter().map(|e| e.name.as_str())),
                    _ => complete_who(&self.text, runs),
                };
                // What is no name that is known begins the name of a file.
                match known {
                    Some(text) => self.text = text,
                    None => return Typed::Complete(self.text.clone()),
                }
            }
            Key::Char(c) if self.text.chars().count() < LONGEST => self.text.push(c),
            Key::Backspace if !self.text.is_empty() => {
                self.text.pop();
            }
            Key::Backspace | Key::Esc => return Typed::Closed,
            Key::Enter if self.text.trim().is_empty() => return Typed::Closed,
            Key::Enter => return Typed::Answer(std::mem::take(&mut self.text)),
            _ => {}
        }
        Typed::Going
    }
}

/// The same among predictors and runs.
fn complete_who(text: &str, runs: &[Run]) -> Option<String> {
    let runs = runs.iter().filter(|r| !r.epochs.is_empty()).map(|r| r.name.as_str());
    complete(text, Choice::named().map(|choice| -> &str { choice.label() }).chain(runs))
}

/// The first name that continues what was typed; the next one after a whole name.
fn complete<'a>(text: &str, all: impl Iterator<Item = &'a str>) -> Option<String> {
    let all: Vec<&str> = all.collect();
    match all.iter().position(|n| *n == text) {
        Some(at) => Some(all[(at + 1) % all.len()].into()),
        None => all.iter().find(|n| n.starts_with(text)).map(|n| (*n).into()),
    }
}
