//! The explorer goes on where it was left: the state that is kept and restored, and the real binary
//! with the file between two starts.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "environment/mod.rs"]
mod environment;
#[path = "explorer/mod.rs"]
mod explorer;
#[path = "smoke/screen.rs"]
mod screen;

use explorer::Explorer;
use kernel_oracle::app::input::Key;
use kernel_oracle::app::{App, Tab};
use screen::Screen;
use std::path::Path;

const A: &str = "traces/cfs/nginx-ab_run3.csv.zst";
const B: &str = "traces/cfs/nginx-ab_run2.csv.zst";

fn is_open(app: &App) -> bool {
    app.timeline().is_some()
}

/// Somewhere else than at the beginning, in everything that is kept.
fn left() -> Explorer {
    let mut left = Explorer::started(&[A, B], (120, 40));
    assert_eq!(left.app.session(), None, "nothing is open yet");
    left.until("the recording", is_open);
    left.keys("sssdddvV"); // wider, later; other rows
    left.key(Key::Char('3'));
    left.until("mistakes", |app| app.mistakes.found().is_some());
    left.keys("/prev~nginx");
    left.key(Key::Enter);
    left.key(Key::Char('5'));
    left.until("waits", |app| app.waits.table().is_some());
    left.keys("/wait>1ms");
    left.key(Key::Enter);
    left.key(Key::Char('6'));
    left.until("tasks", |app| app.tasks.table().is_some());
    left.keys("/run>1ms");
    left.key(Key::Enter);
    left.key(Key::Char('4'));
    left.keys("/nginx 6.1");
    left.key(Key::Enter);
    left.key(Key::Char('5'));
    left
}

#[test]
fn everything_is_where_it_was() {
    let left = left();
    let session = left.app.session().unwrap();
    let paths: Vec<_> = session.recordings.iter().map(|p| p.to_str().unwrap()).collect();
    assert_eq!((paths, session.tab), (vec![A, B], Tab::Waits));
    assert!(!session.mistakes.0.is_empty() && !session.waits.is_empty(), "{session:?}");
    assert_eq!((session.tasks.as_str(), session.traces.as_str()), ("run>1ms", "nginx 6.1"));

    // At the start.
    let mut again = Explorer::started(&[A, B], (120, 40));
    again.app.settle(session.clone());
    again.until("the recording", is_open);
    assert_eq!(again.app.session(), Some(session.clone()));
    let [then, now] = [&left, &again].map(|e| e.app.timeline().unwrap());
    assert_eq!(
        (then.view, then.decision, then.rows.shape),
        (now.view, now.decision, now.rows.shape)
    );
    assert_ne!(now.view, Explorer::opened(A).app.timeline().unwrap().view);

    // From home.
    let mut home = Explorer::started(&[], (120, 40));
    home.app.offer(session.clone());
    let text = home.text();
    assert!(text.contains("► Continue where you were  nginx-ab_run3 · Waits · "), "{text}");
    home.key(Key::Enter);
    home.until("the recording", is_open);
    assert_eq!(home.app.session(), Some(session));
}

#[test]
fn at_home_there_is_nothing_to_come_back_to() {
    let mut home = Explorer::started(&[], (120, 40));
    home.until("the recording", is_open);
    assert_eq!(home.app.session(), None);
    home.key(Key::Esc);
    assert!(home.app.session().is_some());
}

/// The real binary; `None` without tmux.
fn start(state: &Path, arguments: &str) -> Option<Screen> {
    let program = Path::new(env!("CARGO_BIN_EXE_koracle"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let env = [("XDG_STATE_HOME", state.to_str().unwrap())];
    Screen::start_with(program, arguments, folder, (100, 30), &env)
}

fn leave(screen: &Screen) {
    screen.keys(&["q"]);
    let text = screen.assert_restored();
    assert!(text.contains("left with 0"), "{text}");
}

#[test]
fn a_second_start_goes_on_and_a_damaged_file_is_a_fresh_start() {
    let state = tempfile::tempdir().unwrap();
    let Some(first) = start(state.path(), A) else { return };
    first.wait_for_lanes();
    first.keys(&["5"]);
    let on_waits = |text: &str| text.contains("nginx-ab_run3") && text.contains("idle then");
    first.wait("the waits", on_waits);
    leave(&first);

    let file = state.path().join("koracle/session.toml");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("tab = \"waits\"") && kept.contains(A), "{kept}");
    let second = start(state.path(), "--restore").unwrap();
    second.wait("the waits again", on_waits);
    second.keys(&["1"]);
    second.wait_for_lanes();
    leave(&second);
    assert!(std::fs::read_to_string(&file).unwrap().contains("tab = \"timeline\""));

    std::fs::write(&file, kept.replace("cfs/nginx-ab_run3", "gone")).unwrap();
    let third = start(state.path(), "--restore").unwrap();
    third.wait("what is gone", |text| text.contains("not there any more: "));
    leave(&third);
    std::fs::write(&file, "tab = 3\n").unwrap();
    let fourth = start(state.path(), "--restore").unwrap();
    let fresh = |text: &str| text.contains("a fresh start: ") && text.contains("session.toml: ");
    fourth.wait("a fresh start", fresh);
    leave(&fourth);
}
