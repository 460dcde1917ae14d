//! Long-running engine work over traces: scoring predictors, and the predictions that the timeline
//! draws. All of it asks through one [`watch::Watch`]. Takes a `&Cancel` and a reporter; never
//! prints.

pub mod answers;
pub mod figures;
pub mod judged;
pub mod lack;
pub mod mistakes;
pub mod overlay;
pub mod report;
pub mod rules;
pub mod score;
pub mod watch;
