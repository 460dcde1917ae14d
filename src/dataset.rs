//! Data to learn from and to be measured on: the catalog of bundled recordings with their splits,
//! and recordings as training data, and their opening. Nothing here knows a network.

pub mod arrays;
pub mod catalog;
pub mod chunks;
pub mod inside;
pub mod opening;
pub mod questions;
pub mod recent;
