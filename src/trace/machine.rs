//! What is known of the machine's scheduler, and from where: a figure that rests on a guess must be
//! seen to.

use super::{SchedClass, TraceMeta};

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The recording or the metadata beside it say so.
    Recorded,
    /// Whoever opened it said so.
    Told,
    /// It follows from the events.
    Inferred,
    /// Nothing says so; it is the usual value.
    Assumed,
}

impl Origin {
    /// In machine output and in tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Told => "told",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }
}

/// A value, where it comes from, and how sure it is (0..1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub from: Origin,
    /// 1 for what was recorded or told, 0 for what is assumed.
    pub confidence: f32,
}

impl<T> Fact<T> {
    /// What nothing says.
    pub fn assumed(value: T) -> Self {
        Self { value, from: Origin::Assumed, confidence: 0.0 }
    }

    /// What follows from the events, this sure.
    pub fn inferred(value: T, confidence: f32) -> Self {
        Self { value, from: Origin::Inferred, confidence: confidence.clamp(0.0, 1.0) }
    }

    /// What whoever opened the recording said.
    pub fn told(value: T) -> Self {
        Self { value, from: Origin::Told, confidence: 1.0 }
    }

    fn recorded(value: T) -> Self {
        Self { value, from: Origin::Recorded, confidence: 1.0 }
    }

    /// True when nothing better than a usual value is known.
    pub fn is_assumed(&self) -> bool {
        self.from == Origin::Assumed
    }
}

/// The scheduler as the replay must know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// The fair scheduling class; never [`SchedClass::Unknown`].
    pub class: Fact<SchedClass>,
    /// Timer frequency in Hz.
    pub hz: Fact<u32>,
    /// Base slice in ns.
    pub slice_ns: Fact<u64>,
    /// Whether sessions have run queues of their own.
    pub autogroup: Fact<bool>,
}

/// The timer frequency of most distributions' kernels.
pub const USUAL_HZ: u32 = 250;

/// The kernel's own base slice: 0.7 ms times 1 + log2 of the CPUs, of which 8 count
/// (`update_sysctl` in `kernel/sched/fair.c`).
pub fn usual_slice(cpus: usize) -> u64 {
    700_000 * (1 + u64::from(cpus.clamp(1, 8).ilog2()))
}

impl Machine {
    /// What the metadata say, and usual values for the rest. `cpus`: of the trace.
    pub fn of(meta: &TraceMeta, cpus: usize) -> Self {
        let class = match meta.scheduler {
            SchedClass::Unknown => SchedClass::of_kernel(&meta.kernel),
            class => class,
        };
        Self {
            class: match class {
                SchedClass::Unknown => Fact::assumed(SchedClass::Eevdf),
                class => Fact::recorded(class),
            },
            hz: if meta.hz == 0 { Fact::assumed(USUAL_HZ) } else { Fact::recorded(meta.hz) },
            slice_ns: match meta.slice_ns {
                0 => Fact::assumed(usual_slice(cpus)),
                ns => Fact::recorded(ns),
            },
            autogroup: meta.autogroup.map_or(Fact::assumed(true), Fact::recorded),
        }
    }
}
