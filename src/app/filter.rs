//! The filter of a list: the line while it is typed, what could come next and what is wrong with
//! it, what is in force, and what was before. What may be typed is a language of the list's own.

use super::input::Key;
use crate::query::{self, Columns, Completion, Expr, FilterError, complete};
use std::fmt::Display;

/// Longest filter, in characters.
const LONGEST: usize = 500;

/// What filters of a list are written in.
pub trait Language<E> {
    /// The filter that a text says, or what is wrong with it.
    fn parse(&self, text: &str) -> Result<E, FilterError>;

    /// What could be typed at this character.
    fn complete(&self, text: &str, caret: usize) -> Completion;

    /// Both at once.
    fn both(&self, a: E, b: E) -> E;
}

/// What `parse` makes of a text; a bare word that is no expression is a part of a task's name.
pub fn or_name<E>(
    text: &str,
    parse: impl Fn(&str) -> Result<E, FilterError>,
) -> Result<E, FilterError> {
    let word = text.trim();
    let bare =
        word.chars().all(|c| c.is_alphanumeric() || matches!(c, ':' | '/' | '-' | '_' | '.'));
    match parse(text) {
        Err(_) if bare && !word.is_empty() => {
            parse(&format!("task~{}", crate::query::quoted(word)))
        }
        result => result,
    }
}

/// Expressions over the columns of a table, with its values to choose from once it is there.
pub struct Over<'a, C: Columns> {
    table: Option<&'a C::Table>,
    /// A bare word is a part of a name.
    words: bool,
}

impl<'a, C: Columns> Over<'a, C> {
    /// Expressions alone.
    pub fn table(table: Option<&'a C::Table>) -> Self {
        Self { table, words: false }
    }

    /// Where a bare word is a part of a name, too.
    pub fn table_or_name(table: Option<&'a C::Table>) -> Self {
        Self { table, words: true }
    }
}

impl<C: Columns> Language<Expr<C>> for Over<'_, C> {
    fn parse(&self, text: &str) -> Result<Expr<C>, FilterError> {
        if self.words { or_name(text, query::parse) } else { query::parse(text) }
    }

    fn complete(&self, text: &str, caret: usize) -> Completion {
        self.table.map_or_else(Completion::default, |table| complete::<C>(table, text, caret))
    }

    fn both(&self, a: Expr<C>, b: Expr<C>) -> Expr<C> {
        a.and(b)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Filter<E> {
    /// The line while it is typed, or as it is.
    pub text: String,
    /// Characters before the typing mark.
    pub caret: usize,
    /// The line has the keys.
    pub editing: bool,
    /// What could be typed, and which of it is chosen.
    pub completion: Completion,
    /// Index into the completion's choices.
    pub choice: usize,
    /// What is wrong with the line.
    pub error: Option<FilterError>,
    /// What is in force.
    pub now: Option<E>,
    /// What was before it, for going back.
    history: Vec<Option<E>>,
}

impl<E> Default for Filter<E> {
    fn default() -> Self {
        Self {
            text: String::new(),
            caret: 0,
            editing: false,
            completion: Completion::default(),
            choice: 0,
            error: None,
            now: None,
            history: Vec::new(),
        }
    }
}

impl<E: Clone + PartialEq + Display> Filter<E> {
    /// Gives the keys to the line.
    pub fn edit(&mut self, language: &dyn Language<E>) {
        self.editing = true;
        self.caret = self.text.chars().count();
        self.look_at_text(language);
    }

    /// Takes a key while the line is typed.
    pub fn type_key(&mut self, key: Key, language: &dyn Language<E>) {
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
                self.choice =
                    (self.choice + 1).min(self.completion.choices.len().saturating_sub(1));
                return;
            }
            Key::Up => {
                self.choice = self.choice.saturating_sub(1);
                return;
            }
            Key::Tab => {
                let Some(choice) = self.completion.choices.get(self.choice) else { return };
                let (start, end) =
                    (self.completion.start.min(chars.len()), self.completion.end.min(chars.len()));
                chars.splice(start..end, choice.text.chars());
                self.caret = start + choice.text.chars().count();
            }
            Key::Enter => {
                self.settle(language);
                return;
            }
            Key::Esc => {
                self.editing = false;
                self.error = None;
                self.text = words(self.now.as_ref());
                return;
            }
            _ => return,
        }
        self.text = chars.into_iter().collect();
        self.look_at_text(language);
    }

    fn look_at_text(&mut self, language: &dyn Language<E>) {
        self.choice = 0;
        self.completion = language.complete(&self.text, self.caret);
        self.error =
            if self.text.trim().is_empty() { None } else { language.parse(&self.text).err() };
    }

    /// Puts the typed filter in force, or stays when there is something wrong with it.
    fn settle(&mut self, language: &dyn Language<E>) {
        let new = if self.text.trim().is_empty() {
            Ok(None)
        } else {
            language.parse(&self.text).map(Some)
        };
        match new {
            Ok(filter) => {
                self.editing = false;
                self.error = None;
                self.set(filter);
            }
            Err(e) => self.error = Some(e),
        }
    }

    /// Filters by this from here on.
    pub fn set(&mut self, filter: Option<E>) {
        self.text = words(filter.as_ref());
        if filter != self.now {
            self.history.push(std::mem::replace(&mut self.now, filter));
        }
    }

    /// Keeps only what this is true of, too.
    pub fn narrow(&mut self, by: E, language: &dyn Language<E>) {
        let filter = match self.now.clone() {
            None => by,
            Some(old) => language.both(old, by),
        };
        self.set(Some(filter));
    }

    /// Goes back to the filter before. False when there is none.
    pub fn widen(&mut self) -> bool {
        let Some(old) = self.history.pop() else { return false };
        self.text = words(old.as_ref());
        self.now = old;
        true
    }
}

fn words<E: Display>(filter: Option<&E>) -> String {
    filter.map_or_else(String::new, ToString::to_string)
}
