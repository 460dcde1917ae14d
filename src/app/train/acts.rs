//! Facts, keys and the mouse on the Train screen, as the application takes them.

use super::{News, Train, layout};
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::{App, Effect, Tab};
use crate::train::TrainConfig;
use std::sync::Arc;

impl App {
    /// Sets up a run without the form.
    pub fn train_anew(&mut self, config: TrainConfig) -> Vec<Effect> {
        self.train.add(config);
        self.settle_training();
        self.train.take_orders().into_iter().map(Effect::Train).collect()
    }

    /// Takes a fact about runs.
    pub(in crate::app) fn train_news(&mut self, news: News) {
        let before = self.train.current.as_ref().map(|c| Arc::as_ptr(&c.1));
        if let Some(words) = self.train.news(news) {
            self.message = Some(words);
        }
        if self.train.current.as_ref().map(|c| Arc::as_ptr(&c.1)) != before {
            self.predict_anew();
        }
        self.settle_training();
    }

    /// Lets waiting runs begin and asks for what is shown.
    pub(in crate::app) fn settle_training(&mut self) {
        self.train.fill();
        self.train.read_shown();
    }

    /// Takes a key that belongs to the form or to a question. False when there is none.
    pub(in crate::app) fn train_key(&mut self, key: Key) -> bool {
        if self.tab != Tab::Train || self.help {
            return false;
        }
        if self.train.form.is_some() {
            self.train.form_key(key);
        } else if self.train.question.is_some() {
            self.train.answer(key);
        } else {
            return false;
        }
        self.settle_training();
        true
    }

    /// The layout of the Train screen.
    pub fn train_layout(&self) -> layout::TrainLayout {
        layout::TrainLayout::new(self.size, self.train.runs.len())
    }

    /// A click in the list selects, the wheel zooms the charts, a click in the large one reads there.
    pub(in crate::app) fn mouse_on_train(&mut self, mouse: Mouse) {
        let l = self.train_layout();
        let t = &mut self.train;
        if t.form.is_some() || t.question.is_some() {
            return;
        }
        let end = t.end();
        match mouse.kind {
            MouseKind::WheelUp if l.list.has(mouse.x, mouse.y) => t.selected = t.selected.saturating_sub(1),
            MouseKind::WheelDown if l.list.has(mouse.x, mouse.y) => {
                t.selected = (t.selected + 1).min(t.runs.len().saturating_sub(1));
            }
            MouseKind::WheelUp | MouseKind::WheelDown => t.chart.zoom(mouse.kind == MouseKind::WheelUp, end),
            MouseKind::Down if l.list.has(mouse.x, mouse.y) => {
                let row = t.scroll(l.rows()) + usize::from(mouse.y - l.list.y);
                if row < t.runs.len() {
                    t.selected = row;
                }
            }
            MouseKind::Down | MouseKind::Drag => {
                let plot = layout::plot(l.main);
                if plot.has(mouse.x, mouse.y) {
                    let (from, to) = t.chart.window(end);
                    let share = (f64::from(mouse.x - plot.x) + 0.5) / f64::from(plot.w.max(1));
                    t.chart.cursor = Some(from + share * (to - from));
                }
            }
            MouseKind::Up => {}
        }
        self.settle_training();
    }

    /// Follows an order on the Train screen.
    pub(in crate::app) fn act_on_train(&mut self, action: Action) {
        let t = &mut self.train;
        let end = t.end();
        let select = |t: &mut Train, by: isize| {
            t.selected = t.selected.saturating_add_signed(by).min(t.runs.len().saturating_sub(1));
        };
        match action {
            Action::Train(act) => self.message = t.act(act),
            Action::Second => self.run_beside(),
            Action::Up => select(t, -1),
            Action::Down => select(t, 1),
            Action::PageUp => select(t, -8),
            Action::PageDown => select(t, 8),
            Action::Start => select(t, isize::MIN),
            Action::End => select(t, isize::MAX),
            Action::ZoomIn => t.chart.zoom(true, end),
            Action::ZoomOut => t.chart.zoom(false, end),
            Action::PanLeft => t.chart.pan(false, end),
            Action::PanRight => t.chart.pan(true, end),
            Action::Fit => (t.chart.zoom, t.chart.cursor) = (None, None),
            Action::Back if t.chart.cursor.is_some() => t.chart.cursor = None,
            Action::Back => self.tab = Tab::Timeline,
            _ => {}
        }
        self.settle_training();
    }
}
