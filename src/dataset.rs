//! Which recordings belong together.

pub mod catalog;
