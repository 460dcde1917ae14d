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
mod start;
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
pub use start::Start;

use crate::app::settings::Colours;
use crate::app::{App, Effect, Msg};
use crate::driver::{self, Driver};
use crate::predictor::engine::Engine;
use crate::trace::Nanos;
use color_eyre::eyre::{Context, Result};
use palette::{Shades, Theme};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
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

/// The state and what does its orders: the explorer without a screen.
struct Running {
    app: App,
    driver: Driver<Engine>,
}

impl Running {
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.driver.perform(effect);
        }
    }

    /// Takes a message, and does what it orders.
    fn take(&mut self, msg: Msg) {
        let effects = self.app.update(msg);
        self.perform(effects);
    }

    /// Says how long it has been running, where something depends on it.
    fn tick(&mut self, start: Instant) {
        if self.app.wants_ticks() {
            self.take(Msg::Tick { now: Nanos(nanos(start)) });
        }
    }

    /// Blocks until there is a message, or a frame is due; false when nobody is left to send one.
    /// Then takes all that wait.
    fn take_waiting(&mut self, rx: &Receiver<Msg>, last_frame: Instant) -> bool {
        let first = if self.app.wants_ticks() {
            match rx.recv_timeout(FRAME.saturating_sub(last_frame.elapsed())) {
                Ok(msg) => Some(msg),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        } else {
            match rx.recv() {
                Ok(msg) => Some(msg),
                Err(_) => return false,
            }
        };
        for msg in first.into_iter().chain(rx.try_iter().take(CHANNEL)) {
            self.take(msg);
        }
        true
    }
}

/// Nanoseconds since then.
fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Without it there is no screen.
const NO_SIZE: &str = "cannot ask for the terminal's size";

/// Runs the explorer until the user leaves.
///
/// The terminal is given back before it returns.
pub fn run(start: Start) -> Result<Farewell> {
    let (tx, rx) = sync_channel(CHANNEL);
    let mut terminal =
        terminal::Guard::enter().wrap_err("cannot take over the terminal (is this one?)")?;
    let size = terminal.size().wrap_err(NO_SIZE)?;
    let (theme, told) = (Theme::of(shades(start.settings.theme)), start.told.clone());
    let (app, effects) = start.app(size);
    // First paint before anything is read.
    terminal.draw(&app, theme)?;
    let _input = terminal::read_input(tx.clone());
    let _signals = terminal::watch_signals(tx.clone());
    let driver = Driver::new(tx, driver::bundled_engine, crate::evaluate::overlay::cache_dir());
    let driver =
        driver.with_models(driver::engine_of).with_second(driver::named_engine).with_told(told);
    let driver = driver.with_recent(crate::dataset::recent::file());
    let mut running = Running { app, driver };
    running.perform(effects);
    explore(&mut running, &rx, &mut terminal, theme)?;

    let Running { app, driver } = &mut running;
    if app.train.unfinished() > 0 {
        app.message = Some("keeping checkpoints of what trains".into());
        terminal.draw(app, theme)?;
    }
    driver.leave(&rx, &mut |msg| {
        app.update(msg);
    });
    let mut lines = app.train.summary();
    lines.extend(keep_session(app));
    Ok(Farewell { lines, signal: app.signal })
}

/// Keeps where the user was, for the next start; why it could not be kept.
fn keep_session(app: &App) -> Option<String> {
    let (file, session) = driver::session::file().zip(app.session())?;
    if app.signal.is_some() {
        return None;
    }
    let e = driver::session::save(&file, &session).err()?;
    Some(format!("where you were is not kept: {}: {e}", file.display()))
}

/// Takes messages and draws, until the user leaves.
fn explore(
    running: &mut Running,
    rx: &Receiver<Msg>,
    terminal: &mut terminal::Guard,
    theme: Theme,
) -> Result<()> {
    let start = Instant::now();
    let mut last_frame = Instant::now();
    while !running.app.quit && running.take_waiting(rx, last_frame) {
        running.tick(start);
        if let Some(text) = running.app.shared.copy.take() {
            clipboard::copy(&text);
        }
        last_frame = Instant::now();
        if terminal.rested()? {
            // The window may have another size now, and a rest is no time of playback.
            let (width, height) = terminal.size().wrap_err(NO_SIZE)?;
            running.take(Msg::Resized(width, height));
        }
        terminal.draw(&running.app, theme)?;
    }
    Ok(())
}
