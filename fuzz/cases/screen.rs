//! The whole screen: a recording is opened, keys and clicks come, and each time the screen is
//! drawn.

use super::{PART, text};
use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::{App, Effect, Msg, compare};
use kernel_oracle::dataset::opening::StatedMachine;
use kernel_oracle::driver;
use kernel_oracle::evaluate::overlay::{Chunk, Guess, Prediction};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::stats::life::follow;
use kernel_oracle::trace::{CpuId, Nanos, Trace};
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Drawn so often at most.
const MOST_KEYS: usize = 24;

/// Width, height, keys; then a line that parts them from the recording.
pub fn walk(bytes: &[u8]) -> usize {
    let Some(at) = bytes.windows(PART.len()).position(|w| w == PART.as_bytes()) else { return 0 };
    let (keys, recording) = (&bytes[..at], &bytes[at + PART.len()..]);
    let [w, h, keys @ ..] = keys else { return 0 };
    let Ok(opened) = ingest::read(recording.to_vec(), "fuzz") else { return 0 };
    let trace = Arc::new(opened.trace);
    let events = text::hold(&trace);
    if events > 2_000 || trace.cpus() > 512 {
        return 0; // long ones teach a fuzzer nothing
    }
    let path = PathBuf::from("fuzz.csv");
    let mut size = (u16::from(*w) % 160, u16::from(*h) % 60);
    let (mut app, _) = App::new(vec![path.clone()], size);
    let loaded = Loaded {
        path: path.clone(),
        trace: Arc::clone(&trace),
        pyramid: Pyramid::build(&trace),
        notes: Vec::new(),
    };
    app.update(Msg::Opened { ticket: Ticket(1), path, result: Ok(Arc::new(loaded)) });
    app.update(Msg::Predicted { ticket: Ticket(1), chunk: made_up(&trace) });
    show(&app, size);
    let mut bytes = keys.iter().copied();
    for _ in 0..MOST_KEYS {
        let Some(msg) = message(&mut bytes) else { break };
        if let Msg::Resized(w, h) = msg {
            size = (w, h);
        }
        let mut effects = app.update(msg);
        effects.append(&mut answered(&mut app, &effects));
        let beyond =
            |e: &Effect| matches!(e, Effect::Inspect { event, .. } if *event >= trace.len());
        assert!(!effects.iter().any(beyond), "asks about an event that there is not");
        for effect in effects {
            if let Effect::Follow { ticket, trace, threads } = effect {
                let lives = follow(&trace, &threads);
                app.update(Msg::Followed {
                    ticket,
                    result: Ok(threads.into_iter().zip(lives).collect()),
                });
            }
        }
        show(&app, size);
        let t = app.timeline().expect("open");
        assert!(t.cursor.pos() <= trace.span() && t.cpu < trace.cpus().max(1));
    }
    events
}

/// What the screens Waits, Tasks and Compare order is computed at once. What is ordered because of
/// the answers.
fn answered(app: &mut App, effects: &[Effect]) -> Vec<Effect> {
    let mut news = Vec::new();
    for effect in effects {
        match effect {
            Effect::Waits(order) => {
                driver::answer_waits(order.clone(), &Cancel::new(), &mut |n| {
                    news.push(Msg::Waits(n));
                });
            }
            Effect::Causes(order) => news.push(Msg::Causes(driver::answer_causes(order.clone()))),
            Effect::Tasks(order) => news.push(Msg::Tasks(driver::answer_tasks(order.clone()))),
            // Nothing is read from elsewhere: only the open recording is compared, with itself.
            Effect::Compare(order @ compare::Order::Compare { .. }) => {
                let told = Mutex::new(Vec::new());
                let engine = |_: &Trace| Ok((Heuristic::new(Rule::Fifo, 0), "fifo".into()));
                let tell = |n| told.lock().expect("one thread").push(Msg::Compare(n));
                driver::answer_compare(
                    order.clone(),
                    &StatedMachine::default(),
                    &engine,
                    &Cancel::new(),
                    &tell,
                );
                news.append(&mut told.into_inner().expect("one thread"));
            }
            _ => {}
        }
    }
    let mut more: Vec<Effect> = news.into_iter().flat_map(|n| app.update(n)).collect();
    if !more.is_empty() {
        more.append(&mut answered(app, &more));
    }
    more
}

/// One fact from one to three bytes.
fn message(bytes: &mut impl Iterator<Item = u8>) -> Option<Msg> {
    let special = [
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
    ];
    let more = [Key::PageUp, Key::PageDown, Key::Backspace, Key::BackTab, Key::Ctrl('x')];
    let kinds =
        [MouseKind::Down, MouseKind::Drag, MouseKind::Up, MouseKind::WheelUp, MouseKind::WheelDown];
    Some(match bytes.next()? {
        b @ b' '..=b'~' => Msg::Key(Key::Char(char::from(b))),
        b @ 0..=13 => {
            Msg::Key(special.into_iter().chain(more).nth(usize::from(b)).unwrap_or(Key::Esc))
        }
        b @ 0x80..=0x9f => {
            let kind = kinds[usize::from(b) % kinds.len()];
            Msg::Mouse(Mouse { kind, x: bytes.next()?.into(), y: u16::from(bytes.next()?) % 64 })
        }
        0xa0..=0xaf => Msg::Resized(u16::from(bytes.next()?) % 160, u16::from(bytes.next()?) % 60),
        b @ 0xb0..=0xff => Msg::Tick {
            now: Nanos(1_000_u64.saturating_pow(u32::from(b % 8)).saturating_mul(u64::from(b))),
        },
        _ => return message(bytes),
    })
}

fn show(app: &App, (w, h): (u16, u16)) {
    let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
    draw(app, &Theme::DARK, &mut buffer);
}

/// Answers that depend on nothing but the trace.
fn made_up(trace: &Trace) -> Chunk {
    let lane = |c: usize| {
        let cpu = CpuId(c as u16);
        let one = |(k, &event): (usize, &u32)| {
            let e = trace.event(event as usize);
            let (real, other) =
                (trace.tasks().thread_on(e.next, cpu), trace.tasks().thread_on(e.task, cpu));
            let hit = !k.is_multiple_of(3);
            let thread = if hit { real } else { other };
            let guess =
                Guess { thread, p: 0.6, p_real: 0.3, rank: if hit { 1 } else { 2 }, scored: true };
            let queue = (k % 5) as u16;
            Prediction {
                queue,
                trivial: queue < 2,
                covered: true,
                real,
                pick: guess,
                forecast: guess,
                baselines: [other; 5],
            }
        };
        trace.cpu_switches(cpu).iter().enumerate().map(one).collect()
    };
    Chunk { per_cpu: (0..trace.cpus()).map(lane).collect(), end: trace.len() }
}
