//! A real `sshd` on loopback with keys and a port of its own, which ends with the test.

#![allow(dead_code)] // not every program that takes this in needs all of it

use super::machine::{Need, SSHD, skip, until};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(path: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.unwrap().success());
}

impl Server {
    /// `None`, after saying so, where there is no sshd.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, "")
    }

    /// With more lines of `sshd_config`.
    pub fn start_with(test: &str, more: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            skip(test, Need::Tool("sshd"));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().display().to_string();
        for name in ["host", "user", "stranger", "other"] {
            key(&folder.path().join(name));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile \
             {dir}/user.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication \
             no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\n{more}\n"
        );
        std::fs::write(folder.path().join("sshd_config"), config).unwrap();
        // Where sshd keeps its privileges apart.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let mut sshd = Command::new(SSHD);
        sshd.args(["-D", "-e", "-f"]).arg(folder.path().join("sshd_config")).stderr(Stdio::null());
        let server = Self { child: sshd.spawn().unwrap(), folder, port };
        until("sshd answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of an ssh configuration for `host` with this user key and this host key as the
    /// known one.
    pub fn config_text(&self, host: &str, user: &str, known: &str) -> String {
        let (dir, port) = (self.folder.path().display(), self.port);
        let host_key = std::fs::read_to_string(self.path(&format!("{known}.pub"))).unwrap();
        std::fs::write(
            self.path(&format!("known-{known}")),
            format!("[127.0.0.1]:{port} {host_key}"),
        )
        .unwrap();
        format!(
            "Host {host}\n HostName 127.0.0.1\n Port {port}\n User root\n IdentityFile \
             {dir}/{user}\n IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile \
             {dir}/known-{known}\n StrictHostKeyChecking yes\n"
        )
    }

    /// The same as a file.
    pub fn config(&self, user: &str, known: &str) -> PathBuf {
        let path = self.path(&format!("config-{user}-{known}"));
        std::fs::write(&path, self.config_text("guest", user, known)).unwrap();
        path
    }

    /// `koracle record` through this server; what is recorded is still to be said.
    pub fn record(&self, seconds: &str, out: &str) -> Command {
        self.record_with(&self.config("user", "host"), seconds, out)
    }

    pub fn record_with(&self, config: &Path, seconds: &str, out: &str) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
        run.args(["record", "--host", "guest", "--seconds", seconds, "-F"]);
        run.arg(config).arg("-o").arg(self.path(out)).stderr(Stdio::piped());
        run
    }
}

/// A load without a loss, however busy the machine is: there is room for all of it.
pub const HACKBENCH: [&str; 4] = ["--workload", "hackbench-pipe-2g", "--buffer", "131072"];

/// What a program said.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program said that failed as it should, with exit code 1 and no file.
pub fn refusal(run: &mut Command, out: &Path) -> String {
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!out.exists());
    let left = std::fs::read_dir(out.parent().unwrap()).unwrap().flatten();
    let half: Vec<_> = left
        .map(|f| f.file_name())
        .filter(|n| n.to_string_lossy().starts_with(".koracle-"))
        .collect();
    assert!(half.is_empty(), "{half:?}");
    said(&output)
}
