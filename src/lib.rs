//! Kernel Oracle: replays recorded Linux scheduling timelines per CPU and overlays a TCN's
//! predicted next task.
//!
//! The rooms, top to bottom; a module may use only modules on lower lines (held by
//! `tests/tidy.rs`):
//!
//! ```text
//! main -> cli
//! ui
//! driver
//! app
//! train · evaluate · record · stats
//! predictor
//! dataset · vm
//! features · conform
//! sched
//! ingest · export
//! replay · query
//! job
//! trace · text · simd · places
//! ```

pub mod app;
pub mod cli;
pub mod conform;
pub mod dataset;
pub mod driver;
pub mod evaluate;
pub mod export;
pub mod features;
pub mod ingest;
pub mod job;
pub mod places;
pub mod predictor;
pub mod query;
pub mod record;
pub mod replay;
pub mod sched;
pub mod simd;
pub mod stats;
pub mod text;
pub mod trace;
pub mod train;
pub mod ui;
pub mod vm;
