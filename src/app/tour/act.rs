//! The tour as it is walked: keys, what each stop asks for, what the screens are made to show.

use super::Stop;
use super::finds::Finds;
use crate::app::answers::AnswerRow;
use crate::app::keys::Action;
use crate::app::over::Card;
use crate::app::tab::Tab;
use crate::app::timeline::{Pane, Timeline};
use crate::app::traces::{Entry, FIRST};
use crate::app::{App, Effect, Open};
use std::path::PathBuf;

impl App {
    /// Begins the tour.
    pub(in crate::app) fn begin_tour(&mut self) {
        self.over.uncover();
        self.over.card = Some(Card::Tour(Box::default()));
    }

    /// An order while the tour is shown. Others than its own belong to the screen, or end it.
    pub(in crate::app) fn tour_act(&mut self, action: Option<Action>) -> Vec<Effect> {
        let Some(Card::Tour(tour)) = &mut self.over.card else { return Vec::new() };
        match action {
            Some(Action::NextStop) if !tour.go(1) => {
                self.end_tour();
                self.home_page(crate::app::home::Page::Menu);
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
    pub(in crate::app) fn want_tour(&mut self) -> Vec<Effect> {
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
        let looked = self.looked_for_an_example(stop);
        let ready = (finds.is_some() && looked) || matches!(stop, Stop::Wait | Stop::Training);
        if ready {
            tour.words = Some(stop.words(finds.as_ref()));
        }
        // The card's height is known before the screens are arranged.
        self.over.card = Some(Card::Tour(tour));
        if ready {
            self.put(stop, finds.as_ref());
        }
    }

    /// A pick in which the rule is well seen was looked for, where a stop is about one.
    fn looked_for_an_example(&mut self, stop: Stop) -> bool {
        let Some(t) = self.viewer.timeline_mut().filter(|_| stop == Stop::Why) else { return true };
        t.causes.kernel.wants_example = true;
        t.causes.kernel.example.is_some()
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
                let example = self.timeline().and_then(|t| t.causes.kernel.example.flatten());
                let event = finds.and_then(|f| match stop {
                    Stop::Decision | Stop::Seen => f.right.as_ref().map(|d| d.event),
                    Stop::Why if example.is_some() => example,
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
    t.panes.room = crate::app::layout::Room::Some;
}

/// The recording that it walks through.
fn recording(entries: &[Entry]) -> Option<PathBuf> {
    let bundled = || entries.iter().filter(|e| !e.split.is_empty());
    bundled()
        .find(|e| e.name == FIRST)
        .or_else(|| bundled().min_by_key(|e| e.bytes))
        .map(|e| e.path.clone())
}
