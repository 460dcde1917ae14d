//! Rows of a table, cell by cell, in memory that is used again: nothing is allocated per row.

use crate::trace::{ThreadIx, Trace};
use std::fmt::Write as _;
use std::io::Write;

/// A CSV file that is being written.
pub(super) struct Rows<W: Write> {
    csv: csv::Writer<W>,
    cell: String,
}

impl<W: Write> Rows<W> {
    /// A table with these columns.
    pub fn new(out: W, columns: &[&str]) -> Result<Self, csv::Error> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(columns)?;
        Ok(Self { csv, cell: String::new() })
    }

    /// The next cell.
    pub fn text(&mut self, text: &str) -> Result<(), csv::Error> {
        self.csv.write_field(text)
    }

    /// The next cell, a number as it is.
    pub fn number(&mut self, number: impl Into<u64>) -> Result<(), csv::Error> {
        self.cell.clear();
        whole(number.into(), &mut self.cell);
        self.csv.write_field(&self.cell)
    }

    /// The next cell, a number with as many digits as it takes.
    pub fn exact(&mut self, x: f32) -> Result<(), csv::Error> {
        self.cell.clear();
        let _ = write!(self.cell, "{x}");
        self.csv.write_field(&self.cell)
    }

    /// The next cell, with six digits behind the point.
    pub fn share(&mut self, p: f32) -> Result<(), csv::Error> {
        self.cell.clear();
        six_digits(p, &mut self.cell);
        self.csv.write_field(&self.cell)
    }

    /// The next cell, a yes or no.
    pub fn flag(&mut self, yes: bool) -> Result<(), csv::Error> {
        self.csv.write_field(if yes { "1" } else { "0" })
    }

    /// The next cell, `comm:pid` at event `i`; nothing for nobody.
    pub fn thread(&mut self, trace: &Trace, thread: ThreadIx, i: usize) -> Result<(), csv::Error> {
        self.cell.clear();
        if thread != ThreadIx::NONE {
            self.cell.push_str(trace.name_at(thread, i));
            self.cell.push(':');
            match trace.tasks().pid(thread).0 {
                pid @ 0.. => whole(pid.unsigned_abs().into(), &mut self.cell),
                pid => {
                    let _ = write!(self.cell, "{pid}");
                }
            }
        }
        self.csv.write_field(&self.cell)
    }

    /// The row is complete.
    pub fn end(&mut self) -> Result<(), csv::Error> {
        self.csv.write_record(None::<&[u8]>)
    }

    /// Everything is written.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.csv.flush()
    }
}

/// `{p:.6}`, several times as fast.
fn six_digits(p: f32, to: &mut String) {
    // A product of 24 and 20 bits, so it is exact, and rounding it is rounding p.
    let millionths = (f64::from(p) * 1e6).round_ties_even();
    if !(p.is_sign_positive() && millionths <= 1e6) {
        let _ = write!(to, "{p:.6}");
        return;
    }
    let mut left = millionths as u32;
    let mut digits = *b"0.000000";
    for at in [7, 6, 5, 4, 3, 2, 0] {
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    to.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// `{number}`, likewise.
fn whole(number: u64, to: &mut String) {
    let (mut digits, mut first, mut left) = ([b'0'; 20], 20, number);
    while first == 20 || left > 0 {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    to.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_those_of_the_standard_library() {
        let powers = (0..20).map(|digits| 10_u64.pow(digits));
        for number in powers.flat_map(|p| [p - 1, p, p + 1]).chain([0, u64::MAX]) {
            let mut text = String::new();
            whole(number, &mut text);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn six_digits_are_those_of_the_standard_library() {
        let mut text = String::new();
        let mut check = |p: f32| {
            text.clear();
            six_digits(p, &mut text);
            assert_eq!(text, format!("{p:.6}"), "{p:e}");
        };
        let odd = [0.0, -0.0, 1.0, 0.5, 1.5, -0.25, 1e9, 1e-7, 4.999_999e-7, 1e-40];
        odd.into_iter().chain([f32::NAN, f32::INFINITY]).for_each(&mut check);
        // Halfway between two.
        (1..=4_096).for_each(|k| check(k as f32 / 4_096.0 / 128.0));
        (0..200_000).for_each(|k| check(f32::from_bits(0x2000_0000 + k * 2_694)));
    }
}
