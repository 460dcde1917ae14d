//! The Train screen: its states as snapshots, and one session from the form to a finished run whose
//! weights predict the open recording.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

#[path = "ui_train/made.rs"]
mod made;

#[path = "train/tiny.rs"]
mod tiny;

use common::screen::{coloured, screen, screen_with};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::train::News;
use kernel_oracle::app::train::run::RunState;
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::{self, Driver};
use kernel_oracle::predictor::heuristics::Rule;
use kernel_oracle::train::memory::{Bound, MIB, Outlook, Room};
use kernel_oracle::train::runs::{self, State};
use kernel_oracle::train::{Ending, Progress, TrainConfig};
use kernel_oracle::ui::palette::Theme;
use made::{PER_EPOCH, empty, failed, keys, one_running, step, three};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use tiny::tiny_catalog;

macro_rules! snapshot {
    ($name:expr, $app:expr) => {
        insta::assert_snapshot!($name, screen(&$app))
    };
}

#[test]
fn nothing_yet() {
    snapshot!("train_empty", empty((80, 24)));
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    keys(&mut app, "2");
    snapshot!("train_looking", app);
}

#[test]
fn one_run() {
    for (name, size) in
        [("120x40", (120, 40)), ("80x24", (80, 24)), ("200x50", (200, 50)), ("40x12", (40, 12))]
    {
        snapshot!(format!("train_one_{name}"), one_running(size));
    }
}

#[test]
fn three_runs_compared() {
    snapshot!("train_three_120x40", three((120, 40)));
    let mut app = three((80, 24));
    snapshot!("train_three_80x24", app);
    keys(&mut app, "ccc");
    snapshot!("train_three_pick", app);
    keys(&mut app, "v");
    snapshot!("train_three_workload", app);
    keys(&mut app, "V");
    keys(&mut app, "CCCbb");
    // Read in the middle, closer, with a logarithmic scale.
    keys(&mut app, "l.,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,ww");
    snapshot!("train_three_read", app);
}

#[test]
fn failed_and_asked() {
    snapshot!("train_failed", failed((100, 30)));
    let mut app = failed((100, 30));
    keys(&mut app, "D");
    snapshot!("train_question", app);
}

#[test]
fn the_form() {
    let mut app = empty((80, 24));
    keys(&mut app, "n");
    snapshot!("train_form", app);
    (0..3).for_each(|_| drop(app.update(Msg::Key(Key::Down))));
    keys(&mut app, "none\n");
    snapshot!("train_form_wrong", app);
    app.update(Msg::Resized(40, 12));
    snapshot!("train_form_40x12", app);
    app.update(Msg::Resized(120, 40));
    snapshot!("train_form_120x40", app);
}

#[test]
fn a_run_says_what_it_is_of_and_what_it_does_not_see() {
    let mut app = empty((100, 30));
    keys(&mut app, "n");
    // The kind, then what is left out.
    let down = |app: &mut App| drop(app.update(Msg::Key(Key::Down)));
    app.update(Msg::Key(Key::Right));
    let form = screen(&app).to_string();
    assert!(form.contains("layers") && !form.contains("taps   "), "{form}");
    (0..2).for_each(|_| down(&mut app));
    keys(&mut app, "h");
    app.update(Msg::Key(Key::Tab));
    let form = screen(&app).to_string();
    assert!(form.contains("there are cpu_bound, hackbench, io_mixed, 6.1, 6.18"), "{form}");
    app.update(Msg::Key(Key::Enter));
    let list = screen(&app).to_string();
    assert!(list.contains("lstm, 48 channels, 1 layer; held out: hackbench; rate "), "{list}");
}

#[test]
fn the_form_knows_what_memory_is_left() {
    let mut app = empty((80, 24));
    keys(&mut app, "n");
    let left = |mib| {
        let room = Room { free: mib * MIB, swap: 0, of: Bound::Process, given_back: 0 };
        Msg::Train(News::Memory(Outlook { room: Some(room), ..Outlook::default() }))
    };
    app.update(left(100));
    snapshot!("train_form_tight", app);
    let batch =
        kernel_oracle::app::train::form::FIELDS.iter().position(|f| f.name == "batch").unwrap();
    (0..batch).for_each(|_| drop(app.update(Msg::Key(Key::Down))));
    keys(&mut app, "64\n");
    snapshot!("train_form_memory", app);
    app.update(Msg::Resized(40, 12));
    assert!(screen(&app).to_string().contains("100 MiB are left"), "{}", screen(&app));
}

#[test]
fn a_pause_is_a_gap() {
    let mut app = one_running((100, 30));
    let n = 5 * PER_EPOCH + 12;
    for (i, n) in (n..n + 60).enumerate() {
        let mut step = step(n, 0.8);
        step.wall_s += 8.0;
        step.paused_s = if i == 0 { 8.0 } else { 0.0 };
        let now = Progress { epoch: 6, epochs: 8, step: n, steps: 320, ..Progress::default() };
        app.update(Msg::Train(News::Progress {
            id: Ticket(1),
            steps: vec![step],
            now: Box::new(now),
        }));
    }
    keys(&mut app, "bb");
    snapshot!("train_gap", app);
}

#[test]
fn without_color_everything_is_said_in_text() {
    let theme = Theme::PLAIN;
    insta::assert_snapshot!("train_no_color", screen_with(&three((120, 40)), theme));
    for app in [empty((80, 24)), one_running((80, 24)), failed((80, 24))] {
        let colored = coloured(&screen_with(&app, theme));
        assert_eq!(colored, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_panics(
        which in 0..4_usize,
        size in (30_u16..160, 8_u16..60),
        walk in prop::collection::vec(prop_oneof![
            8 => prop::sample::select("n xrXDycCblpu wsad,.f<>e12kjgG?3.5".chars().collect::<Vec<_>>()).prop_map(Key::Char),
            2 => prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::Up, Key::Down, Key::Left, Key::Right,
                Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::Backspace]),
        ], 1..50),
    ) {
        let mut app = [empty, one_running, three, failed][which](size);
        for key in walk {
            app.update(Msg::Key(key));
            screen(&app);
        }
    }
}

type Real = Driver<kernel_oracle::predictor::engine::Engine>;

/// Runs the real loop without a screen until `done`, or fails after two minutes without any
/// message.
fn run(
    app: &mut App,
    driver: &mut Real,
    rx: &Receiver<Msg>,
    effects: Vec<Effect>,
    done: impl Fn(&App) -> bool,
) {
    for effect in effects {
        driver.perform(effect);
    }
    while !done(app) {
        let msg = rx.recv_timeout(Duration::from_mins(2)).expect("something still runs");
        app.update(msg).into_iter().for_each(|e| driver.perform(e));
        screen(app);
    }
}

fn press(app: &mut App, driver: &mut Real, keys: &[Key]) {
    for key in keys {
        app.update(Msg::Key(*key)).into_iter().for_each(|e| driver.perform(e));
    }
}

fn type_text(app: &mut App, driver: &mut Real, text: &str) {
    text.chars().for_each(|c| press(app, driver, &[Key::Char(c)]));
}

#[test]
fn from_the_form_to_a_finished_run_that_predicts_the_timeline() {
    let dir = tempfile::tempdir().unwrap();
    let (traces, home) = (dir.path().join("traces"), dir.path().join("kept"));
    std::fs::create_dir(&traces).unwrap();
    tiny_catalog(&traces);
    let (tx, rx) = sync_channel(64);
    let driver =
        Driver::new(tx.clone(), driver::bundled_engine, None).with_models(driver::engine_of);
    let mut driver = driver.with_second(driver::named_engine).with_runs(Some(home.clone()));
    let recording = PathBuf::from("traces/cpu-bound-4p_run0.csv.zst");
    let (mut app, effects) = App::new(vec![recording], (120, 40));
    let predicted =
        |app: &App| app.timeline().is_some_and(|t| t.answers.events_done == t.trace().len());
    run(&mut app, &mut driver, &rx, effects, |app| predicted(app) && app.traces.listed);
    // Somewhere in the middle, where an answer depends on what came before.
    type_text(&mut app, &mut driver, "t5");
    press(&mut app, &mut driver, &[Key::Enter]);
    let before = screen(&app);

    // Model, train on, hold out, epochs: one; further down a small network and the folder.
    press(&mut app, &mut driver, &[Key::Char('2')]);
    run(&mut app, &mut driver, &rx, Vec::new(), |app| app.train.kept.listed);
    press(&mut app, &mut driver, &[Key::Char('n')]);
    let fields = &kernel_oracle::app::train::form::FIELDS;
    // A network that goes on learning says of a stretch what it says without what came before: here
    // it is fixed.
    let path = traces.to_str().unwrap();
    for (setting, value) in
        [("epochs", "1"), ("channels", "8"), ("blocks", "2"), ("adapt", "off"), ("traces", path)]
    {
        press(&mut app, &mut driver, &[Key::Home]);
        let downs = fields.iter().position(|f| f.name == setting).unwrap();
        (0..downs).for_each(|_| press(&mut app, &mut driver, &[Key::Down]));
        type_text(&mut app, &mut driver, value);
    }
    press(&mut app, &mut driver, &[Key::Enter]);
    assert!(app.train.form.is_none() && app.train.runs.len() == 1, "{:?}", app.train.form);
    let finished = RunState::Kept(State::Ended(Ending::Finished));
    let live = |app: &App| app.timeline().unwrap().answers.live().map(String::from);
    run(&mut app, &mut driver, &rx, Vec::new(), |app| {
        app.train.runs[0].stage == finished && live(app).is_some()
    });
    assert_eq!(live(&app).unwrap(), "tcn-001 · epoch 1.0");
    let kept = runs::open(&home.join("tcn-001")).unwrap().config;
    let again = format!(
        "koracle train --model tcn --channels 8 --blocks 2 --adapt off --epochs 1 --traces {path}"
    );
    assert_eq!(kept.command, again, "what makes the same run again");
    let run_ = &app.train.runs[0];
    assert_eq!((run_.epochs.len(), run_.curve.steps().len()), (1, run_.done.steps));
    assert_eq!(run_.baselines.len(), Rule::ALL.len());
    press(&mut app, &mut driver, &[Key::Char('1')]);
    let after = screen(&app);
    assert_ne!(before, after, "the timeline shows the new weights' answers");
    assert!(format!("{after}").contains("tcn-001"), "{after}");

    // The candidates below are of the same weights.
    let agrees = |app: &App, by: Option<&str>| {
        let t = app.timeline().unwrap();
        let shown = t.answers.get(t.cpu, t.decision.unwrap()).unwrap().pick;
        let first = t
            .panes
            .inspector
            .shown
            .as_ref()
            .filter(|i| Some(i.event) == t.event())
            .map(|i| i.candidates[0].clone());
        t.panes.inspector.by.as_deref() == by
            && first.is_some_and(|c| (c.thread, c.p) == (shown.thread, shown.p))
    };
    run(&mut app, &mut driver, &rx, Vec::new(), |app| agrees(app, Some("tcn-001 · epoch 1.0")));
    assert!(format!("{}", screen(&app)).contains("● tcn-001 · epoch 1.0 ─"), "{}", screen(&app));

    // Beside the current model, its best is a second row.
    press(&mut app, &mut driver, &[Key::Char('2'), Key::Char('U'), Key::Char('1')]);
    let both = |app: &App| {
        app.timeline().is_some_and(|t| {
            t.second.as_ref().is_some_and(|s| s.answers.events_done == t.trace().len())
        })
    };
    run(&mut app, &mut driver, &rx, Vec::new(), both);
    assert_eq!(app.timeline().unwrap().second.as_ref().unwrap().label, "tcn-001");

    // Its best model becomes the current one: everything is predicted anew by it.
    press(&mut app, &mut driver, &[Key::Char('2'), Key::Char('u')]);
    run(&mut app, &mut driver, &rx, Vec::new(), |app| app.shared.model.is_some() && predicted(app));
    assert_eq!(live(&app), None);
    let seen = |app: &App| -> Vec<_> {
        let t = app.timeline().unwrap();
        let around = t.decision.unwrap() - 3..t.decision.unwrap() + 3;
        around.filter_map(|k| t.answers.get(t.cpu, k).copied()).collect()
    };
    let whole = seen(&app);
    run(&mut app, &mut driver, &rx, Vec::new(), |app| agrees(app, None));
    let t = app.timeline().unwrap();
    let second = &t.second.as_ref().unwrap().answers;
    assert_eq!(
        (second.total(t.trace()), second.known(0)),
        (t.answers.total(t.trace()), t.answers.known(0)),
        "one model in both rows"
    );
    press(&mut app, &mut driver, &[Key::Char('1'), Key::Char('c'), Key::Char('2')]);
    assert!(app.timeline().unwrap().second.is_none());
    // The same weights give the same answers in a stretch as in a pass over everything.
    press(&mut app, &mut driver, &[Key::Char('p')]);
    run(&mut app, &mut driver, &rx, Vec::new(), |app| live(app).is_some());
    assert_eq!((seen(&app).len(), seen(&app)), (6, whole));
    run(&mut app, &mut driver, &rx, Vec::new(), |app| agrees(app, Some("tcn-001 · best")));

    // After the program has ended a line of it stays, and the next start finds it.
    driver.leave(&rx, &mut |msg| drop(app.update(msg)));
    assert!(
        app.train.summary()[0].starts_with("tcn-001: finished, step"),
        "{:?}",
        app.train.summary()
    );
    let (kept, problems) = runs::list(&home).unwrap();
    assert_eq!((kept.len(), problems.len(), kept[0].epochs.len()), (1, 0, 1));
}

#[test]
fn leaving_keeps_a_checkpoint_of_what_still_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (traces, home) = (dir.path().join("traces"), dir.path().join("kept"));
    std::fs::create_dir(&traces).unwrap();
    tiny_catalog(&traces);
    let (tx, rx) = sync_channel(64);
    let mut driver: Real =
        Driver::new(tx, driver::bundled_engine, None).with_runs(Some(home.clone()));
    let (mut app, _) = App::new(vec!["none".into()], (80, 24));
    let config = TrainConfig { traces: Some(traces), epochs: 1_000, ..TrainConfig::default() };
    driver.perform(Effect::Train(kernel_oracle::app::train::Order::Start {
        id: Ticket(1),
        config: Box::new(config),
    }));
    let mut steps = 0;
    while steps == 0 {
        if let Msg::Train(News::Progress { steps: new, .. }) =
            rx.recv_timeout(Duration::from_mins(2)).unwrap()
        {
            steps += new.len();
        }
    }
    driver.leave(&rx, &mut |msg| drop(app.update(msg)));
    let kept = runs::open(&home.join("tcn-001")).unwrap();
    assert_eq!((kept.state, kept.resumable), (State::Ended(Ending::Stopped), true));
}
