//! A terminal for the binary: a tmux server of its own, in which keys go in and the screen is read
//! back.

#![allow(dead_code)] // each test uses what it needs

use super::environment::{Need, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything takes on a busy machine: a test that gets here has failed.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub const POLL: Duration = Duration::from_millis(20);

/// One tmux server with one window, in which `sh` runs the binary and then reports how it left the
/// terminal.
pub struct Screen {
    dir: TempDir,
}

impl Screen {
    /// Starts the binary without arguments; `None` when there is no tmux to do it in.
    pub fn start(size: (u16, u16), env: &[(&str, &str)]) -> Option<Self> {
        Self::start_in(Path::new(env!("CARGO_MANIFEST_DIR")), size, env)
    }

    /// The same in this folder.
    pub fn start_in(folder: &Path, size: (u16, u16), env: &[(&str, &str)]) -> Option<Self> {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_koracle")), folder, size, env)
    }

    /// The same with this binary.
    pub fn start_program(
        program: &Path,
        folder: &Path,
        size: (u16, u16),
        env: &[(&str, &str)],
    ) -> Option<Self> {
        Self::start_with(program, "", folder, size, env)
    }

    /// The same with this recording.
    pub fn start_with(
        program: &Path,
        recording: &str,
        folder: &Path,
        size: (u16, u16),
        env: &[(&str, &str)],
    ) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skip("a test in a terminal", Need::Tmux);
            return None;
        }
        let screen = Self { dir: tempfile::tempdir().expect("a folder") };
        let script = screen.dir.path().join("run.sh");
        // The inner `sh` becomes the binary, so that its process id is known. `cat` keeps the
        // window open.
        let text = format!(
            "sh -c 'echo $$ >\"{pid}\"; exec \"{bin}\" {recording}'\necho \"left with $?\"\nstty -a\necho shell is back\nexec cat\n",
            pid = screen.pid_file().display(),
            bin = program.display(),
        );
        std::fs::write(&script, text).expect("a script");
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let mut args =
            vec!["-f", "/dev/null", "-u", "new-session", "-d", "-x", &columns, "-y", &rows];
        let folder = folder.to_string_lossy();
        args.extend(["-c", &folder]);
        let variables: Vec<String> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        for variable in &variables {
            args.extend(["-e", variable]);
        }
        let command = format!("sh '{}'", script.display());
        args.push(&command);
        let out = screen.tmux(&args);
        assert!(out.status.success(), "tmux: {}", String::from_utf8_lossy(&out.stderr));
        Some(screen)
    }

    pub fn pid_file(&self) -> PathBuf {
        self.dir.path().join("pid")
    }

    /// Runs a tmux command on this server. Nothing of the caller's own terminal or settings gets
    /// in.
    pub fn tmux(&self, args: &[&str]) -> Output {
        let path = self.dir.path();
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", "koracle"]).args(args).env("TMUX_TMPDIR", path);
        tmux.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        for home in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"]
        {
            tmux.env(home, path);
        }
        for inherited in ["TMUX", "NO_COLOR", "COLORTERM", "CLICOLOR_FORCE"] {
            tmux.env_remove(inherited);
        }
        tmux.output().expect("tmux runs")
    }

    pub fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).status.success());
    }

    /// What is on the screen, line by line; with `colours`, with its escape sequences.
    pub fn text(&self, colours: bool) -> String {
        let args: &[&str] =
            if colours { &["capture-pane", "-p", "-e"] } else { &["capture-pane", "-p"] };
        String::from_utf8_lossy(&self.tmux(args).stdout).into_owned()
    }

    /// A number that tmux knows about the window, such as `alternate_on`.
    pub fn flag(&self, name: &str) -> String {
        let out = self.tmux(&["display-message", "-p", &format!("#{{{name}}}")]);
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    }

    /// Polls until the screen is as wanted and returns it.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text(false);
            if wanted(&text) {
                return text;
            }
            assert!(start.elapsed() < DEADLINE, "never saw {what}; the screen is\n{text}");
            std::thread::sleep(POLL);
        }
    }

    /// Waits until both lanes of the bundled traces are drawn.
    pub fn wait_for_lanes(&self) -> String {
        let text = self.wait("the lanes", |t| {
            title(t).contains("Timeline") && t.contains("CPU0") && t.contains("CPU1")
        });
        assert_eq!(self.flag("alternate_on"), "1", "draws on the alternate screen");
        text
    }

    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.pid_file()).expect("the process id");
        assert!(
            Command::new("kill").args([name, pid.trim()]).status().expect("kill runs").success()
        );
    }

    /// Waits for the shell, then looks at everything that a full-screen program changes.
    pub fn assert_restored(&self) -> String {
        let text = self.wait("the shell", |t| t.contains("shell is back"));
        for (flag, value) in [("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")]
        {
            assert_eq!(self.flag(flag), value, "{flag} after the end; the screen is\n{text}");
        }
        // `stty -a` prints a mode that is on by its name, one that is off with a minus.
        let modes: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ';').collect();
        for mode in ["echo", "icanon", "isig", "icrnl", "opost"] {
            assert!(modes.contains(&mode), "`{mode}` is off after the end:\n{text}");
        }
        assert!(!text.contains("CPU0"), "the program's screen is still there:\n{text}");
        text
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

pub fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
