//! What is done to the threads of a queue when an observed pick contradicts the replay: plain data,
//! and the eight rules that are tried side by side, one of them to do nothing. No rule is right
//! everywhere, since the events do not tell whose state was wrong.

use crate::trace::SchedClass;

/// Number of corrections that are replayed side by side: the best one, six others, and none.
pub const HYPOTHESES: usize = 8;
/// The replay that is left alone among them.
pub const UNCORRECTED: usize = HYPOTHESES - 1;

/// Whose state is taken for wrong when others (the losers) stood before the thread that came in
/// (the winner).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Each loser's, however many they are.
    Losers,
    /// The winner's as soon as there are more losers than this, else the losers'.
    WinnerBeyond(usize),
    /// The winner's when more than half of those that could have come in lost, else the losers'.
    WinnerBeyondHalf,
}

impl Blame {
    /// Whether the winner is to blame for `losers` among the `others` that could have come in
    /// instead of it.
    pub(super) fn winner(self, losers: usize, others: usize) -> bool {
        match self {
            Self::Losers => false,
            Self::WinnerBeyond(most) => losers > most,
            Self::WinnerBeyondHalf => losers * 2 > others,
        }
    }
}

/// How a replay takes a pick that it did not expect. The two rules are those of the two scheduling
/// classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// It does not: the replay stays as it is.
    Nothing,
    /// EEVDF: losers are put behind the winner's deadline, or the winner before theirs.
    Deadlines {
        /// Who is moved.
        blame: Blame,
        /// A winner that is moved has its virtual time moved with its deadline.
        winner_time: bool,
        /// A loser that is moved has its virtual time moved with its deadline.
        loser_time: bool,
        /// How far behind the winner's deadline a loser is put, virtual ns.
        gap_ns: i64,
    },
    /// CFS: losers are raised to the winner's virtual time, or the winner is lowered to the least
    /// of theirs.
    Times {
        /// Who is moved.
        blame: Blame,
    },
}

impl Correction {
    pub(super) fn may_blame_winner(self) -> bool {
        matches!(self, Self::Deadlines { blame, .. } | Self::Times { blame } if blame != Blame::Losers)
    }

    /// The rules of a scheduling class that are tried side by side; the first is the one that is
    /// best alone.
    pub fn all(class: SchedClass) -> [Self; HYPOTHESES] {
        if class == SchedClass::Cfs { CFS } else { EEVDF }
    }
}

/// Losers are moved, by their deadline alone and as little as can be.
const LOSERS: Correction = Correction::Deadlines {
    blame: Blame::Losers,
    winner_time: false,
    loser_time: false,
    gap_ns: 1,
};

/// The winner is moved when `blame` says so.
const fn winner(blame: Blame, winner_time: bool) -> Correction {
    Correction::Deadlines { blame, winner_time, loser_time: false, gap_ns: 1 }
}

const EEVDF: [Correction; HYPOTHESES] = [
    LOSERS,
    winner(Blame::WinnerBeyond(2), true),
    winner(Blame::WinnerBeyondHalf, true),
    winner(Blame::WinnerBeyond(1), false),
    winner(Blame::WinnerBeyondHalf, false),
    Correction::Deadlines { blame: Blame::Losers, winner_time: false, loser_time: true, gap_ns: 1 },
    winner(Blame::WinnerBeyond(4), true),
    Correction::Nothing,
];

const CFS: [Correction; HYPOTHESES] = [
    Correction::Times { blame: Blame::WinnerBeyond(3) },
    Correction::Times { blame: Blame::WinnerBeyond(0) },
    Correction::Times { blame: Blame::WinnerBeyond(1) },
    Correction::Times { blame: Blame::WinnerBeyond(8) },
    Correction::Times { blame: Blame::WinnerBeyond(2) },
    Correction::Times { blame: Blame::WinnerBeyond(5) },
    Correction::Times { blame: Blame::Losers },
    Correction::Nothing,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_winner_is_blamed_beyond_a_number_or_a_share_of_losers() {
        assert!(!Blame::Losers.winner(99, 99));
        assert_eq!([2, 3].map(|losers| Blame::WinnerBeyond(2).winner(losers, 9)), [false, true]);
        assert_eq!([2, 3].map(|losers| Blame::WinnerBeyondHalf.winner(losers, 4)), [false, true]);
    }

    #[test]
    fn the_rules_of_a_class_differ() {
        for class in [SchedClass::Cfs, SchedClass::Eevdf, SchedClass::Unknown] {
            let all = Correction::all(class);
            assert!((0..HYPOTHESES).all(|i| !all[..i].contains(&all[i])), "{class:?}");
            assert_eq!(all[UNCORRECTED], Correction::Nothing);
        }
    }
}
