//! The Timeline screen: the open recording in whatever state it is, by whom it is predicted, and
//! what is asked about it.

mod act;
mod mouse;
mod wants;

use super::keys::Action;
use super::layout::{Layout, Want};
use super::second::{self, Second};
use super::session::Place;
use super::ticket::{Slot, Ticket};
use super::timeline::causes::News;
use super::timeline::{Loaded, Pane, Timeline};
use super::train::live::LiveModel;
use super::view::View;
use super::{Context, Effect, Msg, Opened};
use crate::features::Extractor;
use crate::predictor::weights::Weights;
use crate::stats::Window;
use crate::trace::ThreadIx;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The recording on the timeline screen.
#[derive(Debug, Default)]
pub enum Open {
    /// None, and none is on its way.
    #[default]
    Nothing,
    /// Being read.
    Loading(PathBuf),
    /// Could not be read.
    Failed(PathBuf, String),
    /// Ready.
    Ready(Box<Timeline>),
}

/// By whom the open recording is predicted.
#[derive(Debug, Default)]
enum Predicted {
    /// Nothing was ordered.
    #[default]
    Nobody,
    /// The bundled model.
    Bundled,
    /// A run's.
    Run(Arc<Weights>),
}

impl Predicted {
    /// By this model; `None`: the bundled one.
    fn by(model: Option<&Arc<Weights>>) -> Self {
        model.map_or(Self::Bundled, |weights| Self::Run(Arc::clone(weights)))
    }

    /// By the same weights, not just of the same name.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Run(a), Self::Run(b)) => Arc::ptr_eq(a, b),
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

/// What was asked for of what led to what is shown.
#[derive(Debug, Default)]
struct Asked {
    /// All waits.
    waits: Slot<()>,
    /// The window, and into how many parts it is cut.
    crowd: Slot<(View, usize)>,
    /// The CPU, and the time between the marks.
    between: Slot<(usize, Window)>,
    /// The switch whose pick is explained.
    pick: Slot<usize>,
    /// All picks.
    judged: Slot<()>,
    /// A pick that shows the rule.
    example: Slot<()>,
}

/// Who answers in the second row of the timeline.
#[derive(Debug, Default)]
struct SecondRow {
    /// Who was asked for it.
    asked: Slot<PathBuf>,
    /// What was there before: comes back where another name leads nowhere.
    before: Option<Second>,
    /// Who was shown there last: the key shows it again.
    last: Option<PathBuf>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Viewer {
    /// The recording.
    pub open: Open,
    /// The work on it: everything that is computed of it carries this ticket.
    work: Slot<PathBuf>,
    /// Whose predictions were ordered.
    predicted: Predicted,
    /// What was asked for before the walk gets there.
    hurried: Option<(Ticket, Range<usize>)>,
    /// Who answers in the second row.
    second: SecondRow,
    /// Which pinned tasks were asked for.
    following: Slot<Vec<ThreadIx>>,
    /// What of the causes was asked for.
    asked: Asked,
    /// A decision to go to as soon as its recording is open.
    going: Option<(PathBuf, usize)>,
    /// A place of an earlier session to go to, likewise.
    coming: Option<(PathBuf, Place)>,
    /// What was ordered while it was read.
    typed_ahead: Vec<Action>,
    /// Play as soon as the recording is there: a start without arguments shows something alive.
    plays: bool,
}

impl Viewer {
    /// The timeline, when a recording is open.
    pub fn timeline(&self) -> Option<&Timeline> {
        match &self.open {
            Open::Ready(timeline) => Some(timeline),
            _ => None,
        }
    }

    pub(super) fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        match &mut self.open {
            Open::Ready(timeline) => Some(timeline),
            _ => None,
        }
    }

    /// Where things are.
    pub fn layout(&self, size: (u16, u16)) -> Layout {
        let Some(t) = self.timeline() else { return Layout::timeline(size, &Want::default()) };
        let predictions = 1 + u16::from(t.second.is_some());
        let second = t.panes.focus == Pane::Context;
        let crowd = t.causes.crowded;
        Layout::timeline(
            size,
            &Want { predictions, second, crowd, panes: t.panes.room, ..t.rows.want() },
        )
    }

    /// What other screens know of the recording.
    pub(super) fn opened_for_others(&self) -> Option<Opened> {
        let t = self.timeline()?;
        let marks = t.marked().map(|window| [window.from, window.to]);
        let waits = t.causes.waits.clone();
        let predicted = t.answers.events_done == t.trace().len() && t.answers.no_model.is_none();
        let mark = t.marks.first().map(|m| m.0);
        Some(Opened {
            loaded: Arc::clone(&t.loaded),
            marks,
            mark,
            event: t.event(),
            predicted,
            waits,
        })
    }

    /// Opens a recording in the place of the one that is there.
    pub(super) fn open_path(&mut self, path: PathBuf, plays: bool) -> Effect {
        self.plays = plays;
        self.typed_ahead.clear();
        self.open = Open::Loading(path.clone());
        Effect::Open { ticket: self.work.order(path.clone()), path }
    }

    /// True for an answer that belongs to the open recording.
    pub(super) fn counts(&self, ticket: Ticket) -> bool {
        self.work.counts(ticket)
    }

    /// True when somebody asked for the recording, which did not just open at the start.
    pub(super) fn was_asked(&self) -> bool {
        !self.plays
    }

    /// A recording was read, or not.
    pub(super) fn opened(
        &mut self,
        path: PathBuf,
        result: Result<Arc<Loaded>, String>,
        size: (u16, u16),
    ) {
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(problem) => {
                self.open = Open::Failed(path, problem);
                return;
            }
        };
        let trace = Arc::clone(&loaded.trace);
        let cols = Layout::timeline(size, &Want { cpus: trace.cpus(), ..Want::default() }).cols();
        let mut timeline = Timeline::new(loaded, cols);
        if std::mem::take(&mut self.plays) {
            // A recording begins with its workload being set up: show what came after.
            let first = Extractor::context(&trace);
            if first > 0 {
                timeline.seek(trace.time(first));
            }
            timeline.cursor.toggle();
        }
        if let Some((_, place)) =
            self.coming.take().filter(|(path, _)| *path == timeline.loaded.path)
        {
            place.go(&mut timeline);
        }
        if let Some((_, event)) =
            self.going.take().filter(|(going, _)| *going == timeline.loaded.path)
        {
            timeline.go_to_event(event);
        }
        self.open = Open::Ready(Box::new(timeline));
        self.predicted = Predicted::Nobody;
        self.following.clear();
        self.asked.waits.clear();
        self.asked.crowd.clear();
        self.asked.between.clear();
        self.asked.pick.clear();
        self.asked.judged.clear();
        self.asked.example.clear();
    }

    /// Shows an event; opens its recording first if it is not open.
    pub(super) fn go_to(&mut self, path: &Path, event: usize) -> Option<Effect> {
        if let Some(t) = self.timeline_mut().filter(|t| t.loaded.path == path) {
            t.go_to_event(event);
            return None;
        }
        self.going = Some((path.into(), event));
        Some(self.open_path(path.into(), false))
    }

    /// As soon as this recording is open, goes to a place of an earlier session.
    pub(super) fn come_back(&mut self, recording: PathBuf, place: Place) {
        self.coming = Some((recording, place));
    }

    /// Takes what was computed of the recording. Answers to one that is no longer open change
    /// nothing.
    pub(super) fn take(&mut self, msg: Msg, cx: &mut Context) {
        if let Msg::Second { ticket, news } = msg {
            self.second_news(ticket, news, cx);
            return;
        }
        let Self { open, work, following, .. } = self;
        let Open::Ready(t) = open else { return };
        match msg {
            Msg::Tick { now } => t.tick(now),
            Msg::Predicted { ticket, chunk } if work.counts(ticket) => {
                let loaded = Arc::clone(&t.loaded);
                t.answers.append(chunk, &loaded.trace);
            }
            Msg::Early { ticket, stretch }
                if work.counts(ticket) && t.answers.no_model.is_none() =>
            {
                t.answers.set_early(stretch);
            }
            Msg::NoModel { ticket, problem } if work.counts(ticket) => {
                t.answers.no_model = Some(problem);
            }
            Msg::PredictionFailed { ticket, problem } if work.counts(ticket) => {
                t.answers.failed = Some(problem);
            }
            Msg::Inspected { ticket, event, by, result } if work.counts(ticket) => {
                t.panes.inspector.take(event, by, result);
            }
            Msg::Followed { ticket, result } if following.counts(ticket) => match result {
                Ok(lives) => t.rows.pins.lives.extend(lives),
                Err(problem) => cx.say(format!("the task cannot be followed: {problem}")),
            },
            Msg::Causes(news) => self.take_causes(news, cx),
            Msg::Looked { ticket, label, stretch } if work.counts(ticket) => {
                let live = cx.shared.live.as_ref().filter(|l| l.label == label);
                if let Some(weights) = live.map(|l| Arc::clone(&l.weights)) {
                    t.answers.set_live(LiveModel { label, weights }, stretch);
                }
            }
            _ => {}
        }
    }

    /// What the outside tells of waits, crowding and the kernel's picks.
    fn take_causes(&mut self, news: News, cx: &mut Context) {
        let Self { open, asked, .. } = self;
        let Open::Ready(t) = open else { return };
        match news {
            News::Collected { ticket, table } if asked.waits.counts(ticket) => {
                t.causes.collected(table);
            }
            News::Crowded { ticket, crowd } if asked.crowd.counts(ticket) => {
                t.causes.crowd = Some(crowd);
            }
            News::Between { ticket, between } if asked.between.counts(ticket) => {
                t.causes.told = Some(between);
            }
            News::Picked { ticket, event, picture } if asked.pick.counts(ticket) => {
                t.causes.kernel.told = Some((event, picture));
            }
            News::Judged { ticket, judged } if asked.judged.counts(ticket) => {
                t.causes.kernel.judged = Some(judged);
                let going = t.causes.kernel.going.take();
                if let Some(words) = going.map(|forward| t.go_to_unexplained(forward)) {
                    cx.say(words);
                }
            }
            News::Example { ticket, event } if asked.example.counts(ticket) => {
                t.causes.kernel.example = Some(event);
            }
            News::Trouble(problem) => {
                // Nobody waits for an example that may not come.
                if t.causes.kernel.wants_example {
                    t.causes.kernel.example.get_or_insert(None);
                }
                cx.say(problem);
            }
            _ => {}
        }
        if let Some(words) = t.lead_to_example() {
            cx.say(words);
        }
    }

    /// Takes a fact about the second row.
    fn second_news(&mut self, ticket: Ticket, news: second::News, cx: &mut Context) {
        let Self { open, second: SecondRow { asked, before, last }, .. } = self;
        let Open::Ready(t) = open else { return };
        let Some(second) = t.second.as_mut().filter(|_| asked.counts(ticket)) else { return };
        match news {
            second::News::Named(label) => {
                second.label = label;
                last.clone_from(&cx.shared.beside);
            }
            second::News::Predicted(chunk) => second.answers.append(chunk, &t.loaded.trace),
            second::News::Failed(problem) => {
                let Some(mut old) = before.take() else {
                    cx.shared.beside = None;
                    cx.say(format!("no second row: {problem}"));
                    return;
                };
                cx.shared.beside = Some(old.who().into());
                cx.say(format!("{problem} (the second row is still {})", old.label));
                // Answers that were still on their way were given up for the failed one: then they
                // are asked for again.
                let whole = old.answers.events_done == t.trace().len();
                old.follow(t.answers.row(), t.trace());
                asked.settle(old.who().into());
                t.second = whole.then_some(old);
            }
        }
    }
}
