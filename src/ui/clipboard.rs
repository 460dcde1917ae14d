//! Puts text on the clipboard of the terminal that one sits at, also through SSH: the escape
//! sequence OSC 52. A terminal that does not know it ignores it.

use std::io::Write;

/// Copies. Nothing can be done about a terminal that cannot be written to.
pub fn copy(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{}", sequence(text)).and_then(|()| out.flush());
}

fn sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x1b\\", base64(text.as_bytes()))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_as_the_terminal_expects_it() {
        // The test vectors of RFC 4648.
        let table = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let coded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(table.map(|t| base64(t.as_bytes())), coded);
        assert_eq!(sequence("f"), "\x1b]52;c;Zg==\x1b\\");
    }
}
