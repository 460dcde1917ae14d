//! The table of keys in sections: what belongs together on the `?` page of a screen and in
//! docs/keys.md.

use super::{Action, Binding, Contexts, DIALOG, HOME, PANEL, TIMELINE, TOUR, TRACES, bindings};
use crate::app::list;
use crate::app::mistakes::Do;
use crate::app::tab::{TABS, Tab};
use crate::app::train::Act;

/// What a binding is about.
fn title(b: &Binding) -> &'static str {
    match b.contexts {
        DIALOG => return "recording dialog",
        PANEL => return "a recording under way",
        TIMELINE if b.action == Action::Find => return "tasks",
        HOME => return "home",
        TOUR => return "tour",
        _ => {}
    }
    of_action(b.action)
}

fn of_action(action: Action) -> &'static str {
    match action {
        Action::Play | Action::Slower | Action::Faster | Action::Seek | Action::Clock => {
            "playback and time"
        }
        Action::PrevDecision | Action::NextDecision | Action::NextMiss | Action::PrevMiss => {
            "decisions"
        }
        Action::Kernel | Action::NextUnexplained | Action::PrevUnexplained => "the kernel's rule",
        Action::ZoomIn | Action::ZoomOut | Action::PanLeft | Action::PanRight | Action::Fit => {
            "window"
        }
        Action::Row | Action::Second | Action::AskSecond => "predictors",
        Action::NextFound | Action::PrevFound | Action::Pin | Action::PinFound => "tasks",
        Action::Find => "filter",
        Action::Mark | Action::Between => "marks",
        Action::Shape | Action::Heat | Action::Sort | Action::Crowd | Action::Room => {
            "rows and panes"
        }
        Action::Train(act) => of_train(act),
        Action::Mistakes(what) => of_mistakes(what),
        Action::List(what) => of_list(what),
        Action::Compare(_) => "two recordings",
        Action::Open | Action::OpenFile | Action::Record => "open",
        Action::Tab(_) => "screens",
        Action::Pane
        | Action::Start
        | Action::End
        | Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::NextField
        | Action::PrevField
        | Action::NextStop
        | Action::PrevStop => "move",
        Action::Home
        | Action::Tour
        | Action::Results
        | Action::Palette
        | Action::Help
        | Action::Back
        | Action::Quit => "program",
    }
}

fn of_mistakes(what: Do) -> &'static str {
    match what {
        Do::AskFirst | Do::AskSecond | Do::Current | Do::Compare => "predictors",
        Do::Range | Do::Save | Do::Saved | Do::Clear => "filter",
        Do::Left | Do::Right | Do::Sort => "columns",
        Do::Choose | Do::Copy => "choose and copy",
        Do::All | Do::Page | Do::PrevPage | Do::Why => "what is shown",
    }
}

fn of_list(what: list::Do) -> &'static str {
    match what {
        list::Do::Range | list::Do::Clear => "filter",
        list::Do::Left | list::Do::Right | list::Do::Sort => "columns",
        list::Do::Copy => "choose and copy",
        _ => "what is shown",
    }
}

fn of_train(act: Act) -> &'static str {
    match act {
        Act::Watch | Act::Use => "models",
        Act::NextChart
        | Act::PrevChart
        | Act::Axis
        | Act::Log
        | Act::NextWorkload
        | Act::PrevWorkload
        | Act::ReadEarlier
        | Act::ReadLater => "chart",
        _ => "runs",
    }
}

/// Bindings that belong together, with what they are about.
pub type Section = (&'static str, Vec<&'static Binding>);

/// Sorts bindings into sections, in the order of the table.
fn sorted(bindings: impl Iterator<Item = &'static Binding>) -> Vec<Section> {
    let mut out: Vec<Section> = Vec::new();
    for b in bindings {
        let title = title(b);
        match out.iter_mut().find(|(known, _)| *known == title) {
            Some((_, list)) => list.push(b),
            None => out.push((title, vec![b])),
        }
    }
    out
}

/// Where the keys of a screen are looked up, whatever is shown in its place.
fn contexts(tab: Tab) -> Contexts {
    let own = tab.about().keys;
    if own == TRACES { own | DIALOG | PANEL } else { own }
}

/// The keys of a screen.
pub fn sections(tab: Tab) -> Vec<Section> {
    let here = contexts(tab);
    sorted(bindings().filter(|b| b.contexts & here != 0 && !b.keys.is_empty()))
}

/// True for keys that work on every screen.
fn is_everywhere(b: &Binding) -> bool {
    TABS.iter().all(|about| b.contexts & about.keys != 0)
}

/// All keys, each at least once, by screen: its name, its sections.
pub fn by_screen() -> Vec<(&'static str, Vec<Section>)> {
    let keyed = || bindings().filter(|b| !b.keys.is_empty());
    let mut pages = vec![
        ("Everywhere", sorted(keyed().filter(|b| is_everywhere(b)))),
        (
            "Home and tour",
            sorted(keyed().filter(|b| b.contexts & (HOME | TOUR) != 0 && !is_everywhere(b))),
        ),
    ];
    for about in TABS {
        let here = contexts(about.tab);
        pages.push((
            about.name,
            sorted(keyed().filter(|b| b.contexts & here != 0 && !is_everywhere(b))),
        ));
    }
    pages
}
