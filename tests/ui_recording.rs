//! Recording from the interface: the dialog and the panel as snapshots, and random walks that must
//! never panic. The one real recording in a real terminal is in `tests/smoke.rs`.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{any_mouse, screen_with};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::recording::run::{Failure, Saved};
use kernel_oracle::app::recording::{News, Order};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::job::Latest;
use kernel_oracle::record::hosts::{Host, Source, State};
use kernel_oracle::record::{CpuProgress, Progress, Stage};
use kernel_oracle::trace::Nanos;
use kernel_oracle::ui::palette::Theme;
use kernel_oracle::vm::Kind;
use proptest::prelude::*;
use ratatui::style::Color;
use std::path::PathBuf;
use std::time::Duration;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// Draws at each of the sizes.
fn snapshots(name: &str, app: &mut App) {
    for (w, h) in SIZES {
        app.update(Msg::Resized(w, h));
        insta::assert_snapshot!(format!("{name}_{w}x{h}"), screen_with(app, Theme::DARK));
    }
}

/// Does what the driver would at once: the same machines and file names everywhere.
fn tell(app: &mut App, msg: Msg) {
    for effect in app.update(msg) {
        match effect {
            Effect::Recorder(Order::Look { workload }) => {
                name(app, workload);
                know(app);
            }
            Effect::Recorder(Order::Name { workload }) => name(app, workload),
            _ => {}
        }
    }
}

fn know(app: &mut App) {
    let host = |name: &str, from, state| Host { name: name.into(), config: None, from, state };
    let mut hosts = vec![
        host("cfs", Source::Vm(Kind::Cfs), State::Down("stopped")),
        host("eevdf", Source::Vm(Kind::Eevdf), State::Down("not built")),
        host("eevdf", Source::Vagrant, State::Running),
    ];
    hosts.extend(
        ["build.example.org", "desk", "laptop"].map(|n| host(n, Source::SshConfig, State::Unknown)),
    );
    app.update(Msg::Recorder(News::Machines { local: true, hosts, complete: true }));
}

fn name(app: &mut App, workload: String) {
    let file = Ok(PathBuf::from(format!("/home/me/traces/{workload}_run0.csv.zst")));
    app.update(Msg::Recorder(News::Name { workload, file }));
}

fn key(app: &mut App, key: Key) {
    tell(app, Msg::Key(key));
}

fn keys(app: &mut App, text: &str) {
    for c in text.chars() {
        key(
            app,
            if c == '\n' {
                Key::Enter
            } else if c == '\t' {
                Key::Tab
            } else {
                Key::Char(c)
            },
        );
    }
}

fn asked() -> App {
    let (mut app, _) = App::new(vec!["traces/cpu-bound-4p_run0.csv.zst".into()], (80, 24));
    keys(&mut app, "4r");
    app
}

fn started() -> App {
    let mut app = asked();
    keys(&mut app, "\n");
    app
}

fn at(stage: Stage, cpus: u16) -> Progress {
    let cpu = |cpu: u16| CpuProgress {
        cpu,
        events: 61_234 + u64::from(cpu),
        waiting: (1 << 18) * u64::from(cpu + 1) % (16 << 20),
        buffer: 16 << 20,
        lost: if cpu == 1 { 17 } else { 0 },
    };
    let cpus: Vec<CpuProgress> = (0..cpus).map(cpu).collect();
    Progress {
        stage,
        bytes: 3_123_456,
        events: cpus.iter().map(|c| c.events).sum(),
        elapsed: Duration::from_millis(1_234),
        limit: Duration::from_secs(5),
        cpus,
        guest: "6.1.0-40-amd64 CFS, 2 CPUs".into(),
    }
}

fn progress(app: &mut App, progress: Progress) {
    let latest = Latest::default();
    latest.set(progress);
    app.update(Msg::Recorder(News::Progress { id: Ticket(1), latest }));
}

fn saved(notes: &[&str], cancelled: bool) -> Saved {
    Saved {
        path: "/home/me/traces/hackbench-pipe-2g_run0.csv.zst".into(),
        name: "hackbench-pipe-2g_run0".into(),
        bytes: 812_345,
        workload: "hackbench-pipe-2g".into(),
        kernel: "6.1.0 CFS".into(),
        cpus: 2,
        events: 122_469,
        lost: 17,
        span: Nanos(5_012_345_678),
        cancelled,
        notes: notes.iter().map(ToString::to_string).collect(),
    }
}

fn end(app: &mut App, end: Result<Saved, Failure>) {
    tell(app, Msg::Recorder(News::Ended { id: Ticket(1), end }));
}

#[test]
fn dialog_empty() {
    let (mut app, _) = App::new(vec!["traces/cpu-bound-4p_run0.csv.zst".into()], (80, 24));
    app.update(Msg::Key(Key::Char('4')));
    app.update(Msg::Key(Key::Char('r')));
    snapshots("dialog_looking", &mut app);
    snapshots("dialog_empty", &mut asked());
}

#[test]
fn dialog_filled_in() {
    let mut app = asked();
    keys(&mut app, "\tnever");
    key(&mut app, Key::Down);
    snapshots("dialog_filtered", &mut app);
    keys(&mut app, "\tsh -c 'make -j4; make -j4 test' ");
    snapshots("dialog_command", &mut app);
}

#[test]
fn dialog_offers_to_start_a_machine() {
    for (name, downs) in [("dialog_start_stopped", 1), ("dialog_start_not_built", 2)] {
        let mut app = asked_without_vagrant();
        (0..downs).for_each(|_| key(&mut app, Key::Down));
        keys(&mut app, "\n");
        snapshots(name, &mut app);
    }
    let mut app = asked_without_vagrant();
    key(&mut app, Key::Down);
    keys(&mut app, "\n\n");
    let guest = "boot, emulated, 12 s".to_string();
    progress(&mut app, Progress { stage: Stage::Starting, guest, ..Progress::default() });
    snapshots("panel_starting", &mut app);
}

fn asked_without_vagrant() -> App {
    let mut app = asked();
    let down = |kind: Kind, how| Host {
        name: kind.name().into(),
        config: None,
        from: Source::Vm(kind),
        state: State::Down(how),
    };
    let hosts = vec![down(Kind::Cfs, "stopped"), down(Kind::Eevdf, "not built")];
    app.update(Msg::Recorder(News::Machines { local: true, hosts, complete: true }));
    app
}

#[test]
fn dialog_with_a_wrong_value() {
    let mut app = asked();
    keys(&mut app, "\t\t\tx\n");
    snapshots("dialog_wrong_number", &mut app);
    let mut app = asked();
    keys(&mut app, "\t\tmake -j4 >log\n");
    snapshots("dialog_wrong_command", &mut app);
    app.update(Msg::Resized(40, 12));
    insta::assert_snapshot!("dialog_wrong_command_40x12", screen_with(&app, Theme::DARK));
}

#[test]
fn panel_stages() {
    let mut app = started();
    snapshots("panel_connecting", &mut app);
    progress(&mut app, at(Stage::Recording, 2));
    snapshots("panel_recording", &mut app);
    app.update(Msg::Resized(40, 12));
    insta::assert_snapshot!("panel_recording_40x12", screen_with(&app, Theme::DARK));
    progress(&mut app, at(Stage::Recording, 64));
    snapshots("panel_recording_64_cpus", &mut app);
    key(&mut app, Key::Esc);
    progress(&mut app, at(Stage::Cleaning, 2));
    snapshots("panel_cancelling", &mut app);
}

#[test]
fn other_screens_tell_of_it() {
    let mut app = started();
    progress(&mut app, at(Stage::Recording, 2));
    keys(&mut app, "1");
    app.update(Msg::Resized(80, 24));
    let text = screen_with(&app, Theme::DARK).to_string();
    assert!(text.lines().next().unwrap().contains("● rec 1 s"), "{text}");
    app.update(Msg::Resized(40, 12));
    let text = screen_with(&app, Theme::DARK).to_string();
    assert!(text.lines().next().unwrap().contains("● rec 1 s"), "{text}");
}

#[test]
fn time_and_bytes_are_those_that_there_are() {
    let mut app = started();
    let mut quiet = at(Stage::Recording, 2);
    (quiet.bytes, quiet.elapsed) = (0, Duration::from_millis(3_970));
    progress(&mut app, quiet);
    let text = screen_with(&app, Theme::DARK).to_string();
    assert!(text.contains("● rec 3 s") && text.contains(" 3.9 of 5 s"), "{text}");
    assert!(text.contains("nothing fetched yet") && !text.contains("of pages"), "{text}");
}

#[test]
fn panel_ends() {
    let mut app = started();
    let problem = "cfs: hackbench is missing; install the package rt-tests there, or choose a \
                   workload that needs nothing";
    progress(&mut app, Progress { cpus: Vec::new(), ..at(Stage::Probing, 0) });
    end(&mut app, Err(Failure { problem: problem.into(), cancelled: false }));
    snapshots("panel_failed", &mut app);

    let mut app = started();
    end(&mut app, Err(Failure { problem: "Nothing had been recorded.".into(), cancelled: true }));
    snapshots("panel_cancelled", &mut app);

    let mut app = started();
    progress(&mut app, at(Stage::Done, 2));
    let notes = [
        "events lost, as the buffers were too small: CPU0 0, CPU1 17",
        "removed a stale instance: koracle-a1",
    ];
    end(&mut app, Ok(saved(&notes, true)));
    insta::assert_snapshot!("timeline_after_recording_80x24", screen_with(&app, Theme::DARK));
    keys(&mut app, "4");
    snapshots("panel_done", &mut app);
    key(&mut app, Key::Esc);
    snapshots("traces_after_recording", &mut app);
}

#[test]
fn without_color_everything_is_said_in_text() {
    let theme = Theme::PLAIN;
    let mut app = asked();
    keys(&mut app, "\t\t\tx\n");
    let mut colored = Vec::new();
    let mut look = |app: &App| {
        let backend = screen_with(app, theme);
        let cells = backend.buffer().content().iter();
        colored.push(cells.filter(|c| c.fg != Color::Reset || c.bg != Color::Reset).count());
    };
    look(&app);
    let mut app = started();
    progress(&mut app, at(Stage::Recording, 2));
    look(&app);
    end(&mut app, Err(Failure { problem: "no".into(), cancelled: false }));
    look(&app);
    assert_eq!(colored, [0, 0, 0]);
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let key = prop_oneof![
        10 => prop::sample::select("4r1 qx'\"\\|?é0123456789hack".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        8 => prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::Up, Key::Down, Key::Left, Key::Right,
            Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::Backspace, Key::BackTab, Key::Ctrl('u')]),
        1 => any::<char>().prop_map(Key::Char),
    ];
    let stage = prop::sample::select(Stage::ALL.to_vec());
    let news = (stage, 0_u16..70, 1_u64..4).prop_map(|(stage, cpus, id)| {
        let latest = Latest::default();
        latest.set(at(stage, cpus));
        Msg::Recorder(News::Progress { id: Ticket(id), latest })
    });
    let ended = (any::<bool>(), 1_u64..4).prop_map(|(good, id)| {
        let failure = Failure { problem: "a long sentence ".repeat(30), cancelled: good };
        Msg::Recorder(News::Ended {
            id: Ticket(id),
            end: if good { Ok(saved(&["note"; 40], true)) } else { Err(failure) },
        })
    });
    prop_oneof![
        12 => key.prop_map(Msg::Key),
        2 => any_mouse().prop_map(Msg::Mouse),
        1 => (0_u16..210, 0_u16..60).prop_map(|(w, h)| Msg::Resized(w, h)),
        2 => news,
        1 => ended,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_panics(msgs in prop::collection::vec(any_msg(), 1..80)) {
        let mut app = asked();
        for msg in msgs {
            tell(&mut app, msg);
            screen_with(&app, Theme::DARK);
        }
    }
}
