//! The native format; `ingest::native` says what its columns mean.

use super::{Item, items};
use crate::trace::{CpuId, EventKind, TaskId, ThreadIx, Trace, Truth};
use std::io::Write;

const HEADER: &str =
    "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu";
/// Two more columns, in recordings that have `runtime` rows.
const RUNTIME: &str = ",runtime_ns,vruntime";

/// Writes the events (not the metadata) as CSV.
pub fn csv_to(trace: &Trace, mut out: impl Write) -> std::io::Result<()> {
    let (runtimes, truth) = (trace.has_runtimes(), trace.truth());
    write!(out, "{HEADER}{}", if runtimes { RUNTIME } else { "" })?;
    for field in truth.iter().flat_map(|t| t.fields()) {
        write!(out, ",{}", field.column())?;
    }
    writeln!(out)?;
    let mut rows = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    let mut row = CsvRow { record: csv::ByteRecord::new(), number: Vec::new() };
    for item in items(trace) {
        row.record.clear();
        match item {
            Item::Event(i) => row.event(trace, i),
            Item::Gap(gap) => {
                row.show(gap.to.0);
                row.show(gap.cpu.0);
                row.text(b"lost");
                row.text(b"");
                row.show(gap.lost);
                row.empty(8);
            }
        }
        if runtimes {
            row.runtime(trace, &item);
        }
        if let Some(truth) = truth {
            row.truth(truth, &item);
        }
        rows.write_byte_record(&row.record).map_err(io_error)?;
    }
    rows.flush()
}

/// The I/O error inside a CSV error, so that a closed pipe is still known as one.
pub fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// One row being put together.
struct CsvRow {
    record: csv::ByteRecord,
    number: Vec<u8>,
}

impl CsvRow {
    fn event(&mut self, trace: &Trace, i: usize) {
        let e = trace.event(i);
        self.show(e.time.0);
        self.show(e.cpu.0);
        self.text(e.kind.label().as_bytes());
        match e.actor {
            ThreadIx::NONE => self.text(b""),
            actor => self.show(trace.tasks().pid(actor).0),
        }
        self.task(trace, e.task);
        self.show(e.prio);
        if e.kind == EventKind::Switch {
            self.show(e.state.label());
        } else {
            self.text(b"");
        }
        if e.kind.has_next() {
            self.task(trace, e.next);
            self.show(e.next_prio);
        } else {
            self.empty(3);
        }
        self.cpu(e.from_cpu);
        self.cpu(e.to_cpu);
    }

    fn runtime(&mut self, trace: &Trace, item: &Item<'_>) {
        let said = if let Item::Event(i) = item { trace.runtime(*i) } else { None };
        match said {
            Some(runtime) => {
                self.show(runtime.ns);
                self.show(runtime.vruntime);
            }
            None => self.empty(2),
        }
    }

    fn truth(&mut self, truth: &Truth, item: &Item<'_>) {
        let known = if let Item::Event(i) = item { truth.at(*i) } else { None };
        let Some(known) = known else { return self.empty(truth.fields().len()) };
        for value in known.values() {
            match value {
                Some(value) => self.show(value),
                None => self.text(b""),
            }
        }
    }

    fn task(&mut self, trace: &Trace, id: TaskId) {
        match trace.tasks().get(id) {
            Some(task) => {
                self.show(task.pid.0);
                self.text(task.name.as_bytes());
            }
            None => self.empty(2),
        }
    }

    fn cpu(&mut self, cpu: CpuId) {
        match cpu {
            CpuId::NONE => self.text(b""),
            CpuId(n) => self.show(n),
        }
    }

    fn show(&mut self, value: impl std::fmt::Display) {
        self.number.clear();
        // Writing to a Vec cannot fail.
        let _ = write!(self.number, "{value}");
        self.record.push_field(&self.number);
    }

    fn text(&mut self, text: &[u8]) {
        self.record.push_field(text);
    }

    fn empty(&mut self, fields: usize) {
        for _ in 0..fields {
            self.text(b"");
        }
    }
}
