//! The terminal: the only room that knows ratatui and crossterm. Draws `&App` and never changes it;
//! translates input; restores the terminal on every way out. Reads no recording and computes no
//! prediction.
//!
//! The loop blocks until something happens, takes everything that has happened, then draws once.
//! While nothing plays there is no timer: an idle program wakes up for nobody.

mod bench;
mod busy;
mod clipboard;
mod columns;
mod commands;
mod compare;
pub mod draw;
mod filter;
mod footer;
mod help;
mod home;
mod mistakes;
pub mod palette;
mod pen;
mod picture;
mod tasks;
mod terminal;
mod timeline;
mod title;
mod tour;
mod traces;
mod train;
mod waits;

pub use bench::{bench_frames, bench_list, bench_screen};
pub use busy::{Busy, bench_busy};

use crate::app::session::Session;
use crate::app::settings::{Colours, Settings};
use crate::app::{App, Effect, Msg};
use crate::dataset::opening::StatedMachine;
use crate::driver::{self, Driver};
use crate::trace::Nanos;
use color_eyre::eyre::{Context, Result};
use palette::{Shades, Theme};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Messages that may wait. Engines that are faster than the screen wait for it; nothing piles up.
const CHANNEL: usize = 256;
/// Time between frames while something plays.
const FRAME: Duration = Duration::from_micros(16_667);

/// What is left to say and to do when the screen is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Farewell {
    /// What became of the training runs of this session, a line each.
    pub lines: Vec<String>,
    /// The signal that ended the program, if one did.
    pub signal: Option<i32>,
}

/// The colours that a setting means on this terminal.
fn shades(colours: Colours) -> Shades {
    let fitting = Shades::from_env(|name| std::env::var(name).ok());
    match colours {
        // Who sets it wants it everywhere.
        _ if fitting == Shades::None => Shades::None,
        Colours::Auto => fitting,
        Colours::Dark => Shades::Dark,
        Colours::Light => Shades::Light,
        Colours::Sixteen => Shades::Sixteen,
        Colours::None => Shades::None,
    }
}

/// What the explorer begins with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The recordings given on the command line; without any, the first bundled one opens and plays
    /// above home.
    pub traces: Vec<PathBuf>,
    /// Whom the second prediction row shows.
    pub beside: Option<PathBuf>,
    /// What is said of the recordings' machine.
    pub told: StatedMachine,
    /// What the user set.
    pub settings: Settings,
    /// Where the program was left.
    pub last: Option<Session>,
    /// Go on there, instead of offering it.
    pub resume: bool,
    /// News for the last row.
    pub news: Option<String>,
}

impl Start {
    /// The application as it begins, and what it wants done first.
    fn app(self, size: (u16, u16)) -> (App, Vec<Effect>) {
        let (alone, last) = (self.traces.is_empty(), self.last);
        let resume = last.clone().filter(|_| alone && self.resume);
        let given = resume.as_ref().map_or(self.traces, |session| session.recordings.clone());
        let (mut app, effects) = App::new(given, size);
        app.shared.settings = self.settings;
        if let Some(who) = self.beside {
            app.show_beside(who);
        }
        match (resume, last) {
            (Some(session), _) => app.settle(session),
            (None, last) if alone => {
                app.welcome();
                last.into_iter().for_each(|session| app.offer(session));
            }
            _ => {}
        }
        app.message = self.news;
        (app, effects)
    }
}

/// Runs the explorer until the user leaves.
///
/// The terminal is given back before it returns.
pub fn run(start: Start) -> Result<Farewell> {
    let (tx, rx) = sync_channel(CHANNEL);
    let mut terminal =
        terminal::Guard::enter().wrap_err("cannot take over the terminal (is this one?)")?;
    let size = terminal.size().wrap_err("cannot ask for the terminal's size")?;
    let (theme, told) = (Theme::of(shades(start.settings.theme)), start.told.clone());
    let (mut app, effects) = start.app(size);
    // First paint before anything is read.
    terminal.draw(&app, theme)?;
    let _input = terminal::read_input(tx.clone());
    let _signals = terminal::watch_signals(tx.clone());
    let driver = Driver::new(tx, driver::bundled_engine, crate::evaluate::overlay::cache_dir());
    let driver =
        driver.with_models(driver::engine_of).with_second(driver::named_engine).with_told(told);
    let mut driver = driver.with_recent(crate::dataset::recent::file());
    for effect in effects {
        driver.perform(effect);
    }

    let begun = Instant::now();
    let mut last_frame = Instant::now();
    while !app.quit {
        let first = if app.wants_ticks() {
            match rx.recv_timeout(FRAME.saturating_sub(last_frame.elapsed())) {
                Ok(msg) => Some(msg),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        } else {
            match rx.recv() {
                Ok(msg) => Some(msg),
                Err(_) => break,
            }
        };
        for msg in first.into_iter().chain(rx.try_iter().take(CHANNEL)) {
            for effect in app.update(msg) {
                driver.perform(effect);
            }
        }
        if app.wants_ticks() {
            let now = Nanos(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
            for effect in app.update(Msg::Tick { now }) {
                driver.perform(effect);
            }
        }
        if let Some(text) = app.shared.copy.take() {
            clipboard::copy(&text);
        }
        last_frame = Instant::now();
        if terminal.rested()? {
            // The window may have another size now, and a rest is no time of playback.
            let (width, height) = terminal.size().wrap_err("cannot ask for the terminal's size")?;
            app.update(Msg::Resized(width, height))
                .into_iter()
                .for_each(|effect| driver.perform(effect));
        }
        terminal.draw(&app, theme)?;
    }
    if app.train.unfinished() > 0 {
        app.message = Some("keeping checkpoints of what trains".into());
        terminal.draw(&app, theme)?;
    }
    driver.leave(&rx, &mut |msg| {
        app.update(msg);
    });
    let mut lines = app.train.summary();
    if app.signal.is_none()
        && let Some((file, session)) = driver::session::file().zip(app.session())
        && let Err(e) = driver::session::save(&file, &session)
    {
        lines.push(format!("where you were is not kept: {}: {e}", file.display()));
    }
    Ok(Farewell { lines, signal: app.signal })
}
