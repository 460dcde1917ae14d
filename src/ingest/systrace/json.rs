//! A string of JSON as the text that it stands for, while it is read.

use std::io::{BufReader, Read, Result};

/// Reads behind the opening quote, up to the closing one.
pub struct Unescaped<R: Read> {
    bytes: BufReader<R>,
    ended: bool,
    /// Bytes of a character that was written as a number.
    left: Vec<u8>,
}

impl<R: Read> Unescaped<R> {
    pub fn new(bytes: R) -> Self {
        Self { bytes: BufReader::with_capacity(64 << 10, bytes), ended: false, left: Vec::new() }
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.bytes.read(&mut byte)? == 1).then_some(byte[0]))
    }

    /// The next byte of the text.
    fn next(&mut self) -> Result<Option<u8>> {
        if !self.left.is_empty() {
            return Ok(Some(self.left.remove(0)));
        }
        let escaped = match self.byte()? {
            Some(b'\\') => self.byte()?,
            Some(b'"') => None,
            plain => return Ok(plain),
        };
        Ok(match escaped {
            Some(b'n') => Some(b'\n'),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'u') => {
                let mut digits = [0; 4];
                for digit in &mut digits {
                    *digit = self.byte()?.unwrap_or(b'0');
                }
                let code =
                    std::str::from_utf8(&digits).ok().and_then(|d| u32::from_str_radix(d, 16).ok());
                let letter = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.left = letter.to_string().into_bytes();
                Some(self.left.remove(0))
            }
            other => other,
        })
    }
}

impl<R: Read> Read for Unescaped<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let mut n = 0;
        while n < to.len() && !self.ended {
            match self.next()? {
                Some(byte) => {
                    to[n] = byte;
                    n += 1;
                }
                None => self.ended = true,
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_the_end_is_the_quote() {
        let mut text = String::new();
        Unescaped::new(&br#"a\n\t\"\\ \u00e9\/", "x": 1"#[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\n\t\"\\ é/");
        text.clear();
        Unescaped::new(&br"cut\"[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "cut");
    }
}
