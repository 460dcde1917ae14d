//! Bytes to [`Trace`]: opens recordings in any readable format, told apart by content and never by name.
//! A damaged recording gives its good part and a [`Report`] of the rest. Nothing here prints or draws.

mod decode;
mod ftrace;
mod native;
mod num;
pub mod ringbuf;

pub use decode::Packing;

use crate::trace::{SchedClass, Trace, TraceMeta};
use decode::Unpacked;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// At most so many bad lines are kept with their place; all are counted.
pub const KEPT_BAD_LINES: usize = 100;

/// A recording and what was noticed while it was read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The recording.
    pub trace: Trace,
    /// What was skipped, cut or ignored.
    pub report: Report,
}

/// What the bytes were, inside their compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Native CSV, one row per event, nanoseconds.
    #[default]
    Native,
    /// Text of ftrace or trace-cmd.
    Ftrace,
}

impl Format {
    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Native => "native CSV",
            Self::Ftrace => "ftrace text",
        }
    }
}

/// What was noticed while reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Format of the text.
    pub format: Format,
    /// Compression around it.
    pub packing: Packing,
    /// Bytes of text, after decompression.
    pub bytes: u64,
    /// Lines of text, comments and headers included.
    pub lines: u64,
    /// Lines that could not be used.
    pub skipped: u64,
    /// The first [`KEPT_BAD_LINES`] of them.
    pub bad: Vec<BadLine>,
    /// Well-formed events of kinds that are not used (`sched_waking`, `irq_handler_entry`, ...).
    pub other_events: u64,
    /// Older events that the kernel had already overwritten when the text was taken from its buffer.
    pub overwritten: u64,
    /// Why the recording may go on after its last event, when its bytes end too early.
    pub truncated: Option<String>,
    /// Why the metadata file beside the recording was not used.
    pub metadata_problem: Option<String>,
}

impl Report {
    fn bad_line(&mut self, line: u64, byte: u64, reason: Reason) {
        self.skipped += 1;
        if self.bad.len() < KEPT_BAD_LINES {
            self.bad.push(BadLine { line, byte, reason });
        }
    }
}

/// A line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Line number, from 1.
    pub line: u64,
    /// Offset of its first byte in the decompressed text.
    pub byte: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, byte {}: {}", self.line, self.byte, self.reason)
    }
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A field is missing or is not what it should be.
    #[error("no valid {0}")]
    Field(&'static str),
    /// A CPU number that no machine has.
    #[error("CPU {0} is beyond the highest supported, {max}", max = crate::trace::MAX_CPUS - 1)]
    CpuTooBig(u64),
    /// A row with too few or too many fields.
    #[error("{found} fields instead of {expected}")]
    FieldCount {
        /// Fields in this row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// The name of an event that is not known.
    #[error("unknown event {0:?}")]
    UnknownEvent(String),
    /// The fields of an event that are not as they should be.
    #[error("the fields of {0} cannot be read")]
    Payload(&'static str),
    /// The last line, without a line end, and not whole.
    #[error("the text ends inside this line")]
    Cut,
    /// Not a line of the format at all.
    #[error("not an event line")]
    NotAnEvent,
}

/// Why a recording cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The file is missing or cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is a directory.
    #[error("{}: this is a directory, not a recording", .0.display())]
    Directory(PathBuf),
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
    /// A readable format without any scheduler event.
    #[error(
        "{name}: no scheduler event in {} of {format} ({}, {}{first})",
        count(*lines, "line"),
        count(*other, "other event"),
        count(*skipped, "bad line"),
        format = format.label(),
        first = first_bad.as_ref().map(|b| format!("; {b}")).unwrap_or_default()
    )]
    NoEvents {
        /// The input.
        name: String,
        /// The format it was read as.
        format: Format,
        /// Lines of text.
        lines: u64,
        /// Events of unused kinds.
        other: u64,
        /// Lines that could not be used.
        skipped: u64,
        /// The first of them.
        first_bad: Option<BadLine>,
    },
}

/// `1 line`, `2 lines`.
fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Opens a recording in any readable format, with the metadata in `NAME.toml` beside it, if there is one.
pub fn open(path: &Path) -> Result<Opened, IngestError> {
    if path.is_dir() {
        return Err(IngestError::Directory(path.into()));
    }
    let bytes = std::fs::read(path).map_err(|source| IngestError::Io { path: path.into(), source })?;
    let (meta, metadata_problem) = match read_meta(path) {
        Ok(meta) => (meta.unwrap_or_default(), None),
        Err(problem) => (TraceMeta::default(), Some(problem)),
    };
    let meta = TraceMeta { name: if meta.name.is_empty() { stem(path) } else { meta.name.clone() }, ..meta };
    let mut opened = read_with(bytes.into(), &path.display().to_string(), meta)?;
    opened.report.metadata_problem = metadata_problem;
    Ok(opened)
}

/// Reads a recording from memory, e.g. from standard input. `name` is used in messages and as the trace's name.
pub fn read<'a>(bytes: impl Into<Cow<'a, [u8]>>, name: &str) -> Result<Opened, IngestError> {
    read_with(bytes.into(), name, TraceMeta { name: name.into(), ..TraceMeta::default() })
}

/// The metadata file of a recording: `NAME.toml` for `NAME.csv.zst`, `NAME.txt.gz`, ...
pub fn meta_path(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.toml", stem(path)))
}

/// File name without the endings that say how it is packed and written.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let unpacked = [".zst", ".gz", ".xz"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
    let bare = [".csv", ".txt", ".trace", ".log"].iter().find_map(|e| unpacked.strip_suffix(e)).unwrap_or(unpacked);
    if bare.is_empty() { name } else { bare.to_owned() }
}

fn read_meta(path: &Path) -> Result<Option<TraceMeta>, String> {
    let beside = meta_path(path);
    if beside == path {
        return Ok(None);
    }
    match std::fs::read_to_string(&beside) {
        Ok(text) => toml::from_str(&text).map(Some).map_err(|e| format!("{}: {e}", beside.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("{}: {e}", beside.display())),
    }
}

fn read_with(bytes: Cow<'_, [u8]>, name: &str, mut meta: TraceMeta) -> Result<Opened, IngestError> {
    if bytes.is_empty() {
        return Err(IngestError::Empty(name.into()));
    }
    let Unpacked { packing, bytes: text, damage } = decode::unpack(bytes);
    if text.is_empty() {
        return Err(match damage {
            Some(problem) => IngestError::Damaged { name: name.into(), problem },
            None => IngestError::Empty(name.into()),
        });
    }
    // Where an unfinished last line starts. In a stream that is known to be cut it is not even tried.
    let ragged = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
    let whole = if damage.is_some() { &text[..ragged] } else { &text[..] };
    let kind = sniff(&text).ok_or_else(|| unknown_format(&text, name, damage.as_deref()))?;
    let mut report = Report { packing, bytes: text.len() as u64, truncated: damage, ..Report::default() };
    let builder = match kind {
        Format::Native => native::parse(whole, &mut report),
        Format::Ftrace => {
            let (builder, cpus) = ftrace::parse(whole, &mut report);
            meta.cpus = meta.cpus.max(cpus);
            builder
        }
    };
    report.format = kind;
    if ragged < text.len() {
        if whole.len() < text.len() {
            report.lines += 1;
            report.bad_line(report.lines, ragged as u64, Reason::Cut);
        } else if let Some(last) = report.bad.last_mut().filter(|b| b.byte >= ragged as u64) {
            last.reason = Reason::Cut;
        }
        let note = "the last line has no line end: the text may be cut there";
        report.truncated.get_or_insert_with(|| note.into());
    }
    if builder.is_empty() {
        return Err(IngestError::NoEvents {
            name: name.into(),
            format: kind,
            lines: report.lines,
            other: report.other_events,
            skipped: report.skipped,
            first_bad: report.bad.first().cloned(),
        });
    }
    meta.skipped = meta.skipped.saturating_add(report.skipped);
    if meta.scheduler == SchedClass::Unknown {
        meta.scheduler = SchedClass::of_kernel(&meta.kernel);
    }
    Ok(Opened { trace: builder.finish(meta), report })
}

/// What a look at the first part of a text can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sniff {
    Yes,
    No,
    NeedMore,
}

/// Asks every format about a growing first part of the text, until one knows it or all refuse.
fn sniff(text: &[u8]) -> Option<Format> {
    let mut window = 4 << 10;
    loop {
        let complete = window >= text.len();
        let part = if complete { text } else { &text[..window] };
        let answers =
            [(Format::Native, native::sniff(part, complete)), (Format::Ftrace, ftrace::sniff(part, complete))];
        if let Some((format, _)) = answers.iter().find(|(_, answer)| *answer == Sniff::Yes) {
            return Some(*format);
        }
        if complete || answers.iter().all(|(_, answer)| *answer == Sniff::No) {
            return None;
        }
        window *= 16;
    }
}

/// Says where the text stops looking like text, or that it is text of another kind.
fn unknown_format(text: &[u8], name: &str, damage: Option<&str>) -> IngestError {
    let control = text.iter().position(|&b| b == 0 || (b < b' ' && !b.is_ascii_whitespace()));
    let byte = control.unwrap_or_else(|| text.len() - text.trim_ascii_start().len());
    let problem = match (control, damage) {
        (Some(at), _) => format!("byte {:#04x} does not belong in text", text[at]),
        (None, Some(damage)) => damage.to_owned(),
        (None, None) => "neither the header of a native CSV nor a line of ftrace".to_owned(),
    };
    let line = 1 + memchr::memchr_iter(b'\n', &text[..byte]).count() as u64;
    IngestError::UnknownFormat { name: name.into(), line, byte: byte as u64, problem }
}
