//! Long-running engine work over traces: scoring predictors, and the predictions that the timeline draws.
//! Takes a `&Cancel` and a reporter; never prints.

pub mod overlay;
