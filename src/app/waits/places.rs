//! Where things are on the Waits screen: shared by drawing and by the mouse.

use super::{Focus, LIST, Shown};
use crate::app::columns::{self, Chosen};
use crate::app::layout::Area;
use crate::app::list::{Areas, next_shown};

/// The areas; those without room are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The list and what belongs to it.
    pub top: Areas,
    /// Who ran instead, with its frame.
    pub blame: Area,
    /// The sums, with their frame.
    pub sums: Area,
}

/// Cells before the first column.
const GUTTER: u16 = 1;
/// From here on the panes stand beside the list, or beside each other below it.
const WIDE: u16 = 240;
const TWO: u16 = 130;
/// All columns of the list: the panes beside it leave that much, so that a wider screen never shows
/// fewer.
const LIST_W: u16 = 163;

impl Places {
    /// For a terminal of this size; `lower` is the pane that is wanted where only one of them fits.
    pub fn new((w, h): (u16, u16), lower: Focus) -> Self {
        let row = |y: u16, h: u16| Area { x: 0, y, w, h };
        let body = h.saturating_sub(5);
        let top = Areas::new((w, h));
        if w >= WIDE && body >= 12 {
            let left = LIST_W.max(w * 11 / 20);
            let (x, upper) = (left + 1, body * 3 / 5);
            let pane = |y, h| Area { x, y, w: w - x, h };
            return Self {
                top: top.sized(left, body),
                blame: pane(3, upper + 1),
                sums: pane(4 + upper, body - upper),
            };
        }
        // Of a tall screen the list gets the rest.
        let below = if body >= 10 { (body / 2).min(16) } else { 0 };
        let pane = row(4 + body - below, below);
        let top = top.sized(w, body - below);
        if w >= TWO {
            let left = w * 3 / 5;
            let (blame, sums) = (Area { w: left, ..pane }, Area { x: left, w: w - left, ..pane });
            return Self { top, blame, sums };
        }
        match lower {
            Focus::Sums => Self { top, sums: pane, ..Self::default() },
            _ => Self { top, blame: pane, ..Self::default() },
        }
    }

    /// The next pane that is in view.
    pub fn after(&self, focus: Focus) -> Focus {
        let panes = [
            (Focus::List, true),
            (Focus::Blame, !self.blame.is_empty()),
            (Focus::Sums, !self.sums.is_empty()),
        ];
        next_shown(panes, focus)
    }

    /// The columns of the list, of which the mark is on one.
    pub fn columns(&self, chosen: &Chosen, marked: usize) -> Vec<columns::Placed> {
        let room = self.top.behind(GUTTER);
        columns::placed(&widths(chosen, room.1), marked, room)
    }
}

/// Who ran instead gets the room that is left when all columns fit, or all up to it.
fn widths(chosen: &Chosen, room: u16) -> Vec<u16> {
    let mut widths = chosen.widths(&LIST.map(|c| c.1));
    let place = LIST.iter().position(|c| c.0 == Shown::Instead);
    let Some(instead) = place.and_then(|place| chosen.position(place)) else { return widths };
    let sum = |n: usize| widths[..n].iter().map(|w| w + 1).sum::<u16>();
    let fit = (instead + 1..=widths.len()).rev().find(|n| sum(*n) <= room + 1);
    let left = fit.map_or(0, |n| (room + 1).saturating_sub(sum(n)));
    widths[instead] += left.min(30);
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_stay_on_the_screen_and_do_not_overlap() {
        for w in 30..220 {
            for h in 8..70 {
                for lower in [Focus::List, Focus::Sums, Focus::Blame] {
                    let p = Places::new((w, h), lower);
                    let all = [p.top.filter, p.top.note, p.top.head, p.top.list, p.sums, p.blame];
                    let cells =
                        all.iter().map(|a| usize::from(a.w) * usize::from(a.h)).sum::<usize>();
                    assert!(cells <= usize::from(w) * usize::from(h - 2), "{w}x{h}: {p:?}");
                    assert!(all.iter().all(|a| a.x + a.w <= w && a.y + a.h < h), "{w}x{h}: {p:?}");
                    assert!(
                        p.top.list.h >= 3 && (h < 24 || p.sums.h + p.blame.h >= 8),
                        "{w}x{h}: {p:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_wider_screen_never_shows_fewer_columns() {
        let mut most = 0;
        for w in 30..500 {
            let shown =
                Places::new((w, 40), Focus::List).columns(&Chosen::all(LIST.len()), 0).len();
            assert!(shown >= most, "{w}: {shown} after {most}");
            most = shown;
        }
        assert!(most > 8);
    }
}
