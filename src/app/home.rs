//! Home: what the program shows without arguments, below the first bundled recording that plays. A
//! few lines that say what this is, and a menu. Pure state.

pub mod results;

use super::help::wrap;
use super::layout::Area;
use super::list::List;
use super::time;
use super::traces::{Entry, Via};
use crate::text::counted;
use std::path::PathBuf;

/// What the card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The menu.
    #[default]
    Menu,
    /// What can be opened.
    Open,
    /// The results of the benchmark.
    Results,
}

/// What a line of the card does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Goes on where the program was left.
    Resume,
    /// Begins the tour.
    Tour,
    /// Shows what can be opened.
    Choose,
    /// Asks what to record.
    Record,
    /// Shows the results.
    Results,
    /// Ends the program.
    Quit,
    /// Opens this recording.
    Open(PathBuf),
    /// Asks for a file.
    Path,
    /// Shows the list of all recordings.
    All,
    /// Back to the menu.
    Menu,
}

/// A line that one can stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it does.
    pub does: Does,
    /// In a few words.
    pub label: String,
    /// What is known beforehand.
    pub about: String,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// What the card shows.
    pub page: Page,
    /// The line that one stands on.
    pub list: List,
}

/// What this is.
const INTRO: &str = "koracle replays what the Linux scheduler decided, CPU by CPU, and shows \
                     beside it what a neural network expected. Above, a recording plays: ran is \
                     what happened, pick what was expected, and ✗ marks a miss.";
/// What the results mean.
const MEASURED: &str = "Of 100 decisions of recordings that no network was trained on, so many \
                        were named rightly. Pick: at a switch, who comes in. Forecast: a whole \
                        stint earlier, who will be next.";
/// Rows that a card with a border has at least.
pub const BORDERED: u16 = 7;
/// Rows of the list of recordings at most.
const MOST: usize = 9;

impl Home {
    /// Shows a page.
    pub fn turn(&mut self, page: Page) {
        *self = Self { page, list: List::default() };
    }

    /// The words above the lines, in lines of this width.
    pub fn words(&self, width: u16) -> Vec<String> {
        let text = match self.page {
            Page::Menu => INTRO,
            Page::Open => "",
            Page::Results => MEASURED,
        };
        if text.is_empty() { Vec::new() } else { wrap(text, usize::from(width)) }
    }

    /// The figures between words and lines: of the results, by predictor.
    pub fn figures(&self) -> &'static [[&'static str; 3]] {
        if self.page == Page::Results { results::in_short() } else { &[] }
    }

    /// Rows above the lines, the empty one before them included.
    fn above(&self, width: u16) -> usize {
        match self.words(width.saturating_sub(4)).len() + self.figures().len() {
            0 => 0,
            rows => rows + 1,
        }
    }

    /// The lines that one can stand on; `last` is where the program was left.
    pub fn lines(&self, entries: &[Entry], listed: bool, last: Option<String>) -> Vec<Line> {
        match self.page {
            Page::Menu => menu(entries, last),
            Page::Open => openable(entries, listed),
            Page::Results => vec![
                line(
                    Does::All,
                    "The recordings",
                    "it is measured on: the runs that are called test",
                ),
                line(
                    Does::Menu,
                    "Back",
                    "koracle eval prints this anew, koracle score ANSWERS.csv scores yours",
                ),
            ],
        }
    }

    /// The first row of the lines in this area, and how many fit. Where there is little room, words
    /// and border go.
    pub fn rows(&self, area: Area, lines: usize) -> (u16, usize) {
        let border = u16::from(area.h >= BORDERED);
        let above = self.above(area.w) as u16;
        let inside = area.h.saturating_sub(2 * border);
        let least = lines.min(MOST) as u16;
        let above = if above + least <= inside { above } else { 0 };
        (area.y + border + above, usize::from(inside - above))
    }

    /// Rows that it would like to have, its border included.
    pub fn wanted(&self, width: u16, lines: usize) -> u16 {
        ((2 + self.above(width) + lines.min(MOST)) as u16).max(BORDERED)
    }
}

fn line(does: Does, label: &str, about: impl Into<String>) -> Line {
    Line { does, label: label.into(), about: about.into() }
}

fn menu(entries: &[Entry], last: Option<String>) -> Vec<Line> {
    let own: Vec<&str> = own(entries).take(3).map(|e| e.name.as_str()).collect();
    let own = if own.is_empty() {
        "a file of yours, or one of those that come with it".into()
    } else {
        own.join(" · ")
    };
    let best = results::in_short().first().map_or(String::new(), |[name, pick, forecast]| {
        format!("{name}: pick {pick} %, forecast {forecast} %; beat it")
    });
    let resume = last.map(|last| line(Does::Resume, "Continue where you were", last));
    let rest = [
        line(Does::Tour, "Take the tour", "60 seconds, six stops: a decision, a miss, and why"),
        line(Does::Choose, "Open a recording", own),
        line(Does::Record, "Record this machine", "what its scheduler does in the next seconds"),
        line(Does::Results, "See the benchmark", best),
        line(Does::Quit, "Quit", ""),
    ];
    resume.into_iter().chain(rest).collect()
}

/// Those that do not come with the program.
fn own(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|e| e.via != Via::Bundled)
}

fn openable(entries: &[Entry], listed: bool) -> Vec<Line> {
    let one = |e: &Entry| {
        let size = format!("{} kB", time::grouped(e.bytes.div_ceil(1000)));
        line(
            Does::Open(e.path.clone()),
            &e.name,
            format!("{} · {size} · {}", e.via.label(), e.path.display()),
        )
    };
    let mut lines: Vec<Line> = own(entries).map(one).collect();
    let bundled = entries.len() - lines.len();
    let path = match (lines.is_empty(), listed) {
        (true, true) => "none lies in this folder, and none was opened before: type where one is",
        (true, false) => "looking for recordings in this folder …",
        _ => "type where it is; Tab completes",
    };
    lines.push(line(Does::Path, "A file …", path));
    if bundled > 0 {
        lines.push(line(
            Does::All,
            "Those that come with it",
            counted(bundled as u64, "recording"),
        ));
    }
    lines.push(line(Does::Menu, "Back", ""));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_names_what_is_there_and_says_what_to_do_where_nothing_is() {
        let entry = |name: &str, via| Entry {
            name: name.into(),
            path: name.into(),
            via,
            ..Entry::default()
        };
        let bundled = entry("theirs", Via::Bundled);
        let mut home = Home::default();
        let about = |home: &Home, entries: &[Entry], does: &Does| {
            home.lines(entries, true, None).into_iter().find(|l| l.does == *does).map(|l| l.about)
        };
        assert!(about(&home, &[], &Does::Choose).unwrap().contains("a file of yours"));
        let some = [entry("mine", Via::Recent), entry("here", Via::Here), bundled.clone()];
        assert_eq!(about(&home, &some, &Does::Choose).unwrap(), "mine · here");
        assert!(about(&home, &some, &Does::Results).unwrap().contains("pick 8"));
        let last = home.lines(&some, true, Some("mine · Waits".into()));
        assert_eq!((&last[0].does, last[0].about.as_str()), (&Does::Resume, "mine · Waits"));
        home.turn(Page::Open);
        let names: Vec<String> =
            home.lines(&some, true, None).into_iter().map(|l| l.label).collect();
        assert_eq!(names, ["mine", "here", "A file …", "Those that come with it", "Back"]);
        assert!(about(&home, &[bundled], &Does::Path).unwrap().contains("type where one is"));
        assert_eq!(home.lines(&[], false, None).len(), 2);
    }
}
