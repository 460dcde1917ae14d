//! Why the kernel chose as it did, as lines: the sentence, and those that competed on an axis of
//! lag.

use super::palette::Theme;
use crate::app::help::wrap;
use crate::app::time;
use crate::conform::Who;
use crate::conform::picture::{AXIS, Picture};
use crate::conform::words::axis_name;
use crate::trace::ThreadIx;
use ratatui::style::Style;

/// Texts with their styles.
type Line = Vec<(String, Style)>;

/// Columns of a name at least, where there is an axis; of the numbers, of the axis, of a
/// probability.
const NAME: usize = 14;
const NUMBERS: usize = 2 + 2 * 10;
const CHANCE: usize = 6;

/// All lines, for a pane this wide; `p` is the model's probability of a thread.
pub fn lines(
    picture: &Picture,
    p: &dyn Fn(ThreadIx) -> Option<f32>,
    width: u16,
    theme: Theme,
) -> Vec<Line> {
    let w = usize::from(width);
    let axis = w >= NAME + NUMBERS + 1 + AXIS;
    let longest = picture
        .levels
        .iter()
        .flat_map(|l| &l.lines)
        .map(|m| m.name.chars().count())
        .max()
        .unwrap_or(0);
    // Who it is matters more than how probable it was, which stands beside the candidates too.
    let with_p = w >= longest.max(NAME) + NUMBERS + 1 + AXIS + CHANCE;
    let taken = NUMBERS + if axis { 1 + AXIS } else { 0 } + if with_p { CHANCE } else { 0 };
    let name_w = longest.clamp(NAME.min(w), w.saturating_sub(taken).max(NAME.min(w)));
    let mut out: Vec<Line> =
        wrap(&picture.sentence, w).into_iter().map(|line| vec![(line, theme.text())]).collect();
    for level in &picture.levels {
        out.push(vec![(level.title.clone(), theme.dim())]);
        let head =
            if axis { format!(" {:AXIS$}", axis_name(picture.class)) } else { String::new() };
        let chance = if with_p { "  p    " } else { "" };
        out.push(vec![(
            format!("  {:name_w$}{head} {:>9} {:>9}{chance}", "", "lag", picture.key),
            theme.dim(),
        )]);
        for m in &level.lines {
            let style = match () {
                () if m.chosen => theme.strong(),
                () if m.note.is_empty() => theme.text(),
                () => theme.dim(),
            };
            let number = |ns: Option<i64>| ns.map_or_else(|| "–".into(), time::short_signed);
            let mut name: String = m.name.chars().take(name_w).collect();
            if name.len() < m.name.len() {
                name.pop();
                name.push('…');
            }
            let mut line = vec![
                (if m.chosen { "● " } else { "  " }.into(), theme.hit()),
                (format!("{name:<name_w$}"), style),
            ];
            if axis {
                line.push((format!(" {}", m.axis), style));
            }
            line.push((format!(" {:>9} {:>9}", number(m.lag_ns), number(m.key_ns)), style));
            if with_p {
                let p = if let Who::Thread(thread) = m.who { p(thread) } else { None };
                line.push((p.map_or_else(|| " ".repeat(6), |p| format!("  {p:.2}")), style));
            }
            // As much of it as there is room for: its first words say the most.
            let room = w.saturating_sub(line.iter().map(|(text, _)| text.chars().count()).sum());
            let first = m.note.split(", ").next().unwrap_or_default();
            if let Some(note) =
                [m.note.as_str(), first].into_iter().find(|n| 2 + n.chars().count() <= room)
            {
                line.push((format!("  {note}"), style));
            }
            out.push(line);
        }
        out.extend(level.rest.iter().map(|rest| vec![(format!("  {rest}"), theme.dim())]));
    }
    out
}
