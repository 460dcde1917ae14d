//! From a number to the reason: the decisions of one or more recordings as a table, questions to it
//! (filter expressions), and what is summed up of the answer. Trivial decisions are counted but not
//! in the table, so that every sum here is one of `koracle eval`.
//!
//! ```text
//! collect::collect   one watch over a recording: model, second model, baselines      -> Table (a row per decision)
//! collect::states    states of that watch, kept along the way: where an explanation starts from
//! filter::Expr       `cpu=0 and prev~"hackbench" and p>0.9`, column by column        -> Bitmap (the subset)
//! sums::Sums         tasks, confusion, slices, reliability, baselines, McNemar       -> counts of the subset
//! why::explain       one decision: feature groups, past events, similar right ones
//! ```

pub mod collect;
pub mod column;
mod dense;
pub mod filter;
pub mod slices;
pub mod stats;
pub mod sums;
pub mod table;
pub mod view;
pub mod why;

pub use crate::query::Bitmap;
pub use column::{Column, Kind};
pub use filter::{Expr, FilterError};
pub use table::{Source, Span, Table};
