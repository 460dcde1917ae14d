//! A script that works for as long as this program lives: it hears the end of its input, and then
//! ends what it started and removes what it made. So a program that is killed leaves nothing.

use super::VmError;
use crate::job::Job;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// So much of what it says is taken: some lines.
const MOST_SAID: u64 = 1 << 20;

/// What a script says.
pub enum Said {
    /// A line.
    Line(String),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
}

/// A running script.
pub struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Shell {
    /// Starts `script` with these arguments.
    pub fn start(script: &str, arguments: Vec<OsString>) -> Result<Self, VmError> {
        let mut sh = Command::new("sh");
        sh.args(["-c", script, "koracle"]).args(arguments);
        // A group of its own: Ctrl-C is for this program, which ends the script in order.
        sh.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = sh.spawn().map_err(VmError::folder("sh"))?;
        let (tx, lines) = sync_channel(64);
        let output = child.stdout.take();
        let read = move |_: &_| {
            let Some(output) = output else { return };
            for line in BufReader::new(output.take(MOST_SAID)).lines().map_while(Result::ok) {
                if tx.send(line).is_err() {
                    return;
                }
            }
        };
        // Ends with the script.
        drop(Job::spawn("vm", read, |_| {}));
        Ok(Self { input: child.stdin.take(), child, lines })
    }

    /// What it says next, waiting so long at most.
    pub fn next(&self, within: Duration) -> Said {
        match self.lines.recv_timeout(within) {
            Ok(line) => Said::Line(line),
            Err(RecvTimeoutError::Timeout) => Said::Nothing,
            Err(RecvTimeoutError::Disconnected) => Said::End,
        }
    }

    /// Tells it something.
    pub fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.input.as_mut().map_or(Ok(()), |input| input.write_all(text.as_bytes()))
    }

    /// Waits for its end, for which its input is closed.
    pub fn end(&mut self) -> std::io::Result<ExitStatus> {
        self.input = None;
        self.child.wait()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // What it made is gone then.
        let _ = self.end();
    }
}
