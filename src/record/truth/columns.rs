//! What the numbers of a row are: each is a field of the kernel's state, or a word that holds some.

#[cfg(doc)]
use crate::trace::truth::Value;
use crate::trace::truth::{Field, Of};

/// One printed number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// It is the field.
    Plain(Field),
    /// [`Value::OnRq`] in bit 0, [`Value::Delayed`] in bit 1, [`Value::Depth`] from bit 8 on.
    Flags(Of),
    /// A word of the kernel's memory, with what is wanted of it: maybe nothing.
    Word(Vec<Part>),
}

/// A field in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub field: Field,
    /// Bits before it.
    pub shift: u32,
    /// Its bits.
    pub bits: u32,
}
