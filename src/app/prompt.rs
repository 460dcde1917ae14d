//! The one-line question at the bottom: a task's name, or a time.

use super::input::Key;
use super::{App, time};

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
}

/// A question and what has been typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked.
    pub ask: Ask,
    /// The answer so far.
    pub text: String,
}

/// Longest answer.
const LONGEST: usize = 256;

impl Prompt {
    /// An empty answer.
    pub fn new(ask: Ask) -> Self {
        Self { ask, text: String::new() }
    }

    /// The question.
    pub fn label(&self) -> &'static str {
        match self.ask {
            Ask::Find => "find task",
            Ask::Seek => "go to time",
            Ask::Whose => "mistakes of: predictor, run or model file",
            Ask::Compare => "compare with: predictor, run or model file",
            Ask::Second => "second row: predictor, run or model file",
        }
    }
}

impl App {
    pub(super) fn prompt_key(&mut self, key: Key) {
        let who = |p: &&Prompt| matches!(p.ask, Ask::Second | Ask::Whose | Ask::Compare);
        if let (Key::Tab, Some(Prompt { text, .. })) = (key, self.prompt.as_ref().filter(who)) {
            if let (Some(text), Some(prompt)) = (self.complete_who(text), &mut self.prompt) {
                prompt.text = text;
            }
            return;
        }
        let Some(prompt) = &mut self.prompt else { return };
        match key {
            Key::Char(c) if prompt.text.chars().count() < LONGEST => prompt.text.push(c),
            Key::Backspace if !prompt.text.is_empty() => {
                prompt.text.pop();
            }
            Key::Backspace | Key::Esc => self.prompt = None,
            Key::Enter => self.answer(),
            _ => {}
        }
    }

    fn answer(&mut self) {
        let Some(Prompt { ask, text }) = self.prompt.take() else { return };
        if text.trim().is_empty() {
            return;
        }
        match ask {
            Ask::Whose => return self.mistakes_of(text.trim()),
            Ask::Compare => return self.compare_with(text.trim()),
            Ask::Second => return self.show_beside(text.trim().into()),
            Ask::Find | Ask::Seek => {}
        }
        let Some(t) = self.timeline_mut() else { return };
        let news = match ask {
            Ask::Find => match t.find(text.trim()) {
                0 => {
                    t.found = None;
                    format!("no task like \"{}\"", text.trim())
                }
                1 => "one task found; * next stint, # previous".into(),
                n => format!("{n} tasks found; * next stint, # previous"),
            },
            Ask::Seek => match time::parse(&text, t.cursor.pos(), t.trace().span(), t.trace().meta().start_ns) {
                Some(to) => {
                    t.seek(to);
                    return;
                }
                None => format!("\"{text}\" is not a time: 0.41 (s), 12ms, +3us, 50%, or a stamp of the recording"),
            },
            Ask::Whose | Ask::Compare | Ask::Second => return,
        };
        self.message = Some(news);
    }
}
