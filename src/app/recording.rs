//! Recording from the interface: the dialog that asks what to record, the run that is followed in the live panel, and
//! what becomes of it. Pure state: machines are looked for and recordings made by `driver::recorder`.

pub mod dialog;
pub mod run;
#[cfg(test)]
mod tests;

use super::input::{Key, Mouse, MouseKind};
use super::keys::{self, Action, Contexts};
use super::traces::Entry;
use super::{App, Effect, Tab};
use crate::job::Latest;
use crate::record::hosts::Host;
use crate::record::{Plan, Progress};
use dialog::Dialog;
use run::{Failure, Run, Saved};
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
        id: u64,
        /// Where the newest is.
        latest: Latest<Progress>,
    },
    /// Nothing of a run is left, here or on the machine.
    Ended {
        /// Of the run.
        id: u64,
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
        id: u64,
        /// What; without a name yet.
        plan: Box<Plan>,
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
    pub run: Option<Run>,
    /// Runs so far.
    id: u64,
    /// The program ends when the recording has.
    leaving: bool,
}

impl Recorder {
    /// The recording under way.
    pub fn running(&self) -> Option<&Run> {
        self.run.as_ref().filter(|r| r.end.is_none())
    }
}

impl App {
    /// The context of the keys while the dialog or the panel takes the place of the list.
    pub fn recording_context(&self) -> Option<Contexts> {
        match (self.tab, self.recorder.asking, &self.recorder.run) {
            (Tab::Traces, true, _) => Some(keys::DIALOG),
            (Tab::Traces, false, Some(_)) => Some(keys::PANEL),
            _ => None,
        }
    }

    /// True while what is typed goes into the dialog.
    pub(super) fn typing(&self) -> bool {
        self.recording_context() == Some(keys::DIALOG) && !self.help
    }

    /// Opens the dialog on the Traces screen.
    pub(super) fn ask_for_recording(&mut self) -> Option<Effect> {
        if self.recorder.running().is_some() {
            return None;
        }
        self.tab = Tab::Traces;
        self.recorder.asking = true;
        let workload = self.recorder.dialog.open();
        Some(Effect::Recorder(Order::Look { workload }))
    }

    /// A key while the dialog is open.
    pub(super) fn dialog_key(&mut self, key: Key) -> Option<Effect> {
        let dialog = &mut self.recorder.dialog;
        match keys::look_up(key, keys::DIALOG) {
            Some(Action::Back) => {
                self.recorder.asking = false;
                return None;
            }
            Some(Action::Open) => {
                let plan = dialog.plan()?;
                return Some(self.start(plan));
            }
            Some(Action::NextField) => dialog.go(1),
            Some(Action::PrevField) => dialog.go(-1),
            Some(Action::Up) => dialog.choose(-1),
            Some(Action::Down) => dialog.choose(1),
            _ => dialog.type_key(key),
        }
        self.name_of_recording()
    }

    fn name_of_recording(&mut self) -> Option<Effect> {
        let workload = self.recorder.dialog.new_name()?;
        Some(Effect::Recorder(Order::Name { workload }))
    }

    fn start(&mut self, plan: Plan) -> Effect {
        let recorder = &mut self.recorder;
        recorder.id += 1;
        recorder.asking = false;
        recorder.run = Some(Run::new(recorder.id, &plan, recorder.dialog.path()));
        Effect::Recorder(Order::Start { id: recorder.id, plan: Box::new(plan) })
    }

    /// Follows an order while the panel is shown.
    pub(super) fn act_on_recording(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Record => self.ask_for_recording(),
            Action::Back if self.recorder.running().is_some() => Some(self.cancel_recording()),
            Action::Back => {
                self.recorder.run = None;
                None
            }
            _ => None,
        }
    }

    fn cancel_recording(&mut self) -> Effect {
        if let Some(run) = &mut self.recorder.run {
            run.cancelling = true;
        }
        Effect::Recorder(Order::Cancel)
    }

    /// Somebody wants to leave. A recording under way is cancelled first, and its machine cleaned; asked again the
    /// program leaves at once, and the machine cleans itself.
    pub(super) fn leave(&mut self) -> Option<Effect> {
        if self.recorder.running().is_none() || self.recorder.leaving {
            self.quit = true;
            return None;
        }
        self.recorder.leaving = true;
        self.message = Some("cancelling the recording, then leaving (once more: leave now)".into());
        Some(self.cancel_recording())
    }

    pub(super) fn mouse_on_recording(&mut self, mouse: Mouse) -> Option<Effect> {
        if !self.recorder.asking {
            return None;
        }
        match mouse.kind {
            MouseKind::WheelUp => self.recorder.dialog.choose(-1),
            MouseKind::WheelDown => self.recorder.dialog.choose(1),
            MouseKind::Down | MouseKind::Drag | MouseKind::Up => {}
        }
        self.name_of_recording()
    }

    pub(super) fn recorder_news(&mut self, news: News) -> Vec<Effect> {
        let recorder = &mut self.recorder;
        match news {
            News::Machines { local, hosts, complete } => recorder.dialog.know(local, hosts, complete),
            News::Name { workload, file } => recorder.dialog.named(&workload, file),
            News::Progress { id, latest } => {
                let run = recorder.run.as_mut().filter(|r| r.id == id && r.end.is_none());
                if let Some((run, progress)) = run.zip(latest.take()) {
                    run.follow(progress);
                }
            }
            News::Ended { id, end } => {
                let Some(run) = recorder.run.as_mut().filter(|r| r.id == id && r.end.is_none()) else {
                    return Vec::new();
                };
                run.end = Some(end.clone());
                return self.ended(end);
            }
        }
        Vec::new()
    }

    fn ended(&mut self, end: Result<Saved, Failure>) -> Vec<Effect> {
        if self.recorder.leaving {
            self.quit = true;
            return Vec::new();
        }
        match end {
            Ok(saved) => {
                // On the way back to the list it is the row one stands on.
                self.traces.entries.retain(|e| e.path != saved.path);
                self.traces.entries.insert(0, entry(&saved));
                self.traces.selected = 0;
                self.given.insert(0, saved.path.clone());
                self.message = Some(saved.summary());
                (self.tab, self.help, self.prompt, self.play_when_open) = (Tab::Timeline, false, None, false);
                vec![self.open_path(saved.path)]
            }
            Err(failure) => {
                if self.tab != Tab::Traces {
                    self.message = Some(format!("{} (4 shows more)", failure.headline()));
                }
                Vec::new()
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
        given: true,
        ..Entry::default()
    }
}
