//! Names of threads in the tables of who followed whom.

/// A thread for these tables: its index and its generation (a forked pid starts over).
pub(super) type Ident = u32;

/// "No thread".
pub(super) const NOBODY: Ident = u32::MAX;
