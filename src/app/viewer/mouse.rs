//! What the mouse means on the timeline: click selects, drag pans, the wheel zooms around the
//! pointer, the overview seeks.

use crate::app::input::{Mouse, MouseKind};
use crate::app::layout::Layout;
use crate::app::timeline::rows::What;
use crate::app::timeline::{Pane, Timeline};
use crate::replay::lod;
use crate::trace::{CpuId, Nanos};

impl Timeline {
    /// Takes the mouse on a screen of this layout.
    pub(super) fn mouse(&mut self, mouse: Mouse, l: &Layout) {
        let t = self;
        let Mouse { kind, x, y } = mouse;
        let cols = l.cols();
        let col = usize::from(x.saturating_sub(l.plot.x)).min(cols.saturating_sub(1));
        if l.overview.has(x, y)
            && matches!(kind, MouseKind::Down | MouseKind::Drag)
            && t.panes.drag.is_none()
        {
            let span = u128::from(t.trace().span().0) + 1;
            let to = span * col as u128 / cols.max(1) as u128;
            t.seek(Nanos(to as u64));
            return;
        }
        match kind {
            MouseKind::WheelUp | MouseKind::WheelDown => {
                if l.decision.has(x, y) || l.context.has(x, y) {
                    let by = if kind == MouseKind::WheelUp { -1 } else { 1 };
                    t.panes.focus =
                        if l.decision.has(x, y) { Pane::Decision } else { Pane::Context };
                    t.panes.scroll = t.panes.scroll.saturating_add_signed(by).min(4096);
                } else {
                    let (num, den) = if kind == MouseKind::WheelUp { (4, 5) } else { (5, 4) };
                    t.view = t.view.zoom(t.view.time(col, cols), num, den);
                }
            }
            MouseKind::Down if l.lanes.has(x, y) || l.axis.has(x, y) || l.crowd.has(x, y) => {
                t.panes.drag = Some((x, t.view, false));
            }
            MouseKind::Down => {
                if l.decision.has(x, y) {
                    t.panes.focus = Pane::Decision;
                } else if l.context.has(x, y) {
                    t.panes.focus = Pane::Context;
                }
            }
            MouseKind::Drag => {
                if let Some((from, view, moved)) = &mut t.panes.drag {
                    let by = i64::from(*from) - i64::from(x);
                    if by != 0 || *moved {
                        *moved = true;
                        t.view = view.pan(by, cols as i64);
                    }
                }
            }
            MouseKind::Up => {
                if let Some((_, _, false)) = t.panes.drag.take() {
                    let row = t.rows.placed(l).into_iter().find(|p| (p.y..p.y + p.h).contains(&y));
                    t.panes.focus = Pane::Lanes;
                    t.click(row.map(|p| p.what), t.view.time(col, cols));
                }
            }
        }
    }
}

impl Timeline {
    /// Selects the decision whose stint is under the pointer, or just moves the playhead (click on
    /// the axis).
    fn click(&mut self, row: Option<What>, at: u64) {
        let Some(what) = row else {
            self.seek(Nanos(at));
            return;
        };
        self.choose(what);
        let before =
            lod::switches_before(self.trace(), CpuId(self.cpu as u16), at.saturating_add(1));
        match before.checked_sub(1).filter(|_| matches!(what, What::Cpu(_))) {
            Some(k) => self.select(k),
            None => self.seek(Nanos(at)),
        }
    }
}
