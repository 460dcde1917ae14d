//! The machines that can be recorded on: those that `vagrant` has made for the Vagrantfile here, and those that the
//! user's ssh configuration names. A Vagrant machine is reached through what `vagrant ssh-config` says of it, any other
//! name is left to `ssh`.

use super::{Target, ssh_config};
use crate::job::Cancel;
use etcetera::BaseStrategy;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// So much of what `vagrant` says is read: more than any folder has machines.
const MOST_SAID: u64 = 1 << 20;

/// Who knows a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `vagrant ssh-config`.
    Vagrant,
    /// The user's ssh configuration.
    SshConfig,
}

impl Source {
    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vagrant => "vagrant",
            Self::SshConfig => "ssh config",
        }
    }
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As `ssh` knows it, with `config` if there is one.
    pub name: String,
    /// The configuration that `ssh` must be given (`ssh -F`); `None`: its own.
    pub config: Option<PathBuf>,
    /// Who knows it.
    pub from: Source,
}

/// The running machines of the Vagrantfile in `dir`, then those of the user's ssh configuration. `vagrant` takes seconds
/// to answer; `cancel` ends it.
pub fn list(dir: &Path, cancel: &Cancel) -> Vec<Host> {
    let mut hosts = vagrant(dir, &made(dir), cancel);
    if let Ok(home) = etcetera::home_dir() {
        let folder = home.join(".ssh");
        let names = ssh_config::names(&folder.join("config"), &folder, &home);
        hosts.extend(names.into_iter().map(|name| Host { name, config: None, from: Source::SshConfig }));
    }
    hosts
}

/// Where a recording on `name` is made: a running machine of the Vagrantfile in `dir` is reached as `vagrant` says, any
/// other name is `ssh`'s.
pub fn resolve(name: &str, dir: &Path, cancel: &Cancel) -> Target {
    let mut wanted = made(dir);
    wanted.retain(|m| m == name);
    let config = vagrant(dir, &wanted, cancel).into_iter().find(|h| h.name == name).and_then(|h| h.config);
    Target::Ssh { host: name.to_owned(), config }
}

/// The machines that `vagrant` has made here; asking it would take seconds.
fn made(dir: &Path) -> Vec<String> {
    if !dir.join("Vagrantfile").is_file() {
        return Vec::new();
    }
    let own = std::env::var_os("VAGRANT_DOTFILE_PATH").filter(|p| !p.is_empty());
    let machines = dir.join(own.map_or_else(|| PathBuf::from(".vagrant"), PathBuf::from)).join("machines");
    let folders = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    // machines/NAME/PROVIDER/id
    let made = folders(&machines).filter(|m| folders(m).any(|provider| provider.join("id").is_file()));
    let mut names: Vec<String> = made.filter_map(|m| Some(m.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// Those of `machines` that run, each with a file that says how to reach them.
fn vagrant(dir: &Path, machines: &[String], cancel: &Cancel) -> Vec<Host> {
    if machines.is_empty() {
        return Vec::new();
    }
    // One machine that does not run spoils the answer for those behind it: then each is asked for.
    let mut text = match ask(dir, machines, cancel) {
        Some((text, true)) => text,
        Some((text, false)) if machines.len() == 1 => text,
        Some(_) => machines.iter().filter_map(|m| Some(ask(dir, std::slice::from_ref(m), cancel)?.0)).collect(),
        None => return Vec::new(),
    };
    text.retain(|c| c != '\r');
    let Some(file) = keep(dir, &text) else { return Vec::new() };
    let folder = file.parent().unwrap_or(dir);
    let mut names = ssh_config::names(&file, folder, folder);
    names.retain(|n| machines.contains(n));
    names.into_iter().map(|name| Host { name, config: Some(file.clone()), from: Source::Vagrant }).collect()
}

/// What `vagrant ssh-config` says, and whether it was content; `None` where there is no vagrant, or it was cancelled.
fn ask(dir: &Path, machines: &[String], cancel: &Cancel) -> Option<(String, bool)> {
    // A file, because nobody reads a pipe while the end is waited for.
    let mut said = tempfile::tempfile().ok()?;
    let mut vagrant = Command::new("vagrant");
    vagrant.arg("ssh-config").args(machines).current_dir(dir).env("VAGRANT_NO_COLOR", "1");
    vagrant.stdin(Stdio::null()).stdout(said.try_clone().ok()?).stderr(Stdio::null());
    let mut child = vagrant.spawn().ok()?;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if !cancel.is_cancelled() => std::thread::sleep(Duration::from_millis(30)),
            _ => {
                // It may have ended just now.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let mut text = String::new();
    said.rewind().and_then(|()| said.take(MOST_SAID).read_to_string(&mut text)).ok()?;
    Some((text, status.success()))
}

/// Keeps the answer for `ssh -F`, in the user's own cache folder and readable by nobody else. One file for each folder
/// with a Vagrantfile, so that they do not pile up.
fn keep(dir: &Path, text: &str) -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?.cache_dir().join("koracle");
    std::fs::create_dir_all(&folder).ok()?;
    let hash = xxh3_64(std::path::absolute(dir).ok()?.as_os_str().as_encoded_bytes());
    let path = folder.join(format!("vagrant-{hash:016x}.ssh"));
    // Its mode is 0600 from the start, and its name appears with all of its text.
    let mut file = tempfile::NamedTempFile::new_in(&folder).ok()?;
    file.write_all(text.as_bytes()).ok()?;
    file.persist(&path).ok()?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_that_were_made_are_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let machine = |name: &str, id: bool| {
            let folder = dir.path().join(".vagrant/machines").join(name).join("libvirt");
            std::fs::create_dir_all(&folder).unwrap();
            if id {
                std::fs::write(folder.join("id"), "0123").unwrap();
            }
        };
        machine("eevdf", true);
        machine("cfs", true);
        machine("gone", false);
        assert_eq!(made(dir.path()), [""; 0], "without a Vagrantfile there is no machine");
        std::fs::write(dir.path().join("Vagrantfile"), "").unwrap();
        assert_eq!(made(dir.path()), ["cfs", "eevdf"]);
        let other = Target::Ssh { host: "gone".into(), config: None };
        assert_eq!(resolve("gone", dir.path(), &Cancel::new()), other);
    }
}
