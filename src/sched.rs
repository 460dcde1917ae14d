//! The scheduler model: which threads wait on which CPU, rebuilt from the events alone
//! ([`runqueue`]), and what the kernel's own algorithm would do with them ([`replay`]), and whose
//! algorithm it is where nobody says ([`infer`]). How long the queues are at any time is for
//! whoever draws them ([`lengths`]). Nothing here looks at an event before its turn. What is kept
//! of each thread lies in tables whose snapshots share what did not change ([`state`]). A replay
//! and its run queues take a recording together ([`follow`]).

pub mod follow;
pub mod infer;
pub mod lengths;
pub mod replay;
pub mod runqueue;
pub mod state;

/// The kernel's priorities from here on are fair ones.
pub const FAIR: i16 = 100;
