//! Where things are on the screen: pure arithmetic on its size, shared by drawing and by the mouse, so that a click
//! always means what is drawn under it.

use super::tab::{About, TABS, Tab};

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left column.
    pub x: u16,
    /// Top row.
    pub y: u16,
    /// Columns.
    pub w: u16,
    /// Rows.
    pub h: u16,
}

impl Area {
    /// True when the cell lies inside.
    pub fn has(self, x: u16, y: u16) -> bool {
        x >= self.x && x - self.x < self.w && y >= self.y && y - self.y < self.h
    }

    /// The part of it that lies in `other`; empty when none does.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let end = |at: u16, n: u16, at2: u16, n2: u16| at.saturating_add(n).min(at2.saturating_add(n2));
        let (right, bottom) = (end(self.x, self.w, other.x, other.w), end(self.y, self.h, other.y, other.h));
        Self { x, y, w: right.saturating_sub(x), h: bottom.saturating_sub(y) }
    }

    /// Without so many columns on either side and so many rows above and below.
    #[must_use]
    pub fn inset(self, columns: u16, rows: u16) -> Self {
        let (w, h) = (self.w.saturating_sub(2 * columns), self.h.saturating_sub(2 * rows));
        Self { x: self.x + columns, y: self.y + rows, w, h }
    }

    /// True when there is no room at all.
    pub fn is_empty(self) -> bool {
        self.w == 0 || self.h == 0
    }
}

/// Below this the screen shows a short message instead.
pub const SMALLEST: (u16, u16) = (30, 8);

/// True when the terminal is too small for any screen.
pub fn too_small(size: (u16, u16)) -> bool {
    size.0 < SMALLEST.0 || size.1 < SMALLEST.1
}

/// From here on tabs have a space on both sides, and from here on their names.
const AIRY: u16 = 100;
const NAMED: u16 = 68;

/// Columns and tab of each text on the first row, right-aligned; names are dropped when there is little room.
pub fn tabs(width: u16) -> Vec<(u16, u16, Tab, String)> {
    let text = |about: &About| {
        let n = about.tab.number();
        match width {
            AIRY.. => format!(" {n} {} ", about.name),
            NAMED.. => format!("{n} {} ", about.name),
            _ => format!(" {n} "),
        }
    };
    let texts: Vec<String> = TABS.iter().map(text).collect();
    let mut x = width.saturating_sub(texts.iter().map(|t| t.len() as u16).sum());
    let mut out = Vec::new();
    for (about, text) in TABS.iter().zip(texts) {
        let w = text.len() as u16;
        out.push((x, w, about.tab, text));
        x += w;
    }
    out
}

/// The timeline screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Use and misses of the whole recording; one or two rows, or none.
    pub overview: Area,
    /// Time axis, one row.
    pub axis: Area,
    /// Lanes: `lane_h` rows each.
    pub lanes: Area,
    /// Rows of one lane: ran, predictions, queue, and an empty one where there is room.
    pub lane_h: u16,
    /// Prediction rows of a lane, 1 or 2.
    pub predictions: u16,
    /// Lanes have a queue row. It makes room for a second prediction row where otherwise fewer lanes would fit.
    pub queue: bool,
    /// Plotted columns of the lanes, between the names on the left and the figures on the right.
    pub plot: Area,
    /// Decision inspector; empty when there is no room.
    pub decision: Area,
    /// What the model saw; empty when there is no room beside or below.
    pub context: Area,
    /// Playback bar; shares a row with the keys when there is little room.
    pub bar: Area,
    /// Keys.
    pub footer: Area,
}

impl Layout {
    /// The layout for a terminal of `size` with `cpus` lanes of one or two `predictions`; `second` asks for the second
    /// pane where only one fits.
    pub fn timeline((w, h): (u16, u16), cpus: usize, predictions: usize, second: bool) -> Self {
        let row = |y, h| Area { x: 0, y, w, h };
        let gutter = if w >= 60 { 12 } else { 7 };
        let right = if w >= 72 { 12 } else { 0 };
        let overview = row(1, if h >= 20 { 2 } else { u16::from(h >= 11) });
        let axis = row(1 + overview.h, 1);
        let bar_h = if h >= 16 { 2 } else { 1 };
        let top = axis.y + 1;
        let body = h.saturating_sub(top + bar_h);
        let all = |lane: u16| u16::try_from(cpus.max(1)).unwrap_or(u16::MAX).saturating_mul(lane);
        // The inspector needs 7 rows to say anything and gets what the lanes leave.
        let least = if body >= 10 { 7.max(body * 2 / 5).min(11) } else { 0 };
        let predictions = predictions.clamp(1, 2) as u16;
        let queue = predictions == 1 || all(4) <= body.saturating_sub(least);
        let rows = 1 + predictions + u16::from(queue);
        let lane_h = rows + u16::from(all(rows + 1) <= body.saturating_sub(least.max(9)));
        let lanes_h = all(lane_h).min(body - least);
        let lanes_h = if cpus > 1 && lanes_h < all(lane_h) { (lanes_h / lane_h).max(1) * lane_h } else { lanes_h };
        let pane = if least == 0 { 0 } else { body - lanes_h.min(body) };
        let lanes = row(top, (body - pane).min(body));
        let panes = row(top + lanes.h, pane);
        let (decision, context) = if w >= 100 {
            let left = w * 11 / 20;
            (Area { w: left, ..panes }, Area { x: left, w: w - left, ..panes })
        } else if second {
            (Area::default(), panes)
        } else {
            (panes, Area::default())
        };
        let bar = row(h.saturating_sub(bar_h), 1);
        let footer = row(h.saturating_sub(1), 1);
        let plot = Area { x: gutter, y: lanes.y, w: w.saturating_sub(gutter + right).max(1), h: lanes.h };
        Self { overview, axis, lanes, lane_h, predictions, queue, plot, decision, context, bar, footer }
    }

    /// Number of plotted columns.
    pub fn cols(&self) -> usize {
        usize::from(self.plot.w)
    }

    /// Number of lanes that are at least partly visible, at least one.
    pub fn visible_lanes(&self) -> usize {
        usize::from((self.lanes.h / self.lane_h.max(1)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_stay_on_the_screen_and_do_not_overlap() {
        for w in 30..220 {
            for h in 8..70 {
                for (cpus, predictions) in [(0, 1), (1, 2), (2, 1), (2, 2), (8, 1), (8, 2), (300, 1), (300, 2)] {
                    let l = Layout::timeline((w, h), cpus, predictions, false);
                    let one = Layout::timeline((w, h), cpus, 1, false);
                    let shown = |l: &Layout| l.visible_lanes().min(cpus);
                    assert_eq!(shown(&l), shown(&one), "{w}x{h} {cpus}: a second row costs no lane");
                    let rows = [l.overview, l.axis, l.lanes, l.decision, l.bar];
                    for pair in rows.windows(2).filter(|p| !p[1].is_empty()) {
                        assert!(pair[0].y + pair[0].h <= pair[1].y, "{w}x{h} {cpus}: {l:?}");
                    }
                    assert!(l.bar.y < h && l.footer.y == h - 1 && l.plot.x + l.plot.w <= w && l.lanes.h >= 3);
                    if h >= 24 {
                        assert!(l.decision.h >= 7, "{w}x{h} {cpus}: {l:?}");
                    }
                }
            }
        }
    }
}
