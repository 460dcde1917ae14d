//! What the mouse means: click selects, drag pans, the wheel zooms around the pointer, the overview seeks.

use super::input::{Mouse, MouseKind};
use super::keys::Action;
use super::layout::{self, Layout};
use super::timeline::Pane;
use super::{App, Effect, Tab};
use crate::replay::lod;
use crate::trace::{CpuId, Nanos};

/// First row of the list on the Traces screen.
pub const LIST_TOP: u16 = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse) -> Option<Effect> {
        if layout::too_small(self.size) || self.help || self.prompt.is_some() {
            return None;
        }
        if mouse.kind == MouseKind::Down && mouse.y == 0 {
            let hit = layout::tabs(self.size.0).into_iter().find(|(x, w, ..)| mouse.x >= *x && mouse.x - x < *w);
            return self.act(Action::Tab(hit?.2));
        }
        if self.recording_context().is_some() {
            return self.mouse_on_recording(mouse);
        }
        match self.tab {
            Tab::Timeline => {
                self.mouse_on_timeline(mouse);
                None
            }
            Tab::Train => {
                self.mouse_on_train(mouse);
                None
            }
            Tab::Mistakes => self.mouse_on_mistakes(mouse),
            Tab::Traces => self.mouse_on_list(mouse),
        }
    }

    /// Rows of the list that fit.
    pub fn list_rows(&self) -> usize {
        usize::from(self.size.1.saturating_sub(LIST_TOP + 1)).saturating_sub(self.list_detail_rows())
    }

    /// Rows below the list that tell more about the selected file.
    pub fn list_detail_rows(&self) -> usize {
        if self.size.1 >= 16 { 6 } else { 2 }
    }

    fn mouse_on_list(&mut self, mouse: Mouse) -> Option<Effect> {
        match mouse.kind {
            MouseKind::WheelUp => self.traces.select(-1),
            MouseKind::WheelDown => self.traces.select(1),
            MouseKind::Down => {
                let row = usize::from(mouse.y.checked_sub(LIST_TOP)?);
                if row >= self.list_rows() {
                    return None;
                }
                let index = self.traces.scroll(self.list_rows()) + row;
                if index >= self.traces.entries.len() {
                    return None;
                }
                // A second click on the same row opens it.
                if index == self.traces.selected {
                    return self.act(Action::Open);
                }
                self.traces.selected = index;
            }
            MouseKind::Drag | MouseKind::Up => {}
        }
        None
    }

    fn mouse_on_timeline(&mut self, mouse: Mouse) {
        let l = self.layout();
        let Some(t) = self.timeline_mut() else { return };
        let Mouse { kind, x, y } = mouse;
        let cols = l.cols();
        let col = usize::from(x.saturating_sub(l.plot.x)).min(cols.saturating_sub(1));
        if l.overview.has(x, y) && matches!(kind, MouseKind::Down | MouseKind::Drag) && t.drag.is_none() {
            let span = u128::from(t.trace().span().0) + 1;
            let to = span * col as u128 / cols.max(1) as u128;
            t.seek(Nanos(to as u64));
            return;
        }
        match kind {
            MouseKind::WheelUp | MouseKind::WheelDown => {
                if l.decision.has(x, y) || l.context.has(x, y) {
                    let by = if kind == MouseKind::WheelUp { -1 } else { 1 };
                    t.pane = if l.decision.has(x, y) { Pane::Decision } else { Pane::Context };
                    t.pane_scroll = t.pane_scroll.saturating_add_signed(by).min(4096);
                } else {
                    let (num, den) = if kind == MouseKind::WheelUp { (4, 5) } else { (5, 4) };
                    t.view = t.view.zoom(t.view.time(col, cols), num, den);
                }
            }
            MouseKind::Down if l.lanes.has(x, y) || l.axis.has(x, y) => t.drag = Some((x, t.view, false)),
            MouseKind::Down => {
                if l.decision.has(x, y) {
                    t.pane = Pane::Decision;
                } else if l.context.has(x, y) {
                    t.pane = Pane::Context;
                }
            }
            MouseKind::Drag => {
                if let Some((from, view, moved)) = &mut t.drag {
                    let by = i64::from(*from) - i64::from(x);
                    if by != 0 || *moved {
                        *moved = true;
                        t.view = view.pan(by, cols as i64);
                    }
                }
            }
            MouseKind::Up => {
                if let Some((_, _, false)) = t.drag.take() {
                    let lane = lane_at(&l, y).map(|i| t.first_lane + i);
                    t.pane = Pane::Lanes;
                    t.click(lane, t.view.time(col, cols));
                }
            }
        }
    }
}

fn lane_at(l: &Layout, y: u16) -> Option<usize> {
    let row = y.checked_sub(l.lanes.y).filter(|&row| row < l.lanes.h)?;
    Some(usize::from(row / l.lane_h.max(1)))
}

impl super::timeline::Timeline {
    /// Selects the decision whose stint is under the pointer, or just moves the playhead (click on the axis).
    fn click(&mut self, lane: Option<usize>, at: u64) {
        let Some(cpu) = lane.filter(|&c| c < self.trace().cpus()) else {
            self.seek(Nanos(at));
            return;
        };
        self.cpu = cpu;
        match lod::switches_before(self.trace(), CpuId(cpu as u16), at + 1).checked_sub(1) {
            Some(k) => self.select(k),
            None => self.seek(Nanos(at)),
        }
    }
}
