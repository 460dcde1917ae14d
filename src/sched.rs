//! sched

pub mod replay;
