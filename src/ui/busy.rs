//! How the interface holds up while networks train: the real loop with real runs, the timeline
//! playing, keys coming in, drawn through the real backend into nothing. For
//! `koracle bench --training`.

use super::draw::draw;
use super::palette::Theme;
use super::{CHANNEL, FRAME, Running, nanos};
use crate::app::input::Key;
use crate::app::train::run::RunState;
use crate::app::train::{News, Order};
use crate::app::{App, Effect, Msg};
use crate::dataset::catalog::Kinds;
use crate::driver::{self, Driver};
use crate::job::{Cancel, Job};
use crate::train::{Phase, TrainConfig};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::collections::VecDeque;
use std::io::Sink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two keys: no multiple of a frame, so that they come at all times of one.
const KEY_EVERY: Duration = Duration::from_millis(53);
/// Keys that are pressed in turn: step, zoom, pan, play; a look at the Train screen; and back.
const KEYS: [char; 10] = ['.', 'w', 's', 'd', 'a', ' ', '2', 'c', 'C', '1'];

/// What was measured, in nanoseconds unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Busy {
    /// Drawing a frame.
    pub frames: Vec<u64>,
    /// From a key's arrival to the end of the frame that shows what it did.
    pub keys: Vec<u64>,
    /// From the order to pause to the news that the run rests.
    pub pauses: Vec<u64>,
    /// Steps of all runs meanwhile.
    pub steps: usize,
    /// Tokens per second of each run, mean over those steps.
    pub events_per_s: Vec<f64>,
}

/// Trains `runs` networks with the default settings into `home`, plays `trace` and presses keys for
/// `time`.
pub fn bench_busy(
    trace: &Path,
    runs: u64,
    home: PathBuf,
    time: Duration,
    size: (u16, u16),
) -> Result<Busy, String> {
    let (tx, rx) = sync_channel(CHANNEL);
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
    let backend = CrosstermBackend::new(std::io::sink());
    let mut terminal =
        Terminal::with_options(backend, TerminalOptions { viewport }).map_err(|e| e.to_string())?;
    let driver =
        Driver::new(tx.clone(), driver::bundled_engine, None).with_models(driver::engine_of);
    let driver = driver.with_runs(Some(home));
    let (app, effects) = App::new(vec![trace.into()], size);
    let mut running = Running { app, driver };
    running.perform(effects);
    train(&mut running, runs);
    until_all_work(&mut running, &rx)?;
    running.take(Msg::Key(Key::Char(' ')));

    let stamps = Stamps::default();
    let before: Vec<usize> = running.app.train.runs.iter().map(|r| r.curve.steps().len()).collect();
    let typist = typist(Arc::clone(&stamps), tx);
    let mut busy = play(&mut running, &rx, time, &mut terminal, &stamps)?;
    drop(typist);
    for (run, from) in running.app.train.runs.iter().zip(before) {
        let steps = &run.curve.steps()[from.min(run.curve.steps().len())..];
        busy.steps += steps.len();
        busy.events_per_s
            .push(steps.iter().map(|s| s.events_per_s).sum::<f64>() / steps.len().max(1) as f64);
    }
    busy.pauses = pauses(&mut running, &rx)?;
    let Running { app, driver } = &mut running;
    driver.leave(&rx, &mut |msg| drop(app.update(msg)));
    Ok(busy)
}

/// Starts so many runs, which differ in their seed.
fn train(running: &mut Running, runs: u64) {
    let news = News::Kept {
        runs: Vec::new(),
        problems: Vec::new(),
        kinds: Kinds::default(),
        cpus: runs as usize,
    };
    running.app.update(Msg::Train(news));
    for seed in 0..runs {
        let config = TrainConfig { seed, epochs: 1_000, ..TrainConfig::default() };
        let effects = running.app.train_anew(config);
        running.perform(effects);
    }
}

/// Until everything is read and predicted and all runs take steps.
fn until_all_work(running: &mut Running, rx: &Receiver<Msg>) -> Result<(), String> {
    let working =
        |app: &App| app.train.runs.iter().all(|r| r.stage == RunState::Working(Phase::Training));
    while !(working(&running.app)
        && running.app.timeline().is_some_and(|t| t.answers.events_done == t.trace().len()))
    {
        running.take(rx.recv().map_err(|e| e.to_string())?);
        let failed = running.app.train.runs.iter().find(|r| matches!(r.stage, RunState::Kept(_)));
        if let Some(run) = failed {
            return Err(format!("{}: {:?}", run.name, run.stage));
        }
    }
    Ok(())
}

/// Plays and takes keys: how long a frame takes, and how long a key takes to the screen.
fn play(
    running: &mut Running,
    rx: &Receiver<Msg>,
    time: Duration,
    terminal: &mut Terminal<CrosstermBackend<Sink>>,
    stamps: &Stamps,
) -> Result<Busy, String> {
    let (mut busy, theme) = (Busy::default(), Theme::DARK);
    let (start, mut last_frame) = (Instant::now(), Instant::now());
    while start.elapsed() < time {
        let mut pressed = 0;
        let first = rx.recv_timeout(FRAME.saturating_sub(last_frame.elapsed())).ok();
        for msg in first.into_iter().chain(rx.try_iter().take(CHANNEL)) {
            pressed += usize::from(matches!(msg, Msg::Key(_)));
            running.take(msg);
        }
        running.tick(start);
        last_frame = Instant::now();
        let app = &running.app;
        terminal.draw(|frame| draw(app, &theme, frame.buffer_mut())).map_err(|e| e.to_string())?;
        busy.frames.push(nanos(last_frame));
        let mut stamps = stamps.lock().unwrap_or_else(PoisonError::into_inner);
        busy.keys.extend(stamps.drain(..pressed).map(nanos));
    }
    Ok(busy)
}

/// Pauses every run, one after the other.
fn pauses(running: &mut Running, rx: &Receiver<Msg>) -> Result<Vec<u64>, String> {
    let mut out = Vec::new();
    for i in 0..running.app.train.runs.len() {
        let id = running.app.train.runs[i].id;
        let asked = Instant::now();
        running.driver.perform(Effect::Train(Order::Pause(id)));
        while running.app.train.runs[i].stage != RunState::Working(Phase::Paused) {
            let msg = rx.recv_timeout(Duration::from_mins(1));
            running.take(msg.map_err(|_| "a run did not pause".to_owned())?);
        }
        out.push(nanos(asked));
    }
    Ok(out)
}

/// When the keys came that are not on the screen yet.
type Stamps = Arc<Mutex<VecDeque<Instant>>>;

/// Presses keys until it is dropped.
fn typist(stamps: Stamps, tx: SyncSender<Msg>) -> Job {
    let work = move |cancel: &Cancel| {
        for key in KEYS.into_iter().cycle() {
            std::thread::sleep(KEY_EVERY);
            if cancel.is_cancelled() {
                return;
            }
            stamps.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
            if tx.send(Msg::Key(Key::Char(key))).is_err() {
                return;
            }
        }
    };
    Job::spawn("typist", work, |_| {})
}
