//! Why the kernel chose as it did, as lines: the sentence, and those that competed on an axis of lag.

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

/// From this width on there is room for the axis, and for probabilities beside it.
const WITH_AXIS: usize = 58;
const WITH_P: usize = 78;

/// All lines, for a pane this wide; `p` is the model's probability of a thread.
pub fn lines(picture: &Picture, p: &dyn Fn(ThreadIx) -> Option<f32>, width: u16, theme: Theme) -> Vec<Line> {
    let w = usize::from(width);
    let (axis, with_p) = (w >= WITH_AXIS, w >= WITH_P);
    let name_w = if with_p { 22 } else { 14 };
    let mut out: Vec<Line> = wrap(&picture.sentence, w).into_iter().map(|line| vec![(line, theme.text())]).collect();
    for level in &picture.levels {
        out.push(vec![(level.title.clone(), theme.dim())]);
        let head = if axis { format!(" {:AXIS$}", axis_name(picture.class)) } else { String::new() };
        let chance = if with_p { "  p    " } else { "" };
        out.push(vec![(format!("  {:name_w$}{head} {:>9} {:>9}{chance}", "", "lag", picture.key), theme.dim())]);
        for m in &level.lines {
            let style = match () {
                () if m.chosen => theme.strong(),
                () if m.note.is_empty() => theme.text(),
                () => theme.dim(),
            };
            let number = |ns: Option<i64>| ns.map_or_else(|| "–".into(), time::short_signed);
            let name: String = m.name.chars().take(name_w).collect();
            let mut line =
                vec![(if m.chosen { "● " } else { "  " }.into(), theme.hit()), (format!("{name:<name_w$}"), style)];
            if axis {
                line.push((format!(" {}", m.axis), style));
            }
            line.push((format!(" {:>9} {:>9}", number(m.lag_ns), number(m.key_ns)), style));
            if with_p {
                let p = if let Who::Thread(thread) = m.who { p(thread) } else { None };
                line.push((p.map_or_else(|| " ".repeat(6), |p| format!("  {p:.2}")), style));
            }
            // What the signs on the axis say too is not cut in the middle of a word.
            let used: usize = line.iter().map(|(text, _)| text.chars().count()).sum();
            if used + 2 + m.note.chars().count() <= w {
                line.push((format!("  {}", m.note), style));
            }
            out.push(line);
        }
        out.extend(level.rest.iter().map(|rest| vec![(format!("  {rest}"), theme.dim())]));
    }
    out
}
