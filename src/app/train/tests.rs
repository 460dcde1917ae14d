//! What keys and news do to the Train screen: facts in, state and orders out.

use super::*;
use crate::app::input::Key;
use crate::app::{App, Effect, Msg, Tab};
use crate::dataset::catalog::Kinds;
use crate::train::runs::{State, Step};
use crate::train::{Ending, Progress, Validation};
use std::path::PathBuf;

fn app() -> App {
    let (mut app, _) = App::new(vec!["a".into()], (100, 30));
    let effects = press(&mut app, "2");
    assert!(matches!(effects[..], [Order::List]));
    assert!(press(&mut app, "12").is_empty(), "listed once");
    tell(
        &mut app,
        News::Kept {
            runs: Vec::new(),
            problems: Vec::new(),
            kinds: Kinds { categories: vec!["io".into()], machines: Vec::new() },
            cpus: 2,
        },
    );
    app
}

fn orders(effects: Vec<Effect>) -> Vec<Order> {
    // Memory is asked for whenever a form opens.
    let only = |e| {
        if let Effect::Train(order) = e {
            Some(order).filter(|o| *o != Order::Memory)
        } else {
            None
        }
    };
    effects.into_iter().filter_map(only).collect()
}

fn tell(app: &mut App, news: News) -> Vec<Order> {
    orders(app.update(Msg::Train(news)))
}

fn press(app: &mut App, keys: &str) -> Vec<Order> {
    let key = |c| if c == '\n' { Key::Enter } else { Key::Char(c) };
    keys.chars().flat_map(|c| orders(app.update(Msg::Key(key(c))))).collect()
}

fn step(n: usize) -> Step {
    Step {
        epoch: 1 + (n - 1) / 10,
        step: n,
        wall_s: n as f64,
        pick_loss: 2.0,
        forecast_loss: 1.0,
        ..Step::default()
    }
}

/// What a run of the form has: ten steps an epoch.
fn epochs_and_steps() -> (usize, usize) {
    let epochs = TrainConfig::default().epochs;
    (epochs, 10 * epochs)
}

fn progress(
    app: &mut App,
    id: u64,
    steps: std::ops::RangeInclusive<usize>,
    score: Option<f64>,
) -> Vec<Order> {
    let n = *steps.end();
    let validation = score.map(|pick_top1| Validation { pick_top1, ..Validation::default() });
    let (epochs, steps_in_all) = epochs_and_steps();
    let epoch = 1 + (n - 1) / 10;
    let now =
        Progress { epoch, epochs, step: n, steps: steps_in_all, validation, ..Progress::default() };
    tell(
        app,
        News::Progress { id: Ticket(id), steps: steps.map(step).collect(), now: Box::new(now) },
    )
}

#[test]
fn the_form_starts_a_run_and_more_than_fit_wait() {
    let mut app = app();
    press(&mut app, "n");
    assert!(app.train.form.is_some() && app.tab == Tab::Train);
    // Keys of the screen are letters in the form.
    assert!(press(&mut app, "q").is_empty() && !app.quit);
    assert_eq!(app.train.form.as_ref().unwrap().values[0], "q", "typed over what was there");
    app.update(Msg::Key(Key::Esc));
    press(&mut app, "n");
    let first = press(&mut app, "\n");
    assert!(matches!(&first[..], [Order::Start { id: Ticket(1), .. }]), "{first:?}");
    assert!(matches!(press(&mut app, "n\n")[..], [Order::Start { id: Ticket(2), .. }]));
    assert!(press(&mut app, "n\n").is_empty(), "two at once");
    assert_eq!(app.train.runs[2].stage, RunState::Queued);
    let next = tell(
        &mut app,
        News::Ended { id: Ticket(1), result: Ok(Ending::Finished), resumable: false },
    );
    assert!(matches!(next[..], [Order::Start { id: Ticket(3), .. }]));
    assert!(press(&mut app, "n\n").is_empty());
    assert!(
        matches!(press(&mut app, ">")[..], [Order::Start { id: Ticket(4), .. }]),
        "room for one more"
    );
}

#[test]
fn a_running_run_is_paused_stopped_and_killed() {
    let mut app = app();
    press(&mut app, "n\n");
    tell(&mut app, News::Made { id: Ticket(1), path: "runs/tcn-001".into() });
    assert_eq!(
        (app.train.runs[0].name.as_str(), &app.train.runs[0].stage),
        ("tcn-001", &RunState::Reading)
    );
    progress(&mut app, 1, 1..=3, None);
    assert_eq!(app.train.runs[0].stage, RunState::Working(Phase::Training));
    assert_eq!(press(&mut app, " "), [Order::Pause(Ticket(1))]);
    let steps = epochs_and_steps().1;
    let now = Progress { phase: Phase::Paused, steps, step: 3, ..Progress::default() };
    tell(&mut app, News::Progress { id: Ticket(1), steps: Vec::new(), now: Box::new(now) });
    assert_eq!(press(&mut app, " "), [Order::Resume(Ticket(1))]);
    assert!(press(&mut app, "Xn").is_empty(), "only y is yes");
    assert_eq!(press(&mut app, "Xy"), [Order::Kill(Ticket(1))]);
    assert!(
        press(&mut app, "D").is_empty() && app.train.question.is_none(),
        "a running one is not removed"
    );
    assert_eq!(press(&mut app, "x"), [Order::Stop(Ticket(1))]);
    assert_eq!(app.train.runs[0].stage, RunState::Stopping);
    tell(&mut app, News::Ended { id: Ticket(1), result: Ok(Ending::Stopped), resumable: true });
    let again = press(&mut app, "r");
    let [Order::Start { id: Ticket(1), config }] = &again[..] else { panic!("{again:?}") };
    assert_eq!(
        (config.resume, config.folder.as_deref()),
        (true, Some(std::path::Path::new("runs/tcn-001")))
    );
    let summary = app.train.summary();
    assert!(summary[0].starts_with(&format!("tcn-001: reading, step 3 of {steps}")), "{summary:?}");
}

#[test]
fn failures_are_told_and_kept() {
    let mut app = app();
    press(&mut app, "n\n");
    progress(&mut app, 1, 1..=3, None);
    let why = "diverged at step 4: the loss is inf";
    tell(&mut app, News::Ended { id: Ticket(1), result: Err(why.into()), resumable: false });
    assert_eq!(app.train.runs[0].stage, RunState::Kept(State::Failed(why.into())));
    assert!(app.message.as_ref().unwrap().contains("diverged at step 4"));
    assert_eq!(app.train.runs[0].curve.steps().len(), 3, "its curve stays");
    let summary = app.train.summary();
    assert_eq!(
        summary[0],
        format!("new run 1: failed ({why}), step 3 of {}", epochs_and_steps().1)
    );
    assert!(press(&mut app, "r").is_empty());
}

#[test]
fn steps_epochs_and_the_time_left_are_counted() {
    let mut app = app();
    press(&mut app, "n\n");
    for epoch in 1..=3_usize {
        progress(&mut app, 1, 10 * epoch - 9..=10 * epoch, Some([0.5, 0.7, 0.6][epoch - 1]));
    }
    let run = &app.train.runs[0];
    assert_eq!((run.epochs.len(), run.best().unwrap().epoch, run.per_epoch()), (3, 2, 10));
    let left = (epochs_and_steps().1 - 30) as f64;
    assert!((run.eta().unwrap() - left).abs() < 1e-6, "a second per step");
    // What a stop in the middle of an epoch measured is not an epoch.
    progress(&mut app, 1, 31..=33, Some(0.9));
    assert_eq!(app.train.runs[0].epochs.len(), 3);
}

#[test]
fn kept_runs_are_read_when_shown_and_removed_when_asked_twice() {
    let mut app = app();
    let kept = |name: &str| runs::KeptRun {
        path: format!("runs/{name}").into(),
        name: name.into(),
        state: State::Interrupted,
        config: TrainConfig { seed: name.len() as u64, ..TrainConfig::default() },
        sessions: Vec::new(),
        steps: 120,
        baselines: Vec::new(),
        epochs: Vec::new(),
        last: Some(step(7)),
        events_per_s: None,
        resumable: true,
        held_out: None,
    };
    let news = News::Kept {
        runs: vec![kept("a"), kept("bb")],
        problems: vec![],
        kinds: Kinds::default(),
        cpus: 2,
    };
    let orders = tell(&mut app, news);
    assert!(
        matches!(&orders[..], [Order::Read(Ticket(2), path)] if path.ends_with("bb")),
        "the selected one: {orders:?}"
    );
    assert!(matches!(&press(&mut app, "\nk")[..], [Order::Read(Ticket(1), _)]));
    let shown: Vec<usize> = app.train.shown().iter().map(|(i, _)| *i).collect();
    assert_eq!(shown, [0, 1], "the chosen one and the selected one");
    let both: Vec<&Run> = app.train.runs.iter().collect();
    assert_eq!(run::differences(&both), [("seed", vec!["1".to_owned(), "2".to_owned()])]);
    tell(&mut app, News::Steps { id: Ticket(1), steps: (1..=7).map(step).collect() });
    assert!((app.train.end() - 7.0).abs() < 1e-9);
    assert!(press(&mut app, "Dk").is_empty());
    assert!(
        matches!(&press(&mut app, "Dy")[..], [Order::Delete(Ticket(1), path)] if path.ends_with("a"))
    );
    tell(&mut app, News::Deleted { id: Ticket(1), result: Ok(()) });
    assert_eq!((app.train.runs.len(), app.train.list.at), (1, 0));
    assert!(matches!(&press(&mut app, "r")[..], [Order::Start { id: Ticket(2), .. }]));
}

#[test]
fn a_model_of_a_run_is_watched_or_becomes_the_current_one() {
    let mut app = app();
    press(&mut app, "n\n");
    tell(&mut app, News::Made { id: Ticket(1), path: "runs/tcn-001".into() });
    assert_eq!(app.train.watched, Some(Ticket(1)), "the first one is watched");
    assert!(press(&mut app, "u").is_empty() && app.message.is_some(), "it has no model yet");
    progress(&mut app, 1, 1..=10, Some(0.5));
    assert_eq!(press(&mut app, "p"), [Order::Show(Ticket(1))]);
    let path: PathBuf = "runs/tcn-001".into();
    assert_eq!(
        press(&mut app, "u"),
        [Order::Model { id: Ticket(1), path: path.clone(), current: true }]
    );
    press(&mut app, "U");
    assert_eq!(app.shared.beside.as_ref(), Some(&path), "shown beside the current one");
    press(&mut app, "U");
    assert_eq!(app.shared.beside, None);
    tell(&mut app, News::Ended { id: Ticket(1), result: Ok(Ending::Finished), resumable: false });
    press(&mut app, "p");
    assert_eq!(app.train.watched, None, "not watched any more");
    assert_eq!(press(&mut app, "p"), [Order::Model { id: Ticket(1), path, current: false }]);
}

#[test]
fn the_form_refuses_what_does_not_fit_into_memory() {
    use crate::train::memory::{Bound, MIB, Outlook, Room};
    let mut app = app();
    let effects = app.update(Msg::Key(Key::Char('n')));
    assert!(effects.iter().any(|e| matches!(e, Effect::Train(Order::Memory))), "{effects:?}");
    let free = |mib| Some(Room { free: mib * MIB, swap: 0, of: Bound::Group, given_back: 0 });
    let outlook = |mib| News::Memory(Outlook { room: free(mib), ..Outlook::default() });
    tell(&mut app, outlook(4_000));
    let form = |app: &App| app.train.form.clone().unwrap();
    assert_eq!((form(&app).config(), form(&app).warning()), (Ok(TrainConfig::default()), None));
    tell(&mut app, outlook(100));
    assert!(
        form(&app).warning().unwrap().contains("of the 100 MiB that are left in the control group")
    );
    let batch = form::FIELDS.iter().position(|f| f.name == "batch").unwrap();
    app.train.form.as_mut().unwrap().go(batch);
    press(&mut app, "64");
    let (at, why) = form(&app).config().unwrap_err();
    assert!(at == batch && why.contains("100 MiB are left in the control group"), "{why}");
    assert!(press(&mut app, "\n").is_empty() && app.train.form.is_some(), "refused in place");
    // A machine that has room again, or smaller sizes, and it starts.
    app.update(Msg::Key(Key::Backspace));
    tell(&mut app, outlook(4_000));
    assert!(matches!(press(&mut app, "\n")[..], [Order::Start { .. }]));
    // Without recordings nothing starts, and the field that can name some is stood on.
    app.update(Msg::Key(Key::Char('n')));
    let missing = Some("there are none".to_owned());
    tell(&mut app, News::Memory(Outlook { missing, ..Outlook::default() }));
    assert!(press(&mut app, "\n").is_empty());
    let (at, why) = form(&app).config().unwrap_err();
    assert!(form(&app).at == at && why.contains("nothing to train on: there are none"), "{why}");
    press(&mut app, "mine");
    assert!(form(&app).config().is_ok());
    app.update(Msg::Key(Key::Esc));
    // Nobody fills in a form: an answer that comes late is nobody's.
    assert!(tell(&mut app, outlook(1)).is_empty() && app.train.form.is_none());
}
