//! Events that a trace has no place for, beside their recording: `NAME.more.csv.zst` next to `NAME.csv.zst`.

use super::Recorded;
use crate::export::{NewFile, WAITED_LEVEL};
use crate::ingest::ringbuf::MoreKind;
use std::io::{BufWriter, Result};
use std::path::{Path, PathBuf};

/// Where they go for the recording in `path`.
pub fn beside(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(format!("{name}.more.csv.zst"))
}

/// Writes them. Columns as in the recording; `value` is the CPU of a `waking` and the ns of a `runtime`. Times count from
/// the recording's first event, before which there may be some.
pub fn write(path: &Path, recorded: &Recorded) -> Result<()> {
    let start = recorded.trace.meta().start_ns as i64;
    let file = NewFile::create(path)?;
    let mut out = zstd::stream::write::Encoder::new(BufWriter::new(file.file()), WAITED_LEVEL)?;
    out.include_checksum(true)?;
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["time_ns", "cpu", "event", "actor", "pid", "comm", "value"])?;
    for e in &recorded.more {
        let kind = match e.kind {
            MoreKind::Waking => "waking",
            MoreKind::Runtime => "runtime",
        };
        let numbers = [e.time as i64 - start, i64::from(e.cpu.0), i64::from(e.actor.0), i64::from(e.pid.0)];
        let [time, cpu, actor, pid] = numbers.map(|n| n.to_string());
        let comm = e.comm.split(|&b| b == 0).next().unwrap_or_default();
        let value = e.value.to_string();
        let row = [time.as_bytes(), cpu.as_bytes(), kind.as_bytes(), actor.as_bytes(), pid.as_bytes(), comm];
        rows.write_record(row.into_iter().chain([value.as_bytes()]))?;
    }
    let out = rows.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.finish()
}
