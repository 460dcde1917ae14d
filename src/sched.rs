//! The scheduler model: which threads wait on which CPU, rebuilt from the events alone ([`runqueue`]), and what the
//! kernel's own algorithm would do with them ([`replay`]), and whose algorithm it is where nobody says ([`infer`]). Nothing here looks at an event before its turn.

pub mod infer;
pub mod replay;
pub mod runqueue;
