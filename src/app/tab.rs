//! The screens by name: the one table of them. The first row, the footer, the help page and
//! docs/keys.md are made from it.

use super::keys::{self, Contexts};
use serde::{Deserialize, Serialize};

/// A screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// The open recording.
    #[default]
    Timeline,
    /// Training runs.
    Train,
    /// Wrong predictions.
    Mistakes,
    /// What can be opened.
    Traces,
    /// Who waited for a CPU.
    Waits,
    /// Where the time of each thread went.
    Tasks,
    /// What differs between two recordings.
    Compare,
}

/// What is known of a screen before it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Which.
    pub tab: Tab,
    /// Its name on the first row.
    pub name: &'static str,
    /// Where its own keys work.
    pub keys: Contexts,
    /// Where the footer does not offer it: on it, and where there is no room for it.
    pub silent: Contexts,
}

const fn about(tab: Tab, name: &'static str, keys: Contexts, silent: Contexts) -> About {
    About { tab, name, keys, silent }
}

/// All, in their order on the first row.
pub const TABS: [About; 7] = [
    about(Tab::Timeline, "Timeline", keys::TIMELINE, keys::TRAIN),
    about(Tab::Train, "Train", keys::TRAIN, keys::TRAIN),
    about(Tab::Mistakes, "Mistakes", keys::MISTAKES, keys::TRAIN | keys::MISTAKES),
    about(Tab::Traces, "Traces", keys::TRACES, keys::TRAIN | keys::TRACES | keys::PANEL),
    about(Tab::Waits, "Waits", keys::WAITS, keys::TRAIN | keys::WAITS | keys::PANEL),
    about(Tab::Tasks, "Tasks", keys::TASKS, keys::TRAIN | keys::TASKS | keys::PANEL),
    about(
        Tab::Compare,
        "Compare",
        keys::COMPARE | keys::BESIDE | keys::CHOOSE,
        keys::TRAIN | keys::COMPARE | keys::BESIDE | keys::CHOOSE | keys::PANEL,
    ),
];

impl Tab {
    /// Its line of the table.
    pub fn about(self) -> &'static About {
        &TABS[TABS.iter().position(|about| about.tab == self).unwrap_or(0)]
    }

    /// The digit that leads to it.
    pub fn number(self) -> u8 {
        1 + TABS.iter().position(|about| about.tab == self).unwrap_or(0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::input::Key;

    #[test]
    fn every_screen_has_its_digit_its_keys_and_one_line() {
        for (i, about) in TABS.iter().enumerate() {
            assert_eq!((about.tab.number() as usize, about.tab.about().name), (i + 1, about.name));
            let digit = char::from_digit(i as u32 + 1, 10).unwrap();
            for from in TABS {
                let action = keys::look_up(Key::Char(digit), from.keys);
                assert_eq!(action, Some(keys::Action::Tab(about.tab)), "from {}", from.name);
            }
        }
    }
}
