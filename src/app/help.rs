//! The `?` page of a screen as lines, broken to fit: on the left the words and signs that are seen
//! there, on the right its keys in sections. Draws nothing; scrolling and drawing both count these
//! lines.

use super::keys;
use super::settings::Settings;
use super::tab::Tab;
use super::words;

/// A line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// What follows is about this; empty: a gap.
    Title(String),
    /// A word and the beginning of what it means.
    Word(String, String),
    /// Keys and the beginning of what they do.
    Keys(String, String),
    /// What goes on, so many cells further right.
    More(u16, String),
}

/// Lines that are shown in some columns side by side.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The lines.
    pub lines: Vec<Line>,
    /// Columns.
    pub columns: u16,
}

impl Part {
    /// Lines that can be scrolled past when `rows` of each column are seen.
    pub fn last(&self, rows: usize) -> usize {
        self.lines.len().saturating_sub(rows * usize::from(self.columns))
    }
}

/// The page of a screen for one size of the terminal.
#[derive(Clone, Debug)]
pub struct Page {
    /// Words and signs, then keys; of a narrow terminal all of it in one.
    pub parts: Vec<Part>,
    /// Cells that a column is wide.
    pub width: u16,
    /// Lines in one of them.
    pub rows: usize,
}

/// Cells of the keys before the text, and of what goes on in the next line of a word.
pub const KEYS: u16 = 10;
const INDENT: u16 = 2;
/// A column is at least so wide, two cells between columns included; more of them than four are never
/// needed.
const COLUMN: u16 = 38;
const MOST: u16 = 5;

impl Page {
    /// For this screen of a terminal of this many columns and rows.
    pub fn new((w, h): (u16, u16), tab: Tab, settings: &Settings) -> Self {
        let inside = w.saturating_sub(4);
        let columns = (inside / COLUMN).clamp(1, MOST);
        let width = inside / columns;
        let rows = usize::from(h.saturating_sub(4)).max(1);
        let text = usize::from(width.saturating_sub(columns.min(2))).max(8);
        let (words, keys) = (word_lines(tab, text), key_lines(tab, settings, text));
        if columns == 1 {
            let lines = [words, vec![Line::Title(String::new())], keys].concat();
            return Self { parts: vec![Part { lines, columns }], width, rows };
        }
        // As many columns for the words as they need, if that leaves one for the keys.
        let needed = words.len().div_ceil(rows) as u16;
        let left = needed.clamp(1, columns / 2);
        let parts = vec![
            Part { lines: words, columns: left },
            Part { lines: keys, columns: columns - left },
        ];
        Self { parts, width, rows }
    }

    /// The largest number of lines that can be scrolled past.
    pub fn last(&self) -> usize {
        self.parts.iter().map(|part| part.last(self.rows)).max().unwrap_or(0)
    }
}

fn titled(lines: &mut Vec<Line>, title: &str) {
    if !lines.is_empty() {
        lines.push(Line::Title(String::new()));
    }
    lines.push(Line::Title(title.to_owned()));
}

fn word_lines(tab: Tab, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (title, words) in words::of(tab) {
        titled(&mut lines, title);
        for (word, meaning) in words {
            // The first line has less room, by the word and its two blanks.
            let pad = "·".repeat(word.chars().count() + 1);
            let broken =
                wrap(&format!("{pad} {meaning}"), width.saturating_sub(usize::from(INDENT)))
                    .into_iter();
            let mut broken =
                broken.map(|line| line.trim_start_matches('·').trim_start().to_owned());
            lines.push(Line::Word(word, broken.next().unwrap_or_default()));
            lines.extend(broken.map(|text| Line::More(INDENT, text)));
        }
    }
    lines
}

fn key_lines(tab: Tab, settings: &Settings, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let text = width.saturating_sub(usize::from(KEYS));
    let add = |lines: &mut Vec<Line>, keys: String, words: &str| {
        let mut broken = wrap(words, text).into_iter();
        lines.push(Line::Keys(keys, broken.next().unwrap_or_default()));
        lines.extend(broken.map(|text| Line::More(KEYS, text)));
    };
    for (title, bindings) in keys::sections(tab) {
        titled(&mut lines, title);
        for binding in bindings {
            add(&mut lines, settings.labels(binding.keys).join(" "), binding.help);
        }
    }
    titled(&mut lines, "mouse");
    for (what, does) in MOUSE {
        add(&mut lines, what.into(), does);
    }
    lines
}

/// What the mouse does.
const MOUSE: [(&str, &str); 4] = [
    (
        "click",
        "selects; a second time opens; on a tab, a column's name or a key below: goes there, \
               sorts, presses it",
    ),
    ("wheel", "zooms the Timeline, scrolls lists and panes"),
    ("drag", "pans the Timeline"),
    ("overview", "a click goes there"),
];

/// Breaks text at spaces into lines of at most `width` characters; longer words are cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let last = lines.len() - 1;
        let have = lines[last].chars().count();
        if have > 0 && have + 1 + word.len() > width {
            lines.push(String::new());
        } else if have > 0 {
            lines[last].push(' ');
        }
        while word.len() > width {
            let rest = word.split_off(width);
            let last = lines.len() - 1;
            lines[last].extend(word);
            lines.push(String::new());
            word = rest;
        }
        let last = lines.len() - 1;
        lines[last].extend(word);
    }
    lines
}
