//! The recording dialog: its fields, what is typed into them, and what is wrong with it. Looks for
//! no machine and draws nothing.

use crate::app::input::Key;
use crate::record::hosts::{self, Host, Source, State};
use crate::record::request::{BUFFER_KB, SECONDS, Settings, What};
use crate::record::workloads::{self, Workload};
use crate::record::{Plan, Target, words};
use crate::vm::Kind;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// How this machine is called in the dialog.
pub const LOCAL: &str = "local";
/// Longest text in a field.
const LONGEST: usize = 1024;

/// Where one types, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// The machine.
    #[default]
    Host,
    /// A workload of the catalog.
    Workload,
    /// A command instead.
    Command,
    /// The longest that it may run.
    Seconds,
    /// Ring buffer of each CPU.
    Buffer,
    /// `sched_stat_runtime` too.
    Runtime,
    /// `sched_waking` too.
    Waking,
    /// The kernel's own state too.
    Truth,
    /// No workload: what happens anyway.
    Anything,
}

impl Field {
    /// All, in order.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::Workload,
        Self::Command,
        Self::Seconds,
        Self::Buffer,
        Self::Runtime,
        Self::Waking,
        Self::Truth,
        Self::Anything,
    ];

    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Workload => "workload",
            Self::Command => "command",
            Self::Seconds => "seconds",
            Self::Buffer => "buffer KB",
            Self::Runtime => "runtime",
            Self::Waking => "waking",
            Self::Truth => "truth",
            Self::Anything => "anything",
        }
    }
}

/// One line of text being edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// Characters before the caret.
    caret: usize,
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self { text: text.into(), caret: text.chars().count() }
    }
}

impl Line {
    /// What is typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is typed before the caret, and behind it.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.byte(self.caret))
    }

    fn byte(&self, caret: usize) -> usize {
        self.text.char_indices().nth(caret).map_or(self.text.len(), |(at, _)| at)
    }

    /// True when the text changed.
    fn edit(&mut self, key: Key) -> bool {
        let count = self.text.chars().count();
        match key {
            Key::Char(c) if count < LONGEST && !c.is_control() => {
                self.text.insert(self.byte(self.caret), c);
                self.caret += 1;
                return true;
            }
            Key::Backspace if self.caret > 0 => {
                self.caret -= 1;
                self.text.remove(self.byte(self.caret));
                return true;
            }
            Key::Ctrl('u') => {
                *self = Self::default();
                return true;
            }
            Key::Left => self.caret = self.caret.saturating_sub(1),
            Key::Right => self.caret = (self.caret + 1).min(count),
            Key::Home => self.caret = 0,
            Key::End => self.caret = count,
            _ => {}
        }
        false
    }
}

/// The machines that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// This one lets itself be recorded; `None` until that is known.
    pub local: Option<bool>,
    /// Others.
    pub hosts: Vec<Host>,
    /// All that there are.
    pub complete: bool,
}

/// How it is recorded.
#[derive(Clone, Debug)]
pub struct How {
    /// Seconds.
    pub seconds: Line,
    /// KB for each CPU.
    pub buffer: Line,
    /// `sched_stat_runtime` too.
    pub runtime: bool,
    /// `sched_waking` too.
    pub waking: bool,
    /// The kernel's own state too.
    pub truth: bool,
    /// Nothing of ours runs.
    pub anything: bool,
}

impl Default for How {
    fn default() -> Self {
        let Settings { seconds, buffer_kb, runtime, waking, truth } = Settings::default();
        let line = |n: u32| Line::from(n.to_string().as_str());
        Self {
            seconds: line(seconds),
            buffer: line(buffer_kb),
            runtime,
            waking,
            truth,
            anything: false,
        }
    }
}

/// The dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Where one types.
    pub field: Field,
    /// The machine's name.
    pub host: Line,
    /// Part of a workload's name, category or description.
    pub filter: Line,
    /// A command instead of a workload; empty: none.
    pub command: Line,
    /// How long, and what of.
    pub how: How,
    /// What is known to record on.
    pub machines: Machines,
    /// The field that is wrong, and why.
    pub refused: Option<(Field, String)>,
    /// A machine of this program's own that does not run: asked once more, it is started first.
    pub offered_start: Option<Kind>,
    /// The file that the recording would be in, or why there is none; `None` until that is known.
    pub file: Option<Result<PathBuf, String>>,
    chosen: &'static Workload,
    /// The user has said something about the host: it is not filled in any more.
    host_touched: bool,
    /// What `file` is about.
    asked: String,
}

impl Default for Dialog {
    fn default() -> Self {
        Self {
            field: Field::Host,
            host: Line::default(),
            filter: Line::default(),
            command: Line::default(),
            how: How::default(),
            machines: Machines::default(),
            refused: None,
            offered_start: None,
            file: None,
            chosen: &workloads::ALL[0],
            host_touched: false,
            asked: String::new(),
        }
    }
}

impl Dialog {
    /// Shows it as it was left; machines and the file's name are asked for anew. Returns the
    /// workload's name.
    pub(super) fn open(&mut self) -> String {
        (self.field, self.refused, self.offered_start) = (Field::Host, None, None);
        self.machines.complete = false;
        self.file = None;
        self.asked = self.name().unwrap_or_default();
        self.asked.clone()
    }

    /// The same for recording this machine as it is: no workload, unless a command was typed.
    pub(super) fn open_for_anything(&mut self) -> String {
        self.how.anything = true;
        self.open()
    }

    /// Workloads that the filter leaves: every word of it is in their name, category or
    /// description.
    pub fn offered(&self) -> Vec<&'static Workload> {
        let words: Vec<String> =
            self.filter.text().split_whitespace().map(str::to_lowercase).collect();
        let has = |w: &Workload, word: &String| {
            [w.name, w.category, w.about].iter().any(|t| t.to_lowercase().contains(word))
        };
        workloads::ALL.iter().filter(|w| words.iter().all(|word| has(w, word))).collect()
    }

    /// The chosen workload's place among those offered.
    pub fn chosen(&self) -> Option<usize> {
        self.offered().iter().position(|w| *w == self.chosen)
    }

    /// Names of machines that can be chosen.
    pub fn known(&self) -> Vec<&str> {
        let local = self.machines.local.unwrap_or(false).then_some(LOCAL);
        local.into_iter().chain(self.machines.hosts.iter().map(|h| h.name.as_str())).collect()
    }

    /// The file, once known and good.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.file.as_ref()?.as_ref().ok().cloned()
    }

    pub(super) fn know(&mut self, local: bool, hosts: Vec<Host>, complete: bool) {
        let hosts = hosts::by_name(hosts);
        // What was known is shown until all is known anew.
        if complete || self.machines.hosts.is_empty() {
            self.machines.hosts = hosts;
        }
        (self.machines.local, self.machines.complete) = (Some(local), complete);
        if !self.host_touched && self.host.text().is_empty() {
            let first = self.known().first().map(|name| Line::from(*name));
            self.host = first.unwrap_or_default();
        }
    }

    pub(super) fn named(&mut self, workload: &str, file: Result<PathBuf, String>) {
        if workload == self.asked {
            self.file = Some(file);
        }
    }

    /// The workload's name when it is another than was last asked about.
    pub(super) fn new_name(&mut self) -> Option<String> {
        let name = self.name().unwrap_or_default();
        if name == self.asked {
            return None;
        }
        self.asked.clone_from(&name);
        self.file = None;
        Some(name).filter(|n| !n.is_empty())
    }

    /// To another field. What is wrong with the one that is left is said, and may be put right
    /// later.
    pub(super) fn go(&mut self, by: isize) {
        self.refused = self.check(self.field).err().map(|why| (self.field, why));
        self.offered_start = None;
        let count = Field::ALL.len() as isize;
        self.field = Field::ALL[(self.field as isize + by).rem_euclid(count) as usize];
    }

    /// Another machine or workload; where nothing can be chosen, or no more in this direction,
    /// another field.
    pub(super) fn choose(&mut self, by: isize) {
        match self.field {
            Field::Host => {
                let known = self.known();
                let at = known.iter().position(|name| *name == self.host.text());
                let next = at.map_or(Some(0).filter(|_| by > 0), |at| at.checked_add_signed(by));
                if let Some(name) = next.and_then(|next| known.get(next)) {
                    (self.host, self.host_touched, self.refused) = (Line::from(*name), true, None);
                    self.offered_start = None;
                } else {
                    self.go(by);
                }
            }
            Field::Workload => {
                let offered = self.offered();
                match self
                    .chosen()
                    .and_then(|at| at.checked_add_signed(by))
                    .and_then(|next| offered.get(next))
                {
                    Some(workload) => (self.chosen, self.how.anything) = (workload, false),
                    None => self.go(by),
                }
            }
            _ => self.go(by),
        }
    }

    pub(super) fn type_key(&mut self, key: Key) {
        let line = match self.field {
            Field::Host => &mut self.host,
            Field::Workload => &mut self.filter,
            Field::Command => &mut self.command,
            Field::Seconds => &mut self.how.seconds,
            Field::Buffer => &mut self.how.buffer,
            Field::Runtime | Field::Waking | Field::Truth | Field::Anything => {
                let on = match self.field {
                    Field::Runtime => &mut self.how.runtime,
                    Field::Waking => &mut self.how.waking,
                    Field::Truth => &mut self.how.truth,
                    _ => &mut self.how.anything,
                };
                if matches!(key, Key::Char(' ' | 'x') | Key::Left | Key::Right) {
                    *on = !*on;
                }
                return;
            }
        };
        if !line.edit(key) {
            return;
        }
        self.host_touched |= self.field == Field::Host;
        self.offered_start = None;
        if self.refused.as_ref().is_some_and(|(field, _)| *field == self.field) {
            self.refused = None;
        }
        if self.field == Field::Workload {
            // Who looks for a workload wants one.
            self.how.anything = false;
            let offered = self.offered();
            let exact = offered.iter().find(|w| w.name == self.filter.text().trim());
            if let Some(workload) = exact.or(offered.first().filter(|_| self.chosen().is_none())) {
                self.chosen = workload;
            }
        }
    }

    /// What would run.
    fn what(&self) -> Result<What, (Field, String)> {
        let words =
            words::split(self.command.text()).map_err(|e| (Field::Command, e.to_string()))?;
        match words.first() {
            Some(program) if program.is_empty() => {
                Err((Field::Command, "the program has no name".into()))
            }
            Some(_) => Ok(What::Command(words)),
            None if self.how.anything => Ok(What::Anything),
            None if self.chosen().is_none() => {
                Err((Field::Workload, "no workload has this in its name or description".into()))
            }
            None => Ok(What::Workload(self.chosen)),
        }
    }

    fn name(&self) -> Option<String> {
        self.what().ok().map(|what| what.name())
    }

    fn target(&self) -> Result<Target, String> {
        let host = self.host.text().trim();
        if host.is_empty() {
            return Err("which machine? a name that ssh knows".into());
        }
        if host == LOCAL {
            return if self.machines.local == Some(false) {
                Err("recording this machine needs root".into())
            } else {
                Ok(Target::Local)
            };
        }
        if host.starts_with('-') {
            return Err("no machine's name begins with a minus".into());
        }
        if host.contains(char::is_whitespace) {
            return Err("no machine's name has a space".into());
        }
        match self.machine() {
            Some(Host { from: Source::Vagrant, state: State::Down(how), .. }) => {
                Err(format!("it does not run ({how}): vagrant up {host}"))
            }
            known => {
                Ok(Target::Ssh { host: host.into(), config: known.and_then(|h| h.config.clone()) })
            }
        }
    }

    /// The machine of the name in the field, if it is a known one.
    fn machine(&self) -> Option<&Host> {
        let name = self.host.text().trim();
        self.machines.hosts.iter().find(|h| h.name == name)
    }

    /// The machine that would have to be started first.
    fn to_start(&self) -> Option<Kind> {
        match self.machine()? {
            Host { from: Source::Vm(kind), state: State::Down(_), .. } => Some(*kind),
            _ => None,
        }
    }

    fn check(&self, field: Field) -> Result<(), String> {
        match field {
            Field::Host => self.target().map(drop),
            Field::Workload | Field::Command => match self.what() {
                Err((wrong, why)) if wrong == field => Err(why),
                _ => Ok(()),
            },
            Field::Seconds => number(&self.how.seconds, &SECONDS).map(drop),
            Field::Buffer => number(&self.how.buffer, &BUFFER_KB).map(drop),
            Field::Runtime | Field::Waking | Field::Truth | Field::Anything => Ok(()),
        }
    }

    /// What is asked for, and the machine to start first. `None` when something is wrong, which is
    /// then said where it is, and when a machine would have to be started and that was not asked
    /// for yet: then it is offered.
    pub(super) fn plan(&mut self) -> Option<(Plan, Option<Kind>)> {
        self.refused = Field::ALL.into_iter().find_map(|f| self.check(f).err().map(|why| (f, why)));
        if let Some((field, _)) = &self.refused {
            self.field = *field;
            return None;
        }
        let start = self.to_start();
        if start.is_some() && self.offered_start != start {
            (self.offered_start, self.field) = (start, Field::Host);
            return None;
        }
        self.offered_start = None;
        let settings = Settings {
            seconds: number(&self.how.seconds, &SECONDS).ok()?,
            buffer_kb: number(&self.how.buffer, &BUFFER_KB).ok()?,
            runtime: self.how.runtime,
            waking: self.how.waking,
            truth: self.how.truth,
        };
        Some((Plan::new(self.target().ok()?, &self.what().ok()?, settings), start))
    }
}

fn number(line: &Line, range: &RangeInclusive<i64>) -> Result<u32, String> {
    let number = line.text().trim().parse::<i64>().ok().filter(|n| range.contains(n));
    let wrong = || {
        let (least, most) = (range.start().unsigned_abs(), range.end().unsigned_abs());
        format!("a whole number from {least} to {}", crate::app::time::grouped(most))
    };
    number.and_then(|n| u32::try_from(n).ok()).ok_or_else(wrong)
}
