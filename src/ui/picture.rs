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
    weighed(picture, p, width, theme).into_iter().map(|(_, line)| line).collect()
}

/// How much a line is worth where not all of them fit, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// What the sentence begins with, and who came in.
    Answer,
    /// How it goes on, and who is first by what the rule goes by.
    Rule,
    Heading,
    Title,
    Other,
    Rest,
}

/// As many of the lines as there are rows, in their order; how many are left out. Who came in and
/// who is first by the rule stay longest.
pub fn fitting(
    picture: &Picture,
    p: &dyn Fn(ThreadIx) -> Option<f32>,
    (width, rows): (u16, u16),
    theme: Theme,
) -> (Vec<Line>, usize) {
    let all = weighed(picture, p, width, theme);
    let left = all.len().saturating_sub(rows.into());
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|i| all[*i].0);
    order.truncate(rows.into());
    let sentence = wrap(&picture.sentence, width.into()).len();
    let told = order.iter().filter(|i| **i < sentence).count();
    let kept = all.into_iter().enumerate().filter(|(i, _)| order.contains(i));
    let mut kept: Vec<Line> = kept.map(|(_, (_, line))| line).collect();
    // The beginning of the sentence is not taken for all of it.
    if let Some((text, _)) = kept[..told].last_mut().and_then(|l| l.last_mut())
        && told < sentence
    {
        *text = unfinished(text, width.into());
    }
    (kept, left)
}

/// A line that goes on where nobody sees it, with a sign of that in so many cells.
fn unfinished(line: &str, width: usize) -> String {
    let mut words = line;
    while words.chars().count() + 2 > width {
        let Some((before, _)) = words.rsplit_once(' ') else { break };
        words = before;
    }
    cut(&format!("{words} …"), width)
}

fn weighed(
    picture: &Picture,
    p: &dyn Fn(ThreadIx) -> Option<f32>,
    width: u16,
    theme: Theme,
) -> Vec<(Worth, Line)> {
    let columns = Columns::fitting(picture, usize::from(width));
    let mut out: Vec<(Worth, Line)> = Vec::new();
    for (i, line) in wrap(&picture.sentence, columns.width).into_iter().enumerate() {
        let worth = [Worth::Answer, Worth::Rule].get(i).copied().unwrap_or(Worth::Rest);
        out.push((worth, vec![(line, theme.text())]));
    }
    for (depth, level) in picture.levels.iter().enumerate() {
        out.push((Worth::Title, vec![(level.title.clone(), theme.dim())]));
        let worth = if depth == 0 { Worth::Heading } else { Worth::Rest };
        out.push((worth, vec![(heading(picture, columns), theme.dim())]));
        for (i, m) in level.lines.iter().enumerate() {
            let worth = match i {
                _ if m.chosen => Worth::Answer,
                0 => Worth::Rule,
                _ => Worth::Other,
            };
            out.push((worth, competitor(m, columns, p, theme)));
        }
        let rest = level.rest.iter().map(|rest| vec![(format!("  {rest}"), theme.dim())]);
        out.extend(rest.map(|line| (Worth::Rest, line)));
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
