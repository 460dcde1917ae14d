//! A CPU in one row: who ran, with the misses of the shown predictor marked in it.

use super::lane::{many, runs, unknown};
use crate::app::answers::Verdict;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::What;
use crate::replay::lod::{Cell, stint_span};
use crate::trace::CpuId;
use crate::ui::palette::short_name;
use crate::ui::pen::Pen;
use ratatui::style::Modifier;
use std::ops::Range;

/// See the module.
pub struct Slim<'a> {
    /// The recording.
    pub t: &'a Timeline,
    /// Where things are.
    pub l: &'a Layout,
    /// Which CPU.
    pub cpu: usize,
    /// Its line.
    pub y: u16,
}

/// The name of a row in the space left of the plot.
pub fn name(t: &Timeline, l: &Layout, (what, y): (What, u16), text: &str, pen: &mut Pen) {
    let on = t.rows.on == what;
    let style = if on { pen.theme.strong() } else { pen.theme.text() };
    let gutter = l.plot.x;
    let text =
        if gutter >= 12 { format!("{}{text}", if on { "›" } else { " " }) } else { text.into() };
    pen.put(0, y, gutter - 1, &text, style);
}

/// Figures of a row on the right, where there is room.
pub fn figures(l: &Layout, y: u16, text: &str, pen: &mut Pen) {
    let x = l.plot.x + l.plot.w + 1;
    let (room, style) = (l.lanes.w.saturating_sub(x), pen.theme.dim());
    if room >= 8 {
        pen.put(x, y, room, text, style);
    }
}

/// The known share of what is in view from which on a use stands without a mark, and below which
/// there is none.
const KNOWN: [f32; 2] = [0.9, 0.1];

/// Use in percent, of the time that is known. `?` says that this is not nearly all of the time:
/// behind the figure, or in place of it where it is hardly any.
pub fn used(use_of_known: f32, known: f32) -> String {
    let [most, hardly] = KNOWN;
    match known {
        known if known >= most => format!("{:>3.0} %", use_of_known * 100.0),
        known if known >= hardly => format!("{:>3.0} %?", use_of_known * 100.0),
        _ => "  ? %".into(),
    }
}

/// The same of a CPU's columns; `None` where nothing is known, and of a recording without a length.
pub fn used_in(t: &Timeline, cells: &[Cell]) -> Option<String> {
    let inside = || cells.iter().filter(|c| !c.outside);
    let known: f32 = inside().map(|c| 1.0 - c.unknown).sum();
    let busy: f32 = inside().map(|c| c.busy * (1.0 - c.unknown)).sum();
    (known > 0.0 && t.trace().span().0 > 0)
        .then(|| used(busy / known, known / inside().count() as f32))
}

impl Slim<'_> {
    /// Draws it.
    pub fn draw(&self, pen: &mut Pen) {
        let (t, id) = (self.t, CpuId(self.cpu as u16));
        name(t, self.l, (What::Cpu(self.cpu), self.y), &format!("CPU{}", self.cpu), pen);
        if t.trace().cpu_switches(id).is_empty() {
            let style = pen.theme.dim();
            let room = self.l.plot.w.saturating_sub(2);
            pen.put(self.l.plot.x + 2, self.y, room, "no switch was recorded on this CPU", style);
            return;
        }
        let cells =
            t.loaded.pyramid.cells(t.trace(), id, t.view.start, t.view.width, self.l.cols());
        runs(&cells, |cols, pen| self.stint(&cells, cols, pen), pen);
        let used = used_in(t, &cells).unwrap_or_else(|| "    –".into());
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return };
        let hits = t.answers.score(self.cpu, first.first..last.end).miss_share();
        let hits = hits.map_or(String::new(), |m| format!("✓{:>3.0} %", (1.0 - m) * 100.0));
        figures(self.l, self.y, &format!("{used:<6}{hits}"), pen);
    }

    fn x(&self, col: usize) -> u16 {
        self.l.plot.x + col as u16
    }

    fn stint(&self, cells: &[Cell], cols: Range<usize>, pen: &mut Pen) {
        let (trace, cell, theme) = (self.t.trace(), &cells[cols.start], pen.theme);
        let (x, width) = (self.x(cols.start), cols.len() as u16);
        if cell.outside {
            return;
        }
        if cell.gap >= 0.5 {
            pen.put(x, self.y, width, &"╱".repeat(cols.len()), theme.gap());
            return;
        }
        if cell.is_unknown() {
            pen.put(x, self.y, width, &unknown(cols.len()), theme.gap());
            return;
        }
        let Some(stint) = cell.stint else {
            self.many(cell, cols.start, pen);
            return;
        };
        let idle = trace.tasks().is_idle(cell.thread);
        let id = CpuId(self.cpu as u16);
        let event = trace.cpu_switches(id).get(stint.saturating_sub(1)).map_or(0, |&e| e as usize);
        let found = self
            .t
            .looks
            .found
            .as_ref()
            .map(|f| f.tasks.binary_search(&trace.task_at(cell.thread, event)).is_ok());
        let mut style = match found {
            Some(false) => theme.faded(),
            Some(true) => theme.task(self.t.colour(cell.thread)).patch(theme.lit()),
            None => theme.task(self.t.colour(cell.thread)),
        };
        if self.cpu == self.t.cpu && self.t.decision.map(|k| k + 1) == Some(stint) {
            style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        if idle {
            pen.put(x, self.y, width, &" ·".repeat(cols.len().div_ceil(2)), style);
        } else {
            pen.fill(x, self.y, width, style);
        }
        let starts = stint > 0 && stint_span(trace, id, stint).0.0 >= self.t.view.start;
        let verdict = stint
            .checked_sub(1)
            .and_then(|k| self.t.answers.get(self.cpu, k))
            .map(|p| self.t.answers.row().verdict(p));
        let mut edge = 0;
        if starts && verdict == Some(Verdict::Miss) {
            edge = pen.put(x, self.y, 1, "✗", if width > 1 { theme.miss() } else { style });
        } else if starts && (width > 1 || !theme.color()) {
            edge = pen.put(x, self.y, 1, if theme.color() { "▏" } else { "│" }, style);
        }
        if !idle && width > edge {
            let text = short_name(trace, cell.thread, event, usize::from(width - edge));
            pen.put(x + edge, self.y, width - edge, &text, style);
        }
    }

    /// A column of many stints: who ran longest, shaded by use; below it the share of misses.
    fn many(&self, cell: &Cell, col: usize, pen: &mut Pen) {
        let (t, theme) = (self.t, pen.theme);
        let (glyph, style) = many(t, (self.cpu, col, self.l.cols()), cell, theme);
        let missed = t.answers.score(self.cpu, cell.first..cell.end).miss_share().unwrap_or(0.0);
        let below = theme.missed(missed).filter(|_| t.looks.found.is_none());
        match below {
            Some(below) => pen.put(
                self.x(col),
                self.y,
                1,
                if glyph == "·" { "·" } else { "▀" },
                style.patch(below),
            ),
            None if missed >= 0.5 && !theme.color() => {
                pen.put(self.x(col), self.y, 1, &glyph, style.add_modifier(Modifier::UNDERLINED))
            }
            None => pen.put(self.x(col), self.y, 1, &glyph, style),
        };
    }
}
