//! Machines of the Vagrantfile in a folder: which there are, what `vagrant ssh-config` says of
//! those that run, and what vagrant says of those that do not.

use super::{Host, Source, State};
use crate::export::write_private;
use crate::job::Cancel;
use crate::places::User;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

use super::super::ssh_config;

/// So much of what `vagrant` says is read: more than any folder has machines.
const MOST_SAID: u64 = 1 << 20;
/// So much of a Vagrantfile is looked through.
const LONGEST: u64 = 1 << 20;

/// Whether there is a Vagrantfile in `dir`.
pub fn is_here(dir: &Path) -> bool {
    dir.join("Vagrantfile").is_file()
}

/// The machines of which vagrant has made something, and whether they are there:
/// `machines/NAME/PROVIDER/id`. Asking vagrant would take seconds.
pub fn known(dir: &Path) -> Vec<(String, bool)> {
    if !is_here(dir) {
        return Vec::new();
    }
    let own = std::env::var_os("VAGRANT_DOTFILE_PATH").filter(|p| !p.is_empty());
    let machines =
        dir.join(own.map_or_else(|| PathBuf::from(".vagrant"), PathBuf::from)).join("machines");
    let folders =
        |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    let is_made = |m: &Path| folders(m).any(|provider| provider.join("id").is_file());
    let of = |m: PathBuf| Some((m.file_name()?.to_str()?.to_owned(), is_made(&m)));
    let mut names: Vec<(String, bool)> = folders(&machines).filter_map(of).collect();
    names.sort();
    names
}

/// Whether the Vagrantfile in `dir` has `name` as a text of its own. Then it is most likely a
/// machine, which was not made.
pub fn mentions(dir: &Path, name: &str) -> bool {
    let mut text = Vec::new();
    let file = File::open(dir.join("Vagrantfile")).ok().filter(|_| is_here(dir));
    let Some(Ok(_)) = file.map(|f| f.take(LONGEST).read_to_end(&mut text)) else { return false };
    let text = String::from_utf8_lossy(&text);
    let code = || text.lines().filter(|l| !l.trim_start().starts_with('#'));
    ['"', '\''].iter().any(|q| code().any(|l| l.contains(&format!("{q}{name}{q}"))))
}

/// These machines, which were made: those that run each with a file that says how to reach them.
/// What vagrant says of the others comes with them.
pub fn ask(dir: &Path, made: &[String], cancel: &Cancel) -> Vec<(Host, String)> {
    if made.is_empty() {
        return Vec::new();
    }
    // One machine that does not run spoils the answer for those behind it: then each is asked for.
    let mut answer = ssh_config(dir, made, cancel).unwrap_or_default();
    let mut said = vec![answer.said.clone(); made.len()];
    if !answer.content && made.len() > 1 {
        answer.text.clear();
        for (machine, said) in made.iter().zip(&mut said) {
            let of = ssh_config(dir, std::slice::from_ref(machine), cancel).unwrap_or_default();
            answer.text += &of.text;
            *said = of.said;
        }
    }
    answer.text.retain(|c| c != '\r');
    let file = keep(dir, &answer.text);
    let names = file.as_ref().map_or_else(Vec::new, |file| {
        let folder = file.parent().unwrap_or(dir);
        ssh_config::names(file, folder, folder)
    });
    let host = |(name, said): (&String, String)| {
        let runs = names.contains(name);
        let state = if runs { State::Running } else { State::Down("not running") };
        let config = file.clone().filter(|_| runs);
        (Host { name: name.clone(), config, from: Source::Vagrant, state }, said)
    };
    made.iter().zip(said).map(host).collect()
}

/// What `vagrant ssh-config` answers.
#[derive(Default)]
struct Answer {
    text: String,
    content: bool,
    /// What it had to say on standard error.
    said: String,
}

/// `None` where there is no vagrant, or it was cancelled.
fn ssh_config(dir: &Path, machines: &[String], cancel: &Cancel) -> Option<Answer> {
    // Files, because nobody reads a pipe while the end is waited for.
    let (mut text, mut said) = (tempfile::tempfile().ok()?, tempfile::tempfile().ok()?);
    let mut vagrant = Command::new("vagrant");
    vagrant.arg("ssh-config").args(machines).current_dir(dir).env("VAGRANT_NO_COLOR", "1");
    vagrant.stdin(Stdio::null()).stdout(text.try_clone().ok()?).stderr(said.try_clone().ok()?);
    let mut child = match vagrant.spawn() {
        Ok(child) => child,
        Err(e) => return Some(Answer { said: format!("vagrant: {e}"), ..Answer::default() }),
    };
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
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.take(MOST_SAID).read_to_end(&mut bytes)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    Some(Answer {
        text: read(&mut text)?,
        content: status.success(),
        said: words(&read(&mut said)?),
    })
}

/// The first sentence of what vagrant said, whose lines are broken anywhere, and its last line if
/// that is of another paragraph: what is wrong, and what it ends with.
fn words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).skip_while(|l| l.is_empty()).collect();
    let end = lines.iter().position(|l| l.is_empty()).unwrap_or(lines.len());
    let paragraph = lines[..end].join(" ");
    let first = paragraph
        .split_once(". ")
        .map_or(paragraph.clone(), |(sentence, _)| format!("{sentence}."));
    match lines[end..].iter().rfind(|l| !l.is_empty()) {
        Some(last) => format!("{first} … {last}"),
        None => first,
    }
}

/// Keeps the answer for `ssh -F`, in the user's own cache folder and readable by nobody else. One
/// file for each folder with a Vagrantfile, so that they do not pile up.
fn keep(dir: &Path, text: &str) -> Option<PathBuf> {
    let folder = User::Cache.folder()?;
    std::fs::create_dir_all(&folder).ok()?;
    let hash = xxh3_64(std::path::absolute(dir).ok()?.as_os_str().as_encoded_bytes());
    let path = folder.join(format!("vagrant-{hash:016x}.ssh"));
    write_private(&path, text.as_bytes()).ok()?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_known_by_their_folders_and_by_the_vagrantfile() {
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
        assert!(
            known(dir.path()).is_empty() && !mentions(dir.path(), "web"),
            "without a Vagrantfile there is no machine"
        );
        std::fs::write(
            dir.path().join("Vagrantfile"),
            "M = { 'web' => 1 }\n# \"old\"\nx.define \"db\"\n",
        )
        .unwrap();
        let names = ["cfs", "eevdf", "gone"].map(String::from);
        assert_eq!(
            known(dir.path()),
            names.into_iter().zip([true, true, false]).collect::<Vec<_>>()
        );
        assert_eq!(
            ["web", "db", "old", "x"].map(|n| mentions(dir.path(), n)),
            [true, true, false, false]
        );
    }

    #[test]
    fn vagrant_is_heard() {
        assert_eq!(words(""), "");
        assert_eq!(words("not ready\n"), "not ready");
        assert_eq!(
            words("It reports that it\nis not ready. Depending on\nmuch, wait.\n"),
            "It reports that it is not ready."
        );
        assert_eq!(words("\nIt is off.\n\nmore\n Try again.\n"), "It is off. … Try again.");
    }
}
