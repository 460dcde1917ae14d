//! An explorer with everything behind it but a terminal: the real driver does what the application
//! orders, and the screen is drawn into a buffer. For tests of what several screens and jobs do
//! together.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
#![allow(dead_code)] // each test uses what it needs

use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::{self, Driver};
use kernel_oracle::predictor::engine::Engine;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use ratatui::{Terminal, backend::TestBackend};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// See the module.
pub struct Explorer {
    pub app: App,
    driver: Driver<Engine>,
    rx: Receiver<Msg>,
}

impl Explorer {
    /// With these recordings, or at home without any.
    pub fn started(recordings: &[&str], size: (u16, u16)) -> Self {
        let (tx, rx) = sync_channel(16);
        let driver = Driver::new(tx, driver::bundled_engine, None).with_runs(None);
        let (mut app, effects) = App::new(recordings.iter().map(Into::into).collect(), size);
        if recordings.is_empty() {
            app.welcome();
        }
        let mut explorer = Self { app, driver, rx };
        explorer.perform(effects);
        explorer
    }

    /// With this recording, once it is open.
    pub fn opened(recording: &str) -> Self {
        let mut explorer = Self::started(&[recording], (120, 40));
        explorer.until("the recording", |app| app.timeline().is_some());
        explorer
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.driver.perform(effect);
        }
    }

    /// Goes on until this is so, or fails after a minute without any message.
    pub fn until(&mut self, what: &str, done: impl Fn(&App) -> bool) {
        while !done(&self.app) {
            let Ok(msg) = self.rx.recv_timeout(Duration::from_mins(1)) else {
                panic!("never saw {what}\n{}", self.text())
            };
            let effects = self.app.update(msg);
            self.perform(effects);
        }
    }

    /// A key is pressed.
    pub fn key(&mut self, key: Key) {
        let effects = self.app.update(Msg::Key(key));
        self.perform(effects);
    }

    /// These keys are pressed, one after the other.
    pub fn keys(&mut self, text: &str) {
        text.chars().for_each(|c| self.key(Key::Char(c)));
    }

    /// A click on a cell.
    pub fn click(&mut self, x: u16, y: u16) {
        let effects = self.app.update(Msg::Mouse(Mouse { kind: MouseKind::Down, x, y }));
        self.perform(effects);
    }

    /// A click on the first place at which this stands, from row `from` on.
    pub fn click_on(&mut self, text: &str, from: usize) {
        let screen = self.text();
        let mut rows = screen.lines().map(|row| row.trim_start_matches('"')).enumerate().skip(from);
        let place = rows.find_map(|(y, row)| Some((row[..row.find(text)?].chars().count(), y)));
        let (x, y) = place.unwrap_or_else(|| panic!("no {text} in\n{screen}"));
        self.click(x as u16, y as u16);
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        let (w, h) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
        terminal.draw(|frame| draw(&self.app, &Theme::DARK, frame.buffer_mut())).unwrap();
        terminal.backend().to_string()
    }
}
