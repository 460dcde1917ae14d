//! Bounds of what is taken for a recording.

/// No line of an event is longer; longer ones are not read.
pub const LONGEST: usize = 64 << 10;

/// Times from here on are no times: a machine would have to run for 292 years.
pub const TIME_END: u64 = 1 << 63;
