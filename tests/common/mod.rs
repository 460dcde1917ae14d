//! What several programs of tests need: the program itself, the bundled recordings, the screen, a
//! small network in both engines. Each takes in what it uses.

#![allow(dead_code)] // not every program that takes this in needs all of it
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

pub mod engines;
pub mod network;
pub mod program;
pub mod recordings;
pub mod screen;
