//! The Compare screen as a user meets it: two real recordings and odd ones as snapshots, the way
//! there, what keys do, and random walks over keys and mouse that must never panic.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{MOUSE, SPECIAL, screen, screen_with};
use kernel_oracle::app::compare::beside::{Align, stint};
use kernel_oracle::app::compare::{Asked, Data, Focus, News, Order, Other};
use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::traces::Entry;
use kernel_oracle::app::{App, Effect, Msg, Tab};
use kernel_oracle::dataset::opening::StatedMachine;
use kernel_oracle::driver;
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::stats::diff::{Measure, compare};
use kernel_oracle::trace::{CpuId, Event, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta};
use kernel_oracle::ui::palette::Theme;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

const A: &str = "traces/nginx-ab_run0.csv.zst";
const B: &str = "traces/nginx-ab_run1.csv.zst";

fn real(path: &str) -> Arc<Trace> {
    Arc::new(ingest::open(Path::new(path)).unwrap().trace)
}

static REAL: LazyLock<[Arc<Trace>; 2]> = LazyLock::new(|| [real(A), real(B)]);

/// Two threads of each CPU take turns of `turn` ns.
fn made(cpus: u16, turn: u64) -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for i in 0..60 * u64::from(cpus) {
        let cpu = (i % u64::from(cpus)) as u16;
        let round = i / u64::from(cpus);
        let who = |k: u64| i32::from(cpu) * 2 + 1 + (k % 2) as i32;
        let mut e = Event::blank(Nanos(turn * round + u64::from(cpu)), CpuId(cpu));
        (e.task, e.next) = (b.task(Pid(who(round)), b"even"), b.task(Pid(who(round + 1)), b"odd"));
        e.state = TaskState::RUNNING;
        b.push(e, Pid(who(round)));
    }
    Arc::new(b.finish(TraceMeta { name: format!("made-{turn}"), cpus, ..TraceMeta::default() }))
}

fn empty() -> Arc<Trace> {
    Arc::new(
        TraceBuilder::default().finish(TraceMeta { name: "empty".into(), ..TraceMeta::default() }),
    )
}

fn loaded(path: &str, trace: &Arc<Trace>) -> Arc<Loaded> {
    let pyramid = Pyramid::build(trace);
    Arc::new(Loaded { path: path.into(), pyramid, trace: Arc::clone(trace), notes: Vec::new() })
}

/// The other recordings that can be read.
type Files<'a> = &'a [(&'a str, Arc<Trace>)];

fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec![A.into()], size);
    app.update(Msg::Opened { ticket: Ticket(1), path: A.into(), result: Ok(loaded(A, trace)) });
    let entry = |path: &str| Entry {
        path: path.into(),
        name: ingest::name(Path::new(path)),
        ..Entry::default()
    };
    app.update(Msg::Listed { entries: [A, B].map(entry).to_vec(), problem: None });
    app
}

/// Performs what the screen orders, until it wants nothing more. `lifo` is the model.
fn perform(app: &mut App, effects: Vec<Effect>, files: Files) {
    for effect in effects {
        let Effect::Compare(order) = effect else { continue };
        let news = match order {
            Order::Read { ticket, path } => {
                let known = files.iter().find(|(name, _)| Path::new(name) == path);
                let result = known
                    .map(|(name, trace)| loaded(name, trace))
                    .ok_or("line 3: no time".to_owned());
                vec![News::Read { ticket, result }]
            }
            order @ Order::Compare { .. } => {
                let told = Mutex::new(Vec::new());
                let engine = |_: &Trace| Ok((Heuristic::new(Rule::Lifo, 0), "lifo".to_owned()));
                let tell = |news| told.lock().unwrap().push(news);
                let machine = StatedMachine::default();
                driver::answer_compare(order, &machine, &engine, &Cancel::new(), &tell);
                told.into_inner().unwrap()
            }
        };
        for n in news {
            let effects = app.update(Msg::Compare(n));
            perform(app, effects, files);
        }
    }
}

fn tell(app: &mut App, msg: Msg, files: Files) {
    let effects = app.update(msg);
    perform(app, effects, files);
}

fn press(app: &mut App, keys: &[Key], files: Files) {
    for key in keys {
        tell(app, Msg::Key(*key), files);
    }
}

fn keys(app: &mut App, text: &str, files: Files) {
    for c in text.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            c => Key::Char(c),
        };
        tell(app, Msg::Key(key), files);
    }
}

/// A and B from the list of recordings, compared.
fn compared(a: &Arc<Trace>, b: &Arc<Trace>, size: (u16, u16)) -> App {
    let mut app = open(a, size);
    keys(&mut app, "4jc", &[(B, Arc::clone(b))]);
    app
}

fn nginx(size: (u16, u16)) -> App {
    compared(&REAL[0], &REAL[1], size)
}

macro_rules! snapshot {
    ($name:literal, $app:expr) => {
        insta::assert_snapshot!($name, screen(&$app))
    };
}

#[test]
fn a_file_that_cannot_be_read_leaves_what_is_compared() {
    let mut app = nginx((120, 40));
    let table = Arc::clone(app.compare.table().unwrap());
    keys(&mut app, "cno-such-file\n", &[]);
    let said = app.message.clone().unwrap();
    assert!(said.contains("no-such-file") && said.contains("still compared with"), "{said}");
    assert!(
        Arc::ptr_eq(&table, app.compare.table().unwrap())
            && matches!(app.compare.other, Other::Ready(_))
    );
}

#[test]
fn the_screen_in_every_size_and_state() {
    snapshot!("compare_80x24", nginx((80, 24)));
    snapshot!("compare_120x40", nginx((120, 40)));
    snapshot!("compare_250x70", nginx((250, 70)));
    snapshot!("compare_40x12", nginx((40, 12)));
    insta::assert_snapshot!("compare_no_color", screen_with(&nginx((120, 40)), Theme::PLAIN));
    let mut before = open(&REAL[0], (80, 24));
    keys(&mut before, "7", &[]);
    snapshot!("compare_nothing_chosen", before);
    keys(&mut before, "cno-such-file\n", &[]);
    assert!(matches!(before.compare.other, Other::Failed(..)));
    snapshot!("compare_unreadable", before);
    let (mut closed, _) = App::new(vec![A.into()], (80, 24));
    closed.update(Msg::Key(Key::Char('7')));
    snapshot!("compare_nothing_open", closed);
    snapshot!("compare_empty", compared(&REAL[0], &empty(), (100, 30)));
    snapshot!("compare_64_cpus", compared(&made(64, 2_000), &made(2, 5_000), (120, 40)));
}

#[test]
fn other_kernels_and_folders_are_said() {
    const CFS: &str = "traces/cfs/nginx-ab_run1.csv.zst";
    let mut app = open(&REAL[0], (80, 24));
    keys(&mut app, "7c", &[]);
    keys(&mut app, &format!("{CFS}\n"), &[(CFS, real(CFS))]);
    let text = screen(&app).to_string();
    assert!(text.contains("A 6.18.44 EEVDF · B 6.1.0 CFS emulated · "), "{text}");
    assert!(text.contains("A nginx-ab_run0 · in traces"), "{text}");
    assert!(text.contains("B nginx-ab_run1 · in cfs"), "{text}");
    snapshot!("other_kernel_80x24", app);
    // Of one kernel and folder there is nothing to say.
    let text = screen(&nginx((80, 24))).to_string();
    assert!(!text.contains("EEVDF · B") && !text.contains(" · in "), "{text}");
}

#[test]
fn what_is_on_its_way_is_said() {
    let mut app = open(&REAL[0], (100, 24));
    app.update(Msg::Key(Key::Char('7')));
    app.update(Msg::Key(Key::Char('c')));
    "nginx-ab_run1".chars().for_each(|c| drop(app.update(Msg::Key(Key::Char(c)))));
    let effects = app.update(Msg::Key(Key::Enter));
    let [Effect::Compare(Order::Read { ticket, path })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(path, Path::new(B), "a name of the list leads to its file");
    snapshot!("compare_reading", app);
    let effects =
        app.update(Msg::Compare(News::Read { ticket: *ticket, result: Ok(loaded(B, &REAL[1])) }));
    let [Effect::Compare(Order::Compare { ticket, traces, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(Arc::ptr_eq(&traces[0], &REAL[0]) && Arc::ptr_eq(&traces[1], &REAL[1]));
    snapshot!("compare_pending", app);
    let found = Arc::new(compare(&REAL[0], &REAL[1]));
    let asked = Asked::Pending(0, 100);
    app.update(Msg::Compare(News::Compared {
        ticket: *ticket,
        result: Ok(Arc::clone(&found)),
        asked,
    }));
    app.update(Msg::Compare(News::Progress { ticket: *ticket, done: 40, of: 100 }));
    snapshot!("compare_predicting", app);
    // Answers to what nobody asks any more change nothing.
    app.update(Msg::Compare(News::Compared {
        ticket: Ticket(0),
        result: Err("late".into()),
        asked: Asked::By("x".into()),
    }));
    app.update(Msg::Compare(News::Progress { ticket: Ticket(0), done: 90, of: 100 }));
    assert_eq!(app.compare.asked, Some(Asked::Pending(40, 100)));
    let asked = Asked::Nobody("no model here".into());
    app.update(Msg::Compare(News::Compared { ticket: *ticket, result: Ok(found), asked }));
    assert!(screen(&app).to_string().contains("no model: no model here"));
    app.update(Msg::Compare(News::Compared {
        ticket: *ticket,
        result: Err("a bug".into()),
        asked: Asked::By("x".into()),
    }));
    snapshot!("compare_failed", app);
}

#[test]
fn from_the_list_of_recordings_to_what_differs() {
    let mut app = open(&REAL[0], (120, 40));
    assert_eq!(app.tab, Tab::Timeline);
    keys(&mut app, "4jc", &[(B, Arc::clone(&REAL[1]))]);
    assert_eq!(
        (app.tab, app.compare.asked.clone()),
        (Tab::Compare, Some(Asked::By("lifo".into())))
    );
    let table = app.compare.table().unwrap();
    let without = compare(&REAL[0], &REAL[1]);
    assert!(without.rows.iter().all(|d| table.rows.contains(d)), "the same as koracle diff says");
    assert!(table.rows.iter().any(|d| d.measure == Measure::HitRate && d.name.is_none()));
    assert_eq!(app.compare.found.rows.len(), table.rows.len());
    assert!(app.compare.found.rows.is_sorted(), "the most certain first, as in the table");
    // The recording that is open is not read again.
    keys(&mut app, "4kc", &[]);
    let Other::Ready(b) = &app.compare.other else { panic!() };
    assert!(Arc::ptr_eq(&b.trace, &REAL[0]));
    assert!(app.compare.table().unwrap().rows.iter().all(|d| d.difference == 0.0));
    // Tab completes names; what is typed and no name is a file.
    keys(&mut app, "cnginx-ab_run0\t\n", &[(B, Arc::clone(&REAL[1]))]);
    assert_eq!(app.compare.other.path(), Some(Path::new(B)));
    // Without an open recording there is nothing to compare with.
    let (mut closed, _) = App::new(Vec::new(), (80, 24));
    closed.update(Msg::Key(Key::Char('7')));
    closed.update(Msg::Key(Key::Char('c')));
    assert!(closed.over.prompt.is_none() && closed.message.is_some());
}

#[test]
fn another_open_recording_is_compared_anew() {
    let mut app = nginx((100, 30));
    let other = made(2, 2_000);
    let path = PathBuf::from(A);
    keys(&mut app, "4k", &[]);
    let effects = app.update(Msg::Key(Key::Enter));
    let Some(Effect::Open { ticket, .. }) = effects.first() else { panic!("{effects:?}") };
    assert!(
        matches!(app.compare.data, Data::Nothing),
        "nothing is shown of a recording that is closed"
    );
    tell(&mut app, Msg::Opened { ticket: *ticket, path, result: Ok(loaded(A, &other)) }, &[]);
    assert!(matches!(app.compare.data, Data::Nothing), "nobody looks at it");
    keys(&mut app, "7", &[]);
    assert!(
        app.compare.table().unwrap().rows.iter().all(|d| d.name.is_none()),
        "no name is in both"
    );
    assert!(Arc::ptr_eq(&app.compare.beside.as_ref().unwrap().sides[0].t.loaded.trace, &other));
}

/// What is typed, and the filter that it becomes.
#[test]
fn the_list_is_filtered_and_sorted() {
    let table: [(&str, &str); 6] = [
        ("nginx", "task~nginx"),
        ("task=nginx and certain", "task=nginx and certain"),
        ("measure=wait_ns", "measure=wait_ns"),
        ("all and not more", "all and not more"),
        ("certainty>=3", "certainty>=3"),
        ("change>50% and less", "change>0.5 and less"),
    ];
    let mut app = nginx((120, 40));
    for (typed, filter) in table {
        keys(&mut app, &format!("0/{typed}\n"), &[]);
        assert_eq!(app.compare.filter.text, filter);
        let (s, rows) = (&app.compare, &app.compare.table().unwrap().rows);
        let shown: Vec<usize> = s.found.rows.iter().map(|row| *row as usize).collect();
        let passes = |i: &usize| {
            let d = &rows[*i];
            match typed {
                "nginx" => d.name.as_deref().is_some_and(|n| n.contains("nginx")),
                "task=nginx and certain" => {
                    d.name.as_deref() == Some("nginx")
                        && (d.interval[0] > 0.0 || d.interval[1] < 0.0)
                }
                "measure=wait_ns" => d.measure == Measure::Wait,
                "all and not more" => d.name.is_none() && d.difference <= 0.0,
                "certainty>=3" => d.certainty >= 3.0,
                _ => d.difference < 0.0 && -d.difference > 0.5 * d.values[0],
            }
        };
        assert_eq!(shown, (0..rows.len()).filter(passes).collect::<Vec<_>>(), "{typed}");
        assert!(!shown.is_empty(), "{typed}");
    }
    keys(&mut app, "0/wat=", &[]);
    assert!(app.compare.filter.error.is_some());
    press(&mut app, &[Key::Esc], &[]);
    keys(&mut app, "0s", &[]);
    let names = |app: &App| -> Vec<Option<String>> {
        let rows = &app.compare.table().unwrap().rows;
        app.compare.found.rows.iter().map(|row| rows[*row as usize].name.clone()).collect()
    };
    assert!(names(&app).is_sorted());
    press(&mut app, &[Key::Right; 4], &[]);
    keys(&mut app, "s", &[]);
    let rows = &app.compare.table().unwrap().rows;
    assert!(
        app.compare
            .found
            .rows
            .is_sorted_by(|a, b| rows[*a as usize].difference >= rows[*b as usize].difference)
    );
    keys(&mut app, "y", &[]);
    let copy = app.shared.copy.take().unwrap();
    assert!(copy.starts_with("comm\tmeasure\ta\tb") && copy.lines().count() == 2, "{copy}");
}

/// The time in each recording that stands in this column.
fn under(app: &App, x: u16) -> [i128; 2] {
    let both = app.compare.beside.as_ref().unwrap();
    [0, 1].map(|i: usize| {
        let side = &both.sides[i];
        let plot = side.layout.plot;
        let (start, width) = (i128::from(side.t.view.start), i128::from(side.t.view.width));
        start + width * i128::from(x - plot.x) / i128::from(plot.w)
    })
}

#[test]
fn both_are_aligned_zoomed_and_moved_together() {
    let mut app = nginx((120, 40));
    let view = |app: &App| app.compare.beside.as_ref().unwrap().view;
    let whole = view(&app);
    let longest = REAL.iter().map(|t| t.span().0).max().unwrap();
    assert_eq!((whole.start, whole.width), (0, longest + 1), "both whole, aligned at their starts");
    let [a, b] = under(&app, 60);
    assert_eq!(a, b);
    keys(&mut app, "+++dd", &[]);
    assert!(view(&app).width < whole.width / 2 && view(&app).start > 0);
    let [a, b] = under(&app, 60);
    assert_eq!(a, b, "zoomed and moved together");
    // At a stint of a name: the first, the next one, back, and at the starts again.
    keys(&mut app, "f0/task=nginx\n.", &[]);
    let first = REAL.each_ref().map(|t| i128::from(stint(t, "nginx", 0).unwrap()));
    let zero = |app: &App| app.compare.beside.as_ref().unwrap().sides.each_ref().map(|s| s.zero);
    assert_eq!(zero(&app), first);
    keys(&mut app, ".", &[]);
    assert_eq!(zero(&app), REAL.each_ref().map(|t| i128::from(stint(t, "nginx", 1).unwrap())));
    snapshot!("compare_aligned", app);
    keys(&mut app, ",", &[]);
    assert_eq!(zero(&app), first);
    // The line stands at this time of both.
    let both = app.compare.beside.as_ref().unwrap();
    let (cols, lead) =
        (usize::from(both.sides[0].layout.plot.w + both.sides[0].lead), both.sides[0].lead);
    let x =
        both.sides[0].layout.plot.x - lead + both.view.column(both.zero(), cols).unwrap() as u16;
    let near = i128::from(both.view.width / cols as u64 + 2);
    let [a, b] = under(&app, x);
    assert!((a - first[0]).abs() <= near && (b - first[1]).abs() <= near, "{a} {b} {first:?}");
    keys(&mut app, ",", &[]);
    assert_eq!((zero(&app), &app.compare.beside.as_ref().unwrap().align), ([0, 0], &Align::Starts));
    // B is shifted, and A stays where it is.
    keys(&mut app, "+>>", &[]);
    let shift = i128::from(app.compare.beside.as_ref().unwrap().shift);
    assert!(shift > 0 && zero(&app) == [0, -shift]);
    keys(&mut app, "<<", &[]);
    assert_eq!(zero(&app), [0, 0]);
    // A mark of the timeline is where A is aligned.
    keys(&mut app, "1t0.5\nm7", &[]);
    assert_eq!(zero(&app), [500_000_000, 0]);
    keys(&mut app, ".", &[]);
    assert_eq!(zero(&app), [500_000_000, first[1]]);
    keys(&mut app, ">>>", &[]);
    snapshot!("compare_shifted", app);
}

#[test]
fn the_end_of_the_stints_is_said_and_all_tasks_have_none() {
    let mut app = compared(&made(2, 2_000), &made(2, 5_000), (100, 30));
    keys(&mut app, "/all\n.", &[]);
    assert_eq!(app.message.as_deref(), Some("select a name: B is aligned where it comes in"));
    keys(&mut app, "0/task=odd\n", &[]);
    (0..200).for_each(|_| keys(&mut app, ".", &[]));
    assert!(app.message.as_ref().unwrap().starts_with("odd comes in "), "{:?}", app.message);
    let Align::Stint(name, n) = &app.compare.beside.as_ref().unwrap().align else { panic!() };
    let trace = made(2, 5_000);
    assert!(
        name == "odd"
            && stint(&trace, "odd", *n).is_some()
            && stint(&trace, "odd", n + 1).is_none()
    );
}

#[test]
fn a_difference_leads_to_the_timeline_to_waits_and_to_tasks() {
    let mut app = nginx((120, 40));
    keys(&mut app, "/task=nginx and measure=wait_ns\nw", &[]);
    assert_eq!((app.tab, app.waits.filter.text.as_str()), (Tab::Waits, "task=nginx"));
    keys(&mut app, "7\n", &[]);
    assert_eq!(app.tab, Tab::Timeline);
    let t = app.timeline().unwrap();
    let e = t.trace().event(t.event().unwrap());
    assert_eq!(&*t.trace().tasks().get(e.next).unwrap().name, "nginx");
    assert!(!t.rows.pinned().is_empty());
    keys(&mut app, "70/all\n\n", &[]);
    assert_eq!(app.tab, Tab::Tasks);
}

#[test]
fn the_keys_of_zooming_work_in_the_pane_of_the_timelines() {
    let mut app = nginx((120, 40));
    let width = |app: &App| app.compare.beside.as_ref().unwrap().view.width;
    let all = width(&app);
    keys(&mut app, "\tw", &[]);
    assert!(app.compare.focus == Focus::Beside && width(&app) < all);
    keys(&mut app, "ss", &[]);
    assert_eq!(width(&app), all);
    press(&mut app, &[Key::Esc], &[]);
    assert_eq!((app.tab, app.compare.focus), (Tab::Compare, Focus::List));
    let p = app.compare.places(app.size);
    let mouse = |kind, y| Msg::Mouse(Mouse { kind, x: 60, y });
    tell(&mut app, mouse(MouseKind::WheelUp, p.axis.y), &[]);
    assert!(width(&app) < all);
    tell(&mut app, mouse(MouseKind::WheelDown, p.top.list.y), &[]);
    assert_eq!(app.compare.listing.list.at, 3);
    tell(&mut app, mouse(MouseKind::Down, p.rows[1].y), &[]);
    assert_eq!(app.compare.focus, Focus::Beside);
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let letters = "7777..,,<<>>++--adfwsm/y0clntj14c56";
    prop_oneof![
        4 => prop::sample::select(SPECIAL.to_vec()).prop_map(Msg::Key),
        9 => prop::sample::select(letters.chars().collect::<Vec<_>>()).prop_map(|c| Msg::Key(Key::Char(c))),
        2 => (prop::sample::select(MOUSE.to_vec()), 0..130u16, 0..45u16).prop_map(|(kind, x, y)| Msg::Mouse(Mouse { kind, x, y })),
        1 => (0..200u16, 0..60u16).prop_map(|(w, h)| Msg::Resized(w, h)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn no_walk_panics(a in 0..4usize, b in 0..4usize, msgs in prop::collection::vec(any_msg(), 1..60)) {
        let of = |which: usize| [empty(), made(2, 2_000), made(5, 70_000), made(40, 1)][which].clone();
        let (a, files) = (of(a), [(B, of(b))]);
        let mut app = open(&a, (100, 30));
        keys(&mut app, "4jc", &files);
        for msg in msgs {
            tell(&mut app, msg, &files);
            screen(&app);
            prop_assert!(app.compare.listing.list.at <= app.compare.found.rows.len());
            let Some(both) = &app.compare.beside else { continue };
            prop_assert!(both.view.width > 0);
            prop_assert!(both.first <= 0 && both.sides[0].zero >= 0);
        }
    }
}
