//! What a screen is. Each has its own state; it is told keys and facts, reads what all may know and
//! changes what all share through a [`Context`], and asks for the rest: orders to the outside, and
//! wishes that the application grants. No screen knows another one.

use super::Effect;
use super::input::{Key, Mouse};
use super::keys::{Action, Contexts};
use super::prompt::Ask;
use super::settings::Settings;
use super::tab::Tab;
use super::timeline::Loaded;
use super::train::live::Live;
use super::waits::Span;
use crate::predictor::weights::Weights;
use crate::stats::column::Expr;
use crate::stats::{Table, Window};
use crate::trace::ThreadIx;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A screen of the interface.
pub trait Screen {
    /// Where its keys are looked up now.
    fn keys(&self) -> Contexts;

    /// Whose keys the last row shows, when that is less than what is looked up.
    fn offers(&self) -> Contexts {
        self.keys()
    }

    /// It is looked at.
    fn enter(&mut self) {}

    /// Takes a key as it was pressed, before it is looked up: true while something is typed.
    fn type_key(&mut self, _key: Key, _cx: &mut Context) -> bool {
        false
    }

    /// Follows an order. Orders that make no sense now do nothing.
    fn act(&mut self, action: Action, cx: &mut Context);

    /// Takes the mouse.
    fn mouse(&mut self, mouse: Mouse, cx: &mut Context);

    /// Takes the answer to a question that it wished to be asked.
    fn answer(&mut self, _ask: Ask, _text: &str, _cx: &mut Context) {}

    /// Its list is walked on the timeline: goes to what comes next there. False when it has no list
    /// of the open recording.
    fn walk(&mut self, _forward: bool, _cx: &mut Context) -> bool {
        false
    }

    /// In a few words the list that is walked, for the timeline.
    fn walked(&self) -> Option<String> {
        None
    }

    /// True when its list has something in this stretch of this recording: a mark on the timeline
    /// while it is walked.
    fn lists(&self, _recording: &Path, _from: u64, _to: u64) -> bool {
        false
    }

    /// Orders what it shows and has not asked for. Called after every message, whichever screen is
    /// shown.
    fn wants(&mut self, _cx: &mut Context) {}
}

/// What all screens share; any of them may change it.
#[derive(Debug, Default)]
pub struct Shared {
    /// The model that a run gave to everything: the run's name. `None`: the bundled one.
    pub model: Option<(String, Arc<Weights>)>,
    /// The weights that predict the visible stretch of the recording in its place.
    pub live: Option<Live>,
    /// Whom the second prediction row shows: a predictor's name, a run or a model file; `None`:
    /// there is no such row.
    pub beside: Option<PathBuf>,
    /// Recordings chosen to be looked at together; empty: the open one.
    pub chosen: Vec<PathBuf>,
    /// The screen whose list `n` and `N` follow on the timeline.
    pub walk: Option<Tab>,
    /// Text for the terminal's clipboard; the terminal takes it.
    pub copy: Option<String>,
    /// What the user set.
    pub settings: Settings,
}

/// The open recording, as other screens than the timeline know it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The recording.
    pub loaded: Arc<Loaded>,
    /// The two marks in ns, the earlier first, when both are set.
    pub marks: Option<[u64; 2]>,
    /// The first mark in ns, when there is one.
    pub mark: Option<u64>,
    /// The selected switch, as its index among all events.
    pub event: Option<usize>,
    /// The current model has answered everything.
    pub predicted: bool,
    /// Its waits, if they are known already.
    pub waits: Option<Arc<Table>>,
}

impl Opened {
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.loaded.path
    }
}

/// Something that only the application can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Show this screen.
    Show(Tab),
    /// Ask for something at the bottom of the screen; the answer comes by [`Screen::answer`].
    Ask(Ask),
    /// The same, with an answer that Enter takes.
    Propose(Ask, &'static str),
    /// Open a recording; it plays when the flag is set.
    Open(PathBuf, bool),
    /// Compare the open recording with this one: the name of one on the Traces screen, or a file.
    Compare(PathBuf),
    /// Show this event of this recording on the timeline.
    GoTo(PathBuf, usize),
    /// Show this wait of the open recording on the timeline, with the marks at its ends.
    Wait(Span),
    /// Show the waits of which this is true.
    Waits(Expr),
    /// Count, per thread, the decisions in this window that the Timeline's model was asked about,
    /// and its hits.
    Hits(Window),
    /// Give this thread of the open recording a row on the timeline, and show it.
    Pin(ThreadIx),
    /// Show home.
    Home,
    /// Nothing stands in the way any more: no help page, no question.
    Uncover,
    /// End the program.
    Quit,
}

/// What a screen is given with every call.
pub struct Context<'a> {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen that is shown.
    pub tab: Tab,
    /// The open recording.
    pub open: Option<Opened>,
    /// What all screens share.
    pub shared: &'a mut Shared,
    pub(super) effects: Vec<Effect>,
    pub(super) wishes: Vec<Wish>,
    pub(super) message: Option<String>,
    /// What was said and is not so any more.
    pub(super) unsaid: Option<&'static str>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        size: (u16, u16),
        tab: Tab,
        open: Option<Opened>,
        shared: &'a mut Shared,
    ) -> Self {
        Self {
            size,
            tab,
            open,
            shared,
            effects: Vec::new(),
            wishes: Vec::new(),
            message: None,
            unsaid: None,
        }
    }

    /// Says a line of news; of several the last one.
    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some(text.into());
    }

    /// This line of news, should it still be shown, is not so any more.
    pub fn unsay(&mut self, text: &'static str) {
        self.unsaid = Some(text);
    }

    /// Orders something of the outside.
    pub fn order(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Wishes something of the application, which grants it after the call.
    pub fn wish(&mut self, wish: Wish) {
        self.wishes.push(wish);
    }
}
