//! The one table of keys. Dispatch, footer, the `?` page and docs/keys.md are all made from it, so
//! that they cannot disagree. Nothing here changes state.

mod action;
mod sections;
mod shown;
mod table;

pub use action::Action;
pub use sections::{Section, sections};
pub use shown::{Entry, footer, markdown};
pub use table::bindings;

use super::input::Key;

/// Where a key works: bits of [`TIMELINE`], [`TRACES`], [`NOTHING`], [`TRAIN`] and those below.
pub type Contexts = u16;
/// The timeline screen.
pub const TIMELINE: Contexts = 1;
/// The list of traces.
pub const TRACES: Contexts = 2;
/// The timeline screen while no recording is open.
pub const NOTHING: Contexts = 4;
/// Training runs.
pub const TRAIN: Contexts = 8;
/// The Mistakes screen.
pub const MISTAKES: Contexts = 16;
/// The Waits screen.
pub const WAITS: Contexts = 32;
/// The Tasks screen.
pub const TASKS: Contexts = 256;
/// The recording dialog, where everything else is text.
pub const DIALOG: Contexts = 64;
/// The panel of a recording.
pub const PANEL: Contexts = 128;
/// The Compare screen while its list has the arrows.
pub const COMPARE: Contexts = 512;
/// And while its two timelines have them.
pub const BESIDE: Contexts = 1024;
/// And while there is nothing to compare yet.
pub const CHOOSE: Contexts = 2048;
/// Home, below a screen.
pub const HOME: Contexts = 4096;
/// The tour, below a screen.
pub const TOUR: Contexts = 8192;
const BOTH: Contexts = COMPARE | BESIDE;
/// Every screen; not the dialog.
pub const ALL: Contexts = !DIALOG;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Keys that do it; the first is shown in the footer.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// A word for the footer; empty: not shown there. Bindings with the same word share one place.
    pub short: &'static str,
    /// A sentence for the help page.
    pub help: &'static str,
    /// Where it works.
    pub contexts: Contexts,
}

/// What `key` does in this context.
pub fn look_up(key: Key, context: Contexts) -> Option<Action> {
    bindings().find(|b| b.contexts & context != 0 && b.keys.contains(&key)).map(|b| b.action)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;
    use crate::app::settings::Settings;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        for context in [
            TIMELINE, TRACES, NOTHING, TRAIN, MISTAKES, WAITS, TASKS, DIALOG, PANEL, COMPARE,
            BESIDE, CHOOSE, HOME, TOUR,
        ] {
            let mut seen: Vec<Key> = Vec::new();
            for b in bindings().filter(|b| b.contexts & context != 0) {
                for key in b.keys {
                    assert!(!seen.contains(key), "{key:?}");
                    seen.push(*key);
                    assert_eq!(look_up(*key, context), Some(b.action));
                }
            }
        }
    }

    #[test]
    fn footer_joins_pairs_and_markdown_has_every_binding() {
        let settings = Settings::default();
        let pair = (vec![Key::Char(','), Key::Char('.')], "step");
        assert!(footer(TIMELINE, &settings).contains(&pair));
        assert!(!footer(TRACES, &settings).iter().any(|(_, short)| *short == "zoom"));
        let page = markdown();
        for b in bindings().filter(|b| !b.keys.is_empty()) {
            assert!(page.contains(b.help), "{}", b.help);
        }
    }

    #[test]
    fn the_footer_shows_what_is_pressed() {
        let settings = Settings::parse("[keys]\n\"J\" = \".\"\n\",\" = \"n\"\n").unwrap();
        let step = footer(TIMELINE, &settings).into_iter().find(|(_, short)| *short == "step");
        assert_eq!(step, Some((vec![Key::Char('J')], "step")), "the comma was given away");
    }
}
