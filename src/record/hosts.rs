//! The machines that can be recorded on: this program's own (`vm`), those of the Vagrantfile here,
//! and those that the user's ssh configuration names. A machine of the first two is reached as it
//! is known there or not at all; any other name is left to `ssh`.

mod vagrant;

use super::{Target, ssh_config};
use crate::job::Cancel;
use crate::vm::{self, Kind, place::Place};
use std::path::{Path, PathBuf};

/// Who knows a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This program: `koracle vm`.
    Vm(Kind),
    /// The Vagrantfile here.
    Vagrant,
    /// The user's ssh configuration.
    SshConfig,
}

impl Source {
    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vm(_) => "koracle vm",
            Self::Vagrant => "vagrant",
            Self::SshConfig => "ssh config",
        }
    }
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody here knows.
    Unknown,
    /// It does.
    Running,
    /// It does not; what it is instead.
    Down(&'static str),
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
    /// Whether it runs.
    pub state: State,
}

impl Host {
    /// `running`, `stopped`, ...; empty where nobody knows.
    pub fn standing(&self) -> &'static str {
        match self.state {
            State::Unknown => "",
            State::Running => "running",
            State::Down(how) => how,
        }
    }

    /// The command that starts it, if it is down.
    pub fn start(&self) -> Option<String> {
        match (self.state, self.from) {
            (State::Down(_), Source::Vm(_)) => Some(format!("koracle vm up {}", self.name)),
            (State::Down(_), Source::Vagrant) => Some(format!("vagrant up {}", self.name)),
            _ => None,
        }
    }
}

/// One machine of each name, the one that runs before others: what a name alone means.
pub fn by_name(hosts: Vec<Host>) -> Vec<Host> {
    let mut named: Vec<Host> = Vec::new();
    for host in hosts {
        match named.iter_mut().find(|h| h.name == host.name) {
            None => named.push(host),
            Some(before)
                if matches!(before.state, State::Down(_))
                    && !matches!(host.state, State::Down(_)) =>
            {
                *before = host;
            }
            Some(_) => {}
        }
    }
    named
}

/// What is known to record on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Machines. A name may be there twice, of different sources.
    pub hosts: Vec<Host>,
    /// What else could be there, and what `vagrant` had to say.
    pub notes: Vec<String>,
}

/// Why a machine that is known is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It does not run.
    #[error("{name} does not run: {how}")]
    Down {
        /// The machine.
        name: String,
        /// What starts it.
        how: String,
    },
    /// Two of this name run.
    #[error("two machines called {name} run: that of `koracle vm` and that of the Vagrantfile \
             here; end one, or choose with -F {} or -F {}", files[0].display(), files[1].display())]
    Two {
        /// The name.
        name: String,
        /// Their configurations for ssh.
        files: [PathBuf; 2],
    },
}

/// This program's own machines; known at once.
pub fn own() -> Vec<Host> {
    let places = Kind::ALL.into_iter().filter(|_| vm::is_possible()).filter_map(Place::of);
    let host = |place: Place| {
        let state = match place.state() {
            vm::State::Running(_) => State::Running,
            state => State::Down(state.label()),
        };
        let config = Some(place.ssh_config()).filter(|_| state == State::Running);
        Host { name: place.kind.name().into(), config, from: Source::Vm(place.kind), state }
    };
    places.map(host).collect()
}

/// This program's machines, those of the Vagrantfile in `dir`, then those of the user's ssh
/// configuration. `vagrant` takes seconds to answer; `cancel` ends it.
pub fn list(dir: &Path, cancel: &Cancel) -> Known {
    let mut known = Known { hosts: own(), notes: Vec::new() };
    let (made, others): (Vec<_>, Vec<_>) = vagrant::known(dir).into_iter().partition(|m| m.1);
    let made: Vec<String> = made.into_iter().map(|m| m.0).collect();
    if !vagrant::is_here(dir) {
        known.notes.push("there is no Vagrantfile here".into());
    } else if made.is_empty() {
        known.notes.push("no machine of the Vagrantfile here was made: vagrant up".into());
    }
    for (host, said) in vagrant::ask(dir, &made, cancel) {
        if host.state != State::Running && !said.is_empty() {
            known.notes.push(format!("vagrant says of {}: {said}", host.name));
        }
        known.hosts.push(host);
    }
    known.hosts.extend(others.into_iter().map(|(name, _)| not_created(name)));
    let named = named();
    if named.is_empty() {
        known.notes.push(
            "your ssh configuration names no host; --host takes any name that ssh knows".into(),
        );
    }
    let of_ssh = |name| Host { name, config: None, from: Source::SshConfig, state: State::Unknown };
    known.hosts.extend(named.into_iter().map(of_ssh));
    known
}

fn not_created(name: String) -> Host {
    Host { name, config: None, from: Source::Vagrant, state: State::Down("not created") }
}

/// The names in the user's ssh configuration.
fn named() -> Vec<String> {
    let Ok(home) = etcetera::home_dir() else { return Vec::new() };
    let folder = home.join(".ssh");
    ssh_config::names(&folder.join("config"), &folder, &home)
}

/// Where a recording on `name` is made. A running machine of this program or of the Vagrantfile in
/// `dir` is reached as it is known there; one that does not run is refused, and never looked for
/// elsewhere under its name, unless this program never built it and the ssh configuration has a
/// machine of that name. Any other name is `ssh`'s.
pub fn resolve(name: &str, dir: &Path, cancel: &Cancel) -> Result<Target, HostError> {
    let own = own().into_iter().find(|h| h.name == name);
    let (vagrants, said) = of_vagrant(name, dir, cancel)
        .map_or((None, String::new()), |(host, said)| (Some(host), said));
    let all: Vec<&Host> = own.iter().chain(&vagrants).collect();
    let running: Vec<PathBuf> = all.iter().filter_map(|h| h.config.clone()).collect();
    let target = |config| Target::Ssh { host: name.to_owned(), config };
    match <[PathBuf; 2]>::try_from(running) {
        Ok(files) => return Err(HostError::Two { name: name.into(), files }),
        Err(mut one) => {
            if let Some(config) = one.pop() {
                return Ok(target(Some(config)));
            }
        }
    }
    let never_built =
        vagrants.is_none() && own.as_ref().is_none_or(|h| h.state == State::Down("not built"));
    if all.is_empty() || never_built && named().iter().any(|n| n == name) {
        return Ok(target(None));
    }
    let starts: Vec<String> =
        all.iter().filter_map(|h| Some(format!("`{}` starts {}", h.start()?, whose(h)))).collect();
    let mut how = starts.join(", ");
    if !said.is_empty() {
        how += &["; vagrant says: ", said.as_str()].concat();
    }
    Err(HostError::Down { name: name.into(), how })
}

fn whose(host: &Host) -> &'static str {
    match host.from {
        Source::Vagrant => "that of the Vagrantfile here",
        _ if host.state == State::Down("not built") => "koracle's own, built first (some minutes)",
        _ => "koracle's own",
    }
}

/// The machine of this name of the Vagrantfile in `dir`, and what vagrant says of it.
fn of_vagrant(name: &str, dir: &Path, cancel: &Cancel) -> Option<(Host, String)> {
    match vagrant::known(dir).into_iter().find(|m| m.0 == name) {
        Some((name, true)) => vagrant::ask(dir, &[name], cancel).pop(),
        Some((name, false)) => Some((not_created(name), String::new())),
        None => {
            let here = vagrant::mentions(dir, name) && !named().iter().any(|n| n == name);
            here.then(|| (not_created(name.into()), String::new()))
        }
    }
}
