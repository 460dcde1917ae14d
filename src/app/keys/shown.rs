//! The table of keys as it is shown: in the footer, on the help page, in docs/keys.md.

use super::sections::by_screen;
use super::{Action, CHOOSE, Contexts, HOME, NOTHING, PANEL, TOUR, bindings};
use crate::app::input::Key;
use crate::app::settings::Settings;
use std::fmt::Write as _;

/// An entry of the footer: keys with what is pressed for each, and a word.
pub type Entry = (Vec<Key>, &'static str);

/// Footer entries of a context: bindings with the same word are joined (`, .` `step`), but a screen
/// with nothing else (`c` `compare` and `7` `compare`).
pub fn footer(context: Contexts, settings: &Settings) -> Vec<Entry> {
    let mut out: Vec<(Entry, bool)> = Vec::new();
    for b in bindings().filter(|b| b.contexts & context != 0 && !b.short.is_empty()) {
        // With nothing open only what leads elsewhere does something; in the list itself that is
        // not a place to go.
        let leads =
            matches!(b.action, Action::Tab(_) | Action::Help | Action::Palette | Action::Quit);
        let leads = leads
            || matches!(b.action, Action::Compare(_))
            || (context == PANEL && b.action == Action::Back);
        let silent = matches!(b.action, Action::Tab(tab) if context & tab.about().silent != 0);
        let moves = context & (HOME | TOUR) != 0 && matches!(b.action, Action::Start | Action::End);
        if (context & (NOTHING | PANEL | CHOOSE) != 0 && !leads) || silent || moves {
            continue;
        }
        // A key that was given away altogether is none that could be shown.
        let Some(key) = settings.pressed(b.keys).first().copied() else { continue };
        let is_tab = matches!(b.action, Action::Tab(_));
        match out.iter_mut().find(|((_, short), tab)| *short == b.short && *tab == is_tab) {
            Some(((keys, _), _)) => keys.push(key),
            None => out.push(((vec![key], b.short), is_tab)),
        }
    }
    out.into_iter().map(|(entry, _)| entry).collect()
}

/// The tables for docs/keys.md.
pub fn markdown() -> String {
    let settings = Settings::default();
    let mut out = String::new();
    for (screen, sections) in by_screen() {
        // Writing to a String cannot fail.
        let _ = write!(out, "## {screen}\n\n| key | what it does |\n|---|---|\n");
        for (title, bindings) in sections {
            let _ = writeln!(out, "| | **{title}** |");
            for binding in bindings {
                let keys: Vec<String> =
                    settings.labels(binding.keys).iter().map(|key| format!("`{key}`")).collect();
                let _ = writeln!(out, "| {} | {} |", keys.join(" "), binding.help);
            }
        }
        out.push('\n');
    }
    out
}
