//! Boxes for Vagrant: the same systems as the machines, with a bootloader inside, so that Vagrant
//! needs no box from anywhere.

use super::build::Recipe;
use super::place::Place;
use super::{Clock, Kind, Part, Times, VmError, tools};
use crate::job::Cancel;
use std::path::Path;
use std::time::Duration;

const BOX: &str = include_str!("box.sh");
/// Vagrant's well-known public key: its other half, which everybody has, lets `vagrant up` in,
/// which then changes it.
const INSECURE: &str = include_str!("insecure.pub");
/// GRUB's first sector; of the same package as its modules.
const LOADER: (&str, &str) = ("/usr/lib/grub/i386-pc/boot.img", "grub-pc-bin");

/// Makes a box of `kind` as the file `to`, for Vagrant's providers libvirt and qemu.
///
/// Errors: as of [`super::build()`]; a file that cannot be written. None leaves half a box.
pub fn make(
    kind: Kind,
    to: &Path,
    mirror: Option<&str>,
    cancel: &Cancel,
    tell: &mut dyn FnMut(Part, Duration),
) -> Result<Times, VmError> {
    let loader: &[tools::Need] = if Path::new(LOADER.0).is_file() { &[] } else { &[LOADER] };
    tools::check_build(&[&tools::BOX, loader])?;
    let to = std::path::absolute(to).map_err(VmError::folder(to))?;
    // Said before minutes of work, not after.
    let folder = to.parent().unwrap_or(&to);
    tempfile::NamedTempFile::new_in(folder).map_err(VmError::folder(folder))?;
    let place = Place::make(kind)?;
    let mut clock = Clock::new(tell);
    let recipe =
        Recipe { place: &place, key: INSECURE.trim(), users: "vagrant", work: BOX, mirror };
    recipe.follow(&[to.as_os_str()], cancel, &mut clock)?;
    Ok(clock.times)
}
