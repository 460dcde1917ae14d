//! The real binary in a real terminal: tmux runs it, keys go in, the screen is read back. Held here
//! is what no in-process test can see: that it starts, draws, answers keys, and gives the terminal
//! back however it ends.
//!
//! Every test has its own tmux server in its own folder. Waiting is polling with a deadline, never
//! a fixed pause. Without tmux each test says so and passes; `environment` says when that is a
//! failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "environment/mod.rs"]
mod environment;
#[path = "smoke/screen.rs"]
mod screen;

use environment::{Need, skip};
use screen::{DEADLINE, POLL, Screen, title};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The parameters of every colour or style sequence in `text`.
fn styles(text: &str) -> Vec<u16> {
    let sequences = text.split("\u{1b}[").skip(1).filter_map(|s| s.split_once('m').map(|(p, _)| p));
    let sequences =
        sequences.filter(|p| p.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':')));
    sequences
        .flat_map(|p| p.split([';', ':']).filter_map(|n| n.parse().ok()).collect::<Vec<u16>>())
        .collect()
}

fn has_colour(text: &str) -> bool {
    styles(text).iter().any(|n| matches!(n, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

/// Everything a first visit does, on a screen of this size.
fn visit(size: (u16, u16)) {
    let Some(screen) = Screen::start(size, &[]) else { return };
    let first = screen.wait_for_lanes();
    assert_eq!(first.lines().count(), usize::from(size.1), "one line per row:\n{first}");
    assert!(has_colour(&screen.text(true)), "colours are on by default");

    // It plays by itself; after Space it stands, and zooming in is what changes the picture.
    screen.keys(&["Space"]);
    let paused = screen.wait("a pause", |t| t.contains('‖'));
    screen.keys(&["w"]);
    screen.wait("another time axis", |t| axis(t) != axis(&paused));

    screen.keys(&["?"]);
    screen.wait("help", |t| t.contains("Esc closes") && t.contains("start or stop playback"));
    screen.keys(&["Escape"]);
    screen.wait("the lanes again", |t| t.contains("CPU0") && !t.contains("Esc closes"));

    screen.keys(&["4"]);
    screen.wait("the list of traces", |t| {
        t.contains("hackbench-pipe-2g") && t.contains("cpu-bound-4p")
    });
    screen.keys(&["1"]);
    screen.wait("the lanes again", |t| t.contains("CPU0"));

    screen.keys(&["q"]);
    let text = screen.assert_restored();
    assert!(text.contains("left with 0"), "{text}");
}

/// The row with the times.
fn axis(text: &str) -> &str {
    let above = text.lines().take_while(|l| !l.contains("CPU0"));
    above.last().unwrap_or_default()
}

#[test]
fn a_visit_at_80_by_24() {
    visit((80, 24));
}

#[test]
fn a_visit_at_200_by_50() {
    visit((200, 50));
}

/// "My task waited: who had the CPU?", from the start, in two keys; two more and it is seen on the
/// timeline.
#[test]
fn who_ran_instead_in_the_worst_wait_takes_two_keys() {
    let (program, folder) =
        (Path::new(env!("CARGO_BIN_EXE_koracle")), Path::new(env!("CARGO_MANIFEST_DIR")));
    let recording = "traces/cfs/nginx-ab_run3.csv.zst";
    let Some(screen) = Screen::start_with(program, recording, folder, (100, 30), &[]) else {
        return;
    };
    screen.wait_for_lanes();
    screen.keys(&["5"]);
    // The list's own cells are filled in after the pane.
    let told = |t: &str| t.lines().nth(4).is_some_and(|row| !row.contains('░'));
    let text = screen
        .wait("who ran instead", |t| t.contains("idle then") && t.contains("runnable") && told(t));
    let worst = text.lines().nth(4).expect("a row of the list");
    let pane: Vec<&str> = text.lines().skip_while(|l| !l.contains("came in")).collect();
    assert!(pane.len() > 4 && worst.contains(" ms "), "{text}");
    // The pane is about the first row: the longest wait, of which the list names who ran instead,
    // too.
    let length = worst.split(" ms").next().expect("a length").trim();
    assert!(pane[0].contains(length), "{text}");
    let most = pane.iter().find(|l| l.contains('%')).expect("a bar");
    let first = most.trim_start_matches(['│', ' ']).split(' ').next().expect("a name");
    assert!(most.contains('█') && worst.contains(first), "{first} in {worst}");
    screen.keys(&["Enter"]);
    let lit = screen
        .wait("the wait between the marks", |t| t.contains("A→B") && t.contains("n N in waits 1/"));
    screen.keys(&["n"]);
    screen.wait("the next worst", |t| t.contains("n N in waits 2/") && axis(t) != axis(&lit));
    screen.keys(&["q"]);
    screen.assert_restored();
}

#[test]
fn without_colour_it_says_the_same() {
    let Some(screen) = Screen::start((100, 30), &[("NO_COLOR", "1")]) else { return };
    screen.wait_for_lanes();
    let text = screen.text(true);
    assert!(!has_colour(&text), "NO_COLOR is set, but: {:?}\n{text}", styles(&text));
    screen.keys(&["q"]);
    screen.assert_restored();
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let Some(screen) = Screen::start((80, 24), &[]) else { return };
    screen.wait_for_lanes();
    screen.keys(&["C-c"]);
    screen.assert_restored();
}

#[test]
fn a_signal_gives_the_terminal_back_and_is_said_by_the_exit_code() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130), ("-QUIT", 131), ("-HUP", 129)] {
        let Some(screen) = Screen::start((80, 24), &[]) else { return };
        screen.wait_for_lanes();
        screen.signal(signal);
        let text = screen.assert_restored();
        assert!(text.contains(&format!("left with {code}")), "{signal}: {text}");
    }
}

#[test]
fn it_rests_when_asked_and_is_there_again_when_continued() {
    let Some(screen) = Screen::start((100, 30), &[]) else { return };
    screen.wait_for_lanes();
    let state = || {
        let pid = std::fs::read_to_string(screen.pid_file()).expect("the process id");
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).expect("a process");
        stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next()).expect("its state")
    };
    for _ in 0..2 {
        screen.signal("-TSTP");
        screen.wait("a rest", |_| state() == Some('T'));
        for (flag, value) in [("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")]
        {
            assert_eq!(screen.flag(flag), value, "{flag} during a rest");
        }
        // Whoever has the terminal meanwhile leaves it as it likes; the window changes too.
        screen.tmux(&["resize-window", "-x", "90", "-y", "28"]);
        screen.signal("-CONT");
        screen.wait_for_lanes();
        assert_eq!(screen.text(false).lines().count(), 28);
    }
    // A rest that nobody could announce.
    screen.signal("-STOP");
    screen.wait("a stop", |_| state() == Some('T'));
    screen.signal("-CONT");
    screen.keys(&["?"]);
    screen.wait("help", |t| t.contains("Esc closes"));
    screen.keys(&["C-c"]);
    screen.assert_restored();
}

#[test]
fn a_recording_is_made_and_opens_by_itself() {
    let tracing = Path::new("/sys/kernel/tracing/instances");
    if std::fs::read_dir(tracing).is_err() {
        return skip("a_recording_is_made_and_opens_by_itself", Need::Root);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some(screen) = Screen::start_in(folder.path(), (100, 30), &[]) else { return };
    screen.wait_for_lanes();
    screen.keys(&["4"]);
    screen.wait("the list of traces", |t| t.contains("hackbench-pipe-2g"));
    screen.keys(&["r"]);
    screen.wait("the dialog", |t| {
        t.contains("record a workload") && t.contains("local (this machine)")
    });
    // A wrong value is refused in place.
    screen.keys(&["Tab", "cpu-bound-4p", "Tab", "Tab", "BSpace", "x", "Enter"]);
    screen.wait("a refusal", |t| t.contains("a whole number from 1 to 86,400"));
    screen.keys(&["BSpace", "2"]);
    screen.wait("the file's name", |t| t.contains("cpu-bound-4p_run0.csv.zst"));
    screen.keys(&["Enter"]);
    screen.wait("the panel", |t| t.contains("cpu-bound-4p on this machine"));
    // Other screens work meanwhile.
    screen.keys(&["1"]);
    screen.wait("the recording in the title", |t| title(t).contains("● rec") && t.contains("CPU0"));
    let text = screen.wait("the new recording", |t| {
        title(t).contains("cpu-bound-4p_run0") && t.contains("CPU0")
    });
    assert!(text.contains("events in"), "the news are told:\n{text}");
    let file = folder.path().join("cpu-bound-4p_run0.csv.zst");
    assert!(file.is_file() && file.with_file_name("cpu-bound-4p_run0.toml").is_file());
    screen.keys(&["n"]);
    screen.wait("predictions", |t| t.contains("decision") && !t.contains("predicting"));
    screen.keys(&["4"]);
    screen
        .wait("the panel of a recording that is done", |t| t.contains("recording of cpu-bound-4p"));
    screen.keys(&["Escape"]);
    screen.wait("the list", |t| t.contains("▸ cpu-bound-4p_run0"));
    // One that is cancelled keeps what came, and leaving waits for it.
    screen.keys(&["r"]);
    screen.wait("the dialog", |t| t.contains("cpu-bound-4p_run1.csv.zst"));
    screen.keys(&["Tab", "Tab", "Tab", "0", "0", "Enter"]);
    screen.wait("a long recording", |t| t.contains("of 200 s") && t.contains("CPU0"));
    screen.keys(&["q"]);
    let text = screen.assert_restored();
    assert!(text.contains("left with 0"), "{text}");
    assert!(folder.path().join("cpu-bound-4p_run1.csv.zst").is_file(), "what came is kept");
    // No instance is left behind by a shell that is gone.
    let start = Instant::now();
    let orphans = || {
        let names = std::fs::read_dir(tracing).expect("tracefs").flatten().map(|d| d.file_name());
        let names = names
            .filter_map(|n| n.to_str().map(str::to_owned))
            .filter(|n| n.starts_with("koracle-"));
        let gone =
            |n: &str| n.split('-').nth(1).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        names.filter(|n| gone(n)).collect::<Vec<String>>()
    };
    while !orphans().is_empty() {
        assert!(start.elapsed() < DEADLINE, "left behind: {:?}", orphans());
        std::thread::sleep(POLL);
    }
}

#[test]
fn a_binary_copied_alone_has_models_and_recordings() {
    let folder = tempfile::tempdir().expect("a folder");
    // Apart from the folders that it makes under its name.
    std::fs::create_dir(folder.path().join("bin")).expect("a folder in it");
    let program = folder.path().join("bin/koracle");
    // By another process: a file that this one had open for writing might not start while another
    // test forks.
    assert!(
        Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_koracle"))
            .arg(&program)
            .status()
            .expect("cp runs")
            .success()
    );
    let run = |args: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(args)
            .current_dir(folder.path())
            .env_remove("KORACLE_MODEL")
            .env_remove("KORACLE_TRACES");
        for home in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"]
        {
            command.env(home, folder.path());
        }
        let out = command.output().expect("the copy runs");
        let (text, said) =
            (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{args:?}: {said}");
        (text.into_owned(), said.into_owned())
    };
    // The list is made when it is asked for, and says that it is not the corpus.
    let (text, said) = run(&["mistakes", "--split", "test"]);
    assert!(said.contains("two inside the program") && said.contains("KORACLE_TRACES"), "{said}");
    assert!(text.contains("non-trivial decisions wrong"), "{text}");
    // Neither is of the usual split.
    let (text, _) = run(&["mistakes"]);
    assert!(text.contains("non-trivial decisions wrong"), "{text}");
    // A cache that cannot be written is no reason to have none.
    let out = Command::new(&program)
        .args(["eval", "--predictors", "fifo"])
        .current_dir(folder.path())
        .env_remove("KORACLE_TRACES")
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CACHE_HOME", "/dev/null")
        .env("TMPDIR", folder.path())
        .output()
        .expect("the copy runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("two inside the program"), "{said}");
    let recording = "koracle/recordings/cfs/nginx-ab_run3.csv.zst";
    let (text, said) = run(&["eval", recording]);
    assert!(["tcn", "lstm", "mlp"].iter().all(|name| text.contains(name)), "{text}");
    assert!(!said.contains("inside"), "{said}");

    let Some(screen) = Screen::start_program(
        &program,
        folder.path(),
        (100, 30),
        &[("KORACLE_TRACES", ""), ("KORACLE_MODEL", "")],
    ) else {
        return;
    };
    let text = screen.wait_for_lanes();
    assert!(title(&text).contains("hackbench-pipe-2g_run3"), "{text}");
    screen.keys(&["Space", "n"]);
    let text =
        screen.wait("predictions", |t| t.contains("decision took") && !t.contains("predicting"));
    assert!(!text.contains("no model"), "{text}");
    screen.keys(&["4"]);
    let text = screen.wait("the list", |t| t.contains("nginx-ab"));
    assert!(!text.contains("cpu-bound"), "only what is inside is listed:\n{text}");
    screen.keys(&["q"]);
    screen.assert_restored();
}

#[test]
fn a_recording_from_standard_input_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("piped");
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/cfs/nginx-ab_run3.csv.zst");
    let text = format!(
        "#!/bin/sh\ncat '{}' | '{}' -\n",
        recording.display(),
        env!("CARGO_BIN_EXE_koracle")
    );
    // Written by another process, as above.
    let mut write = Command::new("sh");
    write.args(["-c", "printf %s \"$2\" >\"$1\" && chmod +x \"$1\"", "sh"]).arg(&script).arg(&text);
    assert!(write.status().expect("sh runs").success());
    let Some(screen) = Screen::start_program(&script, folder.path(), (100, 30), &[]) else {
        return;
    };
    let text = screen.wait_for_lanes();
    assert!(title(&text).contains("stdin"), "{text}");
    // Keys come from the terminal, and another job reads the recording again.
    screen.keys(&["3"]);
    screen.wait("the mistakes of it", |t| t.contains("margin") && t.contains('✗'));
    screen.keys(&["q"]);
    screen.assert_restored();
}
