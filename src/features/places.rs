//! Where each member of a short list stands in it: a hash table of fixed size, made anew for each
//! question, so that whoever is named costs one look and not a search.

/// Members at most: half of the slots, so that a search ends soon.
pub(super) const MOST: usize = 64;
const SLOTS: usize = 2 * MOST;
/// A slot without a member, which therefore is never one.
const FREE: u32 = u32::MAX;

/// Places of members by their numbers. `u32::MAX` is "nobody" in every numbering: it is never
/// found.
#[derive(Clone, Debug)]
pub(super) struct Places {
    members: [u32; SLOTS],
    at: [u8; SLOTS],
}

impl Places {
    pub const EMPTY: Self = Self { members: [FREE; SLOTS], at: [0; SLOTS] };

    /// Nobody is a member any more.
    pub fn clear(&mut self) {
        self.members = [FREE; SLOTS];
    }

    /// `member` stands at `place`, below [`MOST`], unless it stands somewhere already; false then.
    /// Nobody never stands anywhere.
    pub fn insert(&mut self, member: u32, place: usize) -> bool {
        if member == FREE {
            return true;
        }
        let slot = self.slot(member);
        let new = self.members[slot] == FREE;
        if new {
            (self.members[slot], self.at[slot]) = (member, place as u8);
        }
        new
    }

    /// Where `member` stands.
    #[inline]
    pub fn get(&self, member: u32) -> Option<usize> {
        let slot = self.slot(member);
        (member != FREE && self.members[slot] == member).then(|| usize::from(self.at[slot]))
    }

    /// The slot of `member`, or the free one that it would take. Numbers are given one after the
    /// other, so that their low bits differ.
    #[inline]
    fn slot(&self, member: u32) -> usize {
        let mut slot = member as usize % SLOTS;
        while self.members[slot] != member && self.members[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_where_they_stand_and_nobody_else_is() {
        let mut places = Places::EMPTY;
        // All in the same slot but for the last ones.
        let members: Vec<u32> = (0..MOST as u32).map(|i| i * 128 + i / 60).collect();
        for (i, member) in members.iter().enumerate() {
            assert!(places.insert(*member, i));
        }
        for (i, member) in members.iter().enumerate() {
            assert_eq!(places.get(*member), Some(i));
            assert!(!places.insert(*member, 0), "the first place counts");
            assert_eq!((places.get(*member), places.get(member + 64)), (Some(i), None));
        }
        places.clear();
        assert!(members.iter().all(|m| places.get(*m).is_none()));
        assert!(places.insert(u32::MAX, 3) && places.get(u32::MAX).is_none());
    }
}
