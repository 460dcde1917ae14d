//! Bytes to [`Trace`]: opens recordings in any readable format, told apart by content. A damaged
//! recording gives its good part and a [`Report`] of the rest. Nothing here prints or draws.
//!
//! [`Source`] is where bytes come from, [`Reader`] the contract of a format, [`READERS`] the list
//! of all formats, [`Sink`] what they fill. A format that is known by sight and not read is one
//! line in `foreign`.

mod bounds;
mod decode;
mod error;
mod folder;
mod foreign;
mod ftrace;
mod input;
mod lines;
mod lttng;
mod native;
mod num;
mod perf_data;
mod perf_sched_map;
mod perf_script;
mod perfetto;
mod reader;
mod report;
pub mod ringbuf;
mod sidecar;
mod source;
mod systrace;
mod tracedat;

pub use decode::Packing;
pub use error::IngestError;
pub use folder::{is_native, is_recording, some_within, within};
pub use input::{name, put_aside};
pub use reader::{Probe, READERS, Reader, Sink};
pub use report::{Format, KEPT_NOTES, Note, Place, Reason, Report};
pub use sidecar::{FREQUENCIES, SLICES, meta_path};
pub use source::{ReadSeek, Source};

use crate::trace::{Trace, TraceMeta};
use std::borrow::Cow;
use std::path::Path;

/// A recording and what was noticed while it was read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The recording.
    pub trace: Trace,
    /// What was skipped, cut or ignored, and what must be known.
    pub report: Report,
}

/// Opens a recording in any readable format, with the metadata in `NAME.toml` beside it, if there
/// is one. `-` is standard input.
pub fn open(path: &Path) -> Result<Opened, IngestError> {
    let mut source = input::open(path).map_err(folder::with_example)?;
    if path.as_os_str() == "-" {
        let name = source.name().to_owned();
        return read_from(&mut source, TraceMeta { name, ..TraceMeta::default() });
    }
    let (meta, metadata_problem) = match sidecar::read(path) {
        Ok(meta) => (meta.unwrap_or_default(), None),
        Err(problem) => (TraceMeta::default(), Some(problem)),
    };
    let name = if meta.name.is_empty() { name(path) } else { meta.name.clone() };
    let mut opened = read_from(&mut source, TraceMeta { name, ..meta })?;
    opened.report.metadata_problem = metadata_problem;
    Ok(opened)
}

/// Reads a recording from memory. `name` is used in messages and as the trace's name.
pub fn read<'a>(bytes: impl Into<Cow<'a, [u8]>>, name: &str) -> Result<Opened, IngestError> {
    let bytes = bytes.into();
    read_from(
        &mut Source::memory(&bytes, name),
        TraceMeta { name: name.into(), ..TraceMeta::default() },
    )
}

/// Reads a recording from any source. What `told` says goes before what the recording says of
/// itself.
pub fn read_from(source: &mut Source<'_>, told: TraceMeta) -> Result<Opened, IngestError> {
    let reader = reader::choose(source)?;
    let mut sink = Sink::default();
    reader.read(source, &mut sink)?;
    let Sink { events, meta, mut report } = sink;
    (report.format, report.packing) = (reader.format(), source.packing());
    report.bytes = report.bytes.max(source.bytes());
    if events.is_empty() {
        return Err(IngestError::NoEvents {
            name: source.name().into(),
            format: report.format,
            units: report.units,
            other: report.other_events,
            skipped: report.skipped,
            first_bad: report.bad.first().cloned(),
        });
    }
    let mut meta = sidecar::merge(told, meta, &mut report);
    meta.skipped = meta.skipped.saturating_add(report.skipped);
    let trace = events.finish(meta);
    warn_of_time(&trace, &mut report);
    Ok(Opened { trace, report })
}

/// So long nobody waits for an event: 30 days.
const LONGEST_PAUSE: u64 = 30 * 86_400 * 1_000_000_000;

/// Says what the times of a recording cannot mean.
fn warn_of_time(trace: &Trace, report: &mut Report) {
    let times = trace.times();
    let far = times.windows(2).position(|pair| pair[1] - pair[0] > LONGEST_PAUSE);
    if let Some(at) = far {
        let (pause, after) = ((times[at + 1] - times[at]) as f64 / 86_400e9, times.len() - at - 1);
        report.warn(format!(
            "there are {pause:.0} days between two events, and {after} of {} events behind them: \
             stamps may be damaged, or two recordings in one",
            times.len()
        ));
    }
    if trace.reordered() > trace.len() as u64 / 2 {
        report.warn(format!(
            "time ran backwards at {} of {} events: the times may be differences (`perf script \
             --deltatime`) or of clocks that disagree; use absolute ones of one clock",
            trace.reordered(),
            trace.len()
        ));
    }
    if matches!(&*trace.meta().clock, "counter" | "x86-tsc" | "uptime") {
        report.warn(format!(
            "the clock `{}` counts and is no time: the order of events is right, durations are not",
            trace.meta().clock
        ));
    }
}
