//! A recording under way, and what became of it. Facts only: how they look is `ui::recording`'s.

use crate::app::ticket::Ticket;
use crate::app::time;
use crate::record::{Plan, Progress, Rate, Stage};
use crate::trace::Nanos;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A recording that is in a file now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// Its name without folder and endings.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The workload's name.
    pub workload: String,
    /// Kernel release and scheduler.
    pub kernel: String,
    /// CPUs.
    pub cpus: u16,
    /// Events.
    pub events: u64,
    /// Events that were lost.
    pub lost: u64,
    /// From the first event to the last.
    pub span: Nanos,
    /// It was ended early by the user.
    pub cancelled: bool,
    /// What a reader of the recording must know, and what the machine had to say.
    pub notes: Vec<String>,
}

impl Saved {
    /// One line of news.
    pub fn summary(&self) -> String {
        let (events, cpus) = (time::grouped(self.events), self.cpus);
        let kept = if self.cancelled { "cancelled, what came is kept: " } else { "" };
        let mut text = format!(
            "{kept}{}: {events} events in {} on {cpus} CPU",
            self.name,
            time::short(self.span.0)
        );
        if cpus != 1 {
            text.push('s');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, ", {} lost", time::grouped(self.lost));
        match self.notes.len() {
            0 => {}
            1 => text += "; one note (4)",
            n => {
                let _ = write!(text, "; {n} notes (4)");
            }
        }
        text
    }
}

/// Why there is no recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// A sentence.
    pub problem: String,
    /// The user wanted it so.
    pub cancelled: bool,
}

impl Failure {
    /// In few words.
    pub fn headline(&self) -> &'static str {
        if self.cancelled { "the recording was cancelled" } else { "the recording failed" }
    }
}

/// One recording from the order to its end.
#[derive(Clone, Debug)]
pub struct RecordingRun {
    /// Its order.
    pub id: Ticket,
    /// What runs.
    pub workload: String,
    /// Where.
    pub target: String,
    /// The file that it will be in, as far as is known.
    pub file: Option<PathBuf>,
    /// The newest that was heard.
    pub progress: Progress,
    /// Events per second, once known.
    pub rate: Option<f64>,
    /// It was told to end.
    pub cancelling: bool,
    /// How it ended.
    pub end: Option<Result<Saved, Failure>>,
    rates: Rate,
}

impl RecordingRun {
    /// At the start of `plan`.
    pub fn new(id: Ticket, plan: &Plan, file: Option<PathBuf>) -> Self {
        Self {
            id,
            workload: plan.workload.clone(),
            target: plan.target.to_string(),
            file,
            progress: Progress::default(),
            rate: None,
            cancelling: false,
            end: None,
            rates: Rate::default(),
        }
    }

    /// Takes newer progress.
    pub fn follow(&mut self, progress: Progress) {
        self.rate = self.rates.of(&progress);
        self.progress = progress;
    }

    /// A few words for every screen, while it is under way: `rec 12 s`.
    pub fn brief(&self) -> String {
        match self.progress.stage {
            _ if self.cancelling => "rec ends".into(),
            Stage::Recording => format!("rec {} s", self.progress.elapsed.as_secs()),
            stage => format!("rec {}", stage.label()),
        }
    }
}
