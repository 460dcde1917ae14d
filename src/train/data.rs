//! What a training is given.

use crate::dataset::chunks::Recording;

/// The recordings to learn from and to choose by.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Fitted to ([`crate::dataset::chunks::Keep::TRAINING`]).
    pub training: Vec<Recording>,
    /// Chosen by ([`crate::dataset::chunks::Keep::VALIDATION`]); may be empty: then the last epoch
    /// is taken.
    pub validation: Vec<Recording>,
}
