//! The tasks that were named last: most rows of a recording name the same few, and looking one up
//! here costs a fraction of interning it.

use super::{Pid, TaskId};

/// A task as an event names it, and what it was interned as.
#[derive(Clone, Copy, Debug)]
struct Named {
    name: u128,
    pid: Pid,
    id: TaskId,
}

/// Slots; a power of two.
const SLOTS: usize = 1 << 8;

/// Two tasks a slot, the last ones that fell into it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Option<Box<[[Named; 2]; SLOTS]>>);

impl Recent {
    /// The task of this pid and [`packed`] name; else what `intern` says, which is kept.
    pub fn task(&mut self, pid: Pid, name: u128, intern: impl FnOnce() -> TaskId) -> TaskId {
        // No name of length 0 looks like the first ones.
        let slots = self.0.get_or_insert_with(|| {
            Box::new([[Named { name: 1, pid, id: TaskId::NONE }; 2]; SLOTS])
        });
        let slot = &mut slots[slot(pid, name)];
        if let Some(named) = slot.iter().find(|named| named.name == name && named.pid == pid) {
            return named.id;
        }
        slot[1] = slot[0];
        slot[0] = Named { name, pid, id: intern() };
        slot[0].id
    }
}

/// The idle threads share a pid and differ at the end of their names.
fn slot(pid: Pid, name: u128) -> usize {
    let mixed = (pid.0 as u32 ^ (name >> 64) as u32).wrapping_mul(0x9e37_79b1);
    mixed as usize >> (32 - SLOTS.trailing_zeros())
}

/// The bytes of a name that is no longer than the kernel's, and its length in the highest byte.
pub(super) fn packed(name: &[u8]) -> Option<u128> {
    let length = name.len();
    // Two halves that meet or overlap: where they do, they say the same.
    let (low, high) = if let (Some(first), Some(last)) =
        (name.first_chunk::<8>(), name.last_chunk::<8>())
    {
        let both = if length > 8 {
            u64::from_le_bytes(*last) >> (8 * (16usize.checked_sub(length)?))
        } else {
            0
        };
        (u64::from_le_bytes(*first), both)
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
        (u64::from(u32::from_le_bytes(*first)) | last, 0)
    } else {
        (name.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0)
    };
    (length < 16).then_some(u128::from(low) | u128::from(high) << 64 | (length as u128) << 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_name_is_its_bytes_and_its_length() {
        let name = b"kworker/u16:2-e";
        for length in 0..=name.len() {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&name[..length]);
            bytes[15] = length as u8;
            assert_eq!(packed(&name[..length]), Some(u128::from_le_bytes(bytes)), "{length}");
        }
        assert_eq!(packed(b"sixteen bytes ..."), None);
        assert_ne!(packed(b"a"), packed(b"a\0"));
    }
}
