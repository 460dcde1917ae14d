//! Why the kernel chose, in the Timeline: the pane as a snapshot over a real recording with the
//! kernel's own state, and going from one pick that the rule does not explain to the next.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{opened, screen_in, typed};
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::answer_causes;
use kernel_oracle::ingest;
use kernel_oracle::trace::Trace;
use std::path::Path;
use std::sync::Arc;

fn real(name: &str) -> Arc<Trace> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/truth").join(name);
    Arc::new(ingest::open(&path).unwrap().trace)
}

fn tell(app: &mut App, msg: Msg) {
    let mut effects = app.update(msg);
    while let Some(effect) = effects.pop() {
        if let Effect::Causes(order) = effect {
            effects.extend(app.update(Msg::Causes(answer_causes(order))));
        }
    }
}

fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec!["a".into()], size);
    tell(&mut app, opened("a", trace));
    app
}

fn keys(app: &mut App, text: &str) {
    text.chars().for_each(|c| tell(app, Msg::Key(typed(c))));
}

fn screen(app: &App) -> String {
    screen_in(app, true).to_string()
}

#[test]
fn the_pane_says_why_from_the_recorded_state() {
    let mut app = open(&real("small.csv.zst"), (160, 44));
    keys(&mut app, "ft50%\ne");
    let text = screen(&app);
    assert!(text.contains("why the kernel chose it") && text.contains("recorded"), "{text}");
    insta::assert_snapshot!("kernel_160x44", text);
    keys(&mut app, "e");
    assert!(!screen(&app).contains("why the kernel chose it"));
}

#[test]
fn no_pick_is_left_where_all_are_explained() {
    let mut app = open(&real("small.csv.zst"), (120, 40));
    keys(&mut app, "x");
    assert!(
        screen(&app).contains("no later pick that the rule does not explain; 0 in all"),
        "{}",
        screen(&app)
    );
}

#[test]
fn without_recorded_state_the_replay_disagrees() {
    let mut app = open(&real("pipe.csv.zst"), (120, 40));
    keys(&mut app, "x");
    let text = screen(&app);
    assert!(
        text.contains("picks with which the replay disagrees") && text.contains("estimated"),
        "{text}"
    );
    let first = app.timeline().unwrap().event();
    keys(&mut app, "xX");
    assert_eq!(app.timeline().unwrap().event(), first, "there and back");
}

/// Four that compete: hackbench:8231 came in, 8259 has an earlier deadline.
#[test]
fn who_came_in_is_seen_on_every_screen_and_the_rest_is_counted() {
    let path = Path::new("traces/hackbench-pipe-2g_run3.csv.zst");
    let trace = Arc::new(ingest::open(path).unwrap().trace);
    let pane = |text: &str| text[text.find("why the kernel chose it").unwrap()..].to_owned();
    for size in [(60, 15), (80, 24), (120, 30)] {
        let mut app = open(&trace, size);
        keys(&mut app, "t0.028516532\nj.e");
        let text = pane(&screen(&app));
        assert!(text.contains("● hackbench:8231"), "{text}");
        assert!(text.contains("  hackbench:8259") && text.contains(" …"), "{text}");
        if size == (80, 24) {
            insta::assert_snapshot!("kernel_80x24", screen(&app));
        }
        // What is said of the keys leads to the last line, after as many as are said.
        let said = text.split("↓ ").nth(1).unwrap();
        let (left, more) = said.split_once(" · ").unwrap();
        let tabs = if size.0 < 100 { 1 } else { 2 };
        assert!(more.starts_with(["Tab, j", "Tab Tab, j"][tabs - 1]), "{text}");
        keys(&mut app, &"\t".repeat(tabs));
        keys(&mut app, &"j".repeat(left.parse::<usize>().unwrap() - 1));
        assert!(pane(&screen(&app)).contains(" ↓ 1 "), "{size:?}: {}", screen(&app));
        keys(&mut app, "j");
        let text = pane(&screen(&app));
        assert!(text.contains("hackbench:8235") && !text.contains('↓'), "{size:?}: {text}");
    }
    // Where all has room nothing is said of keys.
    let mut app = open(&trace, (160, 50));
    keys(&mut app, "t0.028516532\nj.e");
    let text = screen(&app);
    assert!(text.contains("● hackbench:8231") && !text.contains(" · Tab"), "{text}");
}

/// Before its first decision a recording has nothing to explain.
#[test]
fn asked_too_early_the_pane_leads_to_a_decision_that_is_explained() {
    let trace =
        Arc::new(ingest::open(Path::new("traces/hackbench-pipe-2g_run3.csv.zst")).unwrap().trace);
    let mut app = open(&trace, (80, 24));
    assert!(app.timeline().unwrap().event().is_none());
    let text = screen(&app);
    assert!(text.contains(". steps to the first decision, n to the first miss"), "{text}");
    keys(&mut app, "e");
    let event = app.timeline().unwrap().event().unwrap();
    let text = screen(&app);
    assert!(text.contains("this is one that the rule explains"), "{text}");
    let pane = &text[text.find("why the kernel chose it").unwrap()..];
    assert!(pane.contains("The rule chose it") || pane.contains('●'), "{text}");
    // From there on it is about where one stands.
    keys(&mut app, "ge");
    keys(&mut app, ".e");
    assert_ne!(app.timeline().unwrap().event(), Some(event), "{}", screen(&app));
}

/// Where no pick is explained it is the first decision.
#[test]
fn without_such_a_decision_it_is_the_first() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny/late_switch.txt");
    let mut app = open(&Arc::new(ingest::open(&path).unwrap().trace), (80, 24));
    assert_eq!(app.timeline().unwrap().event(), None);
    keys(&mut app, "e");
    assert_eq!(app.timeline().unwrap().event(), Some(1), "{}", screen(&app));
}
