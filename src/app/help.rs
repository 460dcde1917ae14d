//! The `?` page as lines: every key, the mouse, and what the glyphs of the lanes mean, broken to fit the screen. Draws
//! nothing; scrolling and drawing both count these lines.

use super::keys;

/// The page for one size of the terminal.
#[derive(Clone, Debug)]
pub struct Page {
    /// Keys (empty on continued lines) and a piece of text.
    pub lines: Vec<(String, String)>,
    /// Columns of lines side by side.
    pub columns: u16,
    /// Cells that one of them is wide.
    pub width: u16,
    /// Lines in one of them.
    pub rows: usize,
}

/// Cells of the keys before the text.
pub const KEYS: u16 = 10;
/// Text narrower than this is hard to read: then one column.
const READABLE: u16 = 26;

impl Page {
    /// For a terminal of this many columns and rows.
    pub fn new((w, h): (u16, u16)) -> Self {
        let inside = w.saturating_sub(4);
        let columns = if inside / 2 >= KEYS + READABLE { 2 } else { 1 };
        let width = inside / columns;
        let text = usize::from(width.saturating_sub(KEYS + 1));
        let mut lines = Vec::new();
        let mut add = |keys: String, words: &str| {
            let mut keys = Some(keys);
            lines.extend(wrap(words, text).into_iter().map(|line| (keys.take().unwrap_or_default(), line)));
        };
        for (keys, help, contexts) in keys::help() {
            add(keys, &format!("{help}{}", keys::place(contexts)));
        }
        add(String::new(), "");
        add("mouse".into(), "click selects, wheel zooms, drag pans, a click in the overview seeks");
        for (word, text) in LEGEND {
            add(word.into(), text);
        }
        Self { lines, columns, width, rows: usize::from(h.saturating_sub(4)).max(1) }
    }

    /// Lines that are shown at once.
    pub fn shown(&self) -> usize {
        self.rows * usize::from(self.columns)
    }

    /// The largest number of lines that can be scrolled past.
    pub fn last(&self) -> usize {
        self.lines.len().saturating_sub(self.shown())
    }
}

/// What the glyphs of the lanes mean.
const LEGEND: [(&str, &str); 12] = [
    ("ran", "one stint per box with the state letter it leaves in; many stints: longest task, shaded by use"),
    ("pick ...", "✗ miss, dim trivial, ░ not yet computed, – no model or no answer; many: share of misses ▁..█"),
    ("hit %", "of decisions with at least two candidates, as in the evaluation"),
    ("p .. #", "what the model gave the one that really ran, and its rank"),
    ("queue", "runnable tasks at the switch, relative to the longest queue seen"),
    ("tcn p", "what the model gives each candidate; ● really ran, ✗ the shown predictor's wrong choice"),
    ("one row", "who ran; ✗ a miss, red below a cell of many: mostly misses; on the right use and hits"),
    ("heat map", "one CPU, two (upper and lower half) or a group in a row: mean use, all misses, longest queue"),
    ("pinned", "CPU where it ran, → after a move, ▒ waits for a CPU, ─ sleeps, D blocked, ┈ unknown, ↑ woken by"),
    ("┴│▲", "who woke the selected task, from the waker's row to its own, and who woke the waker; ◂ it was before"),
    (
        "idle+wait",
        "i: share of the time in which some CPU was idle while some thread waited; above it the longest queue",
    ),
    ("╱", "events were lost here"),
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
