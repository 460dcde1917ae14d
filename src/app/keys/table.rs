//! The bindings themselves, in the order of importance that the footer uses. Of a key that several
//! bindings of one context have the first would win; a test says that there is none.

mod everywhere;
mod lists;
mod mistakes;
mod timeline;
mod train;

use super::{Action, Binding, Contexts};
use crate::app::input::Key;

/// All bindings, in the order of importance that the footer uses.
pub fn bindings() -> impl Iterator<Item = &'static Binding> {
    [timeline::KEYS, train::KEYS, mistakes::KEYS, lists::KEYS, everywhere::KEYS]
        .into_iter()
        .flatten()
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    short: &'static str,
    help: &'static str,
    contexts: Contexts,
) -> Binding {
    Binding { keys, action, short, help, contexts }
}
