//! The plan's shell: a child of this process, or at the other end of the system's `ssh`. Closing its input is how it is
//! told to stop; dropping the session does that and waits until it has cleaned up.

use super::RecordError;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

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
const REMOTE: &str = "sh -c 'if [ \"$(id -u)\" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi'";

/// A running plan.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    /// What the plan sends.
    pub output: BufReader<ChildStdout>,
    errors: File,
}

impl Session {
    /// Starts a shell that waits for the plan.
    pub fn start(target: &Target) -> Result<Self, RecordError> {
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
        let errors = tempfile::tempfile().map_err(RecordError::Disk)?;
        let stderr = errors.try_clone().map_err(RecordError::Disk)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let start = |source| RecordError::Start { program, source };
        let mut child = command.spawn().map_err(start)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { child, input, output: BufReader::with_capacity(1 << 18, output), errors })
    }

    /// The plan's standard input, while it is open.
    pub fn input(&mut self) -> Option<&mut ChildStdin> {
        self.input.as_mut()
    }

    /// Ends the session and gives the end of what it said on standard error.
    pub fn last_words(&mut self) -> String {
        self.input = None;
        let status = self.child.wait();
        let mut said = Vec::new();
        // Without its words there is still the status.
        let _ = self.errors.rewind().and_then(|()| self.errors.read_to_end(&mut said));
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(3)..].join("; ");
        match status {
            _ if !last.is_empty() => last,
            Ok(status) => format!("the shell ended with {status}"),
            Err(e) => e.to_string(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input = None;
        // It may be writing: reading on lets it come to its end.
        let _ = std::io::copy(&mut self.output, &mut std::io::sink());
        let _ = self.child.wait();
    }
}
