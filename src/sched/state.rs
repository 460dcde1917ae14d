//! A table with a row for each thread, whose snapshots share the rows that did not change between
//! them. A recording may have hundreds of thousands of threads, of which a stretch touches few; a
//! plain copy of all rows for each snapshot would take many times the memory of the recording.
//!
//! Rows lie in chunks. A chunk belongs to one table, which may write to it, or is shared by
//! several, none of which may: the first write to a shared chunk copies it. Chunks that nobody has
//! written to are all the same one.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Rows of a chunk.
const ROWS: usize = 32;

#[derive(Clone, Debug)]
struct Chunk<T> {
    /// What this table alone has written.
    own: Option<Box<[T; ROWS]>>,
    /// What holds as long as it has written nothing.
    shared: Arc<[T; ROWS]>,
}

impl<T: Copy> Chunk<T> {
    fn rows(&self) -> &[T; ROWS] {
        match &self.own {
            Some(rows) => rows,
            None => &self.shared,
        }
    }

    fn rows_mut(&mut self) -> &mut [T; ROWS] {
        let shared = &self.shared;
        self.own.get_or_insert_with(|| Box::new(**shared))
    }
}

/// Rows by number. A plain clone copies what the table alone has written since the last
/// [`Table::snapshot`].
#[derive(Clone, Debug)]
pub struct Table<T> {
    chunks: Vec<Chunk<T>>,
    blank: Arc<[T; ROWS]>,
    len: usize,
}

impl<T: Copy> Table<T> {
    /// `len` rows, each `blank`.
    pub fn new(len: usize, blank: T) -> Self {
        let mut table = Self { chunks: Vec::new(), blank: Arc::new([blank; ROWS]), len: 0 };
        table.reach(len);
        table
    }

    /// A copy that shares every row with this table, until either of them writes to it.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        for chunk in &mut self.chunks {
            if let Some(rows) = chunk.own.take() {
                chunk.shared = Arc::new(*rows);
            }
        }
        self.clone()
    }

    /// Bytes that a snapshot would take now, besides what it shares with earlier ones.
    pub fn own_bytes(&self) -> usize {
        let own = self.chunks.iter().filter(|c| c.own.is_some()).count();
        own * size_of::<[T; ROWS]>() + self.chunks.len() * size_of::<Chunk<T>>()
    }

    /// Most bytes that all rows can take.
    pub fn most_bytes(&self) -> usize {
        self.chunks.len() * (size_of::<[T; ROWS]>() + size_of::<Chunk<T>>())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A row, if there is one of that number.
    pub fn get(&self, i: usize) -> Option<&T> {
        (i < self.len).then(|| &self[i])
    }

    /// A row to write to, if there is one of that number.
    pub fn get_mut(&mut self, i: usize) -> Option<&mut T> {
        if i < self.len { Some(&mut self[i]) } else { None }
    }

    /// Makes room for at least `len` rows; new ones are blank.
    pub fn reach(&mut self, len: usize) {
        self.len = self.len.max(len);
        let chunks = self.len.div_ceil(ROWS);
        if chunks > self.chunks.len() {
            self.chunks.resize(chunks, Chunk { own: None, shared: Arc::clone(&self.blank) });
        }
    }

    /// Appends a row.
    pub fn push(&mut self, row: T) {
        let at = self.len;
        self.reach(at + 1);
        self[at] = row;
    }
}

impl<T: Copy> Index<usize> for Table<T> {
    type Output = T;

    #[inline]
    fn index(&self, i: usize) -> &T {
        debug_assert!(i < self.len);
        &self.chunks[i / ROWS].rows()[i % ROWS]
    }
}

impl<T: Copy> IndexMut<usize> for Table<T> {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut T {
        debug_assert!(i < self.len);
        &mut self.chunks[i / ROWS].rows_mut()[i % ROWS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_share_what_nobody_wrote_and_keep_what_was_written() {
        let mut table = Table::new(10 * ROWS + 3, 7u32);
        table[5] = 1;
        let before = table.snapshot();
        assert_eq!(table.own_bytes(), before.own_bytes(), "nothing is its own right after");
        table[5] = 2;
        table[9 * ROWS] = 3;
        let after = table.snapshot();
        table[5] = 4;
        assert_eq!([before[5], after[5], table[5]], [1, 2, 4]);
        assert_eq!([before[9 * ROWS], after[9 * ROWS], table[10 * ROWS + 2]], [7, 3, 7]);
        let shared = |a: &Table<u32>, b: &Table<u32>, i: usize| {
            std::ptr::eq(&raw const a[i], &raw const b[i])
        };
        assert!(shared(&before, &after, 2 * ROWS) && shared(&after, &table, 9 * ROWS));
        assert!(!shared(&before, &after, 5) && !shared(&after, &table, 5));
        // All untouched rows are one chunk.
        assert!(
            shared(&before, &table, 3 * ROWS)
                && std::ptr::eq(&raw const table[64], &raw const table[96])
        );
    }

    #[test]
    fn rows_past_the_end_are_none_and_rows_can_be_added() {
        let mut table = Table::new(0, 0u8);
        assert!(table.is_empty() && table.get(0).is_none() && table.get_mut(0).is_none());
        (0..100).for_each(|i| table.push(i));
        assert_eq!((table.len(), table[99], table.get(100)), (100, 99, None));
        table.reach(50);
        table.reach(130);
        assert_eq!((table.len(), table[129], table[99]), (130, 0, 99));
        *table.get_mut(129).unwrap() = 5;
        assert_eq!(table.clone()[129], 5);
    }
}
