//! Where things are on the Mistakes screen: shared by drawing and by the mouse.

use super::{Focus, LIST};
use crate::app::columns::{self, Chosen};
use crate::app::layout::Area;
use crate::app::list::{Areas, next_shown};

/// The areas; those without room are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The list and what belongs to it.
    pub top: Areas,
    /// The sums, with their frame.
    pub sums: Area,
    /// The explanation, with its frame.
    pub why: Area,
}

/// Cells before the first column: chosen, right or wrong.
const GUTTER: u16 = 4;
/// From here on sums and explanation stand beside the list, or beside each other below it.
const WIDE: u16 = 190;
const TWO: u16 = 130;
/// Cells of the list where the panes take room from it: as many as it has at most without them, so
/// that a wider screen never shows fewer columns.
const LIST_W: u16 = 127;

impl Places {
    /// For a terminal of this size; `lower` is the pane that is wanted where only one of them fits.
    pub fn new((w, h): (u16, u16), lower: Focus) -> Self {
        let row = |y: u16, h: u16| Area { x: 0, y, w, h };
        let body = h.saturating_sub(5);
        let top = Areas::new((w, h));
        if w >= WIDE && body >= 12 {
            let left = LIST_W.max(w * 11 / 20);
            let (x, upper) = (left + 1, body / 2);
            let pane = |y, h| Area { x, y, w: w - x, h };
            return Self {
                top: top.sized(left, body),
                sums: pane(3, upper + 1),
                why: pane(4 + upper, body - upper),
            };
        }
        let below = if body >= 10 { body - body * 2 / 5 } else { 0 };
        let pane = row(4 + body - below, below);
        let top = top.sized(w.min(LIST_W), body - below);
        if w >= TWO {
            let left = w / 2;
            let (sums, why) = (Area { w: left, ..pane }, Area { x: left, w: w - left, ..pane });
            return Self { top, sums, why };
        }
        match lower {
            Focus::Why => Self { top, why: pane, ..Self::default() },
            _ => Self { top, sums: pane, ..Self::default() },
        }
    }

    /// The next pane that is in view.
    pub fn after(&self, focus: Focus) -> Focus {
        let panes = [
            (Focus::List, true),
            (Focus::Sums, !self.sums.is_empty()),
            (Focus::Why, !self.why.is_empty()),
        ];
        next_shown(panes, focus)
    }

    /// The columns of the list, of which the mark is on one.
    pub fn columns(&self, chosen: &Chosen, marked: usize) -> Vec<columns::Placed> {
        columns::placed(&chosen.widths(&LIST.map(|(_, w, _)| w)), marked, self.top.behind(GUTTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_stay_on_the_screen_and_do_not_overlap() {
        for w in 30..220 {
            for h in 8..70 {
                for lower in [Focus::List, Focus::Sums, Focus::Why] {
                    let p = Places::new((w, h), lower);
                    let all = [p.top.filter, p.top.note, p.top.head, p.top.list, p.sums, p.why];
                    let cells =
                        all.iter().map(|a| usize::from(a.w) * usize::from(a.h)).sum::<usize>();
                    assert!(cells <= usize::from(w) * usize::from(h - 2), "{w}x{h}: {p:?}");
                    assert!(all.iter().all(|a| a.x + a.w <= w && a.y + a.h < h), "{w}x{h}: {p:?}");
                    assert!(
                        p.top.list.h >= 3 && (h < 24 || p.sums.h + p.why.h >= 8),
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
