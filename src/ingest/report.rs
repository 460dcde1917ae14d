//! What readers say besides events: the format, what was skipped and where, and warnings in whole
//! sentences. One report for all formats; the place of a note is a line, a byte, a page or a
//! record.

use super::decode::Packing;
use super::ringbuf::PageProblem;

/// At most so many notes are kept with their place; all are counted.
pub const KEPT_NOTES: usize = 100;

/// What the bytes were, inside their compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Native CSV, one row per event, nanoseconds.
    #[default]
    Native,
    /// Text of ftrace or trace-cmd.
    Ftrace,
    /// The kernel's ring-buffer pages (`trace_pipe_raw`).
    RingBuffer,
    /// `perf record`, `perf sched record`.
    PerfData,
    /// Text of `perf script`.
    PerfScript,
    /// Text of `perf sched map`.
    PerfSchedMap,
    /// trace-cmd's file.
    TraceDat,
    /// Perfetto's protobuf.
    Perfetto,
    /// HTML of systrace, or atrace's text.
    Systrace,
    /// Text of `LTTng` or babeltrace.
    Lttng,
    /// An archive of `SchedViz`.
    Schedviz,
}

impl Format {
    /// As machine output names it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Native => "native-csv",
            Self::Ftrace => "ftrace-text",
            Self::RingBuffer => "ring-buffer",
            Self::PerfData => "perf-data",
            Self::PerfScript => "perf-script",
            Self::PerfSchedMap => "perf-sched-map",
            Self::TraceDat => "trace-dat",
            Self::Perfetto => "perfetto",
            Self::Systrace => "systrace",
            Self::Lttng => "lttng-text",
            Self::Schedviz => "schedviz",
        }
    }

    /// For sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::Native => "native CSV",
            Self::Ftrace => "ftrace text",
            Self::RingBuffer => "ring-buffer pages",
            Self::PerfData => "perf.data",
            Self::PerfScript => "perf script text",
            Self::PerfSchedMap => "perf sched map text",
            Self::TraceDat => "trace.dat",
            Self::Perfetto => "a Perfetto trace",
            Self::Systrace => "systrace",
            Self::Lttng => "LTTng text",
            Self::Schedviz => "a SchedViz archive",
        }
    }

    /// What [`Report::units`] and [`Report::skipped`] count: "line", "page" or "record".
    pub fn unit(self) -> &'static str {
        match self {
            Self::RingBuffer | Self::TraceDat | Self::Schedviz => "page",
            Self::PerfData | Self::Perfetto => "record",
            _ => "line",
        }
    }
}

/// What was noticed while reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What the bytes were.
    pub format: Format,
    /// Compression around it.
    pub packing: Packing,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Lines (comments and headers included), pages or records; [`Format::unit`] says which.
    pub units: u64,
    /// Those that could not be used, or not whole.
    pub skipped: u64,
    /// The first [`KEPT_NOTES`] of them.
    pub bad: Vec<Note>,
    /// Well-formed events of kinds that are not used (`irq_handler_entry`, ...).
    pub other_events: u64,
    /// Older events that the kernel had already overwritten when the recording was taken from its
    /// buffer.
    pub overwritten: u64,
    /// Why the recording may go on after its last event, when its bytes end too early.
    pub truncated: Option<String>,
    /// Why the metadata file beside the recording was not used.
    pub metadata_problem: Option<String>,
    /// What else must be known to read the recording right: whole sentences without the file's
    /// name.
    pub warnings: Vec<String>,
}

impl Report {
    /// Counts something that could not be used.
    pub fn note(&mut self, place: Place, reason: Reason) {
        self.skipped += 1;
        if self.bad.len() < KEPT_NOTES {
            self.bad.push(Note { place, reason });
        }
    }

    /// Adds a warning, once.
    pub fn warn(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.warnings.contains(&sentence) {
            self.warnings.push(sentence);
        }
    }

    /// Takes over what was noticed in the next part of the same input, whose lines were counted
    /// from its start.
    pub fn append(&mut self, later: Self) {
        self.skipped += later.skipped;
        let room = KEPT_NOTES - self.bad.len().min(KEPT_NOTES);
        let before = self.units;
        self.bad.extend(later.bad.into_iter().take(room).map(|mut note| {
            if let Place::Line { line, .. } = &mut note.place {
                *line += before;
            }
            note
        }));
        self.units += later.units;
        self.other_events += later.other_events;
        self.overwritten = self.overwritten.saturating_add(later.overwritten);
        later.warnings.into_iter().for_each(|w| self.warn(w));
    }
}

/// Where something is that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a text.
    Line {
        /// Its number, from 1.
        line: u64,
        /// Offset of its first byte in the decompressed text.
        byte: u64,
    },
    /// In bytes without lines.
    Byte(u64),
    /// In a stream of pages.
    Page {
        /// The stream, e.g. `cpu0`.
        stream: String,
        /// Offset of the page in it.
        byte: u64,
    },
    /// In a file of records.
    Record {
        /// Its number, from 1.
        record: u64,
        /// Its offset.
        byte: u64,
    },
}

impl Place {
    /// The offset, in the whole input or in the stream.
    pub fn byte(&self) -> u64 {
        match self {
            Self::Line { byte, .. }
            | Self::Byte(byte)
            | Self::Page { byte, .. }
            | Self::Record { byte, .. } => *byte,
        }
    }

    /// The line's number, where there are lines.
    pub fn line(&self) -> Option<u64> {
        if let Self::Line { line, .. } = self { Some(*line) } else { None }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line { line, byte } => write!(f, "line {line}, byte {byte}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Page { stream, byte } => write!(f, "{stream}, byte {byte}"),
            Self::Record { record, byte } => write!(f, "record {record}, byte {byte}"),
        }
    }
}

/// Something that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it is.
    pub place: Place,
    /// What is wrong with it.
    pub reason: Reason,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// What can be wrong with a line, a page or a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A field is missing or is not what it should be.
    #[error("no valid {0}")]
    Field(&'static str),
    /// A column that this kind of row needs, which the header does not name.
    #[error("no column {0}, which such a row needs")]
    Column(&'static str),
    /// A CPU number that no machine has.
    #[error("CPU {0} is beyond the highest supported, {max}", max = crate::trace::MAX_CPUS - 1)]
    CpuTooBig(u64),
    /// A time that no clock shows: it went below zero, or is damaged.
    #[error("the time {0} ns is beyond 292 years, as of a clock that went below zero")]
    Stamp(u64),
    /// A row with too few or too many fields.
    #[error("{found} fields instead of {expected}")]
    FieldCount {
        /// Fields in this row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A quoted field that does not end in the row, or goes on behind its end.
    #[error("a quote without its end")]
    Quote,
    /// The name of an event that is not known.
    #[error("unknown event {0:?}")]
    UnknownEvent(String),
    /// The fields of an event that are not as they should be.
    #[error("the fields of {0} cannot be read")]
    Payload(&'static str),
    /// More bytes without a line end than any event takes.
    #[error("longer than {longest} bytes", longest = super::bounds::LONGEST)]
    TooLong,
    /// The last line, without a line end, and not whole.
    #[error("the text ends inside this line")]
    Cut,
    /// Not a line of the format at all.
    #[error("not an event line")]
    NotAnEvent,
    /// A page of the ring buffer that is damaged.
    #[error(transparent)]
    Page(#[from] PageProblem),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// Refuses a clock value that no clock shows.
#[inline]
pub fn believable(time: u64) -> Result<u64, Reason> {
    if time < super::bounds::TIME_END { Ok(time) } else { Err(Reason::Stamp(time)) }
}
