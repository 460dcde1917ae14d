//! Why the kernel chose as it did, as lines: the sentence, and those that competed on an axis of
//! lag.

use super::palette::Theme;
use crate::app::help::wrap;
use crate::app::time;
use crate::conform::Who;
use crate::conform::picture::{self, AXIS, Picture};
use crate::conform::words::axis_name;
use crate::text::cut;
use crate::trace::ThreadIx;
use ratatui::style::Style;

/// Texts with their styles.
type Line = Vec<(String, Style)>;

/// Columns of a name at least, where there is an axis; of the numbers, of the axis, of a
/// probability.
const NAME: usize = 14;
const NUMBERS: usize = 2 + 2 * 10;
const CHANCE: usize = 6;

/// The columns that there is room for.
#[derive(Clone, Copy)]
struct Columns {
    /// Of the whole pane.
    width: usize,
    name: usize,
    axis: bool,
    chance: bool,
}

impl Columns {
    fn fitting(picture: &Picture, width: usize) -> Self {
        let axis = width >= NAME + NUMBERS + 1 + AXIS;
        let names = picture.levels.iter().flat_map(|l| &l.lines).map(|m| m.name.chars().count());
        let longest = names.max().unwrap_or(0);
        // Who it is matters more than how probable it was, which stands beside the candidates too.
        let chance = width >= longest.max(NAME) + NUMBERS + 1 + AXIS + CHANCE;
        let taken = NUMBERS + if axis { 1 + AXIS } else { 0 } + if chance { CHANCE } else { 0 };
        let least = NAME.min(width);
        let name = longest.clamp(least, width.saturating_sub(taken).max(least));
        Self { width, name, axis, chance }
    }
}

/// All lines, for a pane this wide; `p` is the model's probability of a thread.
pub fn lines(
    picture: &Picture,
    p: &dyn Fn(ThreadIx) -> Option<f32>,
    width: u16,
    theme: Theme,
) -> Vec<Line> {
    let columns = Columns::fitting(picture, usize::from(width));
    let sentence = wrap(&picture.sentence, columns.width).into_iter();
    let mut out: Vec<Line> = sentence.map(|line| vec![(line, theme.text())]).collect();
    for level in &picture.levels {
        out.push(vec![(level.title.clone(), theme.dim())]);
        out.push(vec![(heading(picture, columns), theme.dim())]);
        out.extend(level.lines.iter().map(|m| competitor(m, columns, p, theme)));
        out.extend(level.rest.iter().map(|rest| vec![(format!("  {rest}"), theme.dim())]));
    }
    out
}

fn heading(picture: &Picture, columns: Columns) -> String {
    let name_w = columns.name;
    let axis =
        if columns.axis { format!(" {:AXIS$}", axis_name(picture.class)) } else { String::new() };
    let chance = if columns.chance { "  p    " } else { "" };
    format!("  {:name_w$}{axis} {:>9} {:>9}{chance}", "", "lag", picture.key)
}

/// One of those that competed.
fn competitor(
    m: &picture::Line,
    columns: Columns,
    p: &dyn Fn(ThreadIx) -> Option<f32>,
    theme: Theme,
) -> Line {
    let style = match () {
        () if m.chosen => theme.strong(),
        () if m.note.is_empty() => theme.text(),
        () => theme.dim(),
    };
    let number = |ns: Option<i64>| ns.map_or_else(|| "–".into(), time::short_signed);
    let name_w = columns.name;
    let name = cut(&m.name, name_w);
    let mut line = vec![
        (if m.chosen { "● " } else { "  " }.into(), theme.hit()),
        (format!("{name:<name_w$}"), style),
    ];
    if columns.axis {
        line.push((format!(" {}", m.axis), style));
    }
    line.push((format!(" {:>9} {:>9}", number(m.lag_ns), number(m.key_ns)), style));
    if columns.chance {
        let p = if let Who::Thread(thread) = m.who { p(thread) } else { None };
        line.push((p.map_or_else(|| " ".repeat(CHANCE), |p| format!("  {p:.2}")), style));
    }
    // As much of it as there is room for: its first words say the most.
    let used: usize = line.iter().map(|(text, _)| text.chars().count()).sum();
    let room = columns.width.saturating_sub(used);
    let first = m.note.split(", ").next().unwrap_or_default();
    let fits = |note: &&str| 2 + note.chars().count() <= room;
    if let Some(note) = [m.note.as_str(), first].into_iter().find(fits) {
        line.push((format!("  {note}"), style));
    }
    line
}
