//! Protobuf as it is written: fields behind each other, a message within a message with its length
//! before it.

/// A message being put together.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// What is written so far.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets all of it, and keeps the room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A field of any kind of integer; a negative one takes all 64 bits, as `int32` does too.
    pub fn number(&mut self, id: u64, value: i64) -> &mut Self {
        self.unsigned(id, value as u64)
    }

    /// The same for what may not fit an `int64`.
    pub fn unsigned(&mut self, id: u64, value: u64) -> &mut Self {
        varint(&mut self.0, id << 3);
        varint(&mut self.0, value);
        self
    }

    /// A field of kind `double`.
    pub fn double(&mut self, id: u64, value: f64) -> &mut Self {
        varint(&mut self.0, id << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A text, or a message that is already put together.
    pub fn bytes_field(&mut self, id: u64, value: &[u8]) -> &mut Self {
        varint(&mut self.0, id << 3 | 2);
        varint(&mut self.0, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// The same for text.
    pub fn text(&mut self, id: u64, value: &str) -> &mut Self {
        self.bytes_field(id, value.as_bytes())
    }

    /// A message that `fill` puts together in place.
    pub fn message(&mut self, id: u64, fill: impl FnOnce(&mut Self)) -> &mut Self {
        varint(&mut self.0, id << 3 | 2);
        let start = self.0.len();
        fill(self);
        // How long the length is shows at the end: a byte for most, so that little is moved.
        let mut length = Vec::with_capacity(10);
        varint(&mut length, (self.0.len() - start) as u64);
        self.0.splice(start..start, length);
        self
    }
}

fn varint(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_as_the_encoding_has_them() {
        let mut m = Message::default();
        m.number(1, 150).text(2, "ab").double(3, 1.0);
        assert_eq!(m.bytes()[..7], [0x08, 0x96, 0x01, 0x12, 2, b'a', b'b']);
        assert_eq!(m.bytes()[7..], [0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        m.clear();
        m.number(1, -1);
        assert_eq!(m.bytes(), [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        m.clear();
        m.message(1, |m| {
            m.message(2, |m| {
                m.text(3, &"x".repeat(200));
            });
        });
        assert_eq!(m.bytes()[..9], [0x0a, 206, 1, 0x12, 203, 1, 0x1a, 200, 1]);
        assert_eq!(m.bytes().len(), 209);
    }
}
