//! Recording from the interface: the dialog that asks what to record, the run that is followed in
//! the live panel, and what becomes of it. Pure state: machines are looked for and recordings made
//! by `driver::recorder`.

pub mod dialog;
pub mod run;
#[cfg(test)]
mod tests;

use super::entry::{Entry, Via};
use super::input::{Key, Mouse, MouseKind};
use super::keys::{self, Action, Contexts};
use super::tab::Tab;
use super::ticket::{Ticket, Tickets};
use super::{Context, Effect, Wish};
use crate::job::Latest;
use crate::record::hosts::Host;
use crate::record::{Plan, Progress};
use crate::vm::Kind;
use dialog::Dialog;
use run::{Failure, RecordingRun, Saved};
use std::path::PathBuf;

/// A fact about machines or a recording.
#[derive(Debug)]
pub enum News {
    /// Where can be recorded. Comes twice: what is known at once, then everything.
    Machines {
        /// This machine lets itself be recorded.
        local: bool,
        /// Others.
        hosts: Vec<Host>,
        /// No more will come.
        complete: bool,
    },
    /// The file that a recording would be in.
    Name {
        /// The workload that was asked about.
        workload: String,
        /// The file, or why there is none.
        file: Result<PathBuf, String>,
    },
    /// There is newer progress, unless somebody has taken it already.
    Progress {
        /// Of the run.
        id: Ticket,
        /// Where the newest is.
        latest: Latest<Progress>,
    },
    /// Nothing of a run is left, here or on the machine.
    Ended {
        /// Of the run.
        id: Ticket,
        /// The recording, or why there is none.
        end: Result<Saved, Failure>,
    },
}

/// An order to the outside.
#[derive(Debug)]
pub enum Order {
    /// Look for machines, answered by [`News::Machines`], and for a name as with [`Order::Name`].
    Look {
        /// The workload.
        workload: String,
    },
    /// Find a file name; answered by [`News::Name`].
    Name {
        /// The workload.
        workload: String,
    },
    /// Record; answered by [`News::Progress`] and in the end by [`News::Ended`].
    Start {
        /// For the answers.
        id: Ticket,
        /// What; without a name yet.
        plan: Box<Plan>,
        /// The machine to start first.
        start: Option<Kind>,
    },
    /// End the recording and keep what came. It still answers with [`News::Ended`].
    Cancel,
}

/// All that the interface knows about recording.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The dialog; keeps what was typed while it is closed.
    pub dialog: Dialog,
    /// The dialog is open.
    pub asking: bool,
    /// The recording under way, or the last one until it is dismissed.
    pub run: Option<RecordingRun>,
    tickets: Tickets,
    /// Home opened the dialog, and Esc leads back there.
    pub(super) from_home: bool,
    /// The program ends when the recording has.
    leaving: bool,
}

impl Recorder {
    /// The recording under way.
    pub fn running(&self) -> Option<&RecordingRun> {
        self.run.as_ref().filter(|r| r.end.is_none())
    }
}

impl Recorder {
    /// The context of the keys while the dialog or the panel takes the place of the list.
    pub fn context(&self) -> Option<Contexts> {
        match (self.asking, &self.run) {
            (true, _) => Some(keys::DIALOG),
            (false, Some(_)) => Some(keys::PANEL),
            _ => None,
        }
    }

    /// Opens the dialog; `anything`: for what happens anyway.
    pub(super) fn ask(&mut self, anything: bool, cx: &mut Context) {
        if self.running().is_some() {
            return;
        }
        (self.asking, self.from_home) = (true, false);
        let workload = if anything { self.dialog.open_for_anything() } else { self.dialog.open() };
        cx.order(Effect::Recorder(Order::Look { workload }));
    }

    /// A key while the dialog is open.
    pub(super) fn dialog_key(&mut self, key: Key, cx: &mut Context) {
        let dialog = &mut self.dialog;
        match keys::look_up(key, keys::DIALOG) {
            Some(Action::Back) => {
                self.asking = false;
                if std::mem::take(&mut self.from_home) {
                    cx.wish(Wish::Home);
                }
                return;
            }
            Some(Action::Open) => {
                if let Some((plan, start)) = dialog.plan() {
                    self.start(plan, start, cx);
                }
                return;
            }
            Some(Action::NextField) => dialog.go(1),
            Some(Action::PrevField) => dialog.go(-1),
            Some(Action::Up) => dialog.choose(-1),
            Some(Action::Down) => dialog.choose(1),
            _ => dialog.type_key(key),
        }
        self.want_name(cx);
    }

    fn want_name(&mut self, cx: &mut Context) {
        if let Some(workload) = self.dialog.new_name() {
            cx.order(Effect::Recorder(Order::Name { workload }));
        }
    }

    fn start(&mut self, plan: Plan, start: Option<Kind>, cx: &mut Context) {
        let id = self.tickets.draw();
        self.asking = false;
        self.run = Some(RecordingRun::new(id, &plan, self.dialog.path()));
        cx.order(Effect::Recorder(Order::Start { id, plan: Box::new(plan), start }));
    }

    /// Follows an order while the panel is shown.
    pub(super) fn act(&mut self, action: Action, cx: &mut Context) {
        match action {
            Action::Record => self.ask(false, cx),
            Action::Back if self.running().is_some() => self.cancel(cx),
            Action::Back => self.run = None,
            _ => {}
        }
    }

    fn cancel(&mut self, cx: &mut Context) {
        if let Some(run) = &mut self.run {
            run.cancelling = true;
        }
        cx.order(Effect::Recorder(Order::Cancel));
    }

    /// Somebody wants to leave. A recording under way is cancelled first, and its machine cleaned;
    /// asked again the program leaves at once, and the machine cleans itself.
    pub(super) fn leave(&mut self, cx: &mut Context) {
        if self.running().is_none() || self.leaving {
            cx.wish(Wish::Quit);
            return;
        }
        self.leaving = true;
        cx.say("cancelling the recording, then leaving (once more: leave now)");
        self.cancel(cx);
    }

    pub(super) fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        if !self.asking {
            return;
        }
        match mouse.kind {
            MouseKind::WheelUp => self.dialog.choose(-1),
            MouseKind::WheelDown => self.dialog.choose(1),
            MouseKind::Down | MouseKind::Drag | MouseKind::Up => {}
        }
        self.want_name(cx);
    }

    /// Takes a fact. The row of a recording that was made.
    pub(super) fn take(&mut self, news: News, cx: &mut Context) -> Option<Entry> {
        match news {
            News::Machines { local, hosts, complete } => self.dialog.know(local, hosts, complete),
            News::Name { workload, file } => self.dialog.named(&workload, file),
            News::Progress { id, latest } => {
                let run = self.run.as_mut().filter(|r| r.id == id && r.end.is_none());
                if let Some((run, progress)) = run.zip(latest.take()) {
                    run.follow(progress);
                }
            }
            News::Ended { id, end } => {
                let run = self.run.as_mut().filter(|r| r.id == id && r.end.is_none())?;
                run.end = Some(end.clone());
                return self.ended(end, cx);
            }
        }
        None
    }

    fn ended(&self, end: Result<Saved, Failure>, cx: &mut Context) -> Option<Entry> {
        if self.leaving {
            cx.wish(Wish::Quit);
            return None;
        }
        match end {
            Ok(saved) => {
                cx.say(saved.summary());
                cx.wish(Wish::Uncover);
                cx.wish(Wish::Show(Tab::Timeline));
                cx.wish(Wish::Open(saved.path.clone(), false));
                // On the way back to the list it is the row one stands on.
                Some(entry(&saved))
            }
            Err(failure) => {
                if cx.tab != Tab::Traces {
                    cx.say(format!("{} (4 shows more)", failure.headline()));
                }
                None
            }
        }
    }
}

fn entry(saved: &Saved) -> Entry {
    Entry {
        path: saved.path.clone(),
        name: saved.name.clone(),
        workload: saved.workload.clone(),
        kernel: saved.kernel.clone(),
        cpus: saved.cpus,
        events: Some(saved.events),
        bytes: saved.bytes,
        via: Via::Given,
        ..Entry::default()
    }
}
