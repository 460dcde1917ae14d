//! Home as a user meets it: the card below the recording that plays, its menu, what it opens, and
//! that every other key is a key of the screen above.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "ui/colours.rs"]
mod colours;

use colours::{has_few, with_colours};
use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::app::over::Card;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::traces::{Entry, FIRST, Via};
use kernel_oracle::app::{App, Effect, Msg, Tab};
use kernel_oracle::ingest;
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::Trace;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::{Shades, Theme};
use ratatui::{Terminal, backend::TestBackend};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static FIRST_ONE: LazyLock<Arc<Trace>> =
    LazyLock::new(|| Arc::new(ingest::open(Path::new(&bundled().path)).unwrap().trace));

fn bundled() -> Entry {
    let path = PathBuf::from(format!("traces/{FIRST}.csv.zst"));
    Entry { name: FIRST.into(), path, split: "test".into(), bytes: 90_000, ..Entry::default() }
}

fn own(name: &str, via: Via) -> Entry {
    Entry {
        name: name.into(),
        path: format!("{name}.csv.zst").into(),
        via,
        bytes: 3_124_000,
        ..Entry::default()
    }
}

fn loaded(path: &Path) -> Arc<Loaded> {
    let trace = Arc::clone(&FIRST_ONE);
    Arc::new(Loaded {
        path: path.into(),
        pyramid: Pyramid::build(&trace),
        trace,
        notes: Vec::new(),
    })
}

/// A start without arguments, with these recordings besides the bundled one.
fn started(size: (u16, u16), others: &[Entry]) -> App {
    let (mut app, _) = App::new(Vec::new(), size);
    app.welcome();
    let entries = others.iter().cloned().chain([bundled()]).collect();
    let effects = app.update(Msg::Listed { entries, problem: None });
    let [Effect::Open { ticket, path }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*path, bundled().path, "the bundled one plays, whatever was opened before");
    let effects =
        app.update(Msg::Opened { ticket: *ticket, path: path.clone(), result: Ok(loaded(path)) });
    assert!(!effects.iter().any(|e| matches!(e, Effect::Remember(_))), "nobody asked for it");
    app
}

fn key(app: &mut App, key: Key) -> Vec<Effect> {
    app.update(Msg::Key(key))
}

fn press(app: &mut App, c: char) -> Vec<Effect> {
    key(app, Key::Char(c))
}

fn drawn(app: &App, theme: Theme) -> TestBackend {
    let (w, h) = app.size;
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    terminal.draw(|frame| draw(app, &theme, frame.buffer_mut())).unwrap();
    terminal.backend().clone()
}

fn screen(app: &App) -> String {
    drawn(app, Theme::DARK).to_string()
}

fn at_home(app: &App) -> bool {
    matches!(app.over.card, Some(Card::Home(_)))
}

#[test]
fn home_says_what_this_is_and_where_to_go() {
    let others = [own("mine_run0", Via::Recent), own("perf", Via::Here)];
    for size in [(80, 24), (120, 40), (250, 70), (40, 12)] {
        let app = started(size, &others);
        let text = screen(&app);
        assert!(text.contains("CPU0") && text.contains("Open a recording"), "{text}");
        insta::assert_snapshot!(format!("home_{}x{}", size.0, size.1), text);
    }
    let mut app = started((100, 30), &others);
    for (name, shades) in [("home_light", Shades::Light), ("home_16", Shades::Sixteen)] {
        let screen = drawn(&app, Theme::of(shades));
        let buffer = screen.buffer();
        assert_eq!(has_few(buffer), shades == Shades::Sixteen, "{name}");
        insta::assert_snapshot!(name, with_colours(buffer, buffer.area));
    }
    press(&mut app, 'o');
    insta::assert_snapshot!("home_open", screen(&app));
    press(&mut app, 'b');
    insta::assert_snapshot!("home_results", screen(&app));
    let (mut app, _) = App::new(Vec::new(), (80, 24));
    app.welcome();
    app.update(Msg::Listed {
        entries: Vec::new(),
        problem: Some("traces/catalog.toml: not found".into()),
    });
    press(&mut app, 'o');
    insta::assert_snapshot!("home_empty", screen(&app));
}

#[test]
fn every_other_key_is_the_screens_and_leaves_home() {
    for (c, tab) in
        [(' ', Tab::Timeline), ('n', Tab::Timeline), ('4', Tab::Traces), ('3', Tab::Mistakes)]
    {
        let mut app = started((100, 30), &[]);
        let playing = app.timeline().unwrap().cursor.is_playing();
        press(&mut app, c);
        assert!(playing && !at_home(&app) && app.tab == tab, "{c}");
        assert_eq!(app.timeline().unwrap().cursor.is_playing(), c != ' ');
    }
    let mut app = started((100, 30), &[]);
    press(&mut app, '?');
    assert!(screen(&app).contains("Esc closes"));
    key(&mut app, Key::Esc);
    assert!(at_home(&app), "help lies over it");
    key(&mut app, Key::Esc);
    assert!(!at_home(&app));
    assert!(!screen(&app).contains("Open a recording"));
    press(&mut app, '3');
    press(&mut app, 'H');
    assert!(at_home(&app) && app.tab == Tab::Mistakes);
    press(&mut app, 'q');
    assert!(app.quit);
}

#[test]
fn a_recording_is_opened_from_the_list_by_a_name_or_a_click_and_remembered() {
    let others = [own("mine_run0", Via::Recent), own("perf", Via::Here)];
    let opens = |effects: &[Effect]| match effects {
        [Effect::Open { ticket, path }] => Some((*ticket, path.clone())),
        _ => None,
    };
    let mut app = started((100, 30), &others);
    press(&mut app, 'o');
    key(&mut app, Key::Down);
    let effects = key(&mut app, Key::Enter);
    let (ticket, path) = opens(&effects).expect("it is opened");
    assert_eq!(
        (path.as_path(), at_home(&app), app.tab),
        (Path::new("perf.csv.zst"), false, Tab::Timeline)
    );
    let effects = app.update(Msg::Opened { ticket, path: path.clone(), result: Ok(loaded(&path)) });
    assert!(effects.iter().any(|e| matches!(e, Effect::Remember(p) if *p == path)), "{effects:?}");
    assert!(!app.timeline().unwrap().cursor.is_playing());
    // One that cannot be read is not.
    let mut app = started((100, 30), &others);
    press(&mut app, 'o');
    let (ticket, path) = opens(&key(&mut app, Key::Enter)).unwrap();
    let effects = app.update(Msg::Opened { ticket, path, result: Err("no recording".into()) });
    assert!(effects.is_empty(), "{effects:?}");

    // By a name, completed on the way; an answer to what is no longer typed changes nothing.
    let mut app = started((100, 30), &others);
    press(&mut app, 'o');
    press(&mut app, 'o');
    "tra".chars().for_each(|c| drop(press(&mut app, c)));
    let effects = key(&mut app, Key::Tab);
    let [Effect::Complete { ticket: first, text }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(text, "tra");
    press(&mut app, 'c');
    app.update(Msg::Completed { ticket: *first, text: Some("transit/".into()) });
    let effects = key(&mut app, Key::Tab);
    let [Effect::Complete { ticket, .. }] = &effects[..] else { panic!("{effects:?}") };
    app.update(Msg::Completed { ticket: *first, text: Some("transit/".into()) });
    app.update(Msg::Completed { ticket: *ticket, text: Some("traces/".into()) });
    assert_eq!(app.over.prompt.as_ref().map(|p| p.text.as_str()), Some("traces/"));
    "x.csv".chars().for_each(|c| drop(press(&mut app, c)));
    let (_, path) = opens(&key(&mut app, Key::Enter)).unwrap();
    assert_eq!(path, Path::new("traces/x.csv"));

    // By a click on its line.
    let mut app = started((100, 30), &others);
    press(&mut app, 'o');
    let text = screen(&app);
    let y = text.lines().position(|l| l.contains("mine_run0")).unwrap() as u16;
    let effects = app.update(Msg::Mouse(Mouse { kind: MouseKind::Down, x: 20, y }));
    assert_eq!(opens(&effects).unwrap().1, Path::new("mine_run0.csv.zst"));
}

#[test]
fn recording_and_the_whole_list_are_two_keys_away() {
    let mut app = started((100, 30), &[]);
    let effects = press(&mut app, 'r');
    assert!(app.traces.recorder.asking && app.tab == Tab::Traces && !at_home(&app));
    assert!(effects.iter().any(|e| matches!(e, Effect::Recorder(_))), "{effects:?}");
    let mut app = started((100, 30), &[]);
    press(&mut app, 'b');
    key(&mut app, Key::Enter);
    assert_eq!((app.tab, at_home(&app)), (Tab::Traces, false));
    press(&mut app, 'o');
    assert!(app.over.prompt.is_some(), "a file can be asked for in the list, too");
}

#[test]
fn with_a_recording_as_argument_there_is_no_home() {
    let (mut app, effects) = App::new(vec!["a".into()], (100, 30));
    assert!(
        matches!(&effects[..], [Effect::Open { .. }, Effect::List { given }] if given.len() == 1)
    );
    let path = PathBuf::from("a");
    app.update(Msg::Opened { ticket: Ticket(1), path: path.clone(), result: Ok(loaded(&path)) });
    assert!(app.over.card.is_none() && app.room() == app.size);
}
