//! What orders do on the timeline screen. Pure state: nothing here draws or starts work.

use super::App;
use super::keys::Action;
use super::timeline::Pane;
use super::view::View;
use crate::trace::{CpuId, Nanos};

/// Nobody waits an hour (ns of real time) for the playhead to cross the window.
const FOREVER: u64 = 3_600_000_000_000;
/// Real time in which a whole recording is played instead.
const WHOLE: Nanos = Nanos(10_000_000_000);

impl App {
    pub(super) fn act_on_timeline(&mut self, action: Action) {
        if let Action::NextMiss | Action::PrevMiss = action
            && self.walks(action == Action::NextMiss)
        {
            return;
        }
        if action == Action::Back && std::mem::take(&mut self.mistakes.walking) {
            self.message = Some("n and N go to all misses of the shown row again".into());
            return;
        }
        let two_panes = self.layout().decision.h > 0 || self.layout().context.h > 0;
        let mut news = None;
        let Some(t) = self.timeline_mut() else { return };
        let pos = t.cursor.pos().0;
        match action {
            Action::Play => t.cursor.toggle(),
            Action::Slower => t.cursor.change_speed(false),
            Action::Faster => t.cursor.change_speed(true),
            Action::PrevDecision => t.step(false),
            Action::NextDecision => t.step(true),
            Action::NextMiss | Action::PrevMiss if t.answers.row_lacks_model() => {
                news = Some("no model, so no misses of it: o shows the baselines".into());
            }
            Action::NextMiss | Action::PrevMiss => {
                let forward = action == Action::NextMiss;
                if !t.jump_to_miss(forward) {
                    let way = if forward { "later" } else { "earlier" };
                    let known = t.answers.known(t.cpu) < t.trace().cpu_switches(CpuId(t.cpu as u16)).len();
                    let yet = if known { " among the predictions so far" } else { "" };
                    news = Some(format!("no {way} miss of {} on CPU{}{yet}", t.answers.row().name(), t.cpu));
                }
            }
            Action::ZoomIn | Action::ZoomOut => {
                let (num, den) = if action == Action::ZoomIn { (2, 3) } else { (3, 2) };
                if !t.view.contains(pos) {
                    t.view = t.view.show(pos);
                }
                t.view = t.view.zoom(pos, num, den);
            }
            Action::PanLeft => t.view = t.view.pan(-1, 4),
            Action::PanRight => t.view = t.view.pan(1, 4),
            Action::Fit => {
                t.view = View::fit(t.trace().span().0);
                let (num, den) = t.cursor.speed();
                let real = u128::from(t.view.width) * u128::from(den) / u128::from(num);
                if real > u128::from(FOREVER) {
                    t.cursor.choose_speed(t.view.width, WHOLE);
                }
            }
            Action::NextFound | Action::PrevFound => {
                if t.found.is_none() {
                    news = Some("nothing searched yet: / finds a task".into());
                } else if !t.jump_to_found(action == Action::NextFound) {
                    news = Some("no further stint of it that way".into());
                }
            }
            Action::Mark => t.mark(),
            Action::Clock => t.absolute = !t.absolute,
            Action::Start => t.seek(Nanos(0)),
            Action::End => t.seek(Nanos(u64::MAX)),
            Action::Row => t.next_row(),
            Action::Pane if two_panes => {
                t.pane_scroll = 0;
                t.pane = match t.pane {
                    Pane::Lanes => Pane::Decision,
                    Pane::Decision => Pane::Context,
                    Pane::Context => Pane::Lanes,
                };
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                let by: isize = match action {
                    Action::Up => -1,
                    Action::Down => 1,
                    Action::PageUp => -8,
                    _ => 8,
                };
                if t.pane == Pane::Lanes {
                    t.choose_cpu(t.cpu.saturating_add_signed(by));
                } else {
                    t.pane_scroll = t.pane_scroll.saturating_add_signed(by).min(4096);
                }
            }
            Action::Back => {
                if t.pane != Pane::Lanes {
                    t.pane = Pane::Lanes;
                } else if t.found.is_some() {
                    t.found = None;
                } else if t.marks.is_empty() {
                    t.cursor.pause();
                } else {
                    t.marks.clear();
                }
            }
            _ => {}
        }
        self.message = news;
    }
}
