//! The list of recordings one can open: the bundled ones and those given on the command line. Reads no file.

use std::path::PathBuf;

/// One row of the Traces screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Name of the recording.
    pub name: String,
    /// Workload, when the metadata say.
    pub workload: String,
    /// Kernel release and scheduler, e.g. `6.18.44 EEVDF`.
    pub kernel: String,
    /// CPUs, 0 when not known.
    pub cpus: u16,
    /// Events, when known (after it was opened).
    pub events: Option<u64>,
    /// `train`, `validation`, `test`, or empty.
    pub split: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Given on the command line.
    pub given: bool,
    /// Why it could not be opened.
    pub error: Option<String>,
    /// What was skipped or cut when it was opened, in words.
    pub notes: Vec<String>,
}

/// The list and the row one stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Rows: given ones first.
    pub entries: Vec<Entry>,
    /// Index of the selected row.
    pub selected: usize,
    /// Why the bundled recordings could not be listed.
    pub problem: Option<String>,
    /// False until the list has been read.
    pub listed: bool,
}

impl Traces {
    /// Moves the selection, clamped.
    pub fn select(&mut self, by: isize) {
        let last = self.entries.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// The selected row.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(self.selected)
    }

    /// The row of this file.
    pub fn of_path(&mut self, path: &std::path::Path) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.path == path)
    }

    /// Takes the list, keeping the selection on the same file and what opening it has told.
    pub fn set(&mut self, entries: Vec<Entry>, problem: Option<String>) {
        let old = std::mem::replace(&mut self.entries, entries);
        for entry in &mut self.entries {
            if let Some(known) = old.iter().find(|e| e.path == entry.path) {
                entry.error.clone_from(&known.error);
                entry.notes.clone_from(&known.notes);
                entry.events = known.events.or(entry.events);
            }
        }
        let at = old.get(self.selected).and_then(|e| self.entries.iter().position(|x| x.path == e.path));
        self.selected = at.unwrap_or(0);
        self.problem = problem;
        self.listed = true;
    }

    /// First visible row when `rows` fit.
    pub fn scroll(&self, rows: usize) -> usize {
        self.selected.saturating_sub(rows.saturating_sub(1) / 2).min(self.entries.len().saturating_sub(rows))
    }
}
