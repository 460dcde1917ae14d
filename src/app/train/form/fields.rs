//! The fields of the form: those settings that have one, in their order.

use crate::train::settings::{self, Setting};
use std::sync::LazyLock;

/// All fields, what is changed most often first.
pub static FIELDS: LazyLock<Vec<&'static Setting>> = LazyLock::new(|| {
    let mut all: Vec<_> = settings::all().filter(|setting| setting.field.is_some()).collect();
    all.sort_by_key(|setting| setting.field.map(|field| field.place));
    all
});

/// The place of a setting among them.
pub(super) fn place(setting: &str) -> Option<usize> {
    FIELDS.iter().position(|field| field.name == setting)
}
