//! The state a task is left in by a switch (`prev_state`), as the kernel's own bits.

/// `prev_state` of a `sched_switch`: task state bits of `include/linux/sched.h`, plus [`TaskState::PREEMPTED`] for `R+`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskState(pub u16);

/// Bit and letter of each reported state, in the kernel's order; `K`, `W`, `N` come from kernels before 4.14.
const LETTERS: [(u16, char); 11] = [
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

    /// `R` or `R+`: the task goes back to the run queue. A preempted sleeper (`S+`) never left it either.
    pub fn is_runnable(self) -> bool {
        self.0 & !Self::PREEMPTED.0 == 0 || self.is_preempted()
    }

    /// The `+`: the switch was a preemption.
    pub fn is_preempted(self) -> bool {
        self.0 & Self::PREEMPTED.0 != 0
    }

    /// Parses ftrace's letters: `R`, `R+`, `S`, `D|K`, ... `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (body, plus) = match text {
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
        for bad in ["", "+", "Q", "R|", "SS", "|"] {
            assert_eq!(TaskState::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn only_r_and_preempted_stay_runnable() {
        assert!(TaskState::RUNNING.is_runnable() && TaskState::PREEMPTED.is_runnable());
        assert!(!TaskState::SLEEP.is_runnable() && !TaskState::DISK.is_runnable());
    }
}
