//! Typing a filter: the line, its mark, what could come next, and what is wrong with it.

use super::Mistakes;
use crate::app::input::Key;
use crate::evaluate::mistakes::filter::{complete, parse};
use crate::evaluate::mistakes::{Expr, Table};

/// Longest filter, in characters.
const LONGEST: usize = 500;

impl Mistakes {
    /// Gives the keys to the filter line.
    pub(super) fn edit(&mut self) {
        self.editing = true;
        self.caret = self.text.chars().count();
        self.look_at_text();
    }

    /// Takes a key while the line is typed.
    pub(crate) fn type_key(&mut self, key: Key) {
        let mut chars: Vec<char> = self.text.chars().collect();
        self.caret = self.caret.min(chars.len());
        match key {
            Key::Char(c) if chars.len() < LONGEST => {
                chars.insert(self.caret, c);
                self.caret += 1;
            }
            Key::Backspace if self.caret > 0 => {
                self.caret -= 1;
                chars.remove(self.caret);
            }
            Key::Ctrl('u') => {
                chars.drain(..self.caret);
                self.caret = 0;
            }
            Key::Ctrl('w') => {
                let kept = chars[..self.caret].iter().rposition(|c| *c != ' ').unwrap_or(0);
                let from = chars[..kept].iter().rposition(|c| *c == ' ').map_or(0, |i| i + 1);
                chars.drain(from..self.caret);
                self.caret = from;
            }
            Key::Left => self.caret = self.caret.saturating_sub(1),
            Key::Right => self.caret = (self.caret + 1).min(chars.len()),
            Key::Home => self.caret = 0,
            Key::End => self.caret = chars.len(),
            Key::Down => {
                self.choice = (self.choice + 1).min(self.completion.choices.len().saturating_sub(1));
                return;
            }
            Key::Up => {
                self.choice = self.choice.saturating_sub(1);
                return;
            }
            Key::Tab => {
                let Some(choice) = self.completion.choices.get(self.choice) else { return };
                let (start, end) = (self.completion.start.min(chars.len()), self.completion.end.min(chars.len()));
                chars.splice(start..end, choice.text.chars());
                self.caret = start + choice.text.chars().count();
            }
            Key::Enter => {
                self.settle();
                return;
            }
            Key::Esc => {
                self.editing = false;
                self.error = None;
                self.text = self.filter.as_ref().map_or_else(String::new, ToString::to_string);
                return;
            }
            _ => return,
        }
        self.text = chars.into_iter().collect();
        self.look_at_text();
    }

    fn look_at_text(&mut self) {
        self.choice = 0;
        let empty = Table::default();
        let table = self.found().map_or(&empty, |f| &f.table);
        self.completion = complete(table, &self.text, self.caret);
        self.error = if self.text.trim().is_empty() { None } else { parse(&self.text).err() };
    }

    /// Puts the typed filter in force, or stays when there is something wrong with it.
    fn settle(&mut self) {
        let new = if self.text.trim().is_empty() { Ok(None) } else { parse(&self.text).map(Some) };
        match new {
            Ok(filter) => {
                self.editing = false;
                self.error = None;
                self.use_filter(filter);
            }
            Err(e) => self.error = Some(e),
        }
    }

    /// Filters by this from here on.
    pub(crate) fn use_filter(&mut self, filter: Option<Expr>) {
        self.text = filter.as_ref().map_or_else(String::new, ToString::to_string);
        if filter != self.filter {
            self.history.push(std::mem::replace(&mut self.filter, filter));
        }
    }

    /// Keeps only decisions for which this is true too.
    pub(super) fn narrow(&mut self, by: Expr) {
        let filter = match self.filter.clone() {
            None => by,
            Some(old) => old.and(by),
        };
        self.use_filter(Some(filter));
    }

    /// Goes back to the filter before. False when there is none.
    pub(super) fn widen(&mut self) -> bool {
        let Some(old) = self.history.pop() else { return false };
        self.text = old.as_ref().map_or_else(String::new, ToString::to_string);
        self.filter = old;
        true
    }
}
