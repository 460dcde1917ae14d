//! tracefs' layout texts: lines of `field:TYPE NAME; offset:N; size:N; signed:N;`, and how such a
//! field is read out of the bytes of a record. Reading never goes beyond the bytes it is given.

use super::RingError;

/// How a field holds what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A number, or an array of characters inside the record.
    Plain,
    /// `__data_loc`: offset (low 16 bits) and length (high 16 bits) of a text in the record.
    DataLoc,
    /// `__rel_loc`: the same, with the offset counted from the end of this field.
    RelLoc,
}

/// One line of a layout text.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    file: &'a str,
    /// Offset of the line in the text, for messages.
    pub line_at: usize,
    /// Its name without brackets.
    pub name: &'a str,
    shape: Shape,
    /// Bytes from the start of the record or page.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    signed: bool,
}

/// Records are at most a page; a layout that points further is not of this world.
const FURTHEST: usize = 1 << 24;

/// All fields of a layout text.
pub fn fields<'a>(file: &'a str, text: &'a str) -> Result<Vec<Field<'a>>, RingError> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(body) = line.trim_start().strip_prefix("field:") else { continue };
        let line_at = line.as_ptr() as usize - text.as_ptr() as usize;
        let field = field(file, line_at, body);
        found.push(
            field.ok_or_else(|| wrong(file, line_at, format!("not a field: {}", line.trim())))?,
        );
    }
    Ok(found)
}

// field:__data_loc char[] comm;	offset:8;	size:4;	signed:0;
// field:char prev_comm[16];	offset:8;	size:16;	signed:0;
fn field<'a>(file: &'a str, line_at: usize, body: &'a str) -> Option<Field<'a>> {
    let mut parts = body.split(';').map(str::trim);
    let declared = parts.next()?;
    let name = declared.split_whitespace().next_back()?;
    let name = name.split('[').next().filter(|n| !n.is_empty())?;
    let shape = match declared.split_whitespace().next()? {
        "__data_loc" => Shape::DataLoc,
        "__rel_loc" => Shape::RelLoc,
        _ => Shape::Plain,
    };
    let mut value =
        |key: &str| parts.next()?.strip_prefix(key)?.strip_prefix(':')?.parse::<usize>().ok();
    let (offset, size, signed) = (value("offset")?, value("size")?, value("signed")? != 0);
    (offset <= FURTHEST && size <= FURTHEST).then_some(Field {
        file,
        line_at,
        name,
        shape,
        offset,
        size,
        signed,
    })
}

/// The field of this name.
pub fn find<'f, 'a>(
    file: &str,
    text: &str,
    all: &'f [Field<'a>],
    name: &str,
) -> Result<&'f Field<'a>, RingError> {
    all.iter()
        .find(|f| f.name == name)
        .ok_or_else(|| wrong(file, text.len(), format!("no field {name}")))
}

/// No byte of an event belongs to two fields. Whoever sends the layout decides how few bytes an
/// event takes; with overlapping ones a few of them would fill the memory.
pub fn apart(file: &str, all: &[Field<'_>]) -> Result<(), RingError> {
    let mut by_place: Vec<&Field<'_>> = all.iter().filter(|f| f.size > 0).collect();
    by_place.sort_by_key(|f| f.offset);
    let twice = by_place.windows(2).find(|pair| pair[0].offset + pair[0].size > pair[1].offset);
    twice.map_or(Ok(()), |pair| {
        Err(wrong(file, pair[1].line_at, format!("{} and {} overlap", pair[0].name, pair[1].name)))
    })
}

/// A layout text that does not say what is needed.
pub fn wrong(file: &str, byte: usize, problem: String) -> RingError {
    RingError::Layout { file: file.into(), byte, problem }
}

/// A number in a record.
#[derive(Clone, Copy, Debug)]
pub struct Num {
    offset: usize,
    size: usize,
    signed: bool,
}

/// A text in a record.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    shape: Shape,
    offset: usize,
    size: usize,
}

impl Field<'_> {
    /// As a number of 1, 2, 4 or 8 bytes.
    pub fn num(&self) -> Result<Num, RingError> {
        if self.shape != Shape::Plain || !matches!(self.size, 1 | 2 | 4 | 8) {
            return Err(wrong(self.file, self.line_at, format!("{} is no number", self.name)));
        }
        Ok(Num { offset: self.offset, size: self.size, signed: self.signed })
    }

    /// As a text: characters in place, or `__data_loc`.
    pub fn text(&self) -> Result<Text, RingError> {
        if self.size == 0 || (self.shape != Shape::Plain && self.size != 4) {
            return Err(wrong(self.file, self.line_at, format!("{} is no text", self.name)));
        }
        Ok(Text { shape: self.shape, offset: self.offset, size: self.size })
    }
}

impl Num {
    /// `None` when the record is too short. An unsigned 64-bit value beyond `i64::MAX` comes out
    /// negative.
    #[inline]
    pub fn read(self, record: &[u8]) -> Option<i64> {
        let bytes = record.get(self.offset..self.offset + self.size)?;
        Some(match (bytes, self.signed) {
            (&[a], false) => i64::from(a),
            (&[a], true) => i64::from(a as i8),
            (&[a, b], false) => i64::from(u16::from_le_bytes([a, b])),
            (&[a, b], true) => i64::from(i16::from_le_bytes([a, b])),
            (&[a, b, c, d], false) => i64::from(u32::from_le_bytes([a, b, c, d])),
            (&[a, b, c, d], true) => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        })
    }
}

impl Text {
    /// Up to the first NUL. `None` when the record is too short.
    #[inline]
    pub fn read(self, record: &[u8]) -> Option<&[u8]> {
        let place = record.get(self.offset..self.offset + self.size)?;
        let bytes = match self.shape {
            Shape::Plain => place,
            Shape::DataLoc | Shape::RelLoc => {
                let word = u32::from_le_bytes(place.try_into().ok()?);
                let base = if self.shape == Shape::RelLoc { self.offset + self.size } else { 0 };
                let from = base + (word & 0xffff) as usize;
                record.get(from..from + (word >> 16) as usize)?
            }
        };
        Some(&bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: x\nID: 7\nformat:\n\tfield:__data_loc char[] \
                        comm;\toffset:2;\tsize:4;\tsigned:0;\n\tfield:char \
                        prev_comm[4];\toffset:6;\tsize:4;\tsigned:0;\n\tfield:short \
                        prio;\toffset:10;\tsize:2;\tsigned:1;\n\tfield:__rel_loc char[] \
                        tail;\toffset:12;\tsize:4;\tsigned:0;\n\nprint fmt: \"\"\n";

    #[test]
    fn reads_numbers_and_all_kinds_of_text() {
        let all = fields("x/format", TEXT).unwrap();
        let get = |name| find("x/format", TEXT, &all, name).unwrap();
        let mut record = vec![0xff, 0xff];
        record.extend((16 | 3_u32 << 16).to_le_bytes());
        record.extend(b"ab\0c");
        record.extend((-5_i16).to_le_bytes());
        record.extend((1 | 2_u32 << 16).to_le_bytes());
        record.extend(b"xy\0");
        assert_eq!(get("comm").text().unwrap().read(&record), Some(&b"xy"[..]));
        assert_eq!(get("prev_comm").text().unwrap().read(&record), Some(&b"ab"[..]));
        assert_eq!(get("tail").text().unwrap().read(&record), Some(&b"y"[..]));
        assert_eq!(get("prio").num().unwrap().read(&record), Some(-5));
        assert_eq!(get("comm").text().unwrap().read(&record[..18]), None);
        assert_eq!(get("prio").num().unwrap().read(&record[..11]), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_byte() {
        let all = fields("x/format", TEXT).unwrap();
        let message = |e: RingError| e.to_string();
        assert_eq!(
            message(find("x/format", "ab", &all, "pid").unwrap_err()),
            "x/format, byte 2: no field pid"
        );
        assert_eq!(message(all[0].num().unwrap_err()), "x/format, byte 22: comm is no number");
        assert!(apart("x/format", &all).is_ok());
        let text = TEXT.replace("offset:10", "offset:9");
        let twice = fields("x/format", &text).unwrap();
        assert_eq!(
            message(apart("x/format", &twice).unwrap_err()),
            "x/format, byte 135: prev_comm and prio overlap"
        );
        let bad = fields("x/format", "a\n\tfield:int x;\toffset:z;").unwrap_err();
        assert_eq!(message(bad), "x/format, byte 2: not a field: field:int x;\toffset:z;");
    }
}
