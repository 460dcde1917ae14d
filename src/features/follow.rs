//! Follow statistics: who came in after the last 1-4 threads on a CPU (the contexts of a PPM model,
//! adaptive within the trace). Compact tables of bounded size; a full set forgets its rarest
//! context. Knows threads only by ident.

use super::ORDERS;
use super::ident::{Ident, NOBODY};
use super::named::Shares;
use super::sets::{Entry, Found, Sets, mix};

/// Followers kept per context.
const KEEP: usize = 8;
const MAX_SETS: usize = 4096;
/// Threads of a CPU's past that are known: more than the follow statistics read, for longer
/// contexts.
pub(super) const REMEMBERED: usize = 6;

/// What followed one context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followers {
    who: [Ident; KEEP],
    count: [u16; KEEP],
}

impl Followers {
    /// What share of `total` each has, for a column.
    pub fn shares(&self, column: usize, total: u32) -> Shares<'_, KEEP> {
        let over = total as f32 + 0.5;
        Shares { who: &self.who, share: self.count.map(|count| f32::from(count) / over), column }
    }

    /// The most frequent one and its count; the earliest seen among equals.
    pub fn best(&self) -> (Ident, f32) {
        // Count and place in one number: which one it is cannot be foreseen.
        let key = |i: usize| u32::from(self.count[i]) << 3 | (KEEP - 1 - i) as u32;
        let best = (0..KEEP).fold(0, |best, i| best.max(key(i)));
        let at = KEEP - 1 - (best & 7) as usize;
        if best >> 3 == 0 { (NOBODY, 0.0) } else { (self.who[at], (best >> 3) as f32) }
    }
}

impl Entry for Followers {
    type Total = u32;
    const EMPTY: Self = Self { who: [NOBODY; KEEP], count: [0; KEEP] };

    fn add(&mut self, total: &mut u32, who: Ident) {
        *total = total.saturating_add(1);
        // All are looked at: who it is cannot be foreseen, and a wrong guess of a branch costs more.
        let mut at = (0..KEEP)
            .rev()
            .fold(KEEP, |at, i| if self.who[i] == who && self.count[i] > 0 { i } else { at });
        if at == KEEP {
            at = (1..KEEP).fold(0, |at, i| if self.count[i] < self.count[at] { i } else { at });
            (self.who[at], self.count[at]) = (who, 0);
        }
        if self.count[at] == u16::MAX {
            self.count.iter_mut().for_each(|n| *n /= 2);
            *total /= 2;
        }
        self.count[at] += 1;
    }
}

/// What followed the last 1, 2, .. threads.
pub(super) type Trail<'a> = [Option<Found<'a, Followers>>; ORDERS];

/// The last threads that ran on a CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// Latest first; [`NOBODY`] before the first.
    pub ran: [Ident; REMEMBERED],
    len: usize,
    /// Keys of its contexts on any CPU, and on its own; 0 for those that are longer than what is
    /// known.
    keys: [[u64; ORDERS]; 2],
}

impl History {
    pub const EMPTY: Self = Self { ran: [NOBODY; REMEMBERED], len: 0, keys: [[0; ORDERS]; 2] };

    /// `who` runs now on `cpu`, whose past this is; nothing changes if it did already.
    pub fn push(&mut self, who: Ident, cpu: usize) {
        if self.len == 0 || self.ran[0] != who {
            self.ran.rotate_right(1);
            self.ran[0] = who;
            self.len = (self.len + 1).min(REMEMBERED);
            self.keys = [self.keys_of(0), self.keys_of(cpu as u64 + 1)];
        }
    }

    /// Keys of the contexts of length 1, 2, ..
    fn keys_of(&self, salt: u64) -> [u64; ORDERS] {
        let mut hash = mix(salt.wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut keys = [0; ORDERS];
        for (m, key) in keys.iter_mut().enumerate().take(self.len) {
            hash = mix(hash ^ u64::from(self.ran[m])).wrapping_add(m as u64 + 1);
            *key = mix(hash).max(1);
        }
        keys
    }
}

/// Followers of one thread with decayed counts (each new follower takes 5 % off the older ones),
/// over all CPUs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    who: [Ident; 2 * KEEP],
    weight: [f32; 2 * KEEP],
    /// Sum over all followers, forgotten ones included.
    pub sum: f32,
    /// Who followed last, latest first.
    pub last: [Ident; 3],
}

impl Recent {
    pub const EMPTY: Self =
        Self { who: [NOBODY; 2 * KEEP], weight: [0.0; 2 * KEEP], sum: 0.0, last: [NOBODY; 3] };

    /// The share of each, for a column.
    pub fn shares(&self, column: usize) -> Shares<'_, { 2 * KEEP }> {
        let over = self.sum + 1e-3;
        Shares { who: &self.who, share: self.weight.map(|weight| weight / over), column }
    }

    pub fn add(&mut self, who: Ident) {
        let (mut at, mut least) = (0, f32::INFINITY);
        for (i, (w, weight)) in self.who.iter().zip(&mut self.weight).enumerate() {
            *weight *= 0.95;
            let rank = if *w == who { -1.0 } else { *weight };
            if rank < least {
                (at, least) = (i, rank);
            }
        }
        if self.who[at] != who {
            (self.who[at], self.weight[at]) = (who, 0.0);
        }
        self.weight[at] += 1.0;
        self.sum = self.sum * 0.95 + 1.0;
        self.last.rotate_right(1);
        self.last[0] = who;
    }
}

/// Both tables: contexts over all CPUs (for the pick) and of each CPU alone (for the forecast).
#[derive(Clone, Debug)]
pub(super) struct Follow {
    shared: Sets<Followers>,
    own: Sets<Followers>,
}

impl Follow {
    pub fn new() -> Self {
        Self { shared: Sets::new(MAX_SETS), own: Sets::new(MAX_SETS) }
    }

    /// What followed the last `order` threads (1-based) of `history` on any CPU.
    pub fn anywhere(&self, history: &History) -> Trail<'_> {
        look_up(&self.shared, history.keys[0])
    }

    /// What followed them on this CPU.
    pub fn here(&self, history: &History) -> Trail<'_> {
        look_up(&self.own, history.keys[1])
    }

    /// [`Self::anywhere`] will be asked soon, and who came in will be added.
    pub fn expect_anywhere(&self, history: &History) {
        for key in &history.keys[0][1..] {
            self.shared.expect(*key);
        }
    }

    /// [`Self::here`] will be asked soon.
    pub fn expect_here(&self, history: &History) {
        for key in history.keys[1] {
            self.own.expect(key);
        }
    }

    /// `who` came in after `history`.
    pub fn add(&mut self, history: &History, who: Ident) {
        // Order 1 over all CPUs is `Recent`'s.
        for key in history.keys[0].into_iter().skip(1).filter(|k| *k != 0) {
            self.shared.add(key, who);
        }
        for key in history.keys[1].into_iter().filter(|k| *k != 0) {
            self.own.add(key, who);
        }
    }
}

/// What is kept for keys of contexts; 0 is none.
fn look_up(sets: &Sets<Followers>, keys: [u64; ORDERS]) -> Trail<'_> {
    let slots = keys.map(|key| if key == 0 { None } else { sets.find(key) });
    for slot in slots.iter().flatten() {
        sets.expect_at(*slot);
    }
    slots.map(|slot| slot.map(|slot| sets.at(slot)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_of_every_length_count_their_followers() {
        let mut follow = Follow::new();
        let mut history = History::EMPTY;
        // 1 2 3 1 2 4 1 2 3: after "1 2" came 3, 4, 3.
        for who in [1, 2, 3, 1, 2, 4, 1, 2, 3] {
            follow.add(&history, who);
            history.push(who, 0);
        }
        history.push(1, 0);
        history.push(2, 0);
        let two = follow.anywhere(&history)[1].unwrap();
        assert_eq!((two.total, two.last, two.best()), (3, 3, (3, 2.0)));
        // "2 3 1 2" was followed by 4, once.
        let four = follow.anywhere(&history)[3].unwrap();
        assert_eq!((four.total, four.best()), (1, (4, 1.0)));
        let mut other = History::EMPTY;
        for who in [1, 2] {
            other.push(who, 1);
        }
        assert!(follow.anywhere(&other)[1].is_some_and(|two| two.total == 3));
        assert!(follow.here(&other).iter().all(Option::is_none), "nothing ran on the other CPU");
    }

    #[test]
    fn a_full_table_forgets_the_rarest_and_growing_loses_nothing() {
        let mut table = Sets::<Followers>::new(1024);
        let keys: Vec<u64> = (1..=1_000).map(mix).collect();
        for (i, key) in keys.iter().enumerate() {
            table.add(*key, i as u32);
        }
        assert!(
            keys.iter().enumerate().all(|(i, k)| table
                .find(*k)
                .map(|at| table.at(at))
                .unwrap()
                .last
                == i as u32)
        );
        let often = mix(77);
        table.add(often, 5);
        table.add(often, 5);
        for i in 0..200_000u64 {
            table.add(mix(i + 5_000), 1);
        }
        assert_eq!(table.room(), 1024 * 8);
        assert_eq!(table.find(often).map(|at| table.at(at)).unwrap().best(), (5, 2.0));
    }

    #[test]
    fn recent_followers_fade() {
        let mut recent = Recent::EMPTY;
        recent.add(1);
        recent.add(2);
        assert_eq!(
            (&recent.who[..3], &recent.weight[..3]),
            (&[1, 2, NOBODY][..], &[0.95, 1.0, 0.0][..])
        );
        assert!((recent.sum - 1.95).abs() < 1e-6 && recent.last == [2, 1, NOBODY]);
        for who in 10..60 {
            recent.add(who);
        }
        assert!(recent.weight.iter().all(|w| *w > 0.0));
    }
}
