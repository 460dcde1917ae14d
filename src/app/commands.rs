//! The palette of commands: everything that the table of keys can do, found by a few letters of
//! what it does. The screen in view comes first; what belongs to another screen shows that one.
//! Pure state.

use super::App;
use super::Effect;
use super::input::Key;
use super::keys::{Action, Binding, Contexts, DIALOG, HOME, PANEL, TOUR, bindings};
use super::list::List;
use super::settings::Settings;
use super::tab::{TABS, Tab};

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What does it.
    pub binding: &'static Binding,
    /// The screen that it belongs to, when that is not in view.
    pub elsewhere: Option<Tab>,
}

/// What is typed, and what it finds.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// What is typed.
    pub text: String,
    /// What it finds, the best first.
    pub found: Vec<Command>,
    /// The one that one stands on.
    pub list: List,
}

/// Longest text.
const LONGEST: usize = 60;
/// Rows of the list, where there is room for them, and rows of the screen that stay in view behind a
/// longer one.
pub const ROWS: usize = 12;
const BEHIND: usize = 12;

/// Rows of the list on a screen of this height.
pub fn rows(height: u16) -> usize {
    let height = usize::from(height);
    ROWS.max(height.saturating_sub(BEHIND)).min(height.saturating_sub(5))
}

impl Palette {
    /// Everything that can be done from here.
    pub fn new(here: Contexts, settings: &Settings) -> Self {
        let mut palette = Self::default();
        palette.look(here, settings);
        palette
    }

    fn look(&mut self, here: Contexts, settings: &Settings) {
        let mut found: Vec<(i32, Command)> = commands(here)
            .into_iter()
            .filter_map(|command| Some((score(&self.text, &command, settings)?, command)))
            .collect();
        // Of equals the table's order stays.
        found.sort_by_key(|(score, _)| -score);
        self.found = found.into_iter().map(|(_, command)| command).collect();
        self.list = List::default();
    }

    fn type_key(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) if self.text.chars().count() < LONGEST && !c.is_control() => {
                self.text.push(c);
            }
            Key::Backspace => {
                self.text.pop();
            }
            Key::Ctrl('u') => self.text.clear(),
            _ => return false,
        }
        true
    }
}

/// All commands: of what is in view first, then those of other screens.
fn commands(here: Contexts) -> Vec<Command> {
    let own = |b: &&Binding| b.contexts & here != 0;
    let first = bindings().filter(own).map(|binding| Command { binding, elsewhere: None });
    let others = bindings().filter(|b| !own(b)).filter_map(|binding| {
        let elsewhere =
            TABS.iter().find(|about| binding.contexts & about.keys != 0).map(|about| about.tab);
        // What home offers can be done anywhere; dialogs, panels and the tour have their keys for
        // themselves.
        let anywhere = binding.contexts == HOME && !matches!(binding.action, Action::Open);
        let closed = binding.contexts & !(DIALOG | PANEL | TOUR) == 0;
        ((elsewhere.is_some() || anywhere) && !closed).then_some(Command { binding, elsewhere })
    });
    let mut all: Vec<Command> = Vec::new();
    for command in first.chain(others).filter(|c| c.binding.action != Action::Palette) {
        let same = |known: &Command| {
            known.binding.action == command.binding.action
                && known.binding.help == command.binding.help
        };
        if !all.iter().any(same) {
            all.push(command);
        }
    }
    all
}

/// How well a command answers to what is typed; `None`: not at all. Every word must be found.
fn score(typed: &str, command: &Command, settings: &Settings) -> Option<i32> {
    let b = command.binding;
    if settings.labels(b.keys).iter().any(|label| label == typed) {
        return Some(10_000);
    }
    let place = command.elsewhere.map_or("", |tab| tab.about().name);
    let text = format!("{} {} {place}", b.help, b.short).to_lowercase();
    let words = typed.split_whitespace().map(|word| found_in(&word.to_lowercase(), &text));
    // What is in view goes before what leads elsewhere.
    let near = if command.elsewhere.is_none() { 20 } else { 0 };
    words.sum::<Option<i32>>().map(|sum| sum + near)
}

/// How well a word is found in a text: best as a word's beginning, then in one piece, then letter
/// by letter.
fn found_in(word: &str, text: &str) -> Option<i32> {
    let begins = |at: usize| at == 0 || !text[..at].ends_with(|c: char| c.is_alphanumeric());
    let whole: Vec<usize> = text.match_indices(word).map(|(at, _)| at).collect();
    if let Some(at) = whole.iter().copied().find(|at| begins(*at)).or(whole.first().copied()) {
        return Some(if begins(at) { 200 } else { 100 } - (at / 8) as i32);
    }
    let (mut at, mut gaps) = (0, 0);
    for (i, c) in word.char_indices() {
        let step = text[at..].find(c)?;
        gaps += if i == 0 { 0 } else { step as i32 };
        at += step + c.len_utf8();
    }
    // Letters that are strewn over a sentence are no name for it.
    (gaps <= 3 * word.chars().count() as i32).then_some(50 - gaps)
}

impl App {
    /// Opens the palette.
    pub(super) fn open_palette(&mut self) {
        self.over.palette = Some(Palette::new(self.screen().keys(), &self.shared.settings));
    }

    /// A key while the palette is open.
    pub(super) fn palette_key(&mut self, key: Key) -> Vec<Effect> {
        let (here, settings) = (self.screen().keys(), &self.shared.settings);
        let page = rows(self.size.1).max(1) as isize;
        let Some(palette) = &mut self.over.palette else { return Vec::new() };
        let n = palette.found.len();
        match key {
            Key::Esc => self.over.palette = None,
            Key::Backspace if palette.text.is_empty() => self.over.palette = None,
            Key::Up | Key::Ctrl('p') | Key::BackTab => palette.list.step(-1, n),
            Key::Down | Key::Ctrl('n') | Key::Tab => palette.list.step(1, n),
            Key::PageUp => palette.list.step(-page, n),
            Key::PageDown => palette.list.step(page, n),
            Key::Enter => {
                // Where nothing is called so it stays open, and says so.
                let Some(command) = palette.found.get(palette.list.at).copied() else {
                    return Vec::new();
                };
                self.over.palette = None;
                return self.run(command);
            }
            key => {
                if palette.type_key(key) {
                    palette.look(here, settings);
                }
            }
        }
        Vec::new()
    }

    fn run(&mut self, command: Command) -> Vec<Effect> {
        if command.binding.contexts != HOME && !matches!(command.binding.action, Action::Help) {
            self.over.card = None;
        }
        if let Some(tab) = command.elsewhere {
            self.show(tab);
        }
        self.act(command.binding.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keys::{MISTAKES, TIMELINE, TRAIN};

    fn found(typed: &str, here: Contexts, settings: &Settings) -> Vec<&'static str> {
        let mut palette = Palette { text: typed.into(), ..Palette::default() };
        palette.look(here, settings);
        palette.found.iter().map(|c| c.binding.help).collect()
    }

    #[test]
    fn a_few_letters_find_what_is_meant() {
        let settings = Settings::default();
        let table = [
            ("next miss", TIMELINE, "next decision the shown predictor got wrong"),
            ("n", TIMELINE, "next decision the shown predictor got wrong"),
            ("n", TRAIN, "set up a new run"),
            (
                "why ker",
                TIMELINE,
                "why the kernel chose this one, by its rule (Enter in the pane \
                                   of the decision too)",
            ),
            ("heat", MISTAKES, "heat map of use, misses, queue"),
            ("newrun", TIMELINE, "set up a new run"),
            ("quit", MISTAKES, "quit"),
        ];
        for (typed, here, wanted) in table {
            assert_eq!(found(typed, here, &settings).first(), Some(&wanted), "{typed}");
        }
        assert!(found("zebra crossing", TIMELINE, &settings).is_empty());
        let settings = Settings::parse("[keys]\n\"J\" = \"n\"\n").unwrap();
        assert_eq!(
            found("J", TIMELINE, &settings)[0],
            "next decision the shown predictor got wrong"
        );
    }

    #[test]
    fn every_command_of_the_table_is_there_once_from_everywhere() {
        for about in TABS {
            let all = commands(about.keys);
            for b in bindings().filter(|b| b.contexts & !(DIALOG | PANEL | TOUR | HOME) != 0) {
                let same = |c: &&Command| c.binding.action == b.action && c.binding.help == b.help;
                let there = all.iter().filter(same).count();
                assert_eq!(
                    there,
                    usize::from(b.action != Action::Palette),
                    "{} from {}",
                    b.help,
                    about.name
                );
            }
            assert!(all.iter().all(|c| c.elsewhere != Some(about.tab)));
        }
    }
}
