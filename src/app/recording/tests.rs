//! The dialog and the run as tables: keys and news in, orders and state out. No machine, no thread,
//! no clock.

use super::dialog::{Field, LOCAL};
use super::*;
use crate::app::Open;
use crate::app::input::Key;
use crate::app::{App, Msg, keys};
use crate::record::hosts::{Source, State};
use crate::record::{Stage, Target};
use std::path::Path;
use std::time::Duration;

fn host(name: &str, from: Source) -> Host {
    let config = (from == Source::Vagrant).then(|| PathBuf::from("vagrant.ssh"));
    let state = if from == Source::Vagrant { State::Running } else { State::Unknown };
    Host { name: name.into(), config, from, state }
}

fn know(app: &mut App, local: bool) {
    let hosts = vec![host("cfs", Source::Vagrant), host("box", Source::SshConfig)];
    app.update(Msg::Recorder(News::Machines { local, hosts: Vec::new(), complete: false }));
    app.update(Msg::Recorder(News::Machines { local, hosts, complete: true }));
}

/// The dialog open, on a machine of which one is root.
fn asked() -> App {
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    let orders = press(&mut app, "4r");
    assert!(
        matches!(&orders[..], [Order::Look { workload }] if workload == "hackbench-pipe-2g"),
        "{orders:?}"
    );
    know(&mut app, true);
    app
}

fn tell(app: &mut App, msg: Msg) -> Vec<Order> {
    let orders = app.update(msg).into_iter().filter_map(|e| match e {
        Effect::Recorder(order) => Some(order),
        _ => None,
    });
    orders.collect()
}

fn key(app: &mut App, key: Key) -> Vec<Order> {
    tell(app, Msg::Key(key))
}

fn press(app: &mut App, text: &str) -> Vec<Order> {
    let keys = text.chars().map(|c| match c {
        '\n' => Key::Enter,
        '\t' => Key::Tab,
        '\u{8}' => Key::Backspace,
        c => Key::Char(c),
    });
    keys.flat_map(|k| key(app, k)).collect()
}

/// The keys of the dialog or the panel, when one of them is shown.
fn context(app: &App) -> Option<Contexts> {
    Some(app.screen().keys()).filter(|keys| [keys::DIALOG, keys::PANEL].contains(keys))
}

/// To the field, by Tab.
fn go(app: &mut App, field: Field) {
    while app.traces.recorder.dialog.field != field {
        press(app, "\t");
    }
}

fn put(app: &mut App, field: Field, text: &str) {
    go(app, field);
    key(app, Key::Ctrl('u'));
    press(app, text);
}

fn refused(app: &App) -> Option<(Field, &str)> {
    app.traces.recorder.dialog.refused.as_ref().map(|(f, why)| (*f, why.as_str()))
}

fn started() -> App {
    let mut app = asked();
    assert!(matches!(&press(&mut app, "\n")[..], [Order::Start { id: Ticket(1), .. }]));
    app
}

fn progress(app: &mut App, stage: Stage) {
    let latest = Latest::default();
    let (elapsed, limit) = (Duration::from_millis(1_200), Duration::from_secs(5));
    latest.set(Progress { stage, elapsed, limit, ..Progress::default() });
    app.update(Msg::Recorder(News::Progress { id: Ticket(1), latest }));
}

fn saved() -> Saved {
    Saved {
        path: "h_run0.csv.zst".into(),
        name: "h_run0".into(),
        cpus: 2,
        events: 9,
        ..Saved::default()
    }
}

fn end(app: &mut App, end: Result<Saved, Failure>) -> Vec<Effect> {
    app.update(Msg::Recorder(News::Ended { id: Ticket(1), end }))
}

#[test]
fn enter_records_what_the_dialog_says() {
    let mut app = asked();
    assert_eq!(app.traces.recorder.dialog.host.text(), LOCAL);
    put(&mut app, Field::Workload, "never sleep");
    key(&mut app, Key::Down);
    put(&mut app, Field::Seconds, "12");
    put(&mut app, Field::Buffer, "512");
    go(&mut app, Field::Waking);
    press(&mut app, " ");
    let orders = press(&mut app, "\n");
    let [Order::Start { id: Ticket(1), plan, start: None }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(
        (plan.workload.as_str(), plan.category.as_str(), &plan.target),
        ("cpu-bound-8p", "cpu_bound", &Target::Local)
    );
    assert_eq!(
        (
            plan.settings.seconds,
            plan.settings.buffer_kb,
            plan.settings.runtime,
            plan.settings.waking
        ),
        (12, 512, false, true)
    );
    assert_eq!(context(&app), Some(keys::PANEL));
}

#[test]
fn the_kernels_own_state_and_what_happens_anyway_are_choices() {
    let mut app = asked();
    for field in [Field::Truth, Field::Anything] {
        go(&mut app, field);
        press(&mut app, " ");
    }
    let orders = press(&mut app, "\n");
    let [Order::Start { plan, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((plan.workload.as_str(), plan.settings.truth), ("anything", true));
}

#[test]
fn machines_are_chosen_or_typed() {
    let mut app = asked();
    key(&mut app, Key::Down);
    assert_eq!(app.traces.recorder.dialog.host.text(), "cfs");
    let orders = press(&mut app, "\n");
    let [Order::Start { plan, start: None, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(plan.target, Target::Ssh { host: "cfs".into(), config: Some("vagrant.ssh".into()) });

    let mut app = asked();
    put(&mut app, Field::Host, "me@far");
    know(&mut app, true);
    assert_eq!(app.traces.recorder.dialog.host.text(), "me@far", "what was typed stays");
    let orders = press(&mut app, "\n");
    let [Order::Start { plan, start: None, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(plan.target, Target::Ssh { host: "me@far".into(), config: None });
}

/// Machines of which one is koracle's own and one vagrant's, both down.
fn know_down(app: &mut App) {
    let down = |name: &str, from, how| Host {
        name: name.into(),
        config: None,
        from,
        state: State::Down(how),
    };
    let hosts = vec![
        down("cfs", Source::Vm(Kind::Cfs), "stopped"),
        down("web", Source::Vagrant, "not running"),
    ];
    app.update(Msg::Recorder(News::Machines { local: false, hosts, complete: true }));
}

#[test]
fn a_machine_of_ones_own_is_started_when_that_is_asked_for_twice() {
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    press(&mut app, "4r");
    know_down(&mut app);
    assert_eq!(app.traces.recorder.dialog.host.text(), "cfs");
    assert!(press(&mut app, "\n").is_empty(), "it is offered first");
    assert_eq!(app.traces.recorder.dialog.offered_start, Some(Kind::Cfs));
    // Whoever does something else was not asked.
    key(&mut app, Key::Down);
    assert_eq!(app.traces.recorder.dialog.offered_start, None);
    assert!(press(&mut app, "\n").is_empty());
    let (field, why) = refused(&app).unwrap();
    assert!(
        field == Field::Host && why.contains("does not run (not running): vagrant up web"),
        "{why}"
    );
    key(&mut app, Key::Up);
    assert!(press(&mut app, "\n").is_empty());
    let orders = press(&mut app, "\n");
    let [Order::Start { plan, start: Some(Kind::Cfs), .. }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(plan.target, Target::Ssh { host: "cfs".into(), config: None });
    progress(&mut app, Stage::Starting);
    assert_eq!(app.traces.recorder.running().unwrap().brief(), "rec starting");
}

#[test]
fn a_command_of_ones_own_is_split_and_named() {
    let mut app = asked();
    put(&mut app, Field::Command, "/usr/bin/make -C 'my dir'");
    assert_eq!(app.traces.recorder.dialog.new_name(), None, "it was asked for while it was typed");
    let orders = press(&mut app, "\n");
    let [Order::Start { plan, start: None, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(plan.command, ["/usr/bin/make", "-C", "my dir"]);
    assert_eq!((plan.workload.as_str(), plan.category.as_str()), ("make", "own"));
}

#[test]
fn a_name_is_asked_for_when_the_workload_changes_and_old_answers_are_dropped() {
    let mut app = asked();
    go(&mut app, Field::Workload);
    let orders = key(&mut app, Key::Down);
    assert!(
        matches!(&orders[..], [Order::Name { workload }] if workload == "hackbench-pipe-4g"),
        "{orders:?}"
    );
    let name = |workload: &str, file: &str| {
        Msg::Recorder(News::Name { workload: workload.into(), file: Ok(file.into()) })
    };
    app.update(name("hackbench-pipe-2g", "old"));
    assert_eq!(app.traces.recorder.dialog.path(), None);
    app.update(name("hackbench-pipe-4g", "new"));
    assert_eq!(app.traces.recorder.dialog.path().as_deref(), Some(Path::new("new")));
}

#[test]
fn wrong_values_are_refused_where_they_are() {
    for (field, text, why) in [
        (Field::Host, "", "which machine"),
        (Field::Host, "-oProxyCommand=x", "minus"),
        (Field::Host, "a b", "space"),
        (Field::Workload, "no such thing", "no workload"),
        (Field::Command, "make 'x", "not closed"),
        (Field::Command, "make | tee log", "no shell"),
        (Field::Command, "''", "no name"),
        (Field::Seconds, "0", "from 1 to 86,400"),
        (Field::Seconds, "1.5", "whole number"),
        (Field::Seconds, "99999999999999999999", "whole number"),
        (Field::Buffer, "63", "from 64"),
        (Field::Buffer, "", "whole number"),
    ] {
        let mut app = asked();
        put(&mut app, field, text);
        go(&mut app, Field::Waking);
        assert!(press(&mut app, "\n").is_empty(), "{field:?} {text:?} was taken");
        let (wrong, said) = refused(&app).unwrap();
        assert!(wrong == field && said.contains(why), "{field:?} {text:?}: {wrong:?} {said}");
        assert_eq!(app.traces.recorder.dialog.field, field, "one stands where it is wrong");
    }
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    press(&mut app, "4r");
    know(&mut app, false);
    put(&mut app, Field::Host, LOCAL);
    assert!(press(&mut app, "\n").is_empty());
    assert!(refused(&app).unwrap().1.contains("needs root"));
}

#[test]
fn leaving_a_wrong_field_says_so_and_correcting_it_takes_that_back() {
    let mut app = asked();
    put(&mut app, Field::Seconds, "x");
    assert_eq!(refused(&app), None);
    press(&mut app, "\t");
    assert_eq!(refused(&app).unwrap().0, Field::Seconds);
    key(&mut app, Key::BackTab);
    press(&mut app, "\u{8}7");
    key(&mut app, Key::Up);
    assert_eq!((refused(&app), app.traces.recorder.dialog.field), (None, Field::Command));
}

#[test]
fn a_line_is_edited_at_its_caret() {
    let mut app = asked();
    put(&mut app, Field::Command, "q?1é");
    for k in [
        Key::Left,
        Key::Left,
        Key::Backspace,
        Key::Char('X'),
        Key::Home,
        Key::Char(' '),
        Key::End,
        Key::Char('!'),
    ] {
        key(&mut app, k);
    }
    assert_eq!(app.traces.recorder.dialog.command.text(), " qX1é!");
    assert!(!app.quit && app.over.help.is_none(), "keys are text here");
}

#[test]
fn esc_closes_and_what_was_typed_is_kept() {
    let mut app = asked();
    put(&mut app, Field::Command, "make");
    key(&mut app, Key::Esc);
    assert_eq!(context(&app), None);
    let orders = press(&mut app, "r");
    assert!(matches!(&orders[..], [Order::Look { workload }] if workload == "make"), "{orders:?}");
    assert_eq!(app.traces.recorder.dialog.command.text(), "make");
}

#[test]
fn esc_cancels_at_every_stage_and_the_end_is_waited_for() {
    for stage in Stage::ALL {
        let mut app = started();
        progress(&mut app, stage);
        assert!(matches!(key(&mut app, Key::Esc)[..], [Order::Cancel]), "{stage:?}");
        let run = app.traces.recorder.running().unwrap();
        assert_eq!((run.cancelling, run.brief().as_str()), (true, "rec ends"));
        assert!(press(&mut app, "r").is_empty(), "one recording at a time");
        assert!(
            matches!(key(&mut app, Key::Esc)[..], [Order::Cancel]),
            "once more: a stuck machine is not waited for"
        );

        let problem = "Nothing had been recorded.".to_string();
        assert!(end(&mut app, Err(Failure { problem, cancelled: true })).is_empty());
        assert_eq!(context(&app), Some(keys::PANEL), "it stays readable");
        assert!(key(&mut app, Key::Esc).is_empty());
        assert_eq!(context(&app), None);
    }
}

#[test]
fn a_finished_recording_is_listed_and_opens() {
    let mut app = started();
    press(&mut app, "1");
    progress(&mut app, Stage::Recording);
    assert_eq!(app.traces.recorder.running().unwrap().brief(), "rec 1 s");
    press(&mut app, "/x");
    let effects = end(
        &mut app,
        Ok(Saved { notes: vec!["removed a stale instance".into()], cancelled: true, ..saved() }),
    );
    let [Effect::Open { path, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(
        (path.as_path(), app.tab, app.over.prompt.is_none()),
        (Path::new("h_run0.csv.zst"), Tab::Timeline, true)
    );
    assert!(matches!(&app.viewer.open, Open::Loading(p) if p == path));
    let entry = app.traces.current().unwrap();
    assert_eq!((entry.name.as_str(), entry.events, entry.cpus), ("h_run0", Some(9), 2));
    let message = app.message.clone().unwrap();
    assert!(
        message.contains("9 events") && message.contains("is kept") && message.contains("one note"),
        "{message}"
    );
    // A list that comes later still has it.
    app.update(Msg::Listed {
        entries: vec![Entry { path: path.clone(), ..Entry::default() }],
        problem: None,
    });
    assert_eq!(app.traces.current().unwrap().events, Some(9));
}

#[test]
fn a_failure_is_told_elsewhere_and_read_here() {
    let mut app = started();
    press(&mut app, "1");
    let failure = Failure { problem: "cfs: no tracefs there".into(), cancelled: false };
    end(&mut app, Err(failure.clone()));
    assert_eq!(
        (app.message.as_deref(), app.tab),
        (Some("the recording failed (4 shows more)"), Tab::Timeline)
    );
    press(&mut app, "4");
    assert_eq!(app.traces.recorder.run.as_ref().unwrap().end, Some(Err(failure)));
    assert!(matches!(press(&mut app, "r")[..], [Order::Look { .. }]), "one may ask again");
    assert_eq!(context(&app), Some(keys::DIALOG));
}

#[test]
fn progress_and_ends_of_other_runs_are_dropped() {
    let mut app = started();
    let latest = Latest::default();
    latest.set(Progress { stage: Stage::Fetching, ..Progress::default() });
    app.update(Msg::Recorder(News::Progress { id: Ticket(7), latest }));
    assert_eq!(app.traces.recorder.running().unwrap().progress.stage, Stage::Connecting);
    assert!(app.update(Msg::Recorder(News::Ended { id: Ticket(7), end: Ok(saved()) })).is_empty());
    assert!(app.traces.recorder.running().is_some());
}

#[test]
fn leaving_cancels_and_waits_unless_one_insists() {
    for leave in [Msg::Key(Key::Char('q')), Msg::Key(Key::Ctrl('c')), Msg::Terminated(Some(15))] {
        let mut app = started();
        assert!(matches!(tell(&mut app, leave)[..], [Order::Cancel]));
        assert!(!app.quit && app.message.is_some());
        assert!(end(&mut app, Ok(saved())).is_empty(), "nothing is opened on the way out");
        assert!(app.quit);
    }
    let mut app = started();
    press(&mut app, "qq");
    assert!(app.quit);
    let mut app = asked();
    key(&mut app, Key::Ctrl('c'));
    assert!(app.quit, "a dialog holds nobody");
}

#[test]
fn a_click_on_a_tab_leaves_the_dialog_as_it_is_and_the_wheel_chooses() {
    use crate::app::input::{Mouse, MouseKind};
    let mut app = asked();
    go(&mut app, Field::Workload);
    let wheel = Mouse { kind: MouseKind::WheelDown, x: 9, y: 9 };
    assert_eq!(tell(&mut app, Msg::Mouse(wheel)).len(), 1);
    assert_eq!(app.traces.recorder.dialog.chosen(), Some(1));
    let (x, ..) = crate::app::layout::tabs(80)[0];
    app.update(Msg::Mouse(Mouse { kind: MouseKind::Down, x, y: 0 }));
    assert_eq!((app.tab, context(&app)), (Tab::Timeline, None));
    press(&mut app, "4");
    assert_eq!(context(&app), Some(keys::DIALOG));
}

#[test]
fn home_is_where_esc_leads_from_the_dialog_that_it_opened() {
    use crate::app::over::Card;
    let (mut app, _) = App::new(vec!["a".into()], (80, 24));
    app.welcome();
    assert!(matches!(&press(&mut app, "r")[..], [Order::Look { .. }]));
    assert!(app.over.card.is_none() && context(&app) == Some(keys::DIALOG));
    key(&mut app, Key::Esc);
    assert!(matches!(app.over.card, Some(Card::Home(_))));
    // From the list of recordings it leads back to the list.
    press(&mut app, "4r");
    key(&mut app, Key::Esc);
    assert!(app.over.card.is_none() && app.tab == Tab::Traces);
}
