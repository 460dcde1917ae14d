//! Two recordings beside each other.

mod words;

pub use words::{value, words};
