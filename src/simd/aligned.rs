//! Numbers that begin with a cache line: a register as wide as a line, read from anywhere else,
//! takes two.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// A fixed number of numbers, the first at the beginning of a cache line.
#[derive(Debug, Default)]
pub struct Aligned<T = f32> {
    /// With room for numbers that are left out before the first.
    all: Vec<T>,
    first: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// So many zeros.
    pub fn zeros(len: usize) -> Self {
        let all = vec![T::default(); len + LINE / size_of::<T>() - 1];
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

impl<T: Copy + Default> From<&[T]> for Aligned<T> {
    fn from(numbers: &[T]) -> Self {
        let mut aligned = Self::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T: Copy + Default> From<Vec<T>> for Aligned<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self::from(&numbers[..])
    }
}

impl<T: Copy + Default> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        Self::from(&self[..])
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.all[self.first..self.first + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.all[self.first..self.first + self.len]
    }
}
