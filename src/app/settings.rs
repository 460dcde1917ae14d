//! What a user sets once, in a file: the colours, the speed of playback, keys. Nothing here reads a
//! file.

mod columns;

use super::columns::Chosen;
use super::input::Key;
use super::tab::Tab;
use crate::replay::SPEEDS;
use crate::text::line_at;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use toml::Spanned;

/// An example of the file that says everything, with what holds without it.
pub const EXAMPLE: &str = include_str!("settings/example.toml");

/// The colours of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Colours {
    /// As the terminal says.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// For a dark background.
    #[serde(rename = "dark")]
    Dark,
    /// For a light one.
    #[serde(rename = "light")]
    Light,
    /// The terminal's own sixteen.
    #[serde(rename = "16")]
    Sixteen,
    /// None.
    #[serde(rename = "none")]
    None,
}

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The colours.
    pub theme: Colours,
    /// Recorded time per real time when a recording opens, as in [`SPEEDS`]; `None`: as the
    /// recording's density asks.
    #[serde(deserialize_with = "speed")]
    pub speed: Option<(u32, u32)>,
    /// Start where the program was left.
    pub restore: bool,
    /// Keys that stand for others.
    #[serde(skip)]
    pub keys: Vec<(Key, Key)>,
    /// Columns of lists, in their order; a list that is not named has all of its own.
    #[serde(skip)]
    pub columns: Vec<(Tab, Vec<&'static str>)>,
    /// As they are written.
    #[serde(rename = "columns")]
    lists: columns::Written,
    /// As they are written: the first is pressed, the second is meant.
    #[serde(rename = "keys")]
    written: BTreeMap<String, Spanned<String>>,
}

impl Settings {
    /// Reads the text of a file. The error says where and what.
    pub fn parse(text: &str) -> Result<Self, String> {
        let place = |at: usize| format!("line {}: ", line_at(text, at));
        let read: Result<Self, _> = toml::from_str(text);
        let mut read =
            read.map_err(|e| e.span().map(|s| place(s.start)).unwrap_or_default() + e.message())?;
        let lists = columns::read(std::mem::take(&mut read.lists));
        read.columns = lists.map_err(|(at, problem)| place(at) + &problem)?;
        for (pressed, meant) in std::mem::take(&mut read.written) {
            let key = |text: &str| {
                Key::parse(text)
                    .ok_or_else(|| format!("{}no such key: `{text}`", place(meant.span().start)))
            };
            let (from, to) = (key(&pressed)?, key(meant.as_ref())?);
            if from == Key::Ctrl('c') {
                return Err(format!("{}`^C` always quits", place(meant.span().start)));
            }
            read.keys.push((from, to));
        }
        Ok(read)
    }

    /// The columns that were chosen for a list, all that it has where none were.
    pub fn columns_of(&self, tab: Tab) -> Chosen {
        let chosen = self.columns.iter().find(|(of, _)| *of == tab);
        Chosen::of(&columns::all(tab), chosen.map_or(&[], |(_, names)| names))
    }

    /// What is pressed for one of these keys: first what the user chose, then those of them that
    /// mean themselves.
    pub fn pressed(&self, keys: &[Key]) -> Vec<Key> {
        let chosen =
            self.keys.iter().filter(|(_, meant)| keys.contains(meant)).map(|(from, _)| *from);
        let own = keys.iter().copied().filter(|key| self.key(*key) == *key);
        let mut all: Vec<Key> = Vec::new();
        for key in chosen.chain(own) {
            if !all.contains(&key) {
                all.push(key);
            }
        }
        all
    }

    /// The same as written in help.
    pub fn labels(&self, keys: &[Key]) -> Vec<String> {
        self.pressed(keys).into_iter().map(Key::label).collect()
    }

    /// The key that `pressed` stands for.
    pub fn key(&self, pressed: Key) -> Key {
        self.keys.iter().find(|(from, _)| *from == pressed).map_or(pressed, |(_, to)| *to)
    }
}

/// `1/1000`, `2`.
fn speed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(u32, u32)>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "auto" {
        return Ok(None);
    }
    let known =
        |(num, den): (u32, u32)| if den == 1 { num.to_string() } else { format!("{num}/{den}") };
    let found = SPEEDS.into_iter().find(|speed| known(*speed) == text);
    found.map(Some).ok_or_else(|| {
        let all: Vec<String> = SPEEDS.into_iter().map(known).collect();
        D::Error::custom(format!("no such speed: `{text}`; one of auto, {}", all.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_what_holds_without_it() {
        assert_eq!(Settings::parse(EXAMPLE), Ok(Settings::default()));
        assert_eq!(Settings::parse(""), Ok(Settings::default()));
        // What it names in comments is right, too.
        let all: String = EXAMPLE
            .lines()
            .map(|l| l.strip_prefix("#: ").unwrap_or(l))
            .fold(String::new(), |a, l| a + l + "\n");
        let all = Settings::parse(&all).unwrap();
        assert_eq!(all.key(Key::Char('J')), Key::Char('n'));
        assert_eq!(all.key(Key::Ctrl('n')), Key::Char('.'));
        assert_eq!(all.key(Key::Char('x')), Key::Char('x'));
        for (tab, names) in &all.columns {
            assert_eq!(names, &columns::all(*tab), "the example names all columns of {tab:?}");
        }
        assert_eq!(all.columns.len(), 5);
    }

    #[test]
    fn a_key_that_was_given_away_is_shown_as_it_is_pressed() {
        let of = |text: &str, keys: &[Key]| Settings::parse(text).unwrap().labels(keys).join(" ");
        let (n, down) = (Key::Char('n'), [Key::Down, Key::Char('j')]);
        assert_eq!(of("", &down), "↓ j");
        assert_eq!(of("[keys]\n\"J\" = \"n\"\n", &[n]), "J n");
        assert_eq!(of("[keys]\n\"n\" = \"j\"\n", &down), "n ↓ j");
        assert_eq!(of("[keys]\n\"n\" = \"j\"\n", &[n]), "", "nothing is pressed for it any more");
        assert_eq!(of("[keys]\n\"j\" = \"Down\"\n", &down), "j ↓");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, says) in [
            ("theme = \"pink\"\n", "line 1: unknown variant `pink`"),
            ("\nspeed = \"3\"\n", "line 2: no such speed: `3`; one of auto, 1/100000"),
            ("[keys]\n\"nn\" = \"n\"\n", "line 2: no such key: `nn`"),
            ("[keys]\n\"j\" = \"n\"\n\"k\" = \"foo\"\n", "line 3: no such key: `foo`"),
            ("[keys]\n\"^C\" = \"n\"\n", "line 2: `^C` always quits"),
            ("colour = 1\n", "line 1: unknown field `colour`"),
            ("theme = \n", "line 1: "),
            ("[columns]\nwait = []\n", "line 2: no list is called `wait`; there are traces, "),
            ("[columns]\nwaits = []\n", "line 2: waits needs a column"),
            (
                "[columns]\nwaits = [\n \"task\",\n \"tusk\"]\n",
                "line 4: no column of waits is called `tusk`; there are wait, task, cpu, from, ran \
                 instead, ",
            ),
            ("[columns]\nwaits = [\"task\", \"task\"]\n", "line 2: `task` is there twice"),
        ] {
            let error = Settings::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(Settings::parse("speed = \"1/50\"").unwrap().speed, Some((1, 50)));
        assert_eq!(Settings::parse("theme = \"16\"").unwrap().theme, Colours::Sixteen);
    }
}
