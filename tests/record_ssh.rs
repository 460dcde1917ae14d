//! Recording through a real `sshd` on loopback, with keys and a port of its own: what comes, what is said when it
//! cannot, and that nothing is left behind when the connection dies. Where there is no root, tracefs or sshd the tests
//! say that they were skipped; with `KORACLE_CI` set that is a failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::ingest;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const INSTANCES: &str = "/sys/kernel/tracing/instances";
const SSHD: &str = "/usr/sbin/sshd";

/// A server that ends with the test.
struct Server {
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
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.unwrap().success());
}

/// Waits, without sleeping, until something is so.
fn until(what: &str, limit: u64, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(limit), "{what} after {limit} s");
        std::thread::yield_now();
    }
}

impl Server {
    fn start(test: &str) -> Option<Self> {
        let hackbench = ["/usr/bin/hackbench", "/usr/local/bin/hackbench"].iter().any(|p| Path::new(p).exists());
        if std::fs::read_dir(INSTANCES).is_err() || !Path::new(SSHD).exists() || !hackbench {
            assert!(std::env::var_os("KORACLE_CI").is_none(), "{test} needs root, tracefs, sshd and hackbench");
            println!("skipped: {test}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().display().to_string();
        for name in ["host", "user", "stranger", "other"] {
            key(&folder.path().join(name));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/user.pub\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\n"
        );
        std::fs::write(folder.path().join("sshd_config"), config).unwrap();
        // Where sshd keeps its privileges apart.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let mut sshd = Command::new(SSHD);
        sshd.args(["-D", "-e", "-f"]).arg(folder.path().join("sshd_config")).stderr(Stdio::null());
        let server = Self { child: sshd.spawn().unwrap(), folder, port };
        until("sshd does not answer", 20, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An ssh configuration with this user key and this host key as the known one.
    fn config(&self, user: &str, known: &str) -> PathBuf {
        let (dir, port) = (self.folder.path().display(), self.port);
        let host_key = std::fs::read_to_string(self.path(&format!("{known}.pub"))).unwrap();
        let path = self.path(&format!("config-{user}-{known}"));
        std::fs::write(self.path(&format!("known-{known}")), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
        let text = format!(
            "Host guest\n HostName 127.0.0.1\n Port {port}\n User root\n IdentityFile {dir}/{user}\n IdentitiesOnly yes\n \
             IdentityAgent none\n UserKnownHostsFile {dir}/known-{known}\n StrictHostKeyChecking yes\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    fn koracle(&self, config: &Path, seconds: &str, out: &str) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
        run.args(["record", "--host", "guest", "--workload", "hackbench-pipe-2g", "--seconds", seconds]);
        // Room for all of it: nothing may be lost, however busy the machine is.
        run.args(["--buffer", "131072", "-F"]);
        run.arg(config).arg("-o").arg(self.path(out)).stderr(Stdio::piped());
        run
    }
}

fn instances() -> Vec<String> {
    let all = std::fs::read_dir(INSTANCES).unwrap().flatten().map(|d| d.file_name().to_string_lossy().into_owned());
    all.filter(|n| n.starts_with("koracle-")).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything in one test: recordings of one machine must not see each other's instances.
#[test]
fn through_a_real_sshd() {
    let Some(server) = Server::start("through_a_real_sshd") else { return };
    let good = server.config("user", "host");
    assert_eq!(instances(), [""; 0]);

    let done = server.koracle(&good, "1", "good.csv.zst").output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(instances(), [""; 0]);
    let trace = ingest::open(&server.path("good.csv.zst")).unwrap().trace;
    assert!(trace.len() > 1000 && trace.meta().lost.iter().all(|&l| l == 0), "{:?}", trace.meta().lost);
    let fine = trace.times().iter().filter(|&&t| !(t + trace.meta().start_ns).is_multiple_of(1000)).count();
    assert!(fine * 10 > trace.len() * 9);

    // A key that the server does not know; a server whose key is another than it was.
    for (config, words) in [
        (server.config("stranger", "host"), "Permission denied"),
        (server.config("user", "other"), "Host key verification failed"),
    ] {
        let refused = server.koracle(&config, "1", "bad.csv.zst").output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("no recording on guest") && said(&refused).contains(words),
            "{}",
            said(&refused)
        );
        assert!(!server.path("bad.csv.zst").exists());
    }

    // The local ssh dies while the workload runs: the other side cleans up by itself.
    let cut = server.koracle(&good, "60", "cut.csv.zst").spawn().unwrap();
    until("no instance", 60, || !instances().is_empty());
    let children = Command::new("ps").args(["-o", "pid=", "--ppid", &cut.id().to_string()]).output().unwrap();
    let ssh = String::from_utf8(children.stdout).unwrap().trim().to_owned();
    assert!(Command::new("kill").args(["-9", &ssh]).status().unwrap().success(), "{ssh:?}");
    let cut = cut.wait_with_output().unwrap();
    until("an instance is left", 60, || instances().is_empty());
    // What came before is kept; when nothing had come that is said.
    assert!(cut.status.success() == server.path("cut.csv.zst").exists(), "{}", said(&cut));
    assert!(said(&cut).contains("signal: 9"), "{}", said(&cut));

    // The recorder itself is killed.
    let mut killed = server.koracle(&good, "60", "killed.csv.zst").spawn().unwrap();
    until("no instance", 60, || !instances().is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    until("an instance is left", 60, || instances().is_empty());
    assert!(!server.path("killed.csv.zst").exists());

    // Two at once.
    let two = ["a.csv.zst", "b.csv.zst"].map(|out| server.koracle(&good, "1", out).spawn().unwrap());
    for run in two {
        let done = run.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
    assert_eq!(instances(), [""; 0]);
    assert!(["a", "b"].iter().all(|n| ingest::open(&server.path(&format!("{n}.csv.zst"))).unwrap().trace.len() > 1000));
}
