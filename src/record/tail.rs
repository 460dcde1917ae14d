//! The end of what a program says on standard error, read all the time so that it never waits,
//! however much it says.

use crate::job::Job;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// So much of it is kept.
const KEPT: usize = 8 << 10;

/// What is being said. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tail(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    ended: bool,
}

impl Tail {
    /// Starts to listen; the thread ends with `input`.
    pub fn listen(mut input: impl Read + Send + 'static) -> Self {
        let tail = Self::default();
        let said = tail.clone();
        let listen = move |_: &_| {
            let mut part = vec![0; KEPT];
            loop {
                match input.read(&mut part) {
                    Ok(0) => break,
                    Ok(n) => said.take(&part[..n]),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            said.lock().ended = true;
        };
        // Ends when the other side does: nobody has to ask it to.
        drop(Job::spawn("said", listen, |_| {}));
        tail
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, part: &[u8]) {
        let bytes = &mut self.lock().bytes;
        bytes.extend_from_slice(part);
        let over = bytes.len().saturating_sub(KEPT);
        bytes.drain(..over);
    }

    /// Nothing more will come.
    pub fn ended(&self) -> bool {
        self.lock().ended
    }

    /// The last lines so far that are not empty, at most `lines`.
    pub fn lines(&self, lines: usize) -> Vec<String> {
        let said = self.lock();
        let text = String::from_utf8_lossy(&said.bytes);
        let all: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        all[all.len().saturating_sub(lines)..].iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_keeps_its_end() {
        let flood = std::io::repeat(b'\n').take(50 << 20).chain(&b"one\n two \n\nthree"[..]);
        let tail = Tail::listen(flood);
        while !tail.ended() {
            std::thread::yield_now();
        }
        assert!(tail.lock().bytes.len() <= KEPT && tail.lock().bytes.capacity() <= 4 * KEPT);
        assert_eq!(tail.lines(2), ["two", "three"]);
        assert_eq!(tail.lines(9), ["one", "two", "three"]);
    }
}
