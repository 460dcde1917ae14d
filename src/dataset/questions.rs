//! Questions of one kind as training data: who could come in, what was known of each, who did.
//! Inputs are kept as multiples of 1/2048 in -16..16 (finer than f16 where most values lie), zeros
//! as a bit: about half of all inputs are zero.

/// Inputs are kept as multiples of one over this.
const STEP: f32 = 2048.0;

/// Stores an input.
pub(super) fn pack(x: f32) -> i16 {
    (x * STEP).round() as i16
}

/// Reads it back.
pub fn unpack(x: i16) -> f32 {
    f32::from(x) / STEP
}

/// Rows of inputs, each with a bit for every input that is not zero, and those inputs one after the
/// other.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    width: usize,
    bits: Vec<u64>,
    values: Vec<i16>,
}

impl Rows {
    fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Words of bits per row.
    fn words(&self) -> usize {
        self.width.div_ceil(64)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.bits.len() / self.words().max(1)
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    fn push(&mut self, row: &[f32]) {
        for part in row.chunks(64) {
            let mut bits = 0;
            for (i, x) in part.iter().map(|x| pack(*x)).enumerate().filter(|(_, x)| *x != 0) {
                bits |= 1 << i;
                self.values.push(x);
            }
            self.bits.push(bits);
        }
    }

    /// Appends `count` rows from row `row` on, whose values begin at `value`, to `to`:
    /// `[count, width]`.
    fn read(&self, at: [u32; 2], count: usize, to: &mut Vec<f32>) {
        let [row, value] = at.map(|x| x as usize);
        let (words, from) = (self.words(), to.len());
        to.resize(from + count * self.width, 0.0);
        let mut values = self.values[value..].iter();
        for (i, to) in to[from..].chunks_exact_mut(self.width).enumerate() {
            for (w, mut bits) in
                self.bits[(row + i) * words..(row + i + 1) * words].iter().copied().enumerate()
            {
                while bits != 0 {
                    if let Some(x) = values.next() {
                        to[64 * w + bits.trailing_zeros() as usize] = unpack(*x);
                    }
                    bits &= bits - 1;
                }
            }
        }
    }
}

/// A scored question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuestionAt {
    /// Tokens of this CPU before it: the state that it reads is that after token `tokens - 1`.
    pub tokens: u32,
    /// Row of its query, and first row of its candidates, each with its first value.
    query: [u32; 2],
    first: [u32; 2],
    /// Number of candidates kept; 0 when the real one was not among them (a miss for everybody).
    pub count: u16,
    /// The real one's place among those kept.
    pub target: u16,
}

/// All scored questions of a kind on one CPU.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// In time order.
    pub at: Vec<QuestionAt>,
    /// `[questions, QUERY or ASK]`.
    query: Rows,
    /// `[candidates of all, CAND or THREAD]`.
    rows: Rows,
}

impl Questions {
    /// None yet; `inputs` are the widths of a candidate's row and of a query.
    pub fn new([row, query]: [usize; 2]) -> Self {
        Self { query: Rows::new(query), rows: Rows::new(row), ..Self::default() }
    }

    /// Adds one: its query, the rows of the candidates that are kept, the place of the real one
    /// among them. None kept: the real one was no candidate.
    pub fn push<'a>(
        &mut self,
        tokens: u32,
        query: &[f32],
        kept: impl Iterator<Item = &'a [f32]>,
        target: u16,
    ) {
        let end = |rows: &Rows| [rows.len() as u32, rows.values.len() as u32];
        let (asked, first) = (end(&self.query), end(&self.rows));
        self.query.push(query);
        let mut count = 0;
        kept.for_each(|row| {
            self.rows.push(row);
            count += 1;
        });
        self.at.push(QuestionAt { tokens, query: asked, first, count, target });
    }

    /// Appends the query of question `i`.
    pub fn query(&self, i: usize, to: &mut Vec<f32>) {
        self.query.read(self.at[i].query, 1, to);
    }

    /// Appends the candidates of question `i`, `[count, CAND or THREAD]`.
    pub fn candidates(&self, i: usize, to: &mut Vec<f32>) {
        let at = &self.at[i];
        self.rows.read(at.first, usize::from(at.count), to);
    }

    /// Candidates of all questions.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The questions that read the state after one of the tokens `from..to`, as indices.
    pub fn between(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let up_to = |tokens: usize| self.at.partition_point(|q| (q.tokens as usize) <= tokens);
        up_to(from)..up_to(to)
    }

    /// Those that `keeps` says, by the tokens before them.
    #[must_use]
    pub fn thinned(&self, keeps: impl Fn(u32) -> bool) -> Self {
        let mut thin = Self::new([self.rows.width, self.query.width]);
        let (mut query, mut rows) = (Vec::new(), Vec::new());
        for (i, at) in self.at.iter().enumerate().filter(|(_, at)| keeps(at.tokens)) {
            query.clear();
            rows.clear();
            self.query(i, &mut query);
            self.candidates(i, &mut rows);
            thin.push(at.tokens, &query, rows.chunks_exact(self.rows.width), at.target);
        }
        thin.shrink();
        thin
    }

    /// Gives back what growing columns took in advance.
    pub fn shrink(&mut self) {
        self.at.shrink_to_fit();
        for rows in [&mut self.query, &mut self.rows] {
            rows.bits.shrink_to_fit();
            rows.values.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut all = Questions::new([130, 3]);
        let row = |k: usize| {
            (0..130)
                .map(|i| if i % 3 == k % 3 { 0.25 * i as f32 - 15.0 } else { 0.0 })
                .collect::<Vec<f32>>()
        };
        for t in 0..6u32 {
            let rows: Vec<_> = (0..t as usize).map(row).collect();
            all.push(t, &[t as f32, 0.0, -1.0], rows.iter().map(Vec::as_slice), 0);
        }
        let some = all.thinned(|tokens| tokens % 2 == 1);
        assert_eq!(
            some.at.iter().map(|q| (q.tokens, q.count)).collect::<Vec<_>>(),
            [(1, 1), (3, 3), (5, 5)]
        );
        assert_eq!((all.rows(), some.rows(), all.between(2, 4)), (15, 9, 3..5));
        let (mut query, mut rows) = (Vec::new(), Vec::new());
        some.query(1, &mut query);
        some.candidates(1, &mut rows);
        assert_eq!(query, [3.0, 0.0, -1.0]);
        let expected: Vec<f32> =
            (0..3).flat_map(row).map(|x| x.min(i16::MAX as f32 / STEP)).collect();
        assert_eq!(rows, expected);
    }
}
