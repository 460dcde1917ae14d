//! The application as a pure state machine: `update(Msg) -> Vec<Effect>`. Every decision of the
//! user interface is made here; nothing here reads a file, looks at a clock, starts a thread or
//! knows the terminal.

pub mod answers;
pub mod columns;
pub mod commands;
pub mod compare;
pub mod entry;
pub mod filter;
pub mod footer;
pub mod help;
pub mod home;
pub mod input;
pub mod keys;
pub mod layout;
pub mod list;
pub mod mistakes;
pub mod over;
pub mod prompt;
pub mod recording;
pub mod screen;
pub mod second;
pub mod session;
pub mod settings;
pub mod tab;
pub mod tasks;
pub mod ticket;
pub mod time;
pub mod timeline;
pub mod tour;
pub mod traces;
pub mod train;
pub mod view;
pub mod viewer;
pub mod waits;
pub mod words;

mod messages;
#[cfg(test)]
mod tests;

pub use messages::{Effect, Msg};
pub use prompt::{Ask, Prompt};
pub use screen::{Context, Opened, Screen, Shared, Wish};
pub use tab::{TABS, Tab};
pub use viewer::Open;

use crate::trace::{Nanos, ThreadIx};
use crate::train::TrainConfig;
use compare::Compare;
use input::{Key, Mouse, MouseKind};
use keys::Action;
use layout::Layout;
use mistakes::Mistakes;
use over::Over;
use settings::Settings;
use std::path::{Path, PathBuf};
use tasks::Tasks;
use timeline::Timeline;
use traces::Traces;
use train::Train;
use viewer::Viewer;
use waits::Waits;

/// All state of the user interface.
#[derive(Debug)]
pub struct App {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen shown.
    pub tab: Tab,
    /// What the screens share.
    pub shared: Shared,
    /// The open recording.
    pub viewer: Viewer,
    /// Training runs.
    pub train: Train,
    /// Wrong predictions.
    pub mistakes: Mistakes,
    /// What can be opened.
    pub traces: Traces,
    /// Who waited for a CPU.
    pub waits: Waits,
    /// Where the time of each thread went.
    pub tasks: Tasks,
    /// What differs between two recordings.
    pub compare: Compare,
    /// What lies over the screens or below them.
    pub over: Over,
    /// One line of news; gone at the next key.
    pub message: Option<String>,
    /// The program shall end.
    pub quit: bool,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

/// The screens, one by one.
pub struct Screens<'a> {
    viewer: &'a mut Viewer,
    train: &'a mut Train,
    mistakes: &'a mut Mistakes,
    traces: &'a mut Traces,
    waits: &'a mut Waits,
    tasks: &'a mut Tasks,
    compare: &'a mut Compare,
}

impl<'a> Screens<'a> {
    /// The one of this tab.
    fn of(self, tab: Tab) -> &'a mut dyn Screen {
        match tab {
            Tab::Timeline => self.viewer,
            Tab::Train => self.train,
            Tab::Mistakes => self.mistakes,
            Tab::Traces => self.traces,
            Tab::Waits => self.waits,
            Tab::Tasks => self.tasks,
            Tab::Compare => self.compare,
        }
    }
}

impl App {
    /// The application at start, and what it wants done first.
    pub fn new(given: Vec<PathBuf>, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut app = Self {
            size,
            tab: Tab::Timeline,
            shared: Shared::default(),
            viewer: Viewer::default(),
            train: Train::new(),
            mistakes: Mistakes::default(),
            traces: Traces::new(given.clone()),
            waits: Waits::default(),
            tasks: Tasks::default(),
            compare: Compare::default(),
            over: Over::default(),
            message: None,
            quit: false,
            signal: None,
        };
        let first = given.first().map(|first| app.viewer.open_path(first.clone(), false));
        (app, first.into_iter().chain([Effect::List { given }]).collect())
    }

    /// The timeline, when a recording is open.
    pub fn timeline(&self) -> Option<&Timeline> {
        self.viewer.timeline()
    }

    /// The screen that is shown.
    pub fn screen(&self) -> &dyn Screen {
        self.screen_of(self.tab)
    }

    /// The screen of a tab.
    pub fn screen_of(&self, tab: Tab) -> &dyn Screen {
        match tab {
            Tab::Timeline => &self.viewer,
            Tab::Train => &self.train,
            Tab::Mistakes => &self.mistakes,
            Tab::Traces => &self.traces,
            Tab::Waits => &self.waits,
            Tab::Tasks => &self.tasks,
            Tab::Compare => &self.compare,
        }
    }

    /// True while time must be told to [`Self::update`].
    pub fn wants_ticks(&self) -> bool {
        self.timeline().is_some_and(|t| t.cursor.is_playing())
    }

    /// Where things are on the timeline screen.
    pub fn layout(&self) -> Layout {
        self.viewer.layout(self.room())
    }

    /// Calls screens with what they may know and change, then grants what they wished.
    fn call(&mut self, act: impl FnOnce(Screens, &mut Context)) -> Vec<Effect> {
        let (open, room) = (self.viewer.opened_for_others(), self.room());
        let mut cx = Context::new(room, self.tab, open, &mut self.shared);
        let Self { viewer, train, mistakes, traces, waits, tasks, compare, .. } = self;
        act(Screens { viewer, train, mistakes, traces, waits, tasks, compare }, &mut cx);
        let Context { mut effects, wishes, message, unsaid, .. } = cx;
        self.message.take_if(|said| Some(said.as_str()) == unsaid);
        self.message = message.or(self.message.take());
        effects.extend(wishes.into_iter().filter_map(|wish| self.grant(wish)));
        effects
    }

    fn grant(&mut self, wish: Wish) -> Option<Effect> {
        match wish {
            Wish::Show(tab) => self.show(tab),
            Wish::Ask(ask) => {
                if ask.is_who() {
                    self.train.want_kept();
                }
                self.over.prompt = Some(Prompt::new(ask));
            }
            Wish::Propose(ask, who) => {
                self.train.want_kept();
                self.over.prompt = Some(Prompt::proposing(ask, who.into()));
            }
            Wish::Open(path, plays) => return Some(self.viewer.open_path(path, plays)),
            Wish::Compare(asked) => {
                let known = |e: &&traces::Entry| e.path == asked || Path::new(&e.name) == asked;
                let path = self.traces.entries.iter().find(known).map(|e| e.path.clone());
                self.compare.choose(path.unwrap_or(asked));
                self.show(Tab::Compare);
            }
            Wish::GoTo(path, event) => {
                self.leave_wait(None);
                self.tab = Tab::Timeline;
                return self.viewer.go_to(&path, event);
            }
            Wish::Wait(span) => {
                self.show(Tab::Timeline);
                if let Some(t) = self.viewer.timeline_mut() {
                    self.waits.lit = Some(t.show_wait(span, self.waits.lit));
                }
            }
            Wish::Waits(filter) => {
                self.waits.show_only(filter);
                self.show(Tab::Waits);
            }
            Wish::Hits(window) => {
                if let Some(t) = self.viewer.timeline() {
                    self.tasks.take_hits(t.answers.hits(&t.loaded.trace, window));
                }
            }
            Wish::Pin(thread) => {
                self.leave_wait(Some(thread));
                if let Some(t) = self.viewer.timeline_mut() {
                    t.pin(thread);
                    self.tab = Tab::Timeline;
                }
            }
            Wish::Home => {
                self.show(Tab::Timeline);
                self.home_page(home::Page::Menu);
            }
            Wish::Uncover => self.over.uncover(),
            Wish::Quit => self.quit = true,
        }
        None
    }

    /// Something else than the wait that was shown is wanted on the timeline; the row of `kept`
    /// stays.
    fn leave_wait(&mut self, kept: Option<ThreadIx>) {
        if let Some((mut lit, t)) = self.waits.lit.take().zip(self.viewer.timeline_mut()) {
            if let Some(thread) = kept {
                lit.keep(thread);
            }
            t.leave_wait(lit);
        }
    }

    fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.call(|s, _| s.of(tab).enter());
    }

    /// Takes a fact; returns what is to be done outside.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let remembered = self.opened_by_hand(&msg);
        let mut effects = match msg {
            Msg::Key(key) => self.key(key),
            Msg::Mouse(mouse) => self.mouse(mouse),
            Msg::Completed { ticket, text } => {
                self.completed(ticket, text);
                Vec::new()
            }
            Msg::Resized(w, h) => {
                self.size = (w, h);
                Vec::new()
            }
            Msg::Terminated(signal) => {
                self.signal = self.signal.or(signal);
                self.leave()
            }
            msg => self.call(|mut s, cx| take(&mut s, msg, cx)),
        };
        effects.extend(self.want_tour());
        for about in TABS {
            effects.extend(self.call(|s, cx| s.of(about.tab).wants(cx)));
        }
        effects.extend(remembered);
        effects
    }

    /// A recording that is to be remembered: one that the user opened, and that could be read.
    fn opened_by_hand(&self, msg: &Msg) -> Option<Effect> {
        match msg {
            Msg::Opened { ticket, path, result: Ok(_) }
                if self.viewer.counts(*ticket) && self.viewer.was_asked() && !self.is_touring() =>
            {
                Some(Effect::Remember(path.clone()))
            }
            _ => None,
        }
    }

    fn leave(&mut self) -> Vec<Effect> {
        self.call(|s, cx| s.traces.recorder.leave(cx))
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        self.message = None;
        if key == Key::Ctrl('c') {
            return self.leave();
        }
        if self.over.prompt.is_some() {
            return self.prompt_key(key);
        }
        if self.over.palette.is_some() {
            return self.palette_key(key);
        }
        let (tab, mut taken) = (self.tab, false);
        if self.over.help.is_none() && self.over.card.is_none() {
            let effects = self.call(|s, cx| taken = s.of(tab).type_key(key, cx));
            if taken {
                return effects;
            }
        }
        let key = self.shared.settings.key(key);
        if self.over.help.is_some() {
            if let Some(action) = keys::look_up(key, self.screen().keys()) {
                self.help_act(action);
            }
            return Vec::new();
        }
        if self.over.card.is_some() {
            return self.card_key(key);
        }
        keys::look_up(key, self.contexts()).map(|action| self.act(action)).unwrap_or_default()
    }

    /// An order while the `?` page is shown: it scrolls, shows the page of another screen, or is
    /// closed.
    fn help_act(&mut self, action: Action) {
        if let Action::Tab(tab) = action {
            self.over.card = None;
            self.show(tab);
            self.over.help = Some(0);
            return;
        }
        let last = help::Page::new(self.size, self.tab, &self.shared.settings).last();
        let at = self.over.help.unwrap_or(0).min(last);
        self.over.help =
            list::rows(action, list::PAGE).map(|by| at.saturating_add_signed(by).min(last));
    }

    fn mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        if layout::too_small(self.size) || self.over.blocks() {
            return Vec::new();
        }
        if mouse.kind == MouseKind::Down && mouse.y == 0 {
            let hit = layout::tabs(self.size.0)
                .into_iter()
                .find(|(x, w, ..)| mouse.x >= *x && mouse.x - x < *w);
            return hit.map(|(.., tab, _)| self.act(Action::Tab(tab))).unwrap_or_default();
        }
        if mouse.y + 1 == self.size.1 && !self.asks_below() {
            return if mouse.kind == MouseKind::Down {
                self.footer_click(mouse.x)
            } else {
                Vec::new()
            };
        }
        if self.over.card.is_some() && mouse.y + 1 >= self.room().1 {
            return self.card_mouse(mouse);
        }
        let tab = self.tab;
        self.call(|s, cx| s.of(tab).mouse(mouse, cx))
    }

    /// Follows an order. Orders that make no sense now do nothing.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit => return self.leave(),
            Action::Help => self.over.help = Some(0),
            Action::Tab(tab) => {
                self.over.card = None;
                self.show(tab);
            }
            Action::Tour => self.begin_tour(),
            Action::Palette => self.open_palette(),
            Action::Home => self.home_page(home::Page::Menu),
            Action::Results => self.home_page(home::Page::Results),
            Action::OpenFile => self.over.prompt = Some(Prompt::new(Ask::Open)),
            Action::Record if self.tab != Tab::Traces || self.over.card.is_some() => {
                let from_home = matches!(self.over.card.take(), Some(over::Card::Home(_)));
                self.show(Tab::Traces);
                return self.call(|s, cx| {
                    s.traces.recorder.ask(true, cx);
                    s.traces.recorder.from_home = from_home;
                });
            }
            action => {
                let (tab, mut done) = (self.tab, false);
                // A list that is walked comes before what the timeline would go to.
                if let (Tab::Timeline, Action::NextMiss | Action::PrevMiss, Some(of)) =
                    (tab, action, self.shared.walk)
                {
                    let effects =
                        self.call(|s, cx| done = s.of(of).walk(action == Action::NextMiss, cx));
                    if done {
                        return effects;
                    }
                }
                return self.call(|s, cx| s.of(tab).act(action, cx));
            }
        }
        Vec::new()
    }

    /// Takes what the user set.
    pub fn set(&mut self, settings: Settings) {
        self.traces.listing.columns = settings.columns_of(Tab::Traces);
        self.mistakes.listing.columns = settings.columns_of(Tab::Mistakes);
        self.waits.listing.columns = settings.columns_of(Tab::Waits);
        self.tasks.listing.columns = settings.columns_of(Tab::Tasks);
        self.compare.listing.columns = settings.columns_of(Tab::Compare);
        self.shared.settings = settings;
    }

    /// Shows this predictor, run or model file in the second row from the next message on.
    pub fn show_beside(&mut self, who: PathBuf) {
        self.shared.beside = Some(who);
    }

    /// Sets up a run without the form.
    pub fn train_anew(&mut self, config: TrainConfig) -> Vec<Effect> {
        self.train.add(config);
        self.call(|s, cx| s.train.wants(cx))
    }

    /// Shows the window of `width` ns at `start` with the playhead in its middle. For benchmarks
    /// and tests of drawing.
    pub fn look_at(&mut self, start: u64, width: u64) {
        if let Some(t) = self.viewer.timeline_mut() {
            t.view = t.view.at(start, width);
            t.cursor.seek(Nanos(t.view.start + t.view.width / 2));
            t.follow_playhead();
            t.looks.colours.look(&t.loaded.trace, &t.loaded.pyramid, t.view);
        }
    }
}

/// Gives a fact to the screen that it is for.
fn take(s: &mut Screens, msg: Msg, cx: &mut Context) {
    match msg {
        Msg::Listed { entries, problem } => {
            let idle = matches!(s.viewer.open, Open::Nothing);
            s.traces.listed(entries, problem, idle, cx);
        }
        Msg::Opened { ticket, path, result } if s.viewer.counts(ticket) => {
            s.traces.opened(&path, &result);
            s.viewer.opened(path, result, cx.size);
            if let (Some(speed), Some(timeline)) =
                (cx.shared.settings.speed, s.viewer.timeline_mut())
            {
                timeline.cursor.set_speed(speed);
            }
        }
        Msg::Mistakes(news) => s.mistakes.take(news, cx),
        Msg::Waits(news) => s.waits.take(news, cx),
        Msg::Tasks(news) => s.tasks.take(news, cx),
        Msg::Compare(news) => s.compare.take(news, cx),
        Msg::Train(news) => s.train.take(news, cx),
        Msg::Recorder(news) => {
            if let Some(entry) = s.traces.recorder.take(news, cx) {
                s.traces.add(entry);
            }
        }
        msg => s.viewer.take(msg, cx),
    }
}
