//! `update` as tables: facts in, state and effects out. No terminal, no thread, no clock.

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
fn misses_are_found_in_both_directions() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "n");
    assert!(app.message.as_ref().unwrap().contains("among the predictions so far"));
    let guess =
        |rank| crate::evaluate::overlay::Guess { thread: ThreadIx(2), p: 0.5, p_real: 0.5, rank };
    let one = |k: usize| crate::evaluate::overlay::Prediction {
        queue: 2,
        trivial: k % 100 == 10,
        covered: k % 100 != 10,
        real: ThreadIx(2),
        pick: guess(if k % 50 == 10 || k % 100 == 60 { 2 } else { 1 }),
        forecast: guess(1),
        baselines: [ThreadIx(2); 5],
    };
    let per_cpu = vec![(0..300).map(one).collect(), Vec::new()];
    app.update(Msg::Predicted { ticket: Ticket(1), chunk: Chunk { per_cpu, end: 400 } });
    let mut at = |keys: &str| {
        press(&mut app, keys);
        app.timeline().unwrap().decision
    };
    // 10, 110, ... are wrong and not even known to be runnable, but trivial: not a miss.
    assert_eq!(at("n"), Some(60));
    // Whatever a second row shows: these are the first row's.
    assert_eq!(at("Cfifo\nnn"), Some(260));
    assert_eq!(at("n"), Some(260));
    assert_eq!(at("N"), Some(160));
    assert_eq!(at("o"), Some(160));
    assert_eq!(at("n"), Some(160), "the forecast row has no miss");
    let score = app.timeline().unwrap().answers.score(0, 0..300);
    assert_eq!((score.counted, score.missed, score.queue), (300, 0, 2));
}

#[test]
fn a_second_row_is_asked_for_once_follows_the_first_and_is_closed() {
    use super::answers::AnswerRow;
    use super::second::News;
    let mut app = opened(&["a"], trace());
    let second = |app: &mut App, keys: &str| -> Vec<(u64, PathBuf)> {
        let only = |e| {
            if let Effect::Second { ticket, who, .. } = e { Some((ticket.0, who)) } else { None }
        };
        press(app, keys).into_iter().filter_map(only).collect()
    };
    let tell =
        |app: &mut App, ticket, news| app.update(Msg::Second { ticket: Ticket(ticket), news });
    assert!(
        second(&mut app, "c").is_empty() && app.over.prompt.is_some(),
        "the first time it asks whom"
    );
    assert_eq!(second(&mut app, "lstm\n"), [(1, "lstm".into())]);
    let chunk = Chunk { per_cpu: vec![Vec::new(); 2], end: 7 };
    tell(&mut app, 1, News::Named("lstm".into()));
    tell(&mut app, 0, News::Predicted(chunk.clone()));
    let row = |app: &App| {
        app.timeline().unwrap().second.as_ref().map(|s| (s.answers.events_done, s.answers.row()))
    };
    assert_eq!(
        row(&app),
        Some((0, AnswerRow::Pick)),
        "late answers to another question change nothing"
    );
    tell(&mut app, 1, News::Predicted(chunk));
    assert!(second(&mut app, "o.").is_empty(), "asked once");
    assert_eq!(row(&app), Some((7, AnswerRow::Forecast)));
    press(&mut app, "o");
    assert_eq!(row(&app), Some((7, AnswerRow::Pick)), "its pick beside a baseline's");
    // The same key closes it and shows it again.
    assert!(matches!(press(&mut app, "c")[..], [Effect::CloseSecond]));
    assert_eq!(row(&app), None);
    assert_eq!(second(&mut app, "c"), [(2, "lstm".into())]);
    // Another recording is predicted by the same one.
    let trace = trace();
    let loaded =
        Loaded { path: "b".into(), pyramid: Pyramid::build(&trace), trace, notes: Vec::new() };
    press(&mut app, "4");
    let entries = vec![Entry { path: "b".into(), ..Entry::default() }];
    app.update(Msg::Listed { entries, problem: None });
    press(&mut app, "\n");
    let effects = app.update(Msg::Opened {
        ticket: Ticket(2),
        path: "b".into(),
        result: Ok(Arc::new(loaded)),
    });
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Second { ticket: Ticket(3), .. })),
        "{effects:?}"
    );
    // One that there is not leaves no row behind, and the one before comes back by the key.
    assert_eq!(second(&mut app, "Cnone\n"), [(4, "none".into())]);
    let effects = tell(&mut app, 4, News::Failed("none is nothing".into()));
    assert!(matches!(effects[..], [Effect::CloseSecond]) && row(&app).is_none(), "{effects:?}");
    assert!(app.message.as_ref().unwrap().contains("none is nothing"));
    assert_eq!(second(&mut app, "c"), [(5, "lstm".into())]);
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

/// Answers to the switches of CPU 0 from `from` on: wrong where `wrong` says so.
fn judged(
    from: usize,
    n: usize,
    wrong: impl Fn(usize) -> bool,
) -> Vec<crate::evaluate::overlay::Prediction> {
    use crate::evaluate::overlay::{Guess, Prediction};
    let guess = |rank| Guess { thread: ThreadIx(2), p: 0.5, p_real: 0.5, rank };
    let one = |k: usize| Prediction {
        queue: 2,
        trivial: false,
        covered: true,
        real: ThreadIx(2),
        pick: guess(if wrong(k) { 2 } else { 1 }),
        forecast: guess(1),
        baselines: [ThreadIx(2); 5],
    };
    (from..from + n).map(one).collect()
}

/// Some weights: only whose they are matters.
fn weights() -> Arc<crate::predictor::weights::Weights> {
    use crate::predictor::networks::ModelConfig;
    use crate::predictor::weights::Weights;
    let config = ModelConfig::default();
    let tensors = config
        .shapes()
        .into_iter()
        .map(|(name, shape)| (name, vec![0.0; shape.iter().product()]))
        .collect();
    Arc::new(
        Weights::new(config, crate::predictor::weights::Provenance::default(), tensors).unwrap(),
    )
}

/// The model is wrong at 20 and 150 of 300 switches, another one, shown from 100 to 200, at 120 and
/// 121.
fn with_a_live_stretch() -> App {
    let mut app = opened(&["a"], trace());
    let per_cpu = vec![judged(0, 300, |k| k == 20 || k == 150), Vec::new()];
    app.update(Msg::Predicted { ticket: Ticket(1), chunk: Chunk { per_cpu, end: 400 } });
    app.shared.live = Some(train::live::Live::new("run".into(), weights()));
    let per_cpu = vec![(100, judged(100, 100, |k| k == 120 || k == 121)), (0, Vec::new())];
    let stretch = crate::evaluate::overlay::Stretch { per_cpu };
    app.update(Msg::Looked { ticket: Ticket(1), label: "run".into(), stretch });
    app
}

#[test]
fn sums_count_in_a_live_stretch_what_is_shown_there() {
    let app = with_a_live_stretch();
    let answers = &app.timeline().unwrap().answers;
    assert_eq!(
        (answers.live(), answers.whose(0, 99).is_some(), answers.whose(0, 100).is_some()),
        (Some("run"), false, true)
    );
    // One by one, in whatever piece they are taken.
    for (from, to) in
        [(0, 300), (0, 100), (90, 121), (100, 200), (121, 160), (120, 122), (199, 300), (3, 7)]
    {
        let shown = (from..to).filter_map(|k| answers.get(0, k));
        let missed = shown.filter(|p| answers.row().verdict(p) == answers::Verdict::Miss).count();
        let sum = answers.score(0, from..to);
        assert_eq!(
            (sum.counted as usize, sum.missed as usize),
            (to - from, missed),
            "{from}..{to}"
        );
    }
    assert_eq!(answers.total().missed, 3, "20 of the model's, 120 and 121 of the other's");
}

#[test]
fn n_finds_the_misses_that_are_shown_and_no_others() {
    let mut app = with_a_live_stretch();
    let mut at = |keys: &str| {
        press(&mut app, keys);
        app.timeline().unwrap().decision
    };
    assert_eq!((at("n"), at("n"), at("n")), (Some(20), Some(120), Some(121)));
    assert_eq!(at("n"), Some(121), "150 is covered by the stretch");
    assert_eq!((at("N"), at("N"), at("N")), (Some(120), Some(20), Some(20)));
    // Without the other model the first one's are shown again.
    app.shared.live = None;
    press(&mut app, "gn");
    press(&mut app, "n");
    assert_eq!(app.timeline().unwrap().decision, Some(150));
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

#[test]
fn what_is_seen_far_ahead_is_answered_first_and_then_replaced() {
    use crate::evaluate::overlay::Stretch;
    let mut app = opened(&["a"], long(120_000));
    let early = |app: &mut App, keys: &str| -> Vec<std::ops::Range<usize>> {
        let only = |e| if let Effect::Early { events, .. } = e { Some(events) } else { None };
        press(app, keys).into_iter().filter_map(only).collect()
    };
    assert!(early(&mut app, "..").is_empty(), "the walk will be there soon");
    let asked = early(&mut app, "G");
    let Some(events) = asked.first().filter(|_| asked.len() == 1) else { panic!("{asked:?}") };
    assert!(events.end == 160_000 && events.start > 150_000, "{events:?}");
    assert!(early(&mut app, ",").is_empty(), "it is on its way");

    let first = 119_000;
    let per_cpu = vec![(first, judged(first, 1_000, |k| k == 119_500)), (40_000, Vec::new())];
    app.update(Msg::Early { ticket: Ticket(1), stretch: Stretch { per_cpu } });
    let miss = |app: &App| app.timeline().unwrap().answers.find_miss(0, Some(119_900), false);
    let t = app.timeline().unwrap();
    assert!(
        t.answers.is_early() && t.answers.is_known(0, first) && !t.answers.is_known(0, first - 1)
    );
    let score = t.answers.score(0, 119_400..119_600);
    assert_eq!((score.counted, score.missed, miss(&app)), (200, 1, Some(119_500)));

    // The walk arrives in the middle of it, then at the end.
    for (from, to) in [(0, 119_550), (119_550, 120_000)] {
        let chunk =
            Chunk { per_cpu: vec![judged(from, to - from, |k| k == 119_540), Vec::new()], end: to };
        app.update(Msg::Predicted { ticket: Ticket(1), chunk });
        let score = app.timeline().unwrap().answers.score(0, 119_400..119_600);
        assert_eq!((score.counted, score.missed, miss(&app)), (200, 1, Some(119_540)));
    }
    assert!(!app.timeline().unwrap().answers.is_early());
}
