//! The plan's shell: a child of this process, or at the other end of the system's `ssh`. Closing
//! its input is how it is told to stop; dropping the session does that, and waits until it has
//! cleaned up. No call here waits for it to read.

use super::RecordError;
use super::tail::Tail;
use crate::job::Job;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Where a recording is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// On this machine, which needs root.
    Local,
    /// Through `ssh`, as root there or with `sudo -n`.
    Ssh {
        /// As `ssh` knows it.
        host: String,
        /// Another configuration file (`ssh -F`).
        config: Option<PathBuf>,
    },
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("this machine"),
            Self::Ssh { host, .. } => f.write_str(host),
        }
    }
}

/// Constant, so that nothing can be mistaken for code: everything else goes over standard input.
const REMOTE: &str = "sh -c 'if [ \"$(id -u)\" = 0 ]; then exec sh -s; fi; command -v sudo \
                      >/dev/null || { echo \"sudo: not installed, and the user there is not root\" \
                      >&2; exit 1; }; exec sudo -n sh -s'";
/// No questions; a dead connection is noticed, and the plan on the other side ends with it; and
/// what is wrong is said, also where a configuration wants silence, as vagrant's does.
const OPTIONS: [&str; 5] = [
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=2",
    "LogLevel=ERROR",
];
/// A plan that was told to stop has cleaned up by then (workloads that do not end are killed after
/// two seconds).
const PATIENCE: Duration = Duration::from_secs(12);
const STEP: Duration = Duration::from_millis(20);
/// After its end its last words have so long to arrive: others may hold its standard error open for
/// ever.
const WORDS: Duration = Duration::from_millis(300);
/// Words that wait for a shell that does not read. More are not said: there is nobody to hear them.
const UNHEARD: usize = 16;

/// A running plan.
#[derive(Debug)]
pub struct Session {
    child: Child,
    remote: bool,
    /// To the thread that writes; it closes the input when this is dropped.
    input: Option<SyncSender<String>>,
    errors: Tail,
}

impl Session {
    /// Starts a shell that waits for the plan; what it will say comes out of the pipe.
    pub fn start(target: &Target) -> Result<(Self, ChildStdout), RecordError> {
        let (program, mut command) = match target {
            Target::Local => ("sh", Command::new("sh")),
            Target::Ssh { .. } => ("ssh", Command::new("ssh")),
        };
        match target {
            Target::Local => {
                command.arg("-s");
            }
            Target::Ssh { host, config } => {
                if let Some(config) = config {
                    command.arg("-F").arg(config);
                }
                for option in OPTIONS {
                    command.args(["-o", option]);
                }
                command.args(["-T", "--", host, REMOTE]);
            }
        }
        // A group of its own: Ctrl-C in the terminal is for this program, which then ends the plan
        // in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| RecordError::Start { program, source })?;
        let errors = child.stderr.take().map(Tail::listen).unwrap_or_default();
        let (input, output) = (child.stdin.take().map(writer), child.stdout.take());
        let session = Self { child, remote: *target != Target::Local, input, errors };
        let pipe = || RecordError::Start { program, source: std::io::ErrorKind::BrokenPipe.into() };
        Ok((session, output.ok_or_else(pipe)?))
    }

    /// Says something to the plan. A connection that breaks here is explained by what `ssh` said,
    /// not by this write.
    pub fn say(&mut self, text: &str) {
        let _ = self.input.as_ref().map(|i| i.try_send(text.to_owned()));
    }

    /// Closes its input, which tells it to stop.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends it now, whatever it does. Of an `ssh` the other side hears the end of input; the shell
    /// of this machine hears it here, and is left to clean up.
    pub fn cut(&mut self) {
        self.input = None;
        if self.remote {
            // It may have ended just now.
            let _ = self.child.kill();
        }
    }

    /// Waits for its end, which is enforced when it takes too long, or when `go_on`, called in
    /// between, says no.
    pub fn end(&mut self, mut go_on: impl FnMut() -> bool) -> std::io::Result<ExitStatus> {
        self.input = None;
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if since.elapsed() > PATIENCE {
                // It may have ended just now.
                let _ = self.child.kill();
                return self.child.wait();
            }
            if !go_on() {
                self.cut();
            }
            std::thread::sleep(STEP);
        }
    }

    /// Ends the session and gives the end of what it said on standard error.
    pub fn last_words(&mut self, go_on: impl FnMut() -> bool) -> String {
        let status = self.end(go_on);
        let since = Instant::now();
        while !self.errors.ended() && since.elapsed() < WORDS {
            std::thread::sleep(STEP);
        }
        let last = self.errors.lines(3).join("; ");
        match status {
            _ if last.contains("sudo") => {
                format!("{last} (recording needs root there, or sudo that asks for no password)")
            }
            _ if !last.is_empty() => last,
            Ok(status) => format!("the shell ended with {status}"),
            Err(e) => e.to_string(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Whatever it says now, there is nobody left to tell.
        let _ = self.end(|| true);
    }
}

/// A thread that writes what it is sent, for as long as the other side reads it.
fn writer(mut input: ChildStdin) -> SyncSender<String> {
    let (tx, words) = sync_channel::<String>(UNHEARD);
    let write = move |_: &_| {
        while let Ok(text) = words.recv() {
            if input.write_all(text.as_bytes()).and_then(|()| input.flush()).is_err() {
                return;
            }
        }
    };
    // Ends when nobody sends any more, or the other side is gone: nobody has to ask it to.
    drop(Job::spawn("say", write, |_| {}));
    tx
}
