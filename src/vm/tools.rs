//! The programs that building and booting need, each with the Debian package that has it. They are
//! looked for before anything is done.

use super::VmError;
use crate::export;
use std::path::Path;

/// A program and its package.
pub type Need = (&'static str, &'static str);

/// To build an image.
pub const BUILD: [Need; 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("mkfs.ext4", "e2fsprogs"),
    ("ssh-keygen", "openssh-client"),
    ("unshare", "util-linux"),
    ("flock", "util-linux"),
    ("truncate", "coreutils"),
];
/// To build it as somebody who is not root.
pub const BUILD_AS_USER: [Need; 1] = [("newuidmap", "uidmap")];
/// To start it.
pub const BOOT: [Need; 3] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("ssh", "openssh-client"),
    ("setsid", "util-linux"),
];
/// To make a box of it.
pub const BOX: [Need; 3] =
    [("qemu-img", "qemu-utils"), ("grub-mkimage", "grub-common"), ("sfdisk", "fdisk")];
/// What Debian signs its packages with; other systems have it as a package too.
const KEYS: (&str, &str) =
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring");
/// What is in no user's PATH on some systems.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Refuses when one of `needs` is not here, naming all that are not.
pub fn check(needs: &[&[Need]]) -> Result<(), VmError> {
    if !super::is_possible() {
        return Err(VmError::Arch);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = || std::env::split_paths(&path).chain(SYSTEM.map(Into::into));
    let has = |program: &str| folders().any(|f| f.join(program).is_file());
    let missing: Vec<Need> =
        needs.concat().into_iter().filter(|(program, _)| !has(program)).collect();
    if missing.is_empty() { Ok(()) } else { Err(VmError::Missing(missing)) }
}

/// The same for all that building needs.
pub fn check_build(more: &[&[Need]]) -> Result<(), VmError> {
    let user: &[Need] = if export::user() == Some(0) { &[] } else { &BUILD_AS_USER };
    let keys: &[Need] = if Path::new(KEYS.0).is_file() { &[] } else { &[KEYS] };
    let all: Vec<&[Need]> =
        [&BUILD[..], user].into_iter().chain(more.iter().copied()).chain([keys]).collect();
    check(&all)
}
