//! What lies over the screens or below them: a question, the help page, the palette of commands,
//! and the card of home and tour, for which the screens make room.

use super::commands::Palette;
use super::home::{Does, Home, Page};
use super::input::{Key, Mouse, MouseKind};
use super::keys::{self, Action, Contexts};
use super::layout::{Area, SMALLEST};
use super::prompt::{Ask, Prompt, Typed};
use super::session::Session;
use super::tab::Tab;
use super::ticket::{Slot, Ticket};
use super::tour::Tour;
use super::{App, Effect, list};
use std::path::PathBuf;

/// A card below the screen. Keys that it has no use for belong to the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Card {
    /// What a start without arguments shows.
    Home(Home),
    /// A stop of the tour.
    Tour(Box<Tour>),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Over {
    /// A question being answered at the bottom of the screen.
    pub prompt: Option<Prompt>,
    /// First line of the `?` page, while that is shown.
    pub help: Option<usize>,
    /// The palette of commands.
    pub palette: Option<Palette>,
    /// The card.
    pub card: Option<Card>,
    /// Where one was when the program ended; home offers to go on there.
    pub last: Option<Box<Session>>,
    /// What is typed of a file's name, while it is being completed.
    pub(super) completing: Slot<String>,
}

impl Over {
    /// The screen has neither keys nor mouse.
    pub(super) fn blocks(&self) -> bool {
        self.prompt.is_some() || self.help.is_some() || self.palette.is_some()
    }

    /// Nothing stands in the way any more.
    pub fn uncover(&mut self) {
        (self.prompt, self.help, self.palette, self.card) = (None, None, None, None);
    }
}

impl App {
    /// Shows home below the first recording that can be opened.
    pub fn welcome(&mut self) {
        self.over.card = Some(Card::Home(Home::default()));
    }

    /// Columns and rows that the screens have; the last row is the footer's, or the card's first.
    pub fn room(&self) -> (u16, u16) {
        let (w, h) = self.size;
        let wanted = match &self.over.card {
            None => return self.size,
            Some(Card::Home(home)) => home.wanted(w, self.home_lines(home).len()),
            Some(Card::Tour(tour)) => tour.wanted(w),
        };
        (w, h.saturating_sub(wanted).max(SMALLEST.1).min(h))
    }

    /// Where the card is: between the screen and the footer.
    pub fn card_area(&self) -> Area {
        let (w, h) = self.room();
        Area { x: 0, y: h.saturating_sub(1), w, h: self.size.1.saturating_sub(h) }
    }

    /// The lines of home's card.
    pub fn home_lines(&self, home: &Home) -> Vec<super::home::Line> {
        let last = self.over.last.as_ref().map(|session| session.label());
        home.lines(&self.traces.entries, self.traces.listed, last)
    }

    /// Where keys are looked up now.
    pub fn contexts(&self) -> Contexts {
        match &self.over.card {
            Some(Card::Home(_)) => keys::HOME,
            Some(Card::Tour(_)) => keys::TOUR,
            None => self.screen().keys(),
        }
    }

    /// Whose keys the last row shows.
    pub fn offers(&self) -> Contexts {
        if self.over.card.is_some() { self.contexts() } else { self.screen().offers() }
    }

    /// The tour is shown.
    pub(super) fn is_touring(&self) -> bool {
        matches!(self.over.card, Some(Card::Tour(_)))
    }

    /// A key while there is a card.
    pub(super) fn card_key(&mut self, key: Key) -> Vec<Effect> {
        let action = keys::look_up(key, self.contexts());
        match (&self.over.card, action) {
            (Some(Card::Tour(_)), _) => self.tour_act(action),
            (Some(Card::Home(_)), Some(action)) => self.home_act(action),
            // Whatever the screen does with it: one is through the door.
            _ => {
                self.over.card = None;
                keys::look_up(key, self.contexts())
                    .map(|action| self.act(action))
                    .unwrap_or_default()
            }
        }
    }

    fn home_act(&mut self, action: Action) -> Vec<Effect> {
        let Some(Card::Home(home)) = &self.over.card else { return Vec::new() };
        let lines = self.home_lines(home);
        let does = match action {
            Action::Open => lines.into_iter().nth(home.list.at).map(|line| line.does),
            Action::Tour => Some(Does::Tour),
            Action::OpenFile if home.page == Page::Menu => Some(Does::Choose),
            Action::OpenFile => Some(Does::Path),
            Action::Record => Some(Does::Record),
            Action::Results => Some(Does::Results),
            Action::Back if home.page != Page::Menu => Some(Does::Menu),
            Action::Back => {
                self.over.card = None;
                None
            }
            Action::Help | Action::Home | Action::Quit | Action::Palette => {
                return self.act(action);
            }
            action => {
                let n = lines.len();
                let Some(Card::Home(home)) = &mut self.over.card else { return Vec::new() };
                if !home.list.act(action, list::PAGE, n) {
                    self.over.card = None;
                    return self.act(action);
                }
                None
            }
        };
        does.map(|does| self.home_does(does)).unwrap_or_default()
    }

    fn home_does(&mut self, does: Does) -> Vec<Effect> {
        match does {
            Does::Resume => return self.resume(),
            Does::Tour => return self.act(Action::Tour),
            Does::Choose => self.home_page(Page::Open),
            Does::Results => self.home_page(Page::Results),
            Does::Menu => self.home_page(Page::Menu),
            Does::Record => return self.act(Action::Record),
            Does::Quit => return self.leave(),
            Does::Open(path) => return self.open_file(path),
            Does::Path => self.over.prompt = Some(Prompt::new(Ask::Open)),
            Does::All => {
                self.over.card = None;
                self.show(Tab::Traces);
            }
        }
        Vec::new()
    }

    /// Shows a page of home.
    pub(super) fn home_page(&mut self, page: Page) {
        let mut home = Home::default();
        home.turn(page);
        self.over.card = Some(Card::Home(home));
    }

    /// Opens a recording on the timeline.
    pub(super) fn open_file(&mut self, path: PathBuf) -> Vec<Effect> {
        self.over.card = None;
        self.show(Tab::Timeline);
        vec![self.viewer.open_path(path, false)]
    }

    /// A key while something is asked.
    pub(super) fn prompt_key(&mut self, key: Key) -> Vec<Effect> {
        let Some(prompt) = &mut self.over.prompt else { return Vec::new() };
        let ask = prompt.ask;
        let typed = prompt.key(key, &self.train.runs, &self.traces.entries);
        if let Typed::Complete(text) = &typed {
            let ticket = self.over.completing.order(text.clone());
            return vec![Effect::Complete { ticket, text: text.clone() }];
        }
        if typed != Typed::Going {
            self.over.prompt = None;
        }
        let tab = self.tab;
        match typed {
            Typed::Answer(text) if ask == Ask::Open => self.open_file(text.trim().into()),
            Typed::Answer(text) => self.call(|s, cx| s.of(tab).answer(ask, &text, cx)),
            _ => Vec::new(),
        }
    }

    /// Takes what a file's name continues to, while it is still what is typed.
    pub(super) fn completed(&mut self, ticket: Ticket, text: Option<String>) {
        let asked =
            self.over.completing.ordered().cloned().filter(|_| self.over.completing.counts(ticket));
        let (Some(prompt), Some(asked)) = (&mut self.over.prompt, asked) else { return };
        match text {
            _ if prompt.text != asked => {}
            Some(text) => prompt.text = text,
            None => self.message = Some(format!("no file's name continues {asked}")),
        }
    }

    /// The mouse on the card.
    pub(super) fn card_mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        let area = self.card_area();
        let Some(Card::Home(home)) = &self.over.card else { return Vec::new() };
        let n = self.home_lines(home).len();
        let (first, rows) = home.rows(area, n);
        let line =
            mouse.y.checked_sub(first).and_then(|line| home.list.row(usize::from(line), rows, n));
        let Some(Card::Home(home)) = &mut self.over.card else { return Vec::new() };
        match (mouse.kind, line) {
            (MouseKind::WheelUp, _) => home.list.step(-1, n),
            (MouseKind::WheelDown, _) => home.list.step(1, n),
            (MouseKind::Down, Some(line)) => {
                home.list.at = line;
                return self.home_act(Action::Open);
            }
            _ => {}
        }
        Vec::new()
    }
}
