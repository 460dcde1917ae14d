//! What a row of the timeline can show, and how CPUs are shown, coloured and sorted.

use crate::trace::ThreadIx;
use serde::{Deserialize, Serialize};

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A pinned task, wherever it runs.
    Task(ThreadIx),
    /// A CPU.
    Cpu(usize),
    /// Several CPUs: those from this place of the order on.
    Group(usize),
}

/// How CPUs are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// As lanes where they fit, else in one row each, else as a heat map.
    #[default]
    Auto,
    /// Who ran, who was predicted, the queue: several rows each.
    Lanes,
    /// One row each: who ran, misses marked in it.
    Slim,
    /// One row each or for several: how much of something there was.
    Heat,
}

impl Shape {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Auto => Self::Lanes,
            Self::Lanes => Self::Slim,
            Self::Slim => Self::Heat,
            Self::Heat => Self::Auto,
        }
    }
}

/// What a heat map is coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heat {
    /// Share of the time in which the CPU was not idle.
    #[default]
    Use,
    /// Share of wrong predictions.
    Misses,
    /// The longest run queue.
    Queue,
}

impl Heat {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Misses => "misses",
            Self::Queue => "queue",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Use => Self::Misses,
            Self::Misses => Self::Queue,
            Self::Queue => Self::Use,
        }
    }
}

/// By what CPUs are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// By number.
    #[default]
    Number,
    /// What there was most of, in the window that was visible when they were sorted.
    By(Heat),
}

impl Sort {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Number => Self::By(Heat::Use),
            Self::By(Heat::Use) => Self::By(Heat::Misses),
            Self::By(Heat::Misses) => Self::By(Heat::Queue),
            Self::By(Heat::Queue) => Self::Number,
        }
    }
}

/// A row on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What it shows.
    pub what: What,
    /// Its first line on the screen.
    pub y: u16,
    /// Lines of it that fit.
    pub h: u16,
}
