//! The plan's shell: a child of this process, or at the other end of the system's `ssh`. Closing its input is how it is
//! told to stop; dropping the session does that, and waits until it has cleaned up.

use super::RecordError;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
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
const REMOTE: &str = "sh -c 'if [ \"$(id -u)\" = 0 ]; then exec sh -s; fi; \
    command -v sudo >/dev/null || { echo \"sudo: not installed, and the user there is not root\" >&2; exit 1; }; \
    exec sudo -n sh -s'";
/// A plan that was told to stop has cleaned up by then (workloads that do not end are killed after two seconds).
const PATIENCE: Duration = Duration::from_secs(12);
const STEP: Duration = Duration::from_millis(20);

/// A running plan.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    errors: File,
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
                // No questions, and a dead connection is noticed: the plan on the other side ends with it.
                for option in ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=2"] {
                    command.args(["-o", option]);
                }
                command.args(["-T", "--", host, REMOTE]);
            }
        }
        // A group of its own: Ctrl-C in the terminal is for this program, which then ends the plan in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let errors = tempfile::tempfile().map_err(RecordError::disk)?;
        let stderr = errors.try_clone().map_err(RecordError::disk)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let start = |source| RecordError::Start { program, source };
        let mut child = command.spawn().map_err(start)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let session = Self { child, input, errors };
        Ok((session, output.ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?))
    }

    /// Writes to the plan. A connection that breaks here is explained by what `ssh` said, not by this write.
    pub fn say(&mut self, text: &str) {
        let _ = self.input.as_mut().map(|i| i.write_all(text.as_bytes()).and_then(|()| i.flush()));
    }

    /// Closes its input, which tells it to stop.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends it now, whatever it does. Of an `ssh` the other side hears the end of input.
    pub fn kill(&mut self) {
        self.input = None;
        // It may have ended just now.
        let _ = self.child.kill();
    }

    /// Waits for its end, which is enforced when it takes too long. `wait` is called in between.
    pub fn end(&mut self, mut wait: impl FnMut()) -> std::io::Result<ExitStatus> {
        self.input = None;
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if since.elapsed() > PATIENCE {
                self.kill();
                return self.child.wait();
            }
            std::thread::sleep(STEP);
            wait();
        }
    }

    /// Ends the session and gives the end of what it said on standard error.
    pub fn last_words(&mut self, wait: impl FnMut()) -> String {
        let status = self.end(wait);
        let mut said = Vec::new();
        // Without its words there is still the status.
        let _ = self.errors.rewind().and_then(|()| self.errors.read_to_end(&mut said));
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(3)..].join("; ");
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
        let _ = self.end(|| ());
    }
}
