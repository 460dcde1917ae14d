//! The contract of all formats. A format is one file with a [`Reader`] and one line in [`READERS`]:
//! it says from the first bytes whether it knows them, and reads them into a [`Sink`].
//!
//! Rules for a reader: what is bad is noted with its place and costs itself alone; memory is the
//! events plus a few MB, whatever the bytes; the result does not depend on how many threads there
//! are.

use super::{Format, IngestError, Report, Source, foreign};
use super::{
    ftrace, lttng, native, perf_data, perf_sched_map, perf_script, perfetto, systrace, tracedat,
};
use crate::trace::{TraceBuilder, TraceMeta};

/// All formats, the surer ones first.
pub const READERS: &[&dyn Reader] = &[
    &tracedat::TraceDat,
    &perf_data::PerfData,
    &perfetto::Perfetto,
    &native::Native,
    &systrace::Systrace,
    &lttng::Lttng,
    &perf_script::PerfScript,
    &perf_sched_map::PerfSchedMap,
    &ftrace::Ftrace,
];

/// What a look at the first bytes can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// This format it is.
    Yes,
    /// Whatever follows, it is another one.
    No,
    /// More bytes are needed to say.
    More,
}

/// One format.
pub trait Reader: Sync {
    /// Which one.
    fn format(&self) -> Format;

    /// Looks at the first (decompressed) bytes, and at the name where content cannot tell.
    /// `complete`: no more bytes will be shown, so that [`Probe::More`] means no.
    fn probe(&self, head: &[u8], name: &str, complete: bool) -> Probe;

    /// Reads everything. An error is for what cannot be read at all; a recording without events is
    /// no error here.
    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError>;
}

/// Where a reader puts what it reads.
#[derive(Debug, Default)]
pub struct Sink {
    /// The events, of all kinds in [`crate::trace::EventKind`].
    pub events: TraceBuilder,
    /// What the recording says of its machine; what it does not say stays as it is. A metadata file
    /// beside it, made by who knows better, goes before.
    pub meta: TraceMeta,
    /// What was skipped, and what must be known.
    pub report: Report,
}

/// The first look.
const FIRST: usize = 4 << 10;
/// The last: what is no recording until here is none.
const LAST: usize = 4 << 20;

/// Finds who can read a source, which is not consumed.
pub fn choose(source: &mut Source<'_>) -> Result<&'static dyn Reader, IngestError> {
    let name = source.name().to_owned();
    let mut window = FIRST;
    loop {
        let (head, ended) = source.peek(window);
        let complete = ended || window >= LAST;
        // Only now: a stream of which nothing could be decoded looks empty, too.
        if head.is_empty() {
            return Err(match source.damage() {
                Some(problem) => IngestError::Damaged { name, problem: problem.into() },
                None => IngestError::Empty(name),
            });
        }
        if let Some(hint) = foreign::recognise(head, complete) {
            return Err(IngestError::Foreign { name, what: hint.what, way: hint.way });
        }
        let answers = READERS.iter().map(|reader| (*reader, reader.probe(head, &name, complete)));
        let answers: Vec<_> = answers.filter(|(_, answer)| *answer != Probe::No).collect();
        if let Some((reader, _)) = answers.iter().find(|(_, answer)| *answer == Probe::Yes) {
            return Ok(*reader);
        }
        if complete || answers.is_empty() {
            return Err(unknown(source, window));
        }
        window = (window * 16).min(LAST);
    }
}

/// Says what a header of ours lacks, where the bytes stop looking like text, or that they are text
/// of another kind.
fn unknown(source: &mut Source<'_>, window: usize) -> IngestError {
    let (name, damage) = (source.name().to_owned(), source.damage().map(str::to_owned));
    let (text, _) = source.peek(window);
    if let Some((byte, problem)) = native::near(text) {
        return IngestError::UnknownFormat { name, line: 1, byte: byte as u64, problem };
    }
    let control = text.iter().position(|&b| b == 0 || (b < b' ' && !b.is_ascii_whitespace()));
    let byte = control.unwrap_or_else(|| text.len() - text.trim_ascii_start().len());
    let problem = match (control, damage) {
        (Some(at), _) => format!("byte {:#04x} does not belong in text", text[at]),
        (None, Some(damage)) => damage,
        (None, None) => "no format of a recording that is known here".to_owned(),
    };
    let line = 1 + memchr::memchr_iter(b'\n', &text[..byte]).count() as u64;
    IngestError::UnknownFormat { name, line, byte: byte as u64, problem }
}
