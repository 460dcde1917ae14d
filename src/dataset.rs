//! Which recordings belong together, and recordings as training data.

pub mod catalog;
pub mod chunks;
