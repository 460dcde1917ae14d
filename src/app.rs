//! The application as a pure state machine: `update(Msg) -> Vec<Effect>`. Every decision of the user interface is made
//! here; nothing here reads a file, looks at a clock, starts a thread or knows the terminal.

pub mod answers;
pub mod help;
pub mod input;
pub mod keys;
pub mod layout;
pub mod mistakes;
pub mod recording;
pub mod second;
pub mod time;
pub mod timeline;
pub mod traces;
pub mod train;
pub mod view;

mod act;
mod messages;
mod mouse;
mod prompt;
#[cfg(test)]
mod tests;

pub use messages::{Effect, Msg};
pub use prompt::{Ask, Prompt};

use crate::features::Extractor;
use crate::trace::Nanos;
use input::Key;
use keys::Action;
use layout::Layout;
use mistakes::Mistakes;
use std::path::PathBuf;
use std::sync::Arc;
use timeline::{Loaded, Pane, Timeline};
use traces::{Entry, Traces};
use train::Train;

/// The screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The open recording.
    #[default]
    Timeline,
    /// Training runs.
    Train,
    /// Wrong predictions.
    Mistakes,
    /// What can be opened.
    Traces,
}

impl Tab {
    /// All, in their order on the first row.
    pub const ALL: [Self; 4] = [Self::Timeline, Self::Train, Self::Mistakes, Self::Traces];

    /// The key that leads to it.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    fn context(self) -> keys::Contexts {
        match self {
            Self::Timeline => keys::TIMELINE,
            Self::Train => keys::TRAIN,
            Self::Mistakes => keys::MISTAKES,
            Self::Traces => keys::TRACES,
        }
    }
}

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

/// All state of the user interface.
#[derive(Debug)]
pub struct App {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen shown.
    pub tab: Tab,
    /// The open recording.
    pub open: Open,
    /// What can be opened.
    pub traces: Traces,
    /// Recording: the dialog and the run.
    pub recorder: recording::Recorder,
    /// Training runs.
    pub train: Train,
    /// Wrong predictions.
    pub mistakes: Mistakes,
    /// Whom the second prediction row shows.
    pub beside: second::Beside,
    /// A question being answered at the bottom of the screen.
    pub prompt: Option<Prompt>,
    /// The `?` page is shown.
    pub help: bool,
    /// First line of the `?` page.
    pub help_scroll: usize,
    /// One line of news; gone at the next key.
    pub message: Option<String>,
    /// The program shall end.
    pub quit: bool,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    generation: u64,
    given: Vec<PathBuf>,
    /// Play as soon as the recording is there: a start without arguments shows something alive.
    play_when_open: bool,
}

impl App {
    /// The application at start, and what it wants done first.
    pub fn new(given: Vec<PathBuf>, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut app = Self {
            size,
            tab: Tab::Timeline,
            open: Open::Nothing,
            traces: Traces::default(),
            recorder: recording::Recorder::default(),
            train: Train::new(),
            mistakes: Mistakes::default(),
            beside: second::Beside::default(),
            prompt: None,
            help: false,
            help_scroll: 0,
            message: None,
            quit: false,
            signal: None,
            generation: 0,
            play_when_open: given.is_empty(),
            given: given.clone(),
        };
        let mut effects = Vec::new();
        if let Some(first) = given.first() {
            effects.push(app.open_path(first.clone()));
        }
        effects.push(Effect::List { given });
        (app, effects)
    }

    /// The timeline, when a recording is open.
    pub fn timeline(&self) -> Option<&Timeline> {
        match &self.open {
            Open::Ready(timeline) => Some(timeline),
            _ => None,
        }
    }

    fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        match &mut self.open {
            Open::Ready(timeline) => Some(timeline),
            _ => None,
        }
    }

    /// True while time must be told to [`Self::update`].
    pub fn wants_ticks(&self) -> bool {
        self.timeline().is_some_and(|t| t.cursor.is_playing())
    }

    /// Where things are on the timeline screen.
    pub fn layout(&self) -> Layout {
        let cpus = self.timeline().map_or(1, |t| t.trace().cpus());
        let context = self.timeline().is_some_and(|t| t.pane == Pane::Context);
        let rows = 1 + usize::from(self.timeline().is_some_and(|t| t.second.is_some()));
        Layout::timeline(self.size, cpus, rows, context)
    }

    /// Takes a fact; returns what is to be done outside.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let mut effects = Vec::new();
        match msg {
            Msg::Key(key) => effects.extend(self.key(key)),
            Msg::Mouse(mouse) => effects.extend(self.mouse(mouse)),
            Msg::Resized(w, h) => self.size = (w, h),
            Msg::Tick { now } => {
                if let Some(t) = self.timeline_mut() {
                    t.tick(now);
                }
            }
            Msg::Listed { entries, problem } => effects.extend(self.listed(entries, problem)),
            Msg::Opened { generation, path, result } if generation == self.generation => {
                effects.extend(self.opened(path, result));
            }
            Msg::Predicted { generation, chunk } if generation == self.generation => {
                if let Some(t) = self.timeline_mut() {
                    let loaded = Arc::clone(&t.loaded);
                    t.answers.append(chunk, &loaded.trace);
                }
            }
            Msg::NoModel { generation, problem } if generation == self.generation => {
                if let Some(t) = self.timeline_mut() {
                    t.answers.no_model = Some(problem);
                }
            }
            Msg::PredictionFailed { generation, problem } if generation == self.generation => {
                if let Some(t) = self.timeline_mut() {
                    t.answers.failed = Some(problem);
                }
            }
            Msg::Inspected { generation, event, by, result } if generation == self.generation => {
                if let Some(t) = self.timeline_mut() {
                    match result {
                        Ok(inspection) => {
                            t.inspection = Some(inspection);
                            t.inspected_by = by;
                            t.inspection_failed = None;
                        }
                        Err(problem) if t.asked.as_ref().is_some_and(|(asked, _)| *asked == event) => {
                            t.inspection_failed = Some(problem);
                        }
                        Err(_) => {}
                    }
                }
            }
            Msg::Looked { generation, label, stretch } if generation == self.generation => self.looked(label, stretch),
            // Answers to a recording that is no longer open.
            Msg::Opened { .. }
            | Msg::Predicted { .. }
            | Msg::NoModel { .. }
            | Msg::PredictionFailed { .. }
            | Msg::Inspected { .. }
            | Msg::Looked { .. } => {}
            Msg::Second { serial, news } => self.second_news(serial, news),
            Msg::Mistakes(news) => self.message = self.mistakes.take(news).or(self.message.take()),
            Msg::Train(news) => self.train_news(news),
            Msg::Recorder(news) => effects.extend(self.recorder_news(news)),
            Msg::Terminated(signal) => {
                self.signal = self.signal.or(signal);
                effects.extend(self.leave());
            }
        }
        let visible = self.layout().visible_lanes();
        if let Some(t) = self.timeline_mut() {
            t.keep_lane_visible(visible);
        }
        self.train_effects(&mut effects);
        effects.extend(self.second_wants());
        effects.extend(self.ask_about_selection());
        effects.extend(self.mistakes_wants());
        effects
    }

    fn ask_about_selection(&mut self) -> Option<Effect> {
        let generation = self.generation;
        let t = self.timeline_mut()?;
        let wanted = t.event().map(|event| (event, t.whose().cloned()));
        let same = match (&wanted, &t.asked) {
            (Some((a, Some(by))), Some((b, Some(before)))) => a == b && by.is(before),
            (Some((a, None)), Some((b, None))) => a == b,
            (None, None) => true,
            _ => false,
        };
        if same {
            return None;
        }
        t.asked.clone_from(&wanted);
        t.inspection_failed = None;
        let (event, by) = wanted?;
        Some(Effect::Inspect { generation, trace: Arc::clone(&t.loaded.trace), event, by })
    }

    fn open_path(&mut self, path: PathBuf) -> Effect {
        self.generation += 1;
        self.open = Open::Loading(path.clone());
        Effect::Open { generation: self.generation, path }
    }

    fn listed(&mut self, entries: Vec<Entry>, problem: Option<String>) -> Option<Effect> {
        self.traces.set(entries, problem);
        let first = self.traces.entries.first()?.path.clone();
        let idle = matches!(self.open, Open::Nothing) && self.given.is_empty();
        idle.then(|| self.open_path(first))
    }

    fn opened(&mut self, path: PathBuf, result: Result<Arc<Loaded>, String>) -> Option<Effect> {
        if let Some(entry) = self.traces.of_path(&path) {
            match &result {
                Ok(loaded) => {
                    let meta = loaded.trace.meta();
                    entry.events = Some(loaded.trace.len() as u64);
                    entry.cpus = loaded.trace.cpus() as u16;
                    entry.workload.clone_from(&meta.workload);
                    if entry.kernel.is_empty() && !meta.kernel.is_empty() {
                        entry.kernel = format!("{} {}", meta.kernel, meta.scheduler.label());
                    }
                    entry.notes.clone_from(&loaded.notes);
                    entry.error = None;
                }
                Err(problem) => entry.error = Some(problem.clone()),
            }
        }
        match result {
            Err(problem) => {
                self.open = Open::Failed(path, problem);
                None
            }
            Ok(loaded) => {
                let trace = Arc::clone(&loaded.trace);
                let cols = Layout::timeline(self.size, trace.cpus(), 1, false).cols();
                let mut timeline = Timeline::new(loaded, cols);
                if std::mem::take(&mut self.play_when_open) {
                    // A recording begins with its workload being set up: show what came after.
                    let first = Extractor::WARM_UP.min(trace.len() / 10);
                    if first > 0 {
                        timeline.seek(trace.time(first));
                    }
                    timeline.cursor.toggle();
                }
                self.open = Open::Ready(Box::new(timeline));
                self.arrive();
                self.predict()
            }
        }
    }

    fn key(&mut self, key: Key) -> Option<Effect> {
        self.message = None;
        if key == Key::Ctrl('c') {
            return self.leave();
        }
        if self.prompt.is_some() {
            self.prompt_key(key);
            return None;
        }
        if self.typing() {
            return self.dialog_key(key);
        }
        if self.tab == Tab::Mistakes && self.mistakes.editing {
            self.mistakes.type_key(key);
            return None;
        }
        if self.train_key(key) {
            return None;
        }
        let action = keys::look_up(key, self.recording_context().unwrap_or(self.tab.context()))?;
        if self.help {
            match action {
                Action::Up => self.scroll_help(-1),
                Action::Down => self.scroll_help(1),
                Action::PageUp => self.scroll_help(-8),
                Action::PageDown => self.scroll_help(8),
                Action::Start => self.scroll_help(isize::MIN),
                Action::End => self.scroll_help(isize::MAX),
                _ => self.help = false,
            }
            return None;
        }
        self.act(action)
    }

    fn scroll_help(&mut self, by: isize) {
        let last = help::Page::new(self.size).last();
        self.help_scroll = self.help_scroll.min(last).saturating_add_signed(by).min(last);
    }

    /// Follows an order. Orders that make no sense now do nothing.
    pub fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => return self.leave(),
            Action::Help => {
                self.help = true;
                self.help_scroll = 0;
            }
            Action::Tab(1) => self.tab = Tab::Timeline,
            Action::Tab(2) => {
                self.tab = Tab::Train;
                self.train.enter();
            }
            Action::Tab(3) => self.tab = Tab::Mistakes,
            Action::Tab(_) => self.tab = Tab::Traces,
            _ if self.recording_context().is_some() => return self.act_on_recording(action),
            Action::Record => return self.ask_for_recording(),
            _ if self.tab == Tab::Mistakes => return self.act_on_mistakes(action),
            _ if self.tab == Tab::Traces => return self.act_on_list(action),
            _ if self.tab == Tab::Train => self.act_on_train(action),
            Action::Find => self.prompt = Some(Prompt::new(Ask::Find)),
            Action::Seek => self.prompt = Some(Prompt::new(Ask::Seek)),
            Action::Second => self.toggle_second(),
            Action::AskSecond => self.ask_for_second(),
            _ => self.act_on_timeline(action),
        }
        None
    }

    fn act_on_list(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Up => self.traces.select(-1),
            Action::Down => self.traces.select(1),
            Action::PageUp => self.traces.select(-8),
            Action::PageDown => self.traces.select(8),
            Action::Start => self.traces.select(isize::MIN),
            Action::End => self.traces.select(isize::MAX),
            Action::Back => self.tab = Tab::Timeline,
            Action::Mistakes(mistakes::Do::Choose) => self.choose_recording(),
            Action::Open => {
                let path = self.traces.current()?.path.clone();
                self.tab = Tab::Timeline;
                self.play_when_open = false;
                return Some(self.open_path(path));
            }
            _ => {}
        }
        None
    }
}

impl App {
    /// Shows the window of `width` ns at `start` with the playhead in its middle. For benchmarks and tests of drawing.
    pub fn look_at(&mut self, start: u64, width: u64) {
        if let Some(t) = self.timeline_mut() {
            t.view = t.view.at(start, width);
            t.cursor.seek(Nanos(t.view.start + t.view.width / 2));
            t.follow_playhead();
        }
    }
}
