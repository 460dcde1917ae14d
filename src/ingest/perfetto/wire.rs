//! Protobuf as it lies in the bytes: tags, varints and parts of known length. Nothing is copied,
//! and no length is believed that is not there.

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A varint, or a number of 4 or 8 bytes.
    Number(u64),
    /// A text, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// As bytes; a number has none.
    pub fn bytes(self) -> &'a [u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }

    /// As a number; bytes are none.
    pub fn number(self) -> Option<u64> {
        if let Self::Number(n) = self { Some(n) } else { None }
    }

    /// Adds all numbers of a repeated field, packed or not.
    pub fn numbers(self, to: &mut Vec<u64>) -> Result<(), Malformed> {
        match self {
            Self::Number(n) => to.push(n),
            Self::Bytes(mut rest) => {
                // A number takes a byte at least.
                to.reserve(rest.len().min(1 << 16));
                while !rest.is_empty() {
                    to.push(varint(&mut rest)?);
                }
            }
        }
        Ok(())
    }
}

/// The fields of a message.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next one with its number, `None` at the end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => {
                Value::Number(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| Malformed)?))
            }
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(
                self.take(4)?.try_into().map_err(|_| Malformed)?,
            ))),
            _ => return Err(Malformed),
        };
        if tag >> 3 == 0 { Err(Malformed) } else { Ok(Some((tag >> 3, value))) }
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Malformed> {
        let n = usize::try_from(n).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The next varint.
#[inline]
pub fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_fields_and_no_more_than_is_there() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 2, b'a', b'b', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0,
            0x2a, 2, 3, 4,
        ];
        let mut fields = Fields(&bytes);
        let mut all = Vec::new();
        while let Some(field) = fields.next().unwrap() {
            all.push(field);
        }
        assert_eq!(all[..2], [(1, Value::Number(150)), (2, Value::Bytes(b"ab"))]);
        assert_eq!(all[2..4], [(3, Value::Number(1)), (4, Value::Number(2))]);
        let mut numbers = Vec::new();
        all[4].1.numbers(&mut numbers).unwrap();
        all[0].1.numbers(&mut numbers).unwrap();
        assert_eq!(numbers, [3, 4, 150]);
        for bad in [&[0x12, 3, b'a'][..], &[0x0b], &[0x00, 1], &[0xff; 11], &[0x1d, 1, 0]] {
            assert_eq!(Fields(bad).next(), Err(Malformed), "{bad:?}");
        }
    }
}
