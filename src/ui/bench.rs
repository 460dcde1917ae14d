//! Frame times for `koracle bench`: the real drawing code into a buffer, at every zoom, and of
//! lists that are scrolled.

use super::draw::draw;
use super::palette::Theme;
use crate::app::input::Key;
use crate::app::mistakes::{Found, News};
use crate::app::ticket::Ticket;
use crate::app::timeline::Loaded;
use crate::app::{App, Effect, Msg};
use crate::driver::{answer_tasks, answer_waits};
use crate::evaluate::mistakes::view::View;
use crate::evaluate::overlay::{BASELINES, Chunk, Guess, Prediction};
use crate::job::Cancel;
use crate::replay::lod::Pyramid;
use crate::trace::{CpuId, Trace};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Draws frames of the timeline at every zoom from one microsecond to the whole trace, at eight
/// places each, and returns the nanoseconds each took.
pub fn bench_frames(trace: Arc<Trace>, width: u16, height: u16) -> Vec<u64> {
    let chunk = stand_in(&trace);
    let mut app = opened(trace, width, height);
    app.update(Msg::Predicted { ticket: Ticket(1), chunk });
    let theme = Theme::DARK;
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let mut times = Vec::new();
    let span = app.timeline().map_or(0, |t| t.trace().span().0);
    let mut window = 1_000;
    loop {
        for place in 0..8 {
            app.look_at(span / 8 * place, window);
            buf.reset();
            let start = Instant::now();
            draw(&app, &theme, &mut buf);
            times.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        if window > span {
            return times;
        }
        window = window.saturating_mul(3) / 2;
    }
}

/// Answers for every switch that cost as much to draw as real ones; which of them are right is made
/// up.
fn stand_in(trace: &Trace) -> Chunk {
    let lane = |c: usize| {
        let cpu = CpuId(c as u16);
        let one = |(k, &event): (usize, &u32)| {
            let e = trace.event(event as usize);
            let (real, other) =
                (trace.tasks().thread_on(e.next, cpu), trace.tasks().thread_on(e.task, cpu));
            let hit = !k.is_multiple_of(5);
            let thread = if hit { real } else { other };
            let guess =
                Guess { thread, p: 0.6, p_real: 0.3, rank: if hit { 1 } else { 2 }, scored: true };
            let queue = (k % 12) as u16;
            let baselines = [other; BASELINES.len()];
            Prediction {
                queue,
                trivial: queue < 2,
                covered: true,
                real,
                pick: guess,
                forecast: guess,
                baselines,
            }
        };
        trace.cpu_switches(cpu).iter().enumerate().map(one).collect()
    };
    Chunk { per_cpu: (0..trace.cpus()).map(lane).collect(), end: trace.len() }
}

/// Draws frames of the Mistakes screen while its list scrolls from end to end, a page at a time and
/// line by line, and returns the nanoseconds each took.
pub fn bench_list(
    trace: Arc<Trace>,
    found: Arc<Found>,
    view: Arc<View>,
    width: u16,
    height: u16,
) -> Vec<u64> {
    let mut app = opened(trace, width, height);
    app.update(Msg::Key(Key::Char('3')));
    app.update(Msg::Mistakes(News::Collected { ticket: Ticket(1), result: Ok(found) }));
    app.update(Msg::Mistakes(News::Looked { ticket: Ticket(1), view }));
    scrolled(&mut app, &mut |_, _| {})
}

/// The same for the screen that a key leads to, [`Tab::Waits`](crate::app::Tab::Waits) or
/// [`Tab::Tasks`](crate::app::Tab::Tasks). What it orders is answered between the frames, as by
/// jobs.
pub fn bench_screen(trace: Arc<Trace>, key: char, width: u16, height: u16) -> Vec<u64> {
    fn answer(app: &mut App, effects: Vec<Effect>) {
        let mut news = Vec::new();
        for effect in effects {
            match effect {
                Effect::Waits(order) => {
                    answer_waits(order, &Cancel::new(), &mut |n| news.push(Msg::Waits(n)));
                }
                Effect::Tasks(order) => news.push(Msg::Tasks(answer_tasks(order))),
                _ => {}
            }
        }
        for msg in news {
            let effects = app.update(msg);
            answer(app, effects);
        }
    }
    let mut app = opened(trace, width, height);
    let effects = app.update(Msg::Key(Key::Char(key)));
    answer(&mut app, effects);
    scrolled(&mut app, &mut answer)
}

/// The explorer with a recording that was just opened.
fn opened(trace: Arc<Trace>, width: u16, height: u16) -> App {
    let path = PathBuf::from("bench");
    let (mut app, _) = App::new(vec![path.clone()], (width, height));
    let pyramid = Pyramid::build(&trace);
    let loaded = Arc::new(Loaded { path: path.clone(), trace, pyramid, notes: Vec::new() });
    app.update(Msg::Opened { ticket: Ticket(1), path, result: Ok(loaded) });
    app
}

/// Times of frames while the list in view scrolls from end to end, each with the key that led to
/// it, ns.
fn scrolled(app: &mut App, answer: &mut dyn FnMut(&mut App, Vec<Effect>)) -> Vec<u64> {
    let theme = Theme::DARK;
    let mut buf = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    let mut times = Vec::new();
    let steps = [
        (Key::Home, 1),
        (Key::PageDown, 400),
        (Key::Down, 200),
        (Key::End, 1),
        (Key::Up, 200),
        (Key::PageUp, 400),
    ];
    for (key, n) in steps {
        for _ in 0..n {
            buf.reset();
            let start = Instant::now();
            let effects = app.update(Msg::Key(key));
            draw(app, &theme, &mut buf);
            times.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
            answer(app, effects);
        }
    }
    times
}
