//! The screens Waits and Tasks as a user meets them: screens as snapshots over a real recording, an
//! empty one, one with losses and one of 64 CPUs; what keys do; and random walks over keys and
//! mouse that must never panic.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{MOUSE, SPECIAL, opened, screen, screen_with, typed};
use kernel_oracle::app::input::{Key, Mouse};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::waits::{Focus, Order};
use kernel_oracle::app::{App, Effect, Msg, Tab, tasks};
use kernel_oracle::driver;
use kernel_oracle::evaluate::overlay::{Chunk, Guess, Prediction};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::stats::column::parse;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Gap, Nanos, Pid, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta,
};
use kernel_oracle::ui::palette::Theme;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const NGINX: &str = "traces/cfs/nginx-ab_run3.csv.zst";

static REAL: LazyLock<Arc<Trace>> =
    LazyLock::new(|| Arc::new(ingest::open(Path::new(NGINX)).unwrap().trace));

/// A switch from `who` to `other`, or `who` woken by `other`.
fn push(b: &mut TraceBuilder, t: u64, cpu: u16, kind: EventKind, (who, other): (i32, i32)) {
    let task = b.task(Pid(who), format!("job{who}").as_bytes());
    let next = b.task(Pid(other), format!("job{other}").as_bytes());
    let mut e = Event::blank(Nanos(t), CpuId(cpu));
    (e.kind, e.task) = (kind, task);
    e.state = if t.is_multiple_of(4) { TaskState::SLEEP } else { TaskState::RUNNING };
    if kind == EventKind::Switch {
        e.next = next;
    } else {
        e.to_cpu = CpuId(cpu);
    }
    b.push(e, Pid(if kind == EventKind::Switch { who } else { other }));
}

/// On each of so many CPUs one thread after the other; the one that left is woken a little later.
fn made(cpus: u16, gaps: bool) -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for i in 0..40 * u64::from(cpus) {
        let cpu = (i % u64::from(cpus)) as u16;
        let base = i32::from(cpu) * 4 + 1;
        let at = |k: u64| base + (k % 3) as i32;
        let round = i / u64::from(cpus);
        push(&mut b, 1_000 * i, cpu, EventKind::Switch, (at(round), at(round + 1)));
        push(&mut b, 1_000 * i + 400, cpu, EventKind::Wakeup, (at(round), at(round + 1)));
    }
    if gaps {
        b.gap(Gap { cpu: CpuId(0), from: Nanos(20_000), to: Nanos(31_000), lost: 12 });
        b.gap(Gap { cpu: CpuId(1), from: Nanos(50_100), to: Nanos(50_400), lost: 1 });
    }
    Arc::new(b.finish(TraceMeta { name: "made".into(), cpus, ..TraceMeta::default() }))
}

fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec![NGINX.into()], size);
    app.update(opened(NGINX, trace));
    app
}

/// Performs what the two screens order, until they want nothing more.
fn perform(app: &mut App, effects: Vec<Effect>) {
    for effect in effects {
        let mut news = Vec::new();
        match effect {
            Effect::Waits(order) => {
                driver::answer_waits(order, &Cancel::new(), &mut |n| news.push(Msg::Waits(n)));
            }
            Effect::Causes(order) => news.push(Msg::Causes(driver::answer_causes(order))),
            Effect::Tasks(order) => news.push(Msg::Tasks(driver::answer_tasks(order))),
            _ => {}
        }
        for msg in news {
            tell(app, msg);
        }
    }
}

fn tell(app: &mut App, msg: Msg) {
    let effects = app.update(msg);
    perform(app, effects);
}

fn press(app: &mut App, keys: &[Key]) {
    for key in keys {
        tell(app, Msg::Key(*key));
    }
}

fn keys(app: &mut App, text: &str) {
    text.chars().for_each(|c| tell(app, Msg::Key(typed(c))));
}

fn shown(trace: &Arc<Trace>, size: (u16, u16), text: &str) -> App {
    let mut app = open(trace, size);
    keys(&mut app, text);
    app
}

/// Answers that depend on nothing but the trace: right two times of three.
fn answers(trace: &Trace) -> Chunk {
    let lane = |c: usize| {
        let cpu = CpuId(c as u16);
        let one = |(k, &event): (usize, &u32)| {
            let e = trace.event(event as usize);
            let (real, other) =
                (trace.tasks().thread_on(e.next, cpu), trace.tasks().thread_on(e.task, cpu));
            let hit = !k.is_multiple_of(3);
            let guess = Guess {
                thread: if hit { real } else { other },
                p: 0.6,
                p_real: 0.3,
                rank: if hit { 1 } else { 2 },
                scored: true,
            };
            let queue = (k % 5) as u16;
            let (trivial, pick, forecast) =
                (queue < 2 || trace.tasks().is_idle(real), guess, guess);
            Prediction {
                queue,
                trivial,
                covered: true,
                real,
                pick,
                forecast,
                baselines: [other; 5],
            }
        };
        trace.cpu_switches(cpu).iter().enumerate().map(one).collect()
    };
    Chunk { per_cpu: (0..trace.cpus()).map(lane).collect(), end: trace.len() }
}

macro_rules! snapshot {
    ($name:literal, $app:expr) => {
        insta::assert_snapshot!($name, screen(&$app))
    };
}

#[test]
fn both_screens_in_every_size_and_state() {
    let empty = Arc::new(TraceBuilder::default().finish(TraceMeta::default()));
    let (lossy, wide) = (made(2, true), made(64, false));
    snapshot!("waits_80x24", shown(&REAL, (80, 24), "5"));
    snapshot!("waits_120x40", shown(&REAL, (120, 40), "5"));
    snapshot!("waits_250x70", shown(&REAL, (250, 70), "5"));
    snapshot!("waits_40x12", shown(&REAL, (40, 12), "5"));
    snapshot!("waits_empty", shown(&empty, (80, 24), "5"));
    snapshot!("waits_unknown", shown(&lossy, (100, 30), "5/open\n"));
    snapshot!("waits_64_cpus", shown(&wide, (120, 40), "5"));
    snapshot!("tasks_80x24", shown(&REAL, (80, 24), "6"));
    snapshot!("tasks_250x70", shown(&REAL, (250, 70), "6"));
    snapshot!("tasks_folded", shown(&REAL, (120, 40), "6f"));
    snapshot!("tasks_empty", shown(&empty, (80, 24), "6"));
    snapshot!("tasks_unknown", shown(&lossy, (120, 24), "6"));
    snapshot!("tasks_64_cpus", shown(&wide, (120, 40), "6f"));
    let none = App::new(vec![NGINX.into()], (80, 24)).0;
    for (digit, name) in [('5', "waits_before"), ('6', "tasks_before")] {
        let mut app = App::new(vec![NGINX.into()], none.size).0;
        app.update(Msg::Key(Key::Char(digit)));
        insta::assert_snapshot!(name, screen(&app));
    }
    let plain = Theme::PLAIN;
    insta::assert_snapshot!("waits_no_color", screen_with(&shown(&REAL, (120, 40), "5"), plain));
}

#[test]
fn pages_and_panes() {
    let mut app = shown(&REAL, (80, 24), "5v");
    snapshot!("waits_lengths", app);
    keys(&mut app, "v");
    snapshot!("waits_crowded", app);
    keys(&mut app, "v");
    assert_eq!(app.waits.panes.lower, Focus::Blame);
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.waits.panes.focus, Focus::Blame);
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.waits.panes.focus, Focus::List, "no other pane is in view");
    keys(&mut app, "v");
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.waits.panes.focus, Focus::Sums);
    // A bar of the histogram narrows the list to it.
    keys(&mut app, "G\n");
    let filter = app.waits.filter.now.clone().unwrap();
    let table = app.waits.table().unwrap();
    assert_eq!(app.waits.len(), parse(&app.waits.filter.text).unwrap().rows(table).count());
    assert!(!app.waits.is_empty() && filter.to_string().starts_with("wait>="), "{filter}");
    press(&mut app, &[Key::Esc, Key::Esc]);
    assert!(app.waits.filter.now.is_none());
    press(&mut app, &[Key::Esc]);
    assert_eq!(app.tab, Tab::Timeline);
}

/// Two threads that sleep in turn and come in again without a wake-up.
fn unwoken() -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for i in 0..40 {
        push(&mut b, 4_000 * i, 0, EventKind::Switch, (1 + i as i32 % 2, 2 - i as i32 % 2));
    }
    Arc::new(b.finish(TraceMeta { name: "unwoken".into(), cpus: 1, ..TraceMeta::default() }))
}

#[test]
fn without_wake_ups_it_is_not_known_who_waited() {
    for (w, h) in [(60, 15), (80, 24), (120, 40)] {
        let text = screen(&shown(&unwoken(), (w, h), "5")).to_string();
        assert!(text.contains("It is not known who waited for a CPU."), "{text}");
        assert!(text.contains("! no wake-ups recorded"), "{text}");
        assert!(!text.contains("Nobody waited"), "{text}");
    }
    snapshot!("waits_unwoken_80x24", shown(&unwoken(), (80, 24), "5"));
}

#[test]
fn the_worst_wait_comes_first_and_is_blamed_at_once() {
    let app = shown(&REAL, (100, 30), "5");
    let (table, row) = (app.waits.table().unwrap(), app.waits.row().unwrap());
    let longest = (0..table.waits.len()).map(|row| table.waits.ns(row)).max().unwrap();
    assert_eq!(table.waits.ns(row), longest);
    let (of, blame) = app.waits.instead.chosen.as_ref().unwrap();
    assert_eq!(*of as usize, row);
    let known: u64 = blame.instead.ran.iter().map(|r| r.1).sum::<u64>() + blame.instead.rest.1;
    assert_eq!(
        known + blame.instead.unknown,
        longest,
        "all of its time is somebody's, or not known"
    );
    let unsaid =
        app.waits.visible(app.size).iter().filter(|row| !app.waits.instead.rows.contains_key(row));
    assert_eq!(unsaid.count(), 0, "who ran instead is known of every visible row");
}

#[test]
fn waits_are_walked_on_the_timeline_in_the_order_of_the_list() {
    let mut app = shown(&REAL, (120, 40), "5/kind=wakeup\njj\n");
    assert_eq!(app.tab, Tab::Timeline);
    let (table, rows) =
        (Arc::clone(app.waits.table().unwrap()), app.waits.view.as_ref().unwrap().rows.clone());
    let lit = |app: &App, i: usize| {
        let (t, row) = (app.timeline().unwrap(), rows[i] as usize);
        let wait = table.waits.get(row);
        assert_eq!(t.event(), Some(wait.last as usize), "the switch that brought it in");
        assert_eq!(t.marks, [Nanos(wait.from), Nanos(wait.to)]);
        assert!(t.view.contains(wait.from) && t.view.contains(wait.to));
    };
    lit(&app, 2);
    snapshot!("waits_on_the_timeline", app);
    for i in [3, 4, 5] {
        keys(&mut app, "n");
        lit(&app, i);
    }
    keys(&mut app, "NNNNN");
    lit(&app, 0);
    keys(&mut app, "N");
    assert!(app.message.as_ref().unwrap().starts_with("that is the first of"));
    // The order is the list's own: shortest first after a turn.
    keys(&mut app, "5sg\nn");
    let rows = app.waits.view.as_ref().unwrap().rows.clone();
    let event = app.timeline().unwrap().event().unwrap();
    assert_eq!(event, table.waits.get(rows[1] as usize).last as usize);
    press(&mut app, &[Key::Esc]);
    assert!(app.shared.walk.is_none());
}

#[test]
fn a_filter_is_typed_with_errors_that_point() {
    let mut app = shown(&REAL, (100, 24), "5/task~nginx and wat");
    snapshot!("waits_filter_error", app);
    press(&mut app, &[Key::Backspace, Key::Backspace]);
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.waits.filter.text, "task~nginx and wait");
    keys(&mut app, ">1ms\n");
    let (table, rows) = (app.waits.table().unwrap(), &app.waits.view.as_ref().unwrap().rows);
    assert!(!rows.is_empty() && rows.iter().all(|row| table.waits.ns(*row as usize) > 1_000_000));
    // The time between two marks is a filter like any other.
    keys(&mut app, "0t");
    assert_eq!(app.message.as_deref(), Some("set two marks on the timeline first (m)"));
    keys(&mut app, "1t0.05\nmt0.1\nm5t");
    assert_eq!(app.waits.filter.text, "to>=50ms and from<=100ms");
}

#[test]
fn a_wait_is_copied_as_timehist_has_it() {
    let mut app = shown(&REAL, (100, 24), "5/kind=wakeup\ny");
    let line = app.shared.copy.take().unwrap();
    let (table, row) = (app.waits.table().unwrap(), app.waits.row().unwrap());
    let words: Vec<&str> = line.split_whitespace().collect();
    let wait = table.waits.get(row);
    assert_eq!(words[1], format!("[{:04}]", wait.cpu.0), "{line}");
    let ms = |text: &str| (text.parse::<f64>().unwrap() * 1e3).round() as u64;
    assert_eq!(ms(words[words.len() - 2]), (wait.to - wait.from) / 1_000, "sch delay: {line}");
    let out: f64 = words[0].parse::<f64>().unwrap() * 1e9 - table.trace.meta().start_ns as f64;
    assert!(
        (out - (wait.to as f64 + ms(words[words.len() - 1]) as f64 * 1e3)).abs() < 3e3,
        "{line}"
    );
}

#[test]
fn lists_are_sorted_by_their_columns() {
    let mut app = shown(&REAL, (100, 24), "5");
    let order = |app: &App| app.waits.view.as_ref().unwrap().rows.clone();
    press(&mut app, &[Key::Right, Key::Right, Key::Right]);
    keys(&mut app, "s");
    let table = Arc::clone(app.waits.table().unwrap());
    assert!(order(&app).is_sorted_by_key(|row| table.waits.from(*row as usize)));
    press(&mut app, &[Key::Left, Key::Left]);
    keys(&mut app, "s");
    let names: Vec<String> = order(&app)
        .iter()
        .map(|row| {
            table
                .trace
                .name_at(table.waits.thread(*row as usize), table.event(*row as usize))
                .to_owned()
        })
        .collect();
    assert!(names.is_sorted());
    keys(&mut app, "6s");
    let rows = &app.tasks.found.rows;
    assert!(
        rows.is_sorted_by_key(|row| app.tasks.table().unwrap().rows[*row as usize].run),
        "the other way round"
    );
}

#[test]
fn tasks_follow_the_marks_and_lead_to_waits_and_to_the_timeline() {
    let mut app = shown(&REAL, (120, 40), "6");
    let all = app.tasks.table().unwrap().window;
    keys(&mut app, "/nginx\n");
    assert_eq!(app.tasks.filter.text, "task~nginx", "a bare word is a part of a name");
    let named = |app: &App| {
        app.tasks
            .found
            .rows
            .iter()
            .all(|r| app.tasks.table().unwrap().rows[*r as usize].comm == "nginx")
    };
    assert!(!app.tasks.found.rows.is_empty() && named(&app));
    let (pid, waits) = {
        let row = &app.tasks.table().unwrap().rows[app.tasks.row().unwrap()];
        (row.pid.0, row.waits.count)
    };
    keys(&mut app, "w");
    assert_eq!((app.tab, app.waits.filter.text.clone()), (Tab::Waits, format!("pid={pid}")));
    assert_eq!(app.waits.len() as u64, waits, "both screens count the same waits");
    keys(&mut app, "6\n");
    let t = app.timeline().unwrap();
    let e = t.trace().event(t.event().unwrap());
    assert_eq!((app.tab, t.trace().tasks().get(e.next).unwrap().pid.0), (Tab::Timeline, pid));
    keys(&mut app, "t0.05\nmt0.1\nm6");
    let window = app.tasks.table().unwrap().window;
    assert_eq!((window.from, window.to), (50_000_000, 100_000_000));
    assert!(window != all);
    snapshot!("tasks_between_marks", app);
}

#[test]
fn what_a_wait_changed_on_the_timeline_goes_with_it() {
    let mut app = shown(&REAL, (120, 40), "5");
    let width = app.timeline().unwrap().view.width;
    keys(&mut app, "g\n");
    let waited = app.timeline().unwrap().rows.pinned().to_vec();
    assert!(waited.len() == 1 && app.timeline().unwrap().view.width != width);
    // To another thread by way of another screen.
    keys(&mut app, "6gj");
    let other = app.tasks.table().unwrap().rows[app.tasks.row().unwrap()].thread;
    assert_ne!(waited, [other]);
    press(&mut app, &[Key::Enter]);
    let t = app.timeline().unwrap();
    assert_eq!((t.rows.pinned(), t.marks.len(), t.view.width), (&[other][..], 0, width));
    // What the user made of it since then is left alone.
    keys(&mut app, "5g\nm+6gj\n");
    let t = app.timeline().unwrap();
    assert!(t.marks.len() == 1 && t.view.width != width, "{:?}", t.marks);
}

#[test]
fn a_name_leads_to_rows_of_its_threads() {
    let app = shown(&REAL, (120, 40), "6f/nginx\n\n");
    let t = app.timeline().unwrap();
    // One of them began as `sh`.
    let named = t.trace().tasks().iter().filter(|(_, task)| &*task.name == "nginx");
    let threads: BTreeSet<ThreadIx> = named.map(|(_, task)| task.thread).collect();
    assert!((2..=6).contains(&threads.len()));
    assert_eq!(t.rows.pinned().iter().copied().collect::<BTreeSet<_>>(), threads);
}

#[test]
fn what_was_predicted_stands_beside_every_wait_and_task() {
    let mut app = shown(&REAL, (200, 50), "6");
    assert!(app.tasks.hits.of.is_empty(), "nothing is said before all is predicted");
    tell(&mut app, Msg::Predicted { ticket: Ticket(1), chunk: answers(&REAL) });
    let [right, asked] = app.tasks.hits.of.iter().fold([0, 0], |[a, b], [x, y]| [a + x, b + y]);
    let score = app.timeline().unwrap().answers.total(&REAL);
    assert!(score.counted > 0);
    assert_eq!((asked, asked - right), (score.counted, score.missed), "as the Timeline counts");
    snapshot!("tasks_predicted", app);
    keys(&mut app, "5");
    snapshot!("waits_predicted", app);
}

#[test]
fn another_recording_is_asked_anew_and_old_answers_change_nothing() {
    let mut app = open(&REAL, (100, 30));
    let effects = app.update(Msg::Key(Key::Char('5')));
    let [Effect::Waits(old @ Order::Collect { ticket: Ticket(1), .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    let old = old.clone();
    let other = made(2, false);
    let path = std::path::PathBuf::from("other");
    app.update(Msg::Listed {
        entries: vec![kernel_oracle::app::traces::Entry {
            path: path.clone(),
            ..Default::default()
        }],
        problem: None,
    });
    app.update(Msg::Key(Key::Char('4')));
    let effects = app.update(Msg::Key(Key::Enter));
    let Some(Effect::Open { ticket, .. }) = effects.first() else { panic!("{effects:?}") };
    let loaded = Loaded {
        path: path.clone(),
        pyramid: Pyramid::build(&other),
        trace: other,
        notes: Vec::new(),
    };
    tell(&mut app, Msg::Opened { ticket: *ticket, path, result: Ok(Arc::new(loaded)) });
    keys(&mut app, "5");
    let n = app.waits.table().unwrap().waits.len();
    perform(&mut app, vec![Effect::Waits(old)]);
    assert_eq!(app.waits.table().unwrap().waits.len(), n);
    assert!(!matches!(app.tasks.data, tasks::Data::Ready(_)), "nobody looked at the tasks");
}

fn any_msg() -> impl Strategy<Value = Msg> {
    prop_oneof![
        4 => prop::sample::select(SPECIAL.to_vec()).prop_map(Msg::Key),
        8 => prop::sample::select("1556655/wtfsvVyxnN0mq>ajkib ".chars().collect::<Vec<_>>()).prop_map(|c| Msg::Key(Key::Char(c))),
        2 => (prop::sample::select(MOUSE.to_vec()), 0..130u16, 0..45u16).prop_map(|(kind, x, y)| Msg::Mouse(Mouse { kind, x, y })),
        1 => (0..200u16, 0..60u16).prop_map(|(w, h)| Msg::Resized(w, h)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn no_walk_panics(which in 0..3usize, msgs in prop::collection::vec(any_msg(), 1..60)) {
        let empty = || Arc::new(TraceBuilder::default().finish(TraceMeta::default()));
        let trace = [empty(), made(2, true), made(5, false)][which].clone();
        let mut app = open(&trace, (100, 30));
        for msg in msgs {
            tell(&mut app, msg);
            screen(&app);
            prop_assert!(app.waits.listing.list.at <= app.waits.len());
            prop_assert!(app.tasks.listing.list.at <= app.tasks.found.rows.len());
        }
    }
}
