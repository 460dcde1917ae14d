//! Numbers that begin with a cache line: a register as wide as a line, read from anywhere else,
//! takes two.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// A fixed number of numbers, the first at the beginning of a cache line.
#[derive(Debug, Default)]
pub struct Aligned {
    /// With room for numbers that are left out before the first.
    all: Vec<f32>,
    first: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeros(len: usize) -> Self {
        let all = vec![0.0_f32; len + LINE / size_of::<f32>() - 1];
        // An address that cannot be aligned is taken as it is.
        let first = all.as_ptr().align_offset(LINE).min(all.len() - len);
        Self { all, first, len }
    }

    /// Makes it `len` long. Where there was no room, all are zeros; else each is what was last
    /// written there.
    pub fn resize(&mut self, len: usize) {
        if self.first + len > self.all.len() {
            *self = Self::zeros(len.next_power_of_two());
        }
        self.len = len;
    }
}

impl From<&[f32]> for Aligned {
    fn from(numbers: &[f32]) -> Self {
        let mut aligned = Self::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl From<Vec<f32>> for Aligned {
    fn from(numbers: Vec<f32>) -> Self {
        Self::from(&numbers[..])
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        Self::from(&self[..])
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.all[self.first..self.first + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.all[self.first..self.first + self.len]
    }
}
