//! Facts, keys and the mouse on the Train screen.

use super::{News, Train, layout};
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::keys::{self, Action, Contexts};
use crate::app::list::PAGE;
use crate::app::tab::Tab;
use crate::app::{Context, Effect, Screen, Wish};

impl Train {
    /// Takes a fact about runs.
    pub(in crate::app) fn take(&mut self, news: News, cx: &mut Context) {
        if let Some(words) = self.news(news, cx.shared) {
            cx.say(words);
        }
    }

    /// The layout of the screen.
    pub fn layout(&self, size: (u16, u16)) -> layout::TrainLayout {
        layout::TrainLayout::new(size, self.runs.len())
    }

    /// The best model of the selected run beside the current one; again: no more.
    fn run_beside(&self, cx: &mut Context) {
        let Some(run) = self.current_run() else { return };
        let name = &run.name;
        let Some(path) = run.path.clone().filter(|_| !run.epochs.is_empty()) else {
            cx.say(format!("{name} has no model yet"));
            return;
        };
        if cx.shared.beside.as_ref() == Some(&path) {
            cx.shared.beside = None;
            cx.say("second row closed");
        } else {
            cx.shared.beside = Some(path);
            cx.say(format!("the best model of {name} is the second row of the Timeline"));
        }
    }
}

impl Screen for Train {
    fn keys(&self) -> Contexts {
        keys::TRAIN
    }

    fn enter(&mut self) {
        self.want_kept();
    }

    /// A key that belongs to the form or to a question.
    fn type_key(&mut self, key: Key, _cx: &mut Context) -> bool {
        if self.form.is_some() {
            self.form_key(key);
        } else if self.question.is_some() {
            self.answer_question(key);
        } else {
            return false;
        }
        true
    }

    fn act(&mut self, action: Action, cx: &mut Context) {
        let end = self.end();
        if self.list.act(action, PAGE, self.runs.len()) {
            return;
        }
        match action {
            Action::Train(act) => {
                if let Some(words) = self.follow(act, cx.shared) {
                    cx.say(words);
                }
            }
            Action::Second => self.run_beside(cx),
            Action::ZoomIn => self.chart.zoom(true, end),
            Action::ZoomOut => self.chart.zoom(false, end),
            Action::PanLeft => self.chart.pan(false, end),
            Action::PanRight => self.chart.pan(true, end),
            Action::Fit => (self.chart.zoom, self.chart.cursor) = (None, None),
            Action::Back if self.chart.cursor.is_some() => self.chart.cursor = None,
            Action::Back => cx.wish(Wish::Show(Tab::Timeline)),
            _ => {}
        }
    }

    /// A click in the list selects, the wheel zooms the charts, a click in the large one reads
    /// there.
    fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        if self.form.is_some() || self.question.is_some() {
            return;
        }
        let (l, end, n) = (self.layout(cx.size), self.end(), self.runs.len());
        let in_list = l.list.has(mouse.x, mouse.y);
        match mouse.kind {
            MouseKind::WheelUp if in_list => self.list.step(-1, n),
            MouseKind::WheelDown if in_list => self.list.step(1, n),
            MouseKind::WheelUp | MouseKind::WheelDown => {
                self.chart.zoom(mouse.kind == MouseKind::WheelUp, end);
            }
            MouseKind::Down if in_list => {
                if let Some(row) = self.list.row(usize::from(mouse.y - l.list.y), l.rows(), n) {
                    self.list.click(row);
                }
            }
            MouseKind::Down | MouseKind::Drag => {
                let plot = layout::plot(l.main);
                if plot.has(mouse.x, mouse.y) {
                    let (from, to) = self.chart.window(end);
                    let share = (f64::from(mouse.x - plot.x) + 0.5) / f64::from(plot.w.max(1));
                    self.chart.cursor = Some(from + share * (to - from));
                }
            }
            MouseKind::Up => {}
        }
    }

    /// Lets waiting runs begin and asks for what is shown.
    fn wants(&mut self, cx: &mut Context) {
        self.fill();
        self.read_shown();
        self.orders.drain(..).for_each(|order| cx.order(Effect::Train(order)));
    }
}
