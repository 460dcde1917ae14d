//! Opens a recording for everybody who walks it: what whoever opens it says of its machine goes
//! before what the recording says, and what nobody says is inferred from the events.

use crate::ingest::{self, IngestError, Opened};
use crate::sched::infer::inferred;
use crate::trace::{Fact, Machine, SchedClass, Trace, TraceMeta};
use std::path::Path;

/// What whoever opens a recording says of its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatedMachine {
    /// Kernel release: its scheduler is CFS before 6.6, EEVDF from there on.
    pub kernel: Option<String>,
    /// Timer frequency in Hz.
    pub hz: Option<u32>,
    /// Base slice in ns.
    pub slice_ns: Option<u64>,
    /// Whether autogroup was on.
    pub autogroup: Option<bool>,
}

impl StatedMachine {
    /// Writes what is told into the metadata of a recording that is kept.
    pub fn note(&self, meta: &mut TraceMeta) {
        if let Some(kernel) = &self.kernel {
            meta.scheduler = SchedClass::of_kernel(kernel);
            meta.kernel.clone_from(kernel);
        }
        meta.hz = self.hz.unwrap_or(meta.hz);
        meta.slice_ns = self.slice_ns.unwrap_or(meta.slice_ns);
        meta.autogroup = self.autogroup.or(meta.autogroup);
    }
}

/// Opens a recording; see [`ingest::open`].
pub fn open(path: &Path, told: &StatedMachine) -> Result<Opened, IngestError> {
    let mut opened = ingest::open(path)?;
    complete(&mut opened.trace, told);
    Ok(opened)
}

/// Takes what is told, and infers the rest of what the recording does not say.
pub fn complete(trace: &mut Trace, told: &StatedMachine) {
    let machine = machine(trace, told);
    trace.suppose(machine);
}

/// What is known of a recording's machine: told, recorded, inferred, assumed, in this order.
pub fn machine(trace: &Trace, told: &StatedMachine) -> Machine {
    let mut machine = *trace.machine();
    if let Some(class) =
        told.kernel.as_deref().map(SchedClass::of_kernel).filter(|c| *c != SchedClass::Unknown)
    {
        machine.class = Fact::told(class);
    }
    if let Some(hz) = told.hz {
        machine.hz = Fact::told(hz);
    }
    if let Some(ns) = told.slice_ns {
        machine.slice_ns = Fact::told(ns);
    }
    if let Some(on) = told.autogroup {
        machine.autogroup = Fact::told(on);
    }
    inferred(trace, machine)
}
