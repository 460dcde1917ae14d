//! Where things are on the Compare screen: the list above, the timelines of A and B below with one
//! axis between them.

use super::LIST;
use crate::app::columns::{self, Chosen};
use crate::app::layout::{Area, Layout};
use crate::app::list::Areas;
use crate::app::timeline::rows::Shape;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The list and what belongs to it.
    pub top: Areas,
    /// What A's timeline shows; the timelines are empty where there is no room.
    pub title: [Area; 2],
    /// The rows of A and of B.
    pub rows: [Area; 2],
    /// The axis between them.
    pub axis: Area,
}

impl Places {
    /// The columns of the list, of which the mark is on one. Names stand in front wherever that is.
    pub fn columns(&self, chosen: &Chosen, marked: usize) -> Vec<columns::Placed> {
        columns::named(&chosen.widths(&LIST.map(|c| c.width)), marked, self.top.behind(GUTTER))
    }
}

/// Cells before the first column.
const GUTTER: u16 = 1;
/// Lines that the list keeps.
const LEAST: u16 = 4;
/// Lines of the timelines that are no rows: two titles and the axis.
const OTHER: u16 = 3;

/// On a screen of this size, for recordings of so many CPUs; `None`: there are no timelines.
pub fn places((w, h): (u16, u16), cpus: Option<[usize; 2]>) -> Places {
    let row = |y: u16, h: u16| Area { x: 0, y, w, h };
    let body = h.saturating_sub(5);
    let lines = |n: usize| u16::try_from(n.max(1)).unwrap_or(u16::MAX);
    let rows = cpus.map_or([0; 2], |[a, b]| {
        let room = (body * 3 / 5).min(body.saturating_sub(LEAST)).saturating_sub(OTHER);
        let (a, b) = (lines(a), lines(b));
        // What one does not need the other one gets.
        let first = a.min((room / 2).max(room.saturating_sub(b)));
        [first, b.min(room - first)]
    });
    let below = if rows[1] == 0 { 0 } else { rows[0] + rows[1] + OTHER };
    let top = Areas::new((w, h)).sized(w, body - below);
    let mut p = Places { top, ..Places::default() };
    if below > 0 {
        let y = top.list.y + top.list.h;
        (p.title[0], p.rows[0]) = (row(y, 1), row(y + 1, rows[0]));
        p.axis = row(y + 1 + rows[0], 1);
        (p.title[1], p.rows[1]) = (row(p.axis.y + 1, 1), row(p.axis.y + 2, rows[1]));
    }
    p
}

/// How the CPUs of a recording are shown in these lines: one row each, or as a heat map of several
/// in a row.
pub fn layout(area: Area, cpus: usize) -> Layout {
    let gutter = if area.w >= 60 { 12 } else { 7 };
    let right = if area.w >= 72 { 12 } else { 0 };
    let room = usize::from(area.h.max(1));
    let (shape, mut group) = if cpus <= room { (Shape::Slim, 1) } else { (Shape::Heat, 2) };
    while cpus.div_ceil(group) > room {
        group *= 2;
    }
    let plot =
        Area { x: gutter, y: area.y, w: area.w.saturating_sub(gutter + right).max(1), h: area.h };
    Layout { lanes: area, plot, shape, group, lane_h: 1, task_h: 1, ..Layout::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_every_cpu_has_its_place() {
        for (w, h) in (30..220).step_by(19).flat_map(|w| (8..75).map(move |h| (w, h))) {
            for cpus in [[1, 1], [2, 2], [2, 8], [64, 2], [0, 3], [512, 512]] {
                let p = places((w, h), Some(cpus));
                let order = [
                    p.top.filter,
                    p.top.note,
                    p.top.head,
                    p.top.list,
                    p.title[0],
                    p.rows[0],
                    p.axis,
                    p.title[1],
                    p.rows[1],
                ];
                let mut y = 1;
                for area in order.into_iter().filter(|a| !a.is_empty()) {
                    assert_eq!(area.y, y, "{w}x{h} {cpus:?}: {p:?}");
                    y += area.h;
                }
                assert_eq!(y, (h - 1).max(4), "{w}x{h} {cpus:?}: {p:?}");
                for (area, n) in p.rows.into_iter().zip(cpus).filter(|(area, _)| !area.is_empty()) {
                    let l = layout(area, n);
                    assert!(
                        n.div_ceil(l.group) <= usize::from(area.h)
                            && (l.group == 1) == (l.shape == Shape::Slim)
                    );
                }
                assert!(
                    h < 24 || !p.rows[1].is_empty() && p.top.list.h >= 7,
                    "{w}x{h} {cpus:?}: {p:?}"
                );
            }
            assert_eq!(places((w, h), None).top.list.h, h - 5);
        }
    }
}
