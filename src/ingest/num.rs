//! Numbers out of raw bytes, without going through UTF-8. Anything that is not entirely a number is `None`.

/// Decimal digits only; `None` when empty, not a number, or too big.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value = 0u64;
    if text.len() < 20 {
        // 19 digits always fit.
        for &b in text {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(value);
    }
    for &b in text {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// A pid: `0..=i32::MAX`.
pub fn pid(text: &[u8]) -> Option<i32> {
    unsigned(text).and_then(|v| i32::try_from(v).ok())
}

/// A kernel priority; -1 is the deadline class, which trace-cmd prints without its sign.
pub fn prio(text: &[u8]) -> Option<i16> {
    match text {
        [b'-', digits @ ..] => unsigned(digits).and_then(|v| i16::try_from(v).ok()).map(|v| -v),
        digits => match unsigned(digits)? {
            0xffff_ffff => Some(-1),
            v => i16::try_from(v).ok(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_only() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"18446744073709551616", b"1a", b"+1", b" 1", b"000000000000000000001"] {
            assert_eq!(unsigned(bad), None, "{bad:?}");
        }
        assert_eq!((pid(b"2147483647"), pid(b"2147483648"), pid(b"-1")), (Some(i32::MAX), None, None));
        assert_eq!(prio(b"4294967295"), Some(-1));
        assert_eq!((prio(b"-1"), prio(b"120"), prio(b"40000"), prio(b"-")), (Some(-1), Some(120), None, None));
    }
}
