//! Why a recording cannot be opened at all: one error for all formats, with file and place.

use super::report::{Format, Note};
use crate::text::count;
use std::path::PathBuf;

/// Why a recording cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The file is missing or cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file, or the name of the stream.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is a directory where one recording is asked for.
    #[error("{}: this is a directory, not a recording{}", folder.display(),
        example.as_ref().map(|e| format!("; name one in it, such as {}", e.display())).unwrap_or_default())]
    Directory {
        /// The directory.
        folder: PathBuf,
        /// A recording in it.
        example: Option<PathBuf>,
    },
    /// A directory that stands for its recordings and has none.
    #[error("{}: no recording is in this directory", .0.display())]
    NoRecordings(PathBuf),
    /// The path is a disk, a terminal or another device.
    #[error("{}: this is a device, not a recording", .0.display())]
    Device(PathBuf),
    /// A named pipe in which nothing arrives.
    #[error("{}: nobody writes into this pipe; start the program that does first, or read it from \
             `-`", .0.display())]
    SilentPipe(PathBuf),
    /// There are no bytes.
    #[error("{0}: empty, no recording")]
    Empty(String),
    /// A compressed stream of which nothing could be decoded.
    #[error("{name}: {problem}")]
    Damaged {
        /// The input.
        name: String,
        /// What the decoder said.
        problem: String,
    },
    /// What must be at hand as a whole is more than is put aside.
    #[error("{name}: more than {limit} bytes, which a {} may not have when it is packed or piped; \
             unpack it to a file first", format.words())]
    TooLarge {
        /// The input.
        name: String,
        /// What it is.
        format: Format,
        /// The most that is put aside.
        limit: u64,
    },
    /// The bytes are in no readable format.
    #[error("{name}: not a recording in a readable format (line {line}, byte {byte}: {problem})")]
    UnknownFormat {
        /// The input.
        name: String,
        /// Line of the first thing that does not fit, from 1.
        line: u64,
        /// Its byte offset.
        byte: u64,
        /// Why it does not fit.
        problem: String,
    },
    /// A format that is known by sight and not read; the way leads to one that is.
    #[error("{name}: {what}; {way}")]
    Foreign {
        /// The input.
        name: String,
        /// What it is.
        what: &'static str,
        /// What to do, with a command in backquotes.
        way: &'static str,
    },
    /// A readable format without any scheduler event.
    #[error(
        "{name}: no scheduler event in {} of {} ({}, {}{first})",
        count(*units, format.unit()),
        format.words(),
        count(*other, "other event"),
        count(*skipped, &format!("bad {}", format.unit())),
        first = first_bad.as_ref().map(|b| format!("; {b}")).unwrap_or_default()
    )]
    NoEvents {
        /// The input.
        name: String,
        /// The format it was read as.
        format: Format,
        /// Lines, pages or records.
        units: u64,
        /// Events of unused kinds.
        other: u64,
        /// Lines, pages or records that could not be used.
        skipped: u64,
        /// The first of them.
        first_bad: Option<Note>,
    },
    /// A header, or a layout that the recorded kernel wrote, that does not say what is needed.
    #[error("{file}, byte {byte}: {problem}")]
    Layout {
        /// The file, or the part of it, e.g. `sched_switch/format`.
        file: String,
        /// Where in it.
        byte: usize,
        /// What is missing or wrong.
        problem: String,
    },
    /// A machine of another word size or byte order.
    #[error(
        "{file}, byte {byte}: recorded on a {what} kernel; only 64-bit little-endian ones can \
             be read"
    )]
    Machine {
        /// The file that shows it.
        file: String,
        /// Where in it.
        byte: usize,
        /// "32-bit" or "big-endian".
        what: &'static str,
    },
}
