//! The interface as a user meets it: screens as snapshots (drawn through ratatui's `TestBackend`),
//! and random walks over the keyboard and the mouse that must never panic.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

#[path = "ui/made.rs"]
mod made;

use common::screen::{any_mouse, coloured, screen, screen_with, typed};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::second::News;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::causes::Order;
use kernel_oracle::app::traces::{Entry, Via};
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::answer_causes;
use kernel_oracle::evaluate::overlay::{BASELINES, Guess};
use kernel_oracle::stats::life::follow;
use kernel_oracle::trace::{Nanos, Trace};
use kernel_oracle::ui::palette::Theme;
use made::{HACKBENCH, REAL, answers, empty, inspection, loaded, lossy, others, single, wide};
use proptest::prelude::*;
use ratatui::style::Color;
use std::sync::Arc;

/// An application with this recording open and `share` percent of the predictions there.
fn open(trace: Arc<Trace>, size: (u16, u16), share: usize) -> App {
    let (mut app, _) = App::new(vec![REAL.into()], size);
    let chunk = answers(&trace, share);
    app.update(Msg::Opened {
        ticket: Ticket(1),
        path: REAL.into(),
        result: Ok(loaded(trace, &[])),
    });
    app.update(Msg::Predicted { ticket: Ticket(1), chunk });
    app
}

fn tell(app: &mut App, msg: Msg) {
    for effect in app.update(msg) {
        match effect {
            Effect::Inspect { ticket, trace, event, by } => {
                let by = by.map(|by| by.label);
                app.update(Msg::Inspected {
                    ticket,
                    event,
                    by,
                    result: Ok(inspection(&trace, event)),
                });
            }
            Effect::Follow { ticket, trace, threads } => {
                let lives = follow(&trace, &threads);
                app.update(Msg::Followed {
                    ticket,
                    result: Ok(threads.into_iter().zip(lives).collect()),
                });
            }
            Effect::Causes(order) => caused(app, order),
            Effect::Second { ticket, trace, who } => {
                // Half of them when a half is asked for.
                let share = if who.to_string_lossy().ends_with("half") { 50 } else { 100 };
                let label = who.display().to_string();
                app.update(Msg::Second { ticket, news: News::Named(label) });
                app.update(Msg::Second { ticket, news: News::Predicted(others(&trace, share)) });
            }
            _ => {}
        }
    }
}

/// Answers what is asked of causes, and what is asked because of the answer.
fn caused(app: &mut App, order: Order) {
    for effect in app.update(Msg::Causes(answer_causes(order))) {
        if let Effect::Causes(order) = effect {
            caused(app, order);
        }
    }
}

fn keys(app: &mut App, text: &str) {
    text.chars().for_each(|c| tell(app, Msg::Key(typed(c))));
}

fn listed(app: &mut App) {
    let entry = |name: &str, split: &str, error: Option<&str>| Entry {
        path: format!("traces/{name}.csv.zst").into(),
        name: name.into(),
        workload: name.split('_').next().unwrap().into(),
        kernel: "6.18.44 EEVDF".into(),
        cpus: 2,
        events: None,
        split: split.into(),
        bytes: 219_432,
        via: if split.is_empty() { Via::Given } else { Via::Bundled },
        error: error.map(Into::into),
        notes: Vec::new(),
    };
    let mut entries = vec![entry(
        "mine",
        "",
        Some("mine.csv.zst: no scheduler event in 3 lines (line 2, byte 17: bad)"),
    )];
    for run in 0..4 {
        for workload in
            ["cpu-bound-4p", "cpu-bound-8p", "hackbench-pipe-2g", "hackbench-pipe-4g", "io-mixed"]
        {
            let split = ["train", "train", "validation", "test"][run];
            entries.push(entry(&format!("{workload}_run{run}"), split, None));
        }
    }
    tell(app, Msg::Listed { entries, problem: None });
}

/// The typical screen: a known stretch of the real recording, standing on a miss.
fn typical(size: (u16, u16)) -> App {
    let mut app = open(Arc::clone(&HACKBENCH), size, 100);
    keys(&mut app, "t0.25\nn");
    app
}

macro_rules! snapshot {
    ($name:literal, $app:expr) => {
        insta::assert_snapshot!($name, screen(&$app))
    };
}

#[test]
fn timeline_typical() {
    snapshot!("timeline_120x40", typical((120, 40)));
    snapshot!("timeline_80x24", typical((80, 24)));
    snapshot!("timeline_40x12", typical((40, 12)));
    snapshot!("timeline_200x50", typical((200, 50)));
}

#[test]
fn timeline_at_other_zooms() {
    let mut app = typical((120, 30));
    keys(&mut app, "f");
    snapshot!("timeline_fit", app);
    keys(&mut app, "wwwwwwwwoo");
    snapshot!("timeline_between", app);
    keys(&mut app, "wwwwwwwwwwwwo");
    snapshot!("timeline_close", app);
}

#[test]
fn timeline_with_a_second_row() {
    for (name, size) in [("120x40", (120, 40)), ("80x24", (80, 24)), ("40x12", (40, 12))] {
        let mut app = typical(size);
        keys(&mut app, "Clstm\n");
        insta::assert_snapshot!(format!("second_{name}"), screen(&app));
    }
    let mut app = typical((80, 24));
    keys(&mut app, "Cruns/tcn-0007-half\nf");
    insta::assert_snapshot!("second_half_no_color", screen_with(&app, Theme::PLAIN));
    // Where CPUs have no lanes, the second row is seen in those that are opened.
    let mut app = open(wide(), (80, 24), 100);
    let before = app.layout();
    keys(&mut app, "Cppm\n");
    assert_eq!((app.layout().shape, app.layout().group), (before.shape, before.group));
    snapshot!("second_wide", app);
    let mut one = open(wide(), (80, 24), 100);
    keys(&mut one, "jk");
    keys(&mut app, "cjk");
    assert_eq!(screen(&app), screen(&one), "closed: as before");
}

#[test]
fn timeline_with_marks_search_and_question() {
    let mut app = typical((120, 30));
    keys(&mut app, "m...m/hackb\n");
    snapshot!("timeline_marks_and_search", app);
    keys(&mut app, "t+3");
    snapshot!("timeline_question", app);
}

#[test]
fn times_by_the_recordings_own_clock() {
    let mut app = typical((120, 30));
    let stamp = kernel_oracle::app::time::point(HACKBENCH.meta().start_ns + 50_000_000, 0);
    keys(&mut app, "t0.05\n");
    let before = screen(&app).to_string();
    assert!(before.contains("0.050000000 s of") && !before.contains(&stamp), "{before}");
    keys(&mut app, "T");
    let shown = screen(&app).to_string();
    let seconds = stamp.split('.').next().unwrap_or_default();
    let axis = shown.lines().find(|l| l.contains('╷')).unwrap_or_default();
    assert!(
        shown.contains(&format!("{stamp} of")) && axis.contains(&format!("╷{seconds}.")),
        "{shown}"
    );
    // A stamp finds its place, whichever clock is shown.
    keys(&mut app, &format!("gTt{stamp}\n"));
    assert_eq!(screen(&app).to_string(), before);
}

#[test]
fn timeline_while_predictions_arrive() {
    let mut app = open(Arc::clone(&HACKBENCH), (120, 30), 0);
    keys(&mut app, "t0.25\n");
    snapshot!("timeline_pending", app);
    let mut app = open(Arc::clone(&HACKBENCH), (120, 30), 40);
    keys(&mut app, "f");
    snapshot!("timeline_partly_pending", app);
}

#[test]
fn timeline_of_strange_recordings() {
    for (name, trace) in
        [("empty", empty()), ("single", single()), ("wide", wide()), ("lossy", lossy())]
    {
        let mut app = open(trace, (100, 30), 100);
        keys(&mut app, "f.");
        insta::assert_snapshot!(format!("timeline_{name}"), screen(&app));
        app.update(Msg::Resized(40, 12));
        insta::assert_snapshot!(format!("timeline_{name}_40x12"), screen(&app));
    }
}

#[test]
fn timeline_before_and_without_a_recording() {
    let (mut app, _) = App::new(vec![REAL.into()], (80, 24));
    snapshot!("timeline_loading", app);
    let problem = "traces/x.csv.zst: not a recording in a readable format (line 3, byte 120: no \
                   valid time)";
    app.update(Msg::Opened { ticket: Ticket(1), path: REAL.into(), result: Err(problem.into()) });
    snapshot!("timeline_error", app);
    app.update(Msg::Resized(40, 12));
    snapshot!("timeline_error_40x12", app);
    app.update(Msg::Resized(20, 5));
    snapshot!("too_small", app);
}

#[test]
fn skipped_lines_and_failed_predictions_are_shown() {
    let (mut app, _) = App::new(vec![REAL.into()], (120, 24));
    let notes = ["3 lines skipped", "line 7, byte 310: no valid prio"];
    app.update(Msg::Opened {
        ticket: Ticket(1),
        path: REAL.into(),
        result: Ok(loaded(single(), &notes)),
    });
    app.update(Msg::PredictionFailed {
        ticket: Ticket(1),
        problem: "the job panicked: boom".into(),
    });
    snapshot!("timeline_notes", app);
}

#[test]
fn without_a_model_queues_and_baselines_are_shown() {
    let mut app = open(Arc::clone(&HACKBENCH), (120, 30), 0);
    app.update(Msg::NoModel { ticket: Ticket(1), problem: "the model file is damaged".into() });
    let mut chunk = answers(&HACKBENCH, 100);
    chunk
        .per_cpu
        .iter_mut()
        .flatten()
        .for_each(|p| (p.pick, p.forecast) = (Guess::NONE, Guess::NONE));
    app.update(Msg::Predicted { ticket: Ticket(1), chunk });
    keys(&mut app, "t0.25\n,");
    snapshot!("timeline_no_model", app);
    keys(&mut app, "ooo");
    snapshot!("timeline_no_model_fifo", app);
}

#[test]
fn traces_screens() {
    for (name, size) in [("120x40", (120, 40)), ("80x24", (80, 24)), ("40x12", (40, 12))] {
        let mut app = open(Arc::clone(&HACKBENCH), size, 0);
        listed(&mut app);
        keys(&mut app, "4");
        insta::assert_snapshot!(format!("traces_{name}"), screen(&app));
    }
    let (mut app, _) = App::new(vec![], (80, 24));
    keys(&mut app, "4");
    snapshot!("traces_looking", app);
    app.update(Msg::Listed {
        entries: vec![],
        problem: Some("traces/catalog.toml: not found".into()),
    });
    snapshot!("traces_empty", app);
}

#[test]
fn help_screen() {
    let mut app = typical((80, 24));
    keys(&mut app, "?");
    snapshot!("help_80x24", app);
    app.update(Msg::Resized(200, 50));
    snapshot!("help_200x50", app);
    app.update(Msg::Resized(60, 20));
    let first = screen(&app);
    keys(&mut app, "j");
    assert_ne!(screen(&app), first, "it scrolls");
    keys(&mut app, "Gjjj");
    snapshot!("help_60x20_end", app);
    keys(&mut app, "g");
    assert_eq!(screen(&app), first);
    keys(&mut app, "q");
    assert!(app.over.help.is_none() && !app.quit);
}

#[test]
fn without_color_everything_is_said_in_text() {
    let mut app = typical((120, 30));
    let theme = Theme::PLAIN;
    insta::assert_snapshot!("timeline_no_color", screen_with(&app, theme));
    for text in ["f", "4", "1?"] {
        keys(&mut app, text);
        let colored = coloured(&screen_with(&app, theme));
        assert_eq!(colored, 0, "{text}");
    }
    assert!(screen(&typical((120, 30))).buffer().content().iter().any(|c| c.bg != Color::Reset));
}

#[test]
fn baselines_and_rows_go_together() {
    let mut app = typical((120, 30));
    let mut names = Vec::new();
    for _ in 0..2 + BASELINES.len() {
        names.push(app.timeline().unwrap().answers.row().name());
        keys(&mut app, "o");
    }
    assert_eq!(names, ["pick", "forecast", "random", "fifo", "lifo", "followed", "eevdf"]);
    assert_eq!(app.timeline().unwrap().answers.row().name(), "pick");
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let key = prop_oneof![
        10 => prop::sample::select(" ,.nNwsadofmcCUt/[]gG*#1234?q:jkhl+-ux%s0vVSzpPib".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        3 => prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::Up, Key::Down, Key::Left, Key::Right,
            Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::Backspace, Key::BackTab, Key::Ctrl('x')]),
        1 => any::<char>().prop_map(Key::Char),
    ];
    prop_oneof![
        12 => key.prop_map(Msg::Key),
        4 => any_mouse().prop_map(Msg::Mouse),
        1 => (0_u16..210, 0_u16..60).prop_map(|(w, h)| Msg::Resized(w, h)),
        2 => (0_u64..100_000_000_000).prop_map(|now| Msg::Tick { now: Nanos(now) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_panics(
        which in 0..5_usize,
        share in prop::sample::select(vec![0_usize, 37, 100]),
        msgs in prop::collection::vec(any_msg(), 1..60),
    ) {
        let trace = match which {
            0 => Arc::clone(&HACKBENCH),
            1 => empty(),
            2 => single(),
            3 => wide(),
            _ => lossy(),
        };
        let mut app = open(trace, (100, 30), share);
        listed(&mut app);
        for msg in msgs {
            tell(&mut app, msg);
            screen(&app);
            let t = app.timeline();
            if let Some(t) = t {
                prop_assert!(t.cursor.pos() <= t.trace().span());
                prop_assert!(t.cpu < t.trace().cpus().max(1));
            }
        }
    }
}
