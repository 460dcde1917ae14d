//! What orders do on the Timeline screen. Pure state: nothing here draws or starts work.

use super::{Open, Viewer};
use crate::app::home::results::in_short;
use crate::app::input::Mouse;
use crate::app::keys::{self, Action, Contexts};
use crate::app::layout::Layout;
use crate::app::prompt::Ask;
use crate::app::timeline::{Pane, Timeline};
use crate::app::view::View;
use crate::app::{Context, Screen, Wish, list, time};
use crate::predictor::heuristics::Rule;
use crate::predictor::networks::Kind;
use crate::trace::{CpuId, Nanos};

/// Nobody waits an hour (ns of real time) for the playhead to cross the window.
const FOREVER: u64 = 3_600_000_000_000;
/// Orders that are kept while a recording is read, at most.
const AHEAD: usize = 16;
/// Real time in which a whole recording is played instead.
const WHOLE: Nanos = Nanos(10_000_000_000);

impl Screen for Viewer {
    fn keys(&self) -> Contexts {
        keys::TIMELINE
    }

    fn offers(&self) -> Contexts {
        if self.timeline().is_some() { keys::TIMELINE } else { keys::NOTHING }
    }

    fn act(&mut self, action: Action, cx: &mut Context) {
        match action {
            Action::Find => cx.wish(Wish::Ask(Ask::Find)),
            Action::Seek => cx.wish(Wish::Ask(Ask::Seek)),
            Action::Second => self.toggle_second(cx),
            Action::AskSecond => cx.wish(Wish::Ask(Ask::Second)),
            Action::Back if cx.shared.walk.take().is_some() => {
                cx.say("n and N go to all misses of the shown row again");
            }
            action if matches!(self.open, Open::Loading(_)) => {
                if self.typed_ahead.len() < AHEAD {
                    self.typed_ahead.push(action);
                }
            }
            action => {
                let l = self.layout(cx.size);
                let panes = l.decision.h > 0 || l.context.h > 0;
                let news = match action {
                    Action::Crowd => {
                        let room = Layout::has_crowd(cx.size);
                        self.timeline_mut().map(|t| t.show_crowd(room))
                    }
                    Action::Between => self.timeline_mut().and_then(|t| t.show_between(panes)),
                    Action::Kernel => self.timeline_mut().and_then(|t| t.show_kernel(panes)),
                    Action::Open
                        if self.timeline().is_some_and(|t| t.panes.focus == Pane::Decision) =>
                    {
                        self.timeline_mut().and_then(|t| t.show_kernel(panes))
                    }
                    Action::NextUnexplained | Action::PrevUnexplained => {
                        let forward = action == Action::NextUnexplained;
                        self.timeline_mut().map(|t| t.go_to_unexplained(forward))
                    }
                    action => self.timeline_mut().and_then(|t| t.act(action, panes)),
                };
                let led = self.timeline_mut().and_then(Timeline::lead_to_example);
                if let Some(news) = news.or(led) {
                    cx.say(news);
                }
            }
        }
    }

    fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        let l = self.layout(cx.size);
        if let Some(t) = self.timeline_mut() {
            t.mouse(mouse, &l);
        }
    }

    fn answer(&mut self, ask: Ask, text: &str, cx: &mut Context) {
        if ask == Ask::Second {
            cx.shared.beside = Some(text.trim().into());
        }
        let Some(t) = self.timeline_mut() else { return };
        match ask {
            Ask::Find => {
                let news = match t.find(text.trim()) {
                    0 => {
                        t.looks.found = None;
                        format!("no task like \"{}\"", text.trim())
                    }
                    1 => "one task found; * next stint, # previous".into(),
                    n => format!("{n} tasks found; * next stint, # previous"),
                };
                cx.say(news);
            }
            Ask::Seek => match time::unbounded(
                text,
                t.cursor.pos(),
                t.trace().span(),
                t.trace().meta().start_ns,
            ) {
                Some(to) => {
                    let span = t.trace().span();
                    t.seek(Nanos(to.clamp(0, i128::from(span.0)) as u64));
                    if to < 0 {
                        cx.say(format!(
                            "\"{text}\" lies before the recording: this is its first event"
                        ));
                    } else if to > i128::from(span.0) {
                        let long = time::short(span.0);
                        cx.say(format!(
                            "\"{text}\" lies behind the recording, which is {long} long: this is \
                             its last event"
                        ));
                    }
                }
                None => {
                    cx.say(format!(
                        "\"{text}\" is not a time: 0.41 (s), 12ms, +3us, 50%, or a \
                                    stamp of the recording"
                    ));
                }
            },
            _ => {}
        }
    }

    fn wants(&mut self, cx: &mut Context) {
        if !matches!(self.open, Open::Loading(_)) {
            // Pressed while the recording was read.
            for action in std::mem::take(&mut self.typed_ahead) {
                self.act(action, cx);
            }
        }
        let l = self.layout(cx.size);
        let Some(t) = self.timeline_mut() else { return };
        t.arrange(&l);
        self.want_predictions(cx);
        self.want_early(cx);
        self.want_live(cx);
        self.want_second(cx);
        self.want_lives(cx);
        self.want_details(cx);
        self.want_causes(&l, cx);
    }
}

impl Viewer {
    /// Closes the second row, shows the last one again, or asks for the first one.
    fn toggle_second(&self, cx: &mut Context) {
        if cx.shared.beside.take().is_some() {
            cx.say("second row closed; c shows it again, C another one");
        } else if self.second.last.is_some() {
            cx.shared.beside.clone_from(&self.second.last);
        } else {
            cx.wish(Wish::Propose(Ask::Second, self.rival(cx)));
        }
    }

    /// Whom it says most to put below the first row: the strongest other network below a network,
    /// below a baseline the kernel's rule, and never the one that is there.
    fn rival(&self, cx: &Context) -> &'static str {
        let first = self.timeline().map(|t| t.answers.row());
        let rule = Rule::Eevdf.label();
        if first.is_some_and(|row| !row.is_model() && row.name() != rule) {
            return rule;
        }
        // A run's own network is another one than each that comes with the program.
        let shown = cx.shared.model.is_none().then(|| Kind::default().label());
        let other = |name: &str| name.parse::<Kind>().is_ok() && Some(name) != shown;
        let figures = in_short().iter().filter(|[name, ..]| other(name));
        let strength = |pick: &str| pick.parse::<f64>().unwrap_or(0.0);
        figures
            .max_by(|[_, a, _], [_, b, _]| strength(a).total_cmp(&strength(b)))
            .map_or(rule, |[name, ..]| *name)
    }
}

impl Timeline {
    /// Follows an order; `panes`: there are any below the lanes. The words for the last row, if
    /// there are any.
    fn act(&mut self, action: Action, panes: bool) -> Option<String> {
        match action {
            Action::Play => self.cursor.toggle(),
            Action::Slower => self.cursor.change_speed(false),
            Action::Faster => self.cursor.change_speed(true),
            Action::PrevDecision => return self.step(false),
            Action::NextDecision => return self.step(true),
            Action::PrevMiss => return self.go_to_miss(false),
            Action::NextMiss => return self.go_to_miss(true),
            Action::ZoomIn => self.zoom(2, 3),
            Action::ZoomOut => self.zoom(3, 2),
            Action::PanLeft => self.view = self.view.pan(-1, 4),
            Action::PanRight => self.view = self.view.pan(1, 4),
            Action::Fit => self.fit(),
            Action::PrevFound => return self.go_to_found(false).map(Into::into),
            Action::NextFound => return self.go_to_found(true).map(Into::into),
            Action::Mark => {
                self.mark();
                let said = "b: who ran between the marks; 6: all threads there; 5, then t: the \
                            waits";
                return (self.marks.len() == 2).then(|| said.into());
            }
            Action::Clock => self.looks.absolute = !self.looks.absolute,
            Action::Start => self.seek(Nanos(0)),
            Action::End => self.seek(Nanos(u64::MAX)),
            Action::Row => self.next_row(),
            Action::Room
            | Action::Shape
            | Action::Heat
            | Action::Sort
            | Action::Open
            | Action::Pin
            | Action::PinFound => return self.act_on_rows(action),
            Action::Pane if panes => self.next_pane(),
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                let by = list::rows(action, list::PAGE).unwrap_or(0);
                if self.panes.focus == Pane::Lanes {
                    self.choose_beside(by);
                } else {
                    self.panes.scroll = self.panes.scroll.saturating_add_signed(by).min(4096);
                }
            }
            Action::Back => self.back(),
            _ => {}
        }
        None
    }

    /// To the next miss of the shown row that way, or why there is none.
    fn go_to_miss(&mut self, forward: bool) -> Option<String> {
        if self.answers.row_lacks_model() {
            return Some("no model, so no misses of it: o shows the baselines".into());
        }
        let from = self.decision;
        if self.jump_to_miss(forward) {
            let skipped = |(from, to): (usize, usize)| {
                (to..from).any(|k| !self.answers.is_known(self.cpu, k))
            };
            let unknown = !forward && from.zip(self.decision).is_some_and(skipped);
            return unknown.then(|| "the nearest earlier miss among the predictions so far".into());
        }
        let way = if forward { "later" } else { "earlier" };
        let all = self.trace().cpu_switches(CpuId(self.cpu as u16)).len();
        let partly = self.answers.known(self.cpu) < all;
        let yet = if partly { " among the predictions so far" } else { "" };
        let row = self.answers.row().name();
        Some(format!("no {way} miss of {row} on CPU{}{yet}", self.cpu))
    }

    /// Makes the window `num / den` as wide, around the cursor.
    fn zoom(&mut self, num: u64, den: u64) {
        let pos = self.cursor.pos().0;
        if !self.view.contains(pos) {
            self.view = self.view.show(pos);
        }
        self.view = self.view.zoom(pos, num, den);
    }

    /// Shows the whole recording, and plays fast enough for it.
    fn fit(&mut self) {
        self.view = View::fit(self.trace().span().0);
        let (num, den) = self.cursor.speed();
        let real = u128::from(self.view.width) * u128::from(den) / u128::from(num);
        if real > u128::from(FOREVER) {
            self.cursor.choose_speed(self.view.width, WHOLE);
        }
    }

    /// To the next stint of a searched task that way, or why there is none.
    fn go_to_found(&mut self, forward: bool) -> Option<&'static str> {
        if self.looks.found.is_none() {
            return Some("nothing searched yet: / finds a task");
        }
        (!self.jump_to_found(forward)).then_some("no further stint of it that way")
    }

    fn next_pane(&mut self) {
        self.panes.scroll = 0;
        self.panes.focus = match self.panes.focus {
            Pane::Lanes => Pane::Decision,
            Pane::Decision => Pane::Context,
            Pane::Context => Pane::Lanes,
        };
    }

    /// One thing less: the focus, what is searched, playing, the marks.
    fn back(&mut self) {
        if self.panes.focus != Pane::Lanes {
            self.panes.focus = Pane::Lanes;
        } else if self.looks.found.is_some() {
            self.looks.found = None;
        } else if self.marks.is_empty() {
            self.cursor.pause();
        } else {
            self.marks.clear();
        }
    }
}
