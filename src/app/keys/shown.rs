//! The table of keys as it is shown: in the footer, on the help page, in docs/keys.md.

use super::{Action, CHOOSE, Contexts, HOME, NOTHING, PANEL, TABLE, TIMELINE};
use crate::app::tab::TABS;
use std::fmt::Write as _;

/// Footer entries of a context: keys and word, bindings with the same word joined (`, .` `step`).
pub fn footer(context: Contexts) -> Vec<(String, &'static str)> {
    let mut out: Vec<(String, &'static str)> = Vec::new();
    for b in TABLE.iter().filter(|b| b.contexts & context != 0 && !b.short.is_empty()) {
        // With nothing open only what leads elsewhere does something; in the list itself that is not a place to go.
        let leads = matches!(b.action, Action::Tab(_) | Action::Help | Action::Quit);
        let leads = leads || matches!(b.action, Action::Compare(_)) || (context == PANEL && b.action == Action::Back);
        let silent = matches!(b.action, Action::Tab(tab) if context & tab.about().silent != 0);
        let moves = context == HOME && matches!(b.action, Action::Start | Action::End);
        if (context & (NOTHING | PANEL | CHOOSE) != 0 && !leads) || silent || moves {
            continue;
        }
        let key = b.keys[0].label();
        match out.iter_mut().find(|(_, short)| *short == b.short) {
            Some((keys, _)) => *keys = format!("{keys} {key}"),
            None => out.push((key, b.short)),
        }
    }
    out
}

/// Rows of the help page: keys, sentence, contexts.
pub fn help() -> impl Iterator<Item = (String, &'static str, Contexts)> {
    TABLE.iter().map(|b| {
        let keys: Vec<String> = b.keys.iter().map(|k| k.label()).collect();
        (keys.join(" "), b.help, b.contexts)
    })
}

/// Where a binding works, when those are screens with keys of their own; else nothing.
pub fn place(contexts: Contexts) -> String {
    // Without a word it is the timeline's.
    let of = TABS.iter().filter(|about| contexts & TIMELINE == 0 && contexts & about.keys != 0);
    let names: Vec<&str> = of.map(|about| about.name).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

/// The table for docs/keys.md.
pub fn markdown() -> String {
    let mut out = String::from("| key | what it does |\n|---|---|\n");
    for (keys, help, contexts) in help() {
        let place = place(contexts);
        let keys: Vec<String> = keys.split(' ').map(|k| format!("`{k}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {} | {help}{place} |", keys.join(" "));
    }
    out
}
