//! Text of others cannot steer the terminal: names in recordings, metadata, file names, settings,
//! what machines and their kernels say. Controls of terminals (C0, C1), of direction and characters
//! that cannot be seen are put into every source; every command is run, and none of them may come
//! out raw.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::train::TrainConfig;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Titles, the clipboard, colours, the 8-bit forms of the same, direction, what has no width.
const HOSTILE: [&str; 6] = [
    "\u{1b}]0;PWN\u{7}",
    "\u{1b}]52;c;eA==\u{7}",
    "\u{1b}[2J\u{1b}[31m\r\u{8}",
    "c\u{9b}31m\u{9d}0;PWN\u{9c}\u{7f}",
    "b\u{202e}\u{2066}x\u{200f}\u{61c}",
    "z\u{200b}\u{feff}\u{2028}",
];

fn all() -> String {
    HOSTILE.concat()
}

/// Characters that must not come out.
fn is_bad(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn assert_clean(what: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let line = text.lines().find(|l| l.contains(is_bad));
    assert!(line.is_none() && !text.contains(is_bad), "{what}: {line:?}");
    text
}

/// A recording whose tasks take turns, in a folder of a hostile name.
struct Place {
    dir: tempfile::TempDir,
    recording: String,
}

const HEADER: &str =
    "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu";

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(format!("d{}", HOSTILE[3]));
        std::fs::create_dir(&folder).unwrap();
        let mut text = HEADER.to_owned() + "\n";
        let task = |i: usize| (1 + i % HOSTILE.len(), HOSTILE[i % HOSTILE.len()]);
        for i in 0..400 {
            let ((before, name), (pid, comm), (next, next_comm)) =
                (task(i + 5), task(i), task(i + 1));
            let time = 1_000 * i;
            writeln!(text, "{time},0,wakeup,{pid},{before},\"{name}\",120,,,,,,0").unwrap();
            let row = format!(
                "{},0,switch,{pid},{pid},\"{comm}\",120,S,{next},\"{next_comm}\",120,,",
                time + 500
            );
            writeln!(text, "{row}").unwrap();
        }
        // Bad rows are quoted in warnings.
        writeln!(text, "400000,0,\"{}\",,,,,,,,,,", all()).unwrap();
        let recording = folder.join(format!("r{}.csv", HOSTILE[0]));
        std::fs::write(&recording, text).unwrap();
        let mut meta = String::new();
        for key in ["name", "workload", "category", "kernel", "command", "clock", "tool", "note"] {
            writeln!(meta, "{key} = {}", serde_json::to_string(&all()).unwrap()).unwrap();
        }
        std::fs::write(recording.with_extension("toml"), meta.replace('\u{7f}', "\\u007f"))
            .unwrap();
        Self { recording: recording.to_str().unwrap().to_owned(), dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("koracle"));
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        for home in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"]
        {
            command.env(home, self.dir.path());
        }
        command
    }

    /// Runs it; both outputs must be clean and, together, show what they escaped.
    fn run(&self, args: &[&str]) -> (Output, String) {
        let out = self.command().args(args).output().unwrap();
        let text = [&out.stdout, &out.stderr]
            .map(|bytes| assert_clean(&format!("{args:?}"), bytes))
            .concat();
        assert!(!text.contains("panicked"), "{args:?}: {text}");
        let shown =
            ["\\x1b", "\\x9b", "\\u{202e}", "\\u001b", "\\u202e"].iter().any(|e| text.contains(e));
        assert!(shown, "{args:?} shows nothing of it: {text}");
        (out, text)
    }
}

#[test]
fn no_name_of_a_recording_steers_the_terminal() {
    let place = Place::new();
    let r = place.recording.as_str();
    let (out, _) = place.run(&["info", "--json", r]);
    let info: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(info["workload"], all(), "JSON means what was there");
    let (_, text) = place.run(&["info", r]);
    assert!(text.contains("unknown event") && text.contains("\\x1b]52;c;eA==\\x07"), "{text}");
    let with_model = ["tcn", "lifo"];
    for who in with_model {
        for form in [
            &[][..],
            &["--markdown"],
            &["--csv"],
            &["--csv", "--all"],
            &["--json"],
            &["--csv", "--by", "real"],
        ] {
            place.run(&[&["mistakes", "--predictor", who, r], form].concat());
        }
        place.run(&[
            "mistakes",
            "--predictor",
            who,
            r,
            "--by",
            "real,prev",
            "--where",
            "real~PWN",
            "--compare",
            "fifo",
        ]);
        place.run(&["predict", "--predictor", who, r, "-o", "-"]);
    }
    for form in [&[][..], &["--json"], &["--csv"]] {
        place.run(&[&["waits", r, r], form].concat());
        place.run(&[&["tasks", r], form].concat());
        place.run(&[&["tasks", r, "--by", "comm"], form].concat());
    }
    place.run(&["mistakes", r, "--why", "399"]);
    place.run(&["mistakes", r, "--why", "399", "--json"]);
    for form in [&[][..], &["--markdown"], &["--json"], &["--slices"], &["--measures", "top1,nll"]]
    {
        place.run(&[&["eval", "--predictors", "fifo,lifo", r], form].concat());
    }
    let report = place.at("report.json");
    std::fs::write(&report, &place.run(&["eval", "--predictors", "fifo", "--json", r]).0.stdout)
        .unwrap();
    place.run(&["eval", "--report", report.to_str().unwrap()]);
    place.run(&["eval", "--report", r]);
}

#[test]
fn no_file_name_and_no_argument_steers_the_terminal() {
    let place = Place::new();
    let r = place.recording.as_str();
    let out = format!("{}{}.csv.zst", place.dir.path().join("o").display(), HOSTILE[4]);
    place.run(&["import", r, "-o", &out]);
    place.run(&["import", r, "-o", &out.replace(".csv.zst", ".gone/x.csv")]);
    std::fs::write(out.replace(".csv.zst", "2.toml"), all()).unwrap();
    place.run(&["import", r, "-o", &out.replace(".csv.zst", "2.csv.zst")]);
    place.run(&["predict", r, "-o", r]);
    place.run(&["export", r, "-f", "ftrace", "-o", &format!("{}/none/x", all())]);
    let bad = all();
    for args in [
        &["info", &bad][..],
        &[&bad],
        &["mistakes", r, "--where", &bad],
        &["waits", r, "--where", &bad],
        &["waits", r, "--from", &bad],
        &["waits", &bad],
        &["tasks", &bad],
        &["mistakes", r, "--model", &bad],
        &["mistakes", r, "--compare", &bad],
        &["predict", r, "--model", r, "-o", "-"],
        &["predict", r, "--predictor", &bad, "-o", "-"],
        &["eval", "--category", &bad],
        &["train", "--resume", &bad],
        &["train", "--only", &bad, "-o", "x"],
        &["runs", "--export", &bad],
        &["record", "--local", "--workload", &bad],
        &["--compare", &bad, r],
        &["record", "--host", "h", "-o", &bad, "--", "true"],
    ] {
        place.run(args);
    }
    // A file that is no recording, and metadata that are none: both are quoted in the complaint.
    let odd = place.at("odd.csv");
    std::fs::copy(r, &odd).unwrap();
    std::fs::write(place.at("odd.toml"), format!("run = \"{}\u{202e}\u{9b}\"\n", "x")).unwrap();
    place.run(&["info", odd.to_str().unwrap()]);
}

#[test]
fn no_kept_run_and_no_folder_steers_the_terminal() {
    let place = Place::new();
    let runs = place.at("runs");
    let run = runs.join(format!("run{}", HOSTILE[0]));
    std::fs::create_dir_all(&run).unwrap();
    let config = TrainConfig { command: all(), epochs: 0, ..TrainConfig::default() };
    std::fs::write(run.join("config.toml"), toml::to_string_pretty(&config).unwrap()).unwrap();
    let json = serde_json::json!({ "ending": null, "failure": all(), "unix_time": 0 });
    std::fs::write(run.join("ended.json"), json.to_string()).unwrap();
    let sessions = serde_json::to_string(&all()).unwrap().replace('\u{7f}', "\\u007f");
    std::fs::write(run.join("sessions.toml"), format!("[[session]]\ndevice = {sessions}\n"))
        .unwrap();
    let broken = runs.join(format!("broken{}", HOSTILE[4]));
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("config.toml"), "epochs = \"\u{202e}\u{9b}31m\"\n").unwrap();
    let at = run.to_str().unwrap();
    for args in [
        &["runs"][..],
        &["runs", "--json"],
        &["runs", "--delete", at],
        &["runs", "--delete", at, "--yes"],
        &["runs", "--delete", broken.to_str().unwrap(), "--yes"],
        &["train", "--resume", broken.to_str().unwrap()],
        &["train", "-o", broken.to_str().unwrap()],
        &["experiment", "seeds", "-o", broken.to_str().unwrap()],
    ] {
        place.run(args);
    }
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("config.toml"), toml::to_string_pretty(&config).unwrap()).unwrap();
    std::fs::write(
        run.join("metrics_steps.csv"),
        "epoch,step,session,wall_s,paused_s,learning_rate,pick_loss,forecast_loss,events_per_s\n1,1,0,1,0,1,1,1,1\n",
    )
    .unwrap();
    place.run(&["runs", "--export", at]);
    place.run(&["train", "--resume", at]);
}

/// Puts an `ssh` before all others that says this.
fn fake_ssh(place: &Place, script: &str) -> String {
    let folder = place.at("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ssh"), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(folder.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// What the scripts say, octal for `printf`.
const SAID: &str = "\\033]0;PWN\\007\\033]52;c;eA==\\007\\033[31mred\\302\\2330m\\342\\200\\256";

#[test]
fn no_machine_and_no_ssh_steers_the_terminal() {
    let place = Place::new();
    let bytes = 35; // of SAID
    for script in [
        format!("printf '{SAID}denied\\n' >&2; exit 255"),
        format!("printf 'KORACLE1\\nfail {bytes}\\n{SAID}'; cat >/dev/null"),
        format!("printf 'KORACLE1\\nkernel {bytes}\\n{SAID}'; printf '{SAID}' >&2; exit 1"),
        format!("printf '{SAID}'; exit 1"),
        format!("printf 'KORACLE1\\n{SAID} 3\\nabc'; exit 1"),
    ] {
        let path = fake_ssh(&place, &script);
        let mut record = place.command();
        record
            .args(["record", "--host", "h", "--seconds", "1", "-o", "x.csv.zst", "--", "true"])
            .env("PATH", path);
        let out = record.output().unwrap();
        assert!(!out.status.success(), "{script}");
        assert_clean(&script, &out.stdout);
        let said = assert_clean(&script, &out.stderr);
        assert!(!said.is_empty(), "{script}");
    }
    std::fs::create_dir(place.at(".ssh")).unwrap();
    std::fs::write(place.at(".ssh/config"), format!("Host a{} b{}\n", HOSTILE[0], HOSTILE[4]))
        .unwrap();
    place.run(&["record", "--hosts"]);
    let name = format!("h{}", HOSTILE[0]);
    let path = fake_ssh(&place, "exit 255");
    let mut record = place.command();
    record.args(["record", "--host", &name, "-o", "x.csv.zst", "--", "true"]).env("PATH", path);
    let said = assert_clean("a host's name", &record.output().unwrap().stderr);
    assert!(said.contains("\\x1b]0;PWN"), "{said}");
}

#[test]
fn a_recording_goes_through_a_pipe_exactly() {
    let place = Place::new();
    let export = |from: &str| {
        let out =
            place.command().args(["export", from, "--format", "csv", "-o", "-"]).output().unwrap();
        assert!(out.status.success());
        String::from_utf8(out.stdout).unwrap()
    };
    let text = export(&place.recording);
    assert!(HOSTILE.iter().all(|name| text.contains(name)));
    let again = place.at("again.csv");
    std::fs::write(&again, &text).unwrap();
    assert_eq!(export(again.to_str().unwrap()), text);
}

/// Everything that a command sends to a terminal.
fn on_a_terminal(place: &Place, command: &str, path: Option<&str>) -> Option<Vec<u8>> {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("KORACLE_CI").is_none(),
            "script is not installed, and CI must not skip this"
        );
        println!("skipped: script is not installed");
        return None;
    }
    let bin = assert_cmd::cargo::cargo_bin("koracle");
    let file = place.at("typescript");
    let _ = std::fs::remove_file(&file);
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-f", "-c", &format!("'{}' {command}", bin.display())]).arg(&file);
    script
        .current_dir(place.dir.path())
        .env("HOME", place.dir.path())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    script
        .envs(path.map(|p| ("PATH", p)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = script.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_mins(1), "{command} never ends");
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(std::fs::read(&file).unwrap())
}

#[test]
fn a_terminal_gets_no_recording_raw() {
    let place = Place::new();
    std::fs::copy(&place.recording, place.at("r.csv")).unwrap();
    for command in
        ["export r.csv --format csv -o -", "export r.csv --format ftrace -o -", "import r.csv -o -"]
    {
        let Some(bytes) = on_a_terminal(&place, command, None) else { return };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(
            text.contains("\\x1b]52;c;eA==\\x07") && text.contains("\\u{202e}"),
            "{command}: {text}"
        );
        let raw = HOSTILE.iter().find(|name| text.contains(**name));
        assert!(raw.is_none(), "{command}: {raw:?}");
    }
}

#[test]
fn no_kernel_steers_the_terminal_from_beside_a_bar() {
    let place = Place::new();
    // The spinner is drawn ten times a second: it has time to.
    let path = fake_ssh(&place, &format!("printf 'KORACLE1\\nkernel 35\\n{SAID}'; sleep 1"));
    let command = "record --host h --seconds 1 -o x.csv.zst -- true";
    let Some(bytes) = on_a_terminal(&place, command, Some(&path)) else { return };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // A release is shown without what no release has.
    assert!(text.contains("0PWN"), "the kernel is shown: {text:?}");
    for raw in ["\u{1b}]0;PWN", "\u{1b}]52", "\u{1b}[31mred", "\u{9b}", "\u{202e}"] {
        assert!(!text.contains(raw), "{raw:?} is in {text:?}");
    }
}

#[test]
fn what_is_put_in_is_what_is_looked_for() {
    assert!(HOSTILE.iter().all(|name| name.contains(is_bad)));
    assert!(!"a é日 \n\t".contains(is_bad));
}
