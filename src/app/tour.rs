//! The tour: six stops on a small bundled recording. Each puts the real screens into a real state
//! and says in two or three sentences what is seen. What a stop shows is found in the network's
//! answers, so that it is right whatever the model is.

mod finds;

use super::answers::AnswerRow;
use super::help::wrap;
use super::keys::Action;
use super::over::Card;
use super::tab::Tab;
use super::timeline::{Pane, Timeline};
use super::traces::{Entry, FIRST};
use super::{App, Effect, Open};
use finds::Finds;
use std::path::PathBuf;

/// A stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// A decision that the network foresaw.
    #[default]
    Decision,
    /// What it was given to foresee it.
    Seen,
    /// One that it did not.
    Miss,
    /// Why the kernel chose as it did.
    Why,
    /// Who had to wait.
    Wait,
    /// A network of one's own.
    Training,
}

impl Stop {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Decision, Self::Seen, Self::Miss, Self::Why, Self::Wait, Self::Training];

    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Decision => "a decision",
            Self::Seen => "what the network saw",
            Self::Miss => "a miss",
            Self::Why => "why the kernel chose",
            Self::Wait => "a wait",
            Self::Training => "training",
        }
    }

    /// What is said of it once it is shown; `finds` are the decisions that stops 1 to 4 are about.
    fn words(self, finds: Option<&Finds>) -> String {
        let (right, missed) =
            (finds.and_then(|f| f.right.as_ref()), finds.and_then(|f| f.missed.as_ref()));
        match self {
            Self::Decision => right.map_or_else(
                || {
                    "At every switch the kernel chooses who comes in. The pane lists who could \
                    have."
                        .into()
                },
                |d| {
                    format!(
                        "At the playhead {} leaves {}, and {} tasks want it. The network gave {} a \
                         probability of {:.2}, and that one came in (●): a hit. The pane lists all \
                         candidates, with how long each had waited.",
                        d.out, d.cpu, d.candidates, d.real, d.p
                    )
                },
            ),
            Self::Seen => "These events are all that the network knew, the newest first. It sees \
                           who ran, woke up and waited, and for how long; never who comes in, and \
                           no task's name or number. So it works on tasks it has never met."
                .into(),
            Self::Miss => missed.map_or_else(
                || {
                    "✗ marks a decision that the network got wrong; there is none to show here."
                        .into()
                },
                |d| {
                    format!(
                        "✗ is a miss: the network expected {}, at {:.2}, and the kernel took {}, \
                         to which it had given {:.2}. On the Timeline n leads from miss to miss, \
                         and 3 lists all of them with what they have in common.",
                        d.expected, d.p, d.real, d.p_real
                    )
                },
            ),
            Self::Why => "The kernel does not guess, it has a rule. Lag is what the CPU owes a \
                          task: who has had more than its share may not come in, and of the others \
                          the one with the earliest deadline does. e shows this for any decision."
                .into(),
            Self::Wait => "5 lists every time in which a task could run and had no CPU, the \
                           longest first (+: not over yet when the recording ends); below is who \
                           ran instead. Enter shows a wait on the Timeline. For your own recording \
                           this is often the first thing to look at."
                .into(),
            Self::Training => "2 is where networks learn: n sets one up, its curves are drawn \
                               while it learns, and p lets it answer on \
                               the Timeline before it is done. That was the tour: Enter leads \
                               home, where a recording can be opened."
                .into(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tour {
    /// The stop.
    pub stop: Stop,
    /// What is said of it; `None` until it is shown.
    pub words: Option<String>,
    /// The recording, once it was asked for.
    recording: Option<PathBuf>,
    finds: Option<Finds>,
}

impl Tour {
    /// Its number, from 1.
    pub fn number(&self) -> usize {
        1 + Stop::ALL.iter().position(|stop| *stop == self.stop).unwrap_or(0)
    }

    /// The card's words in lines of this width.
    pub fn lines(&self, width: u16) -> Vec<String> {
        wrap(self.words.as_deref().unwrap_or_default(), usize::from(width))
    }

    /// Rows of the card with its border: as many for every stop, so that the screen above stays
    /// where it is.
    pub fn wanted(&self, width: u16) -> u16 {
        let most = |stop: &Stop| {
            wrap(&stop.words(self.finds.as_ref()), usize::from(width.saturating_sub(4))).len()
        };
        2 + Stop::ALL.iter().map(most).max().unwrap_or(0) as u16
    }

    fn go(&mut self, by: isize) -> bool {
        let at = (self.number() - 1).checked_add_signed(by).and_then(|at| Stop::ALL.get(at));
        at.is_some_and(|stop| {
            (self.stop, self.words) = (*stop, None);
            true
        })
    }
}

impl App {
    /// Begins the tour.
    pub(super) fn begin_tour(&mut self) {
        self.over.uncover();
        self.over.card = Some(Card::Tour(Box::default()));
    }

    /// An order while the tour is shown. Others than its own belong to the screen, or end it.
    pub(super) fn tour_act(&mut self, action: Option<Action>) -> Vec<Effect> {
        let Some(Card::Tour(tour)) = &mut self.over.card else { return Vec::new() };
        match action {
            Some(Action::NextStop) if !tour.go(1) => {
                self.end_tour();
                self.home_page(super::home::Page::Menu);
            }
            Some(Action::PrevStop) if !tour.go(-1) => {
                self.message = Some("this is the first stop".into());
            }
            Some(Action::NextStop | Action::PrevStop) => {}
            Some(Action::Back) => self.end_tour(),
            Some(
                action @ (Action::Help
                | Action::Quit
                | Action::Palette
                | Action::Up
                | Action::Down
                | Action::PageUp
                | Action::PageDown),
            ) => return self.act(action),
            Some(action @ (Action::Tab(_) | Action::Home)) => {
                self.end_tour();
                return self.act(action);
            }
            _ => self.message = Some("this is the tour: Enter goes on, p back, Esc leaves".into()),
        }
        Vec::new()
    }

    fn end_tour(&mut self) {
        self.over.card = None;
        if let Some(t) = self.viewer.timeline_mut() {
            (t.causes.kernel.shown, t.panes.focus) = (false, Pane::Lanes);
        }
        self.show(Tab::Timeline);
    }

    /// Goes on with a stop that is not shown yet, as far as what it needs is there. Called after
    /// every message.
    pub(super) fn want_tour(&mut self) -> Vec<Effect> {
        let Some(Card::Tour(tour)) = &self.over.card else { return Vec::new() };
        if tour.words.is_some() {
            return Vec::new();
        }
        let Some(path) = tour.recording.clone().or_else(|| recording(&self.traces.entries)) else {
            if self.traces.listed {
                self.over.card = None;
                self.message = Some(
                    "the tour needs a bundled recording: KORACLE_TRACES names their folder".into(),
                );
            }
            return Vec::new();
        };
        if let Some(Card::Tour(tour)) = &mut self.over.card {
            tour.recording = Some(path.clone());
        }
        match &self.viewer.open {
            Open::Ready(t) if t.loaded.path == path => {
                self.arrive();
                Vec::new()
            }
            Open::Loading(other) if *other == path => Vec::new(),
            Open::Failed(other, problem) if *other == path => {
                self.message = Some(format!("no tour: {problem}"));
                self.over.card = None;
                Vec::new()
            }
            _ => {
                self.shared.chosen.clear();
                vec![self.viewer.open_path(path, false)]
            }
        }
    }

    /// Shows the stop, once the network has answered.
    fn arrive(&mut self) {
        let Some(Card::Tour(mut tour)) = self.over.card.take() else { return };
        if let Some(t) = self.viewer.timeline_mut() {
            t.cursor.pause();
            let answered = t.answers.events_done == t.trace().len() || t.answers.failed.is_some();
            if answered && tour.finds.is_none() {
                t.answers.set_row(AnswerRow::Pick, &std::sync::Arc::clone(&t.loaded.trace));
                tour.finds = Some(Finds::of(t));
            }
        }
        let (stop, finds) = (tour.stop, tour.finds.clone());
        let ready = finds.is_some() || matches!(stop, Stop::Wait | Stop::Training);
        if ready {
            tour.words = Some(stop.words(finds.as_ref()));
        }
        // The card's height is known before the screens are arranged.
        self.over.card = Some(Card::Tour(tour));
        if ready {
            self.put(stop, finds.as_ref());
        }
    }

    /// Puts the screens into the state of a stop.
    fn put(&mut self, stop: Stop, finds: Option<&Finds>) {
        let tab = match stop {
            Stop::Wait => Tab::Waits,
            Stop::Training => Tab::Train,
            _ => Tab::Timeline,
        };
        self.show(tab);
        match stop {
            Stop::Wait => self.waits.show_all(),
            Stop::Training => {}
            _ => {
                let event = finds.and_then(|f| match stop {
                    Stop::Decision | Stop::Seen => f.right.as_ref().map(|d| d.event),
                    _ => f.missed.as_ref().map(|d| d.event),
                });
                if let Some(t) = self.viewer.timeline_mut() {
                    stand(t, stop, event);
                }
            }
        }
    }
}

/// The timeline at the decision of a stop, with the pane that it is about.
fn stand(t: &mut Timeline, stop: Stop, event: Option<usize>) {
    t.marks.clear();
    t.looks.found = None;
    if let Some(event) = event {
        t.go_to_event(event);
        // In the middle, so that what came before and comes after is seen.
        let at = t.cursor.pos().0;
        t.view = t.view.at(at.saturating_sub(t.view.width / 2), t.view.width);
    }
    t.causes.kernel.shown = stop == Stop::Why;
    t.panes.focus = if stop == Stop::Seen { Pane::Context } else { Pane::Decision };
    t.panes.room = super::layout::Room::Some;
}

/// The recording that it walks through.
fn recording(entries: &[Entry]) -> Option<PathBuf> {
    let bundled = || entries.iter().filter(|e| !e.split.is_empty());
    bundled()
        .find(|e| e.name == FIRST)
        .or_else(|| bundled().min_by_key(|e| e.bytes))
        .map(|e| e.path.clone())
}
