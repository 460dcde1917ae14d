//! Every pick of a recording against the rule of its scheduling class. With the kernel's own state
//! ([`crate::trace::Truth`]) each is consistent with the rule, explained by something that the rule
//! allows for, not decided since a state was not seen, or not explained. Without it the same is
//! asked of the corrected replay, which may be wrong where the kernel is right.
//!
//! EEVDF: of those whose virtual time is not past the queue's average (the eligible), the one with
//! the earliest virtual deadline; CFS: the smallest virtual run time, but for buddies. Where tasks
//! are in groups (autogroup, cgroups), the same is asked first of the groups and then inside the
//! one that was taken.

mod bound;
mod error;
mod estimate;
mod groups;
mod judge;
mod levels;
mod picks;
pub mod picture;
mod report;
mod rule;
mod ruling;
mod scene;
mod state;
mod waits;
pub mod words;

pub use bound::Bound;
pub use error::{Errors, Group, Spread, errors};
pub use picks::{Picks, picks_of};
pub use report::{Broken, Report, kept};
pub use ruling::{Cause, Ruling};
pub use scene::{Level, Member, Scene, Whence, Who};

use crate::sched::FAIR;
