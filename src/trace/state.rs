//! The state a task is left in by a switch (`prev_state`), as the kernel's own bits.

/// `prev_state` of a `sched_switch`: task state bits of `include/linux/sched.h`, plus
/// [`TaskState::PREEMPTED`] for `R+`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskState(pub u16);

/// Bit and letter of each reported state, in the kernel's order; `K`, `W`, `N` come from kernels
/// before 4.14.
const LETTERS: [(u16, char); 12] = [
    (0x0001, 'S'),
    (0x0002, 'D'),
    (0x0004, 'T'),
    (0x0008, 't'),
    (0x0010, 'X'),
    (0x0020, 'Z'),
    (0x0040, 'P'),
    (0x0080, 'I'),
    (0x0200, 'K'),
    (0x0400, 'W'),
    (0x0800, 'N'),
    (0x1000, '?'),
];

/// The bits of kernels before 4.14 (`TASK_STATE_TO_CHAR_STR` of 4.9), and what they are here.
const OLD_BITS: [(u64, u16); 8] = [
    (0x000f, 0x000f),
    (0x0010, 0x0010), // the zombie's bit until 3.13, which changed places with the next one
    (0x0020, 0x0020),
    (0x0040, 0x0010),
    (0x0080, 0x0200),
    (0x0100, 0x0400),
    (0x0200, 0x0040),
    (0x0400, 0x0800),
];

impl TaskState {
    /// Still runnable: `R`.
    pub const RUNNING: Self = Self(0);
    /// Preempted while runnable: `R+`.
    pub const PREEMPTED: Self = Self(0x0100);
    /// Interruptible sleep: `S`.
    pub const SLEEP: Self = Self(0x0001);
    /// Uninterruptible sleep: `D`.
    pub const DISK: Self = Self(0x0002);
    /// Idle kernel thread: `I`.
    pub const IDLE: Self = Self(0x0080);
    /// Dead: `X`.
    pub const DEAD: Self = Self(0x0010);
    /// Zombie: `Z`.
    pub const ZOMBIE: Self = Self(0x0020);
    /// The recording names a state that is not known here: `?`. The task does not run on.
    pub const UNKNOWN: Self = Self(0x1000);

    /// `R` or `R+`: the task goes back to the run queue. A preempted sleeper (`S+`) never left it
    /// either.
    pub fn is_runnable(self) -> bool {
        self.0 & !Self::PREEMPTED.0 == 0 || self.is_preempted()
    }

    /// `S`, `D` or `I`: it comes back when something wakes it. Not stopped, parked or dead.
    pub fn is_asleep(self) -> bool {
        let asleep = Self::SLEEP.0 | Self::DISK.0 | Self::IDLE.0;
        !self.is_runnable() && self.0 & asleep != 0
    }

    /// The `+`: the switch was a preemption.
    pub fn is_preempted(self) -> bool {
        self.0 & Self::PREEMPTED.0 != 0
    }

    /// From the number that a tracepoint holds, when nothing says of which kernel. Since 4.14 it is
    /// one of the bits up to 0x80, or 0x100 for a preemption; before, several bits could be set,
    /// and the mark of a preemption was 0x400 at least (0x800 in 4.2, 0x1000 from 4.8). A lone 0x40
    /// is a parked task today, and was a dead one.
    pub fn of_bits(bits: u64) -> Self {
        let today = bits & !0x100;
        if bits <= 0x1ff && (today == 0 || today.is_power_of_two()) {
            return Self(bits as u16);
        }
        let plus = if bits >= 0x800 { Self::PREEMPTED.0 } else { 0 };
        let low = OLD_BITS[0].0 & bits;
        let rest = OLD_BITS[1..].iter().filter(|(old, _)| bits & old != 0);
        Self(rest.fold(plus | low as u16, |all, (_, new)| all | new))
    }

    /// The number that [`Self::of_bits`] reads as this state, in today's bits where they can say
    /// it, else in old ones. `None` where neither can.
    pub fn bits(self) -> Option<u64> {
        let plus = if self.is_preempted() { 0x800 } else { 0 };
        let rest = OLD_BITS[1..].iter().filter(|(_, new)| self.0 & new != 0);
        let old = rest.fold(plus | u64::from(self.0 & OLD_BITS[0].1), |all, (old, _)| all | old);
        [u64::from(self.0), old, old & !0x40].into_iter().find(|bits| Self::of_bits(*bits) == self)
    }

    /// Parses ftrace's letters: `R`, `R+`, `S`, `D|K`, ... A letter that is not known is
    /// [`Self::UNKNOWN`], because kernels add some. `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (body, plus) = match text {
            b"S" => return Some(Self::SLEEP),
            [head @ .., b'+'] => (head, Self::PREEMPTED.0),
            all => (all, 0),
        };
        if body == b"R" {
            return Some(Self(plus));
        }
        let mut bits = plus;
        for part in body.split(|&b| b == b'|') {
            let [letter] = part else { return None };
            let hit = LETTERS.iter().find(|(_, c)| *c as u8 == *letter);
            bits |= match (letter, hit) {
                (_, Some((bit, _))) => *bit,
                (b'x', None) => 0x0010, // EXIT_DEAD as old kernels wrote it
                (b'R', None) => 0,
                (b'?' | b'A'..=b'Z' | b'a'..=b'z', None) => Self::UNKNOWN.0,
                _ => return None,
            };
        }
        Some(Self(bits))
    }

    /// Writes ftrace's letters.
    pub fn label(self) -> StateLabel {
        StateLabel(self)
    }
}

/// Displays a [`TaskState`] the way ftrace prints it.
pub struct StateLabel(TaskState);

impl std::fmt::Display for StateLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write;
        let bits = self.0.0;
        if bits & !TaskState::PREEMPTED.0 == 0 {
            f.write_char('R')?;
        }
        let mut first = true;
        for (bit, letter) in LETTERS {
            if bits & bit != 0 {
                if !first {
                    f.write_char('|')?;
                }
                f.write_char(letter)?;
                first = false;
            }
        }
        if self.0.is_preempted() {
            f.write_char('+')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_round_trip() {
        for text in ["R", "R+", "S", "D", "D|K", "T", "t", "X", "Z", "P", "I", "S|D+"] {
            let state = TaskState::parse(text.as_bytes()).unwrap();
            assert_eq!(state.label().to_string(), text);
        }
        for bad in ["", "+", "1", "R|", "SS", "|", " "] {
            assert_eq!(TaskState::parse(bad.as_bytes()), None, "{bad:?}");
        }
        for unknown in ["?", "Q", "h"] {
            let state = TaskState::parse(unknown.as_bytes());
            assert_eq!(
                (state, state.map(TaskState::is_runnable)),
                (Some(TaskState::UNKNOWN), Some(false))
            );
        }
        assert_eq!(TaskState::UNKNOWN.label().to_string(), "?");
    }

    #[test]
    fn numbers_of_kernels_old_and_new() {
        let label = |bits| TaskState::of_bits(bits).label().to_string();
        assert_eq!([0, 1, 2, 0x80, 0x100, 0x101].map(label), ["R", "S", "D", "I", "R+", "S+"]);
        // 4.9: killable sleep, preempted (4.2 and 4.8), uninterruptible without load, preempted on
        // the way to sleep.
        assert_eq!(
            [0x82, 0x800, 0x1000, 0x402, 0x1001].map(label),
            ["D|K", "R+", "R+", "D|N", "S+"]
        );
    }

    #[test]
    fn a_number_for_every_state_that_tracepoints_show() {
        for text in [
            "R", "R+", "S", "S+", "D", "T", "t", "X", "Z", "P", "I", "D|K", "D|N", "S|D+", "X|P",
            "T|K+",
        ] {
            let state = TaskState::parse(text.as_bytes()).unwrap();
            assert_eq!(state.bits().map(TaskState::of_bits), Some(state), "{text}");
        }
        assert_eq!((TaskState::SLEEP.bits(), TaskState::PREEMPTED.bits()), (Some(1), Some(0x100)));
        assert_eq!(TaskState::UNKNOWN.bits(), None);
    }

    #[test]
    fn only_r_and_preempted_stay_runnable() {
        assert!(TaskState::RUNNING.is_runnable() && TaskState::PREEMPTED.is_runnable());
        assert!(!TaskState::SLEEP.is_runnable() && !TaskState::DISK.is_runnable());
    }
}
