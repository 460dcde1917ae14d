//! From a path to a [`Source`]: regular files, named pipes and standard input. What would never
//! end, or never begin, is refused.

use super::{IngestError, Source, sidecar};
use std::fs::{File, OpenOptions};
use std::io::{Cursor, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What standard input is called.
const STDIN: &str = "stdin";
/// So long a named pipe may be silent before anybody writes.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);
/// Linux's number of it on every machine that Rust's standard library runs on but MIPS and SPARC.
const O_NONBLOCK: i32 = 0o4000;

/// Opens a recording's bytes; `-` is standard input.
pub fn open(path: &Path) -> Result<Source<'static>, IngestError> {
    let io = |source| IngestError::Io { path: path.into(), source };
    if path.as_os_str() == "-" {
        return standard();
    }
    let name = if is_put_aside(path) { STDIN.to_owned() } else { path.display().to_string() };
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if kind.is_dir() {
        return Err(IngestError::Directory { folder: path.into(), example: None });
    }
    if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
        return Err(IngestError::Device(path.into()));
    }
    if kind.is_fifo() {
        let (first, pipe) = pipe(path)?;
        return Ok(Source::stream(Cursor::new(first).chain(pipe), &name));
    }
    Ok(Source::file(File::open(path).map_err(io)?, &name))
}

/// Standard input: a stream, or the file that it was redirected from.
fn standard() -> Result<Source<'static>, IngestError> {
    let io = |source| IngestError::Io { path: STDIN.into(), source };
    let input = std::io::stdin();
    let file = File::from(input.as_fd().try_clone_to_owned().map_err(io)?);
    let regular = file.metadata().is_ok_and(|m| m.is_file());
    Ok(if regular { Source::file(file, STDIN) } else { Source::stream(file, STDIN) })
}

/// Where the system shows this process's open files.
const OPEN_FILES: &str = "/proc/self/fd";

fn is_put_aside(path: &Path) -> bool {
    path.starts_with(OPEN_FILES)
}

/// What a recording is called whose metadata have no name for it.
pub fn name(path: &Path) -> String {
    if path.as_os_str() == "-" || is_put_aside(path) { STDIN.into() } else { sidecar::stem(path) }
}

/// Copies standard input into a file without a name, for who has to read it more than once. The
/// path leads to it as long as the file is held; nothing is left of it when this process ends,
/// however it ends.
pub fn put_aside() -> Result<(File, PathBuf), IngestError> {
    let io = |source| IngestError::Io { path: STDIN.into(), source };
    let mut file = tempfile::tempfile().map_err(io)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(io)?;
    let path = Path::new(OPEN_FILES).join(file.as_fd().as_raw_fd().to_string());
    Ok((file, path))
}

/// Opens a named pipe without waiting for its writer for ever, and returns the first byte with the
/// rest. Once somebody writes, it is waited for as long as that takes.
fn pipe(path: &Path) -> Result<(Vec<u8>, File), IngestError> {
    let io = |source| IngestError::Io { path: path.into(), source };
    let mut file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path).map_err(io)?;
    let (start, mut first) = (Instant::now(), [0]);
    let first = loop {
        match file.read(&mut first) {
            Ok(0) if start.elapsed() > PATIENCE => {
                return Err(IngestError::SilentPipe(path.into()));
            }
            // Nobody has opened the other end yet.
            Ok(0) => std::thread::sleep(LOOK),
            Ok(_) => break first.to_vec(),
            // Somebody has, and has not written yet.
            Err(e) if e.kind() == ErrorKind::WouldBlock => break Vec::new(),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(io(e)),
        }
    };
    // The standard library makes sockets blocking again, and no other files; to the system a file
    // is a file.
    let blocking = UnixStream::from(OwnedFd::from(file));
    blocking.set_nonblocking(false).map_err(io)?;
    Ok((first, File::from(OwnedFd::from(blocking))))
}
