//! The kernel's own state beside a recording: a small program for the recorded machine's
//! `bpftrace`, made from what its BTF says of the scheduler's structures, what it printed, and each
//! row's place among the switches.

mod join;
mod layout;
mod output;
mod places;
mod program;

pub use join::join;
pub use output::{Read, read};
pub use program::{Column, Probe};
