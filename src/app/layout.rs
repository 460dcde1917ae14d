//! Where things are on the screen: pure arithmetic on its size, shared by drawing and by the mouse,
//! so that a click always means what is drawn under it.

use super::tab::{About, TABS, Tab};
use super::timeline::rows::kinds::Shape;

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
        let end =
            |at: u16, n: u16, at2: u16, n2: u16| at.saturating_add(n).min(at2.saturating_add(n2));
        let (right, bottom) =
            (end(self.x, self.w, other.x, other.w), end(self.y, self.h, other.y, other.h));
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
const AIRY: u16 = 112;
const NAMED: u16 = 76;

/// Columns and tab of each text on the first row, right-aligned; names are dropped when there is
/// little room.
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

/// How much of the screen the panes below the rows get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// What the rows leave, at least enough to say something.
    #[default]
    Some,
    /// Most of it.
    Most,
    /// None.
    None,
}

/// What the timeline screen must have room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// CPUs.
    pub cpus: usize,
    /// Pinned tasks.
    pub tasks: usize,
    /// CPUs of groups that are unfolded.
    pub members: usize,
    /// CPUs that are shown otherwise than the rest.
    pub opened: usize,
    /// How CPUs are shown.
    pub shape: Shape,
    /// Prediction rows of a lane, 1 or 2; 0 counts as 1.
    pub predictions: u16,
    /// The second pane is wanted where only one fits.
    pub second: bool,
    /// Room for the panes.
    pub panes: Room,
    /// Rows that say where it was crowded.
    pub crowd: bool,
}

/// The timeline screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Use and misses of the whole recording; one or two rows, or none.
    pub overview: Area,
    /// Time axis, one row.
    pub axis: Area,
    /// The rows.
    pub lanes: Area,
    /// How CPUs are shown; never [`Shape::Auto`].
    pub shape: Shape,
    /// CPUs in one row of a heat map; 1 elsewhere.
    pub group: usize,
    /// Lines of a CPU's lane, an empty one behind it included.
    pub lane_h: u16,
    /// Of which so many say who ran, ...
    pub ran: u16,
    /// ... so many who was predicted, ...
    pub predictions: u16,
    /// ... and so many show the queue. A second prediction makes room where otherwise fewer lanes
    /// would fit.
    pub queue: u16,
    /// Lines of a pinned task.
    pub task_h: u16,
    /// Plotted columns of the rows, between the names on the left and the figures on the right.
    pub plot: Area,
    /// Where it was crowded, two rows; empty when they are not wanted or there is no room.
    pub crowd: Area,
    /// Who has which colour; empty when there is no room.
    pub legend: Area,
    /// Decision inspector; empty when there is no room.
    pub decision: Area,
    /// What the model saw; empty when there is no room beside or below.
    pub context: Area,
    /// Playback bar; shares a row with the keys when there is little room.
    pub bar: Area,
    /// Keys.
    pub footer: Area,
}

/// Lines that a lane's queue has at most, and the ones that say who ran.
const TALLEST: (u16, u16) = (24, 3);

/// Rows that say where it was crowded, and the least height of a terminal that has room for them.
const CROWD: u16 = 2;
const HIGH: u16 = 18;

impl Layout {
    /// True where there is room for the rows that say where it was crowded.
    pub fn has_crowd(size: (u16, u16)) -> bool {
        size.1 >= HIGH
    }

    /// The layout for a terminal of this size.
    pub fn timeline((w, h): (u16, u16), want: &Want) -> Self {
        let row = |y, h| Area { x: 0, y, w, h };
        // Names of tasks are longer than those of CPUs.
        let gutter = match w {
            100.. if want.tasks > 0 => 18,
            60.. => 12,
            _ => 7,
        };
        let right = if w >= 72 { 12 } else { 0 };
        let overview = row(1, if h >= 20 { 2 } else { u16::from(h >= 11) });
        let axis = row(1 + overview.h, 1);
        let bar_h = if h >= 16 { 2 } else { 1 };
        let top = axis.y + 1;
        let body = h.saturating_sub(top + bar_h);
        let crowd_h = if want.crowd && Self::has_crowd((w, h)) { CROWD } else { 0 };
        let body = body - crowd_h;
        let legend_h = u16::from(body >= 20);
        // The inspector needs 7 rows to say anything.
        let least = match want.panes {
            Room::Some if body >= 10 => 7.max(body * 2 / 5).min(11),
            Room::Most if body >= 10 => body * 2 / 3,
            Room::None | Room::Some | Room::Most => 0,
        };
        let mut l = Self { overview, axis, ..Self::default() };
        let used = l.cut(want, body - least - legend_h, body, legend_h);
        let lanes_h = if least == 0 { body - legend_h } else { used.min(body - least - legend_h) };
        let pane = body - legend_h - lanes_h;
        l.lanes = row(top, lanes_h);
        l.crowd = row(top + lanes_h, crowd_h);
        l.legend = row(top + lanes_h + crowd_h, legend_h);
        let panes = row(top + lanes_h + crowd_h + legend_h, pane);
        (l.decision, l.context) = if pane == 0 {
            (Area::default(), Area::default())
        } else if w >= 100 {
            let left = w * 11 / 20;
            (Area { w: left, ..panes }, Area { x: left, w: w - left, ..panes })
        } else if want.second {
            (Area::default(), panes)
        } else {
            (panes, Area::default())
        };
        l.bar = row(h.saturating_sub(bar_h), 1);
        l.footer = row(h.saturating_sub(1), 1);
        l.plot = Area { x: gutter, y: top, w: w.saturating_sub(gutter + right).max(1), h: lanes_h };
        l
    }

    /// Chooses how CPUs are shown in so many lines, and how high a lane is. The lines that all rows
    /// need.
    fn cut(&mut self, want: &Want, room: u16, body: u16, legend: u16) -> u16 {
        let lines = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let cpus = want.cpus.max(1);
        let all = |each: u16| lines(cpus).saturating_mul(each);
        let predictions = want.predictions.clamp(1, 2);
        let fits =
            |each: u16, task: u16| all(each).saturating_add(lines(want.tasks) * task) <= room;
        self.shape = match want.shape {
            Shape::Auto if fits(2, 1) => Shape::Lanes,
            Shape::Auto if fits(1, 1) => Shape::Slim,
            Shape::Auto => Shape::Heat,
            chosen => chosen,
        };
        self.task_h = if fits(if self.shape == Shape::Lanes { 3 } else { 1 }, 2) { 2 } else { 1 };
        let tasks = lines(want.tasks) * self.task_h;
        (self.group, self.ran, self.predictions) = (1, 1, predictions);
        self.queue = u16::from(
            self.shape != Shape::Lanes
                || fits(2 + predictions, self.task_h)
                || want.shape == Shape::Lanes,
        );
        if self.shape == Shape::Lanes {
            self.grow(all, tasks, (room, body), (want.panes, legend));
        } else {
            self.lane_h = self.ran + self.predictions + self.queue;
        }
        let free = usize::from(room.saturating_sub(tasks).max(1));
        while self.shape == Shape::Heat && cpus.div_ceil(self.group) > free {
            self.group *= 2;
        }
        let each = if self.shape == Shape::Lanes { self.lane_h } else { 1 };
        let other = if self.shape == Shape::Lanes { 1 } else { self.lane_h };
        let rows = lines(cpus.div_ceil(self.group).saturating_sub(want.opened) + want.members)
            .saturating_mul(each);
        rows.saturating_add(lines(want.opened).saturating_mul(other)).saturating_add(tasks)
    }

    /// Gives lanes what the panes do not need: a higher queue, then more lines of who ran.
    fn grow(
        &mut self,
        all: impl Fn(u16) -> u16,
        tasks: u16,
        (room, body): (u16, u16),
        (panes, legend): (Room, u16),
    ) {
        let least = 1 + self.predictions + self.queue;
        let wanted = match panes {
            Room::None => 0,
            Room::Some => (body / 2).min(26),
            Room::Most => body,
        };
        let free = room.min((body - legend).saturating_sub(wanted)).saturating_sub(tasks);
        let mut each = least;
        while each < least + TALLEST.0 + TALLEST.1 && all(each + 1) <= free {
            each += 1;
        }
        self.lane_h = least;
        if self.queue == 0 {
            return;
        }
        // One more line parts the lanes.
        let more = each - least;
        let extra = more.saturating_sub(1);
        self.ran = (1 + extra / 6).min(TALLEST.1);
        self.queue = (1 + extra - (self.ran - 1)).min(TALLEST.0);
        self.lane_h = self.ran + self.predictions + self.queue + u16::from(more > 0);
    }

    /// Number of plotted columns.
    pub fn cols(&self) -> usize {
        usize::from(self.plot.w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_stay_on_the_screen_and_do_not_overlap() {
        let shapes = [Shape::Auto, Shape::Lanes, Shape::Slim, Shape::Heat];
        let wants = [
            (0, 1, 0),
            (1, 2, 0),
            (2, 1, 1),
            (2, 2, 0),
            (8, 1, 3),
            (8, 2, 0),
            (300, 1, 2),
            (300, 2, 0),
        ];
        for (w, h) in (30..220).step_by(3).flat_map(|w| (8..70).map(move |h| (w, h))) {
            for (i, (cpus, predictions, tasks)) in wants.into_iter().enumerate() {
                let panes = [Room::Some, Room::Most, Room::None][(usize::from(h) + i) % 3];
                let shape = shapes[(usize::from(w) + i) % 4];
                let crowd = h % 2 == 0;
                let want =
                    Want { cpus, tasks, shape, predictions, panes, crowd, ..Want::default() };
                let l = Layout::timeline((w, h), &want);
                assert_eq!(l.crowd.h > 0, crowd && h >= HIGH);
                let rows = [l.overview, l.axis, l.lanes, l.crowd, l.legend, l.decision, l.bar];
                let mut y = 0;
                for area in rows.into_iter().filter(|a| !a.is_empty()) {
                    assert!(area.y >= y, "{w}x{h} {want:?}: {l:?}");
                    y = area.y + area.h;
                }
                assert!(
                    l.bar.y < h && l.footer.y == h - 1 && l.plot.x + l.plot.w <= w && l.lanes.h > 0
                );
                assert!(
                    l.shape != Shape::Auto
                        && l.group > 0
                        && (l.lane_h >= 2 || l.shape != Shape::Lanes)
                );
                if h >= 24 && panes != Room::None {
                    assert!(l.decision.h >= 7, "{w}x{h} {want:?}: {l:?}");
                }
                if panes == Room::None {
                    assert!(l.decision.is_empty() && l.context.is_empty());
                }
            }
        }
    }

    /// Size, CPUs: how they are shown, CPUs in a row, and whether they fill half of what is between
    /// axis and bar.
    #[test]
    fn all_cpus_are_seen_wherever_that_is_possible() {
        let table = [
            ((80, 24), 2, Shape::Lanes, 1),
            ((80, 24), 8, Shape::Slim, 1),
            ((120, 40), 16, Shape::Slim, 1),
            ((200, 50), 16, Shape::Lanes, 1),
            ((200, 50), 64, Shape::Heat, 2),
            ((250, 70), 2, Shape::Lanes, 1),
            ((250, 70), 64, Shape::Heat, 2),
            ((200, 50), 512, Shape::Heat, 16),
        ];
        for (size, cpus, shape, group) in table {
            let l = Layout::timeline(size, &Want { cpus, ..Want::default() });
            assert_eq!((l.shape, l.group), (shape, group), "{size:?} {cpus}: {l:?}");
            let rows =
                cpus.div_ceil(group) as u16 * if shape == Shape::Lanes { l.lane_h } else { 1 };
            assert!(rows <= l.lanes.h, "{size:?} {cpus}: {l:?}");
        }
        let tall = Layout::timeline((250, 70), &Want { cpus: 2, ..Want::default() });
        assert!(tall.lanes.h >= 30 && tall.queue >= 8, "{tall:?}");
        // A second prediction does not turn lanes into something else.
        for cpus in 1..20 {
            let shape = |predictions| {
                Layout::timeline((120, 40), &Want { cpus, predictions, ..Want::default() }).shape
            };
            assert_eq!(shape(1), shape(2), "{cpus}");
        }
    }
}
