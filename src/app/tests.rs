//! `update` as tables: facts in, state and effects out. No terminal, no thread, no clock.

mod answers;

use super::input::Mouse;
use super::ticket::Ticket;
use super::timeline::Loaded;
use super::timeline::causes::{Crowd, News, Order};
use super::traces::Entry;
use super::*;
use crate::evaluate::overlay::Chunk;
use crate::replay::lod::Pyramid;
use crate::stats::Table;
use crate::trace::{
    CpuId, Event, EventKind, Pid, TaskId, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta,
};
use std::sync::Arc;

/// Two CPUs; CPU 0 switches every 1000 ns (pids 1, 2, 3 in turn), CPU 1 every 3000 ns (always pid 9
/// and idle).
fn trace() -> Arc<Trace> {
    long(300)
}

/// The same with so many switches on CPU 0.
fn long(switches: u64) -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    let mut push = |t: u64, cpu: u16, prev: i32, next: i32| {
        let mut task = |pid: i32| b.task(Pid(pid), format!("job{pid}").as_bytes());
        let (task, next): (TaskId, TaskId) = (task(prev), task(next));
        let event = Event {
            time: Nanos(t),
            cpu: CpuId(cpu),
            kind: EventKind::Switch,
            actor: ThreadIx::NONE,
            task,
            prio: 120,
            state: TaskState::SLEEP,
            next,
            next_prio: 120,
            from_cpu: CpuId::NONE,
            to_cpu: CpuId::NONE,
        };
        b.push(event, Pid(prev));
    };
    for i in 0..switches {
        push(i * 1_000, 0, (i % 3) as i32 + 1, ((i + 1) % 3) as i32 + 1);
        if i % 3 == 0 {
            push(
                i * 1_000 + 500,
                1,
                if i % 2 == 0 { 0 } else { 9 },
                if i % 2 == 0 { 9 } else { 0 },
            );
        }
    }
    Arc::new(b.finish(TraceMeta::default()))
}

fn opened(given: &[&str], trace: Arc<Trace>) -> App {
    let (mut app, _) = App::new(given.iter().map(PathBuf::from).collect(), (100, 30));
    let path = PathBuf::from("a");
    if given.is_empty() {
        let entry = Entry { path: path.clone(), ..Entry::default() };
        app.update(Msg::Listed { entries: vec![entry], problem: None });
    }
    let loaded =
        Loaded { path: path.clone(), pyramid: Pyramid::build(&trace), trace, notes: Vec::new() };
    app.update(Msg::Opened { ticket: Ticket(1), path, result: Ok(Arc::new(loaded)) });
    app
}

fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars()
        .flat_map(|c| app.update(Msg::Key(if c == '\n' { Key::Enter } else { Key::Char(c) })))
        .collect()
}

#[test]
fn without_arguments_the_first_bundled_recording_opens_and_plays() {
    let (mut app, effects) = App::new(Vec::new(), (80, 24));
    assert!(matches!(effects[..], [Effect::List { .. }]));
    let entries = ["x", "y"].map(|p| Entry { path: p.into(), ..Entry::default() }).to_vec();
    let effects = app.update(Msg::Listed { entries, problem: None });
    assert!(matches!(&effects[..], [Effect::Open { path, .. }] if path == &PathBuf::from("x")));
    assert!(opened(&[], trace()).wants_ticks());
}

#[test]
fn with_arguments_the_first_one_opens_and_waits() {
    let (_, effects) = App::new(vec!["a".into(), "b".into()], (80, 24));
    assert!(
        matches!(&effects[..], [Effect::Open { path, .. }, Effect::List { .. }] if path == &PathBuf::from("a"))
    );
    assert!(!opened(&["a"], trace()).wants_ticks());
}

#[test]
fn opening_asks_for_predictions_and_the_selection_for_details() {
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    let trace = trace();
    let loaded =
        Loaded { path: "a".into(), pyramid: Pyramid::build(&trace), trace, notes: Vec::new() };
    let effects = app.update(Msg::Opened {
        ticket: Ticket(1),
        path: "a".into(),
        result: Ok(Arc::new(loaded)),
    });
    let [
        Effect::Predict { ticket: Ticket(1), .. },
        Effect::Inspect { event: 0, .. },
        Effect::Causes(waits),
    ] = &effects[..3]
    else {
        panic!("{effects:?}")
    };
    assert!(matches!(waits, Order::Collect { ticket: Ticket(1), .. }), "{waits:?}");
    let effects = press(&mut app, ".");
    assert!(matches!(effects[..], [Effect::Inspect { event: 2, .. }]), "{effects:?}");
    assert!(press(&mut app, "w").is_empty(), "a zoom selects nothing new");
}

#[test]
fn answers_to_an_old_recording_change_nothing() {
    let mut app = opened(&["a"], trace());
    let chunk = Chunk { per_cpu: vec![Vec::new(); 2], end: 7 };
    app.update(Msg::Predicted { ticket: Ticket(0), chunk: chunk.clone() });
    app.update(Msg::PredictionFailed { ticket: Ticket(9), problem: "x".into() });
    app.update(Msg::Opened { ticket: Ticket(0), path: "a".into(), result: Err("late".into()) });
    app.update(Msg::Causes(News::Crowded { ticket: Ticket(0), crowd: Crowd::default() }));
    let table = Table::new("old".into(), trace());
    app.update(Msg::Causes(News::Collected { ticket: Ticket(7), table: Arc::new(table) }));
    let causes = &app.timeline().unwrap().causes;
    assert!(causes.crowd.is_none() && causes.waits.is_none());
    let t = app.timeline().unwrap();
    assert_eq!((t.answers.events_done, t.answers.failed.as_deref()), (0, None));
    app.update(Msg::Predicted { ticket: Ticket(1), chunk });
    assert_eq!(app.timeline().unwrap().answers.events_done, 7);
}

#[test]
fn keys_move_the_playhead() {
    // (keys, CPU, decision, position)
    let table = [
        ("", 0, Some(0), 0),
        (".", 0, Some(1), 1_000),
        ("...,", 0, Some(2), 2_000),
        (",", 0, Some(0), 0),
        ("G", 0, Some(299), 299_000),
        ("Gg", 0, Some(0), 0),
        ("t12us\n", 0, Some(12), 12_000),
        ("t12us\nt+500ns\n", 0, Some(12), 12_500),
        ("t12us\nj", 1, Some(3), 12_000),
        ("j.", 1, Some(0), 500),
        ("jjjk", 0, Some(0), 0),
        ("/job9\n", 1, Some(0), 500),
        ("/job9\n*", 1, Some(2), 6_500),
        ("/job9\n**#", 1, Some(2), 6_500),
        ("/:2\n", 0, Some(3), 3_000),
        ("t50%\n", 0, Some(149), 149_500),
        ("tnonsense\n", 0, Some(0), 0),
    ];
    for (keys, cpu, decision, pos) in table {
        let mut app = opened(&["a"], trace());
        press(&mut app, keys);
        let t = app.timeline().unwrap();
        assert_eq!((t.cpu, t.decision, t.cursor.pos().0), (cpu, decision, pos), "{keys:?}");
    }
}

#[test]
fn keys_move_the_window() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "f");
    assert_eq!(app.timeline().unwrap().view.width, 299_001);
    press(&mut app, "t150us\nww");
    let near = app.timeline().unwrap().view;
    assert_eq!(near.width, 132_889);
    press(&mut app, "d");
    assert_eq!(app.timeline().unwrap().view.start, near.start + near.width / 4);
    press(&mut app, "a");
    assert_eq!(app.timeline().unwrap().view, near);
}

#[test]
fn time_plays_and_turns_the_page() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "t0\n");
    let width = app.timeline().unwrap().view.width;
    press(&mut app, " ");
    assert!(app.wants_ticks());
    app.update(Msg::Tick { now: Nanos(0) });
    let (num, den) = app.timeline().unwrap().cursor.speed();
    let real = (width + 10) * u64::from(den) / u64::from(num);
    app.update(Msg::Tick { now: Nanos(real) });
    let t = app.timeline().unwrap();
    assert_eq!(t.cursor.pos().0, width + 10);
    assert!(t.view.start > 0 && t.view.contains(t.cursor.pos().0));
    press(&mut app, " ");
    assert!(!app.wants_ticks());
}

#[test]
fn marks_show_a_difference_and_escape_forgets() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "m...m");
    assert_eq!(app.timeline().unwrap().marks, [Nanos(0), Nanos(3_000)]);
    press(&mut app, "m");
    assert_eq!(app.timeline().unwrap().marks, [Nanos(3_000)]);
    app.update(Msg::Key(Key::Esc));
    assert!(app.timeline().unwrap().marks.is_empty());
}

#[test]
fn names_are_completed_while_one_is_asked_for() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "Ckern");
    app.update(Msg::Key(Key::Tab));
    assert_eq!(app.over.prompt.as_ref().unwrap().text, "kernel-oracle");
    app.update(Msg::Key(Key::Tab));
    assert_eq!(app.over.prompt.as_ref().unwrap().text, "eevdf");
    press(&mut app, "x");
    app.update(Msg::Key(Key::Tab));
    assert_eq!(app.over.prompt.as_ref().unwrap().text, "eevdfx", "nothing is called so");
}

#[test]
fn fit_chooses_a_speed_only_when_playing_would_take_hours() {
    let mut app = opened(&["a"], trace());
    let before = app.timeline().unwrap().cursor.speed();
    press(&mut app, "f");
    assert_eq!(app.timeline().unwrap().cursor.speed(), before);
    let mut b = TraceBuilder::default();
    for t in [0, 3_600_000_000_000_u64] {
        let (task, next) = (b.task(Pid(1), b"a"), b.task(Pid(2), b"b"));
        let event = Event {
            time: Nanos(t),
            task,
            next,
            ..opened(&["a"], self::trace()).timeline().unwrap().trace().event(0)
        };
        b.push(event, Pid(1));
    }
    let mut app = opened(&["a"], Arc::new(b.finish(TraceMeta::default())));
    press(&mut app, "[[[[[[[[[[[[[[[[[[[f");
    assert_eq!(app.timeline().unwrap().cursor.speed(), (10, 1), "the fastest there is");
}

#[test]
fn mouse_selects_pans_zooms_and_seeks() {
    use super::input::MouseKind::{Down, Drag, Up, WheelUp};
    let mut app = opened(&["a"], trace());
    press(&mut app, "f");
    let l = app.layout();
    let (x, lane1) = (l.plot.x + l.plot.w / 2, l.lanes.y + l.lane_h);
    let mouse = |app: &mut App, kind, x, y| app.update(Msg::Mouse(Mouse { kind, x, y }));
    mouse(&mut app, Down, x, lane1);
    mouse(&mut app, Up, x, lane1);
    let t = app.timeline().unwrap();
    assert_eq!(t.cpu, 1);
    assert!((149_000..152_000).contains(&t.cursor.pos().0), "{:?}", t.cursor.pos());
    mouse(&mut app, WheelUp, x, lane1);
    let near = app.timeline().unwrap().view;
    assert!(near.width < 299_001);
    mouse(&mut app, Down, x, lane1);
    mouse(&mut app, Drag, x - 5, lane1);
    mouse(&mut app, Up, x - 5, lane1);
    assert!(app.timeline().unwrap().view.start > near.start);
    mouse(&mut app, Down, l.plot.x, l.overview.y);
    assert_eq!(app.timeline().unwrap().cursor.pos(), Nanos(0));
    let tab = layout::tabs(100).last().unwrap().0;
    mouse(&mut app, Down, tab + 1, 0);
    assert_eq!(app.tab, Tab::Compare);
}

#[test]
fn the_list_opens_recordings_and_remembers_what_went_wrong() {
    let mut app = opened(&["a"], trace());
    let entries = ["a", "b", "c"].map(|p| Entry { path: p.into(), ..Entry::default() }).to_vec();
    app.update(Msg::Listed { entries: entries.clone(), problem: None });
    let effects = press(&mut app, "4j\n");
    assert!(
        matches!(&effects[..], [Effect::Open { ticket: Ticket(2), path }] if path == &PathBuf::from("b"))
    );
    assert!(matches!(app.viewer.open, Open::Loading(_)) && app.tab == Tab::Timeline);
    app.update(Msg::Opened { ticket: Ticket(2), path: "b".into(), result: Err("line 3".into()) });
    assert!(matches!(app.viewer.open, Open::Failed(..)));
    app.update(Msg::Listed { entries, problem: None });
    assert_eq!(app.traces.entries[1].error.as_deref(), Some("line 3"));
    assert_eq!(app.traces.list.at, 1);
}

#[test]
fn every_tab_leads_to_its_screen() {
    let mut app = opened(&["a"], trace());
    for about in TABS {
        press(&mut app, &about.tab.number().to_string());
        // Of a screen with several panes those of one have the keys.
        let keys = app.screen().keys();
        assert!(app.tab == about.tab && keys != 0 && keys & about.keys == keys, "{}", about.name);
        assert!(app.screen().offers() & about.keys != 0);
    }
}

#[test]
fn every_way_out() {
    for msg in [
        Msg::Key(Key::Char('q')),
        Msg::Key(Key::Ctrl('c')),
        Msg::Terminated(None),
        Msg::Terminated(Some(15)),
    ] {
        let mut app = opened(&["a"], trace());
        let signal = if let Msg::Terminated(signal) = msg { signal } else { None };
        app.update(msg);
        assert_eq!((app.quit, app.signal), (true, signal));
    }
    let mut app = opened(&["a"], trace());
    press(&mut app, "/q");
    assert!(!app.quit, "q is a letter while a name is typed");
    app.update(Msg::Key(Key::Ctrl('c')));
    assert!(app.quit);
}

#[test]
fn an_answer_to_an_older_look_is_not_shown() {
    use super::mistakes::{Found, News, Order};
    use crate::evaluate::mistakes::view::View;
    let mut app = opened(&["a"], trace());
    press(&mut app, "3");
    // The table comes; its view is asked for, and comes late.
    let collected = |app: &mut App, ticket| {
        let news =
            News::Collected { ticket: Ticket(ticket), result: Ok(Arc::new(Found::default())) };
        let looks = app.update(Msg::Mistakes(news)).into_iter().filter_map(|effect| match effect {
            Effect::Mistakes(Order::Look { ticket, found, query, .. }) => {
                Some((ticket.0, Arc::new(View::new(&found.table, &found.latencies, query, None))))
            }
            _ => None,
        });
        looks.last().expect("a view is asked for")
    };
    let (old, view) = collected(&mut app, 1);
    // Meanwhile another predictor is asked.
    app.mistakes.whose.first = Some("ppm".into());
    let effects = app.update(Msg::Resized(100, 30));
    assert!(
        matches!(effects[..], [Effect::Mistakes(Order::Collect { ticket: Ticket(2), .. })]),
        "{effects:?}"
    );
    let (new, newer) = collected(&mut app, 2);
    assert_eq!((old, new), (1, 2));
    app.update(Msg::Mistakes(News::Looked { ticket: Ticket(old), view }));
    assert!(app.mistakes.view.is_none() && app.mistakes.is_stale(), "it is of the table before");
    app.update(Msg::Mistakes(News::Looked { ticket: Ticket(new), view: Arc::clone(&newer) }));
    assert!(
        app.mistakes.view.as_ref().is_some_and(|v| Arc::ptr_eq(v, &newer))
            && !app.mistakes.is_stale()
    );
}
