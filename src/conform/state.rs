//! One row of the kernel's own state, taken apart: entities, and a queue with the average of its
//! virtual times.

use crate::trace::SchedClass;
use crate::trace::truth::{Of, TruthRow, Value};

/// `load.weight` counts finer than the sums of a queue (`scale_load_down`), but never less than 2.
const FINER: u32 = 10;
const LEAST_WEIGHT: i64 = 2;
/// Weight of nice 0 in sums.
pub(super) const NICE_0: i64 = 1_024;

/// An entity as the kernel kept it at some moment. Times are virtual ns of its queue; they wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Virtual run time.
    pub vruntime: i64,
    /// Virtual deadline; 0 under CFS, which has none.
    pub deadline: i64,
    /// As in the sums of its queue.
    pub weight: i64,
    /// Asleep, and still competing until its lag is used up.
    pub delayed: bool,
}

impl State {
    /// Of what a row says of `of`, if it says so.
    pub fn of(row: TruthRow<'_>, of: Of) -> Option<Self> {
        let value = |value| row.value(of, value);
        let weight = value(Value::Weight).map_or(NICE_0, |w| (w >> FINER).max(LEAST_WEIGHT));
        let delayed = value(Value::Delayed) == Some(1);
        let deadline = value(Value::Deadline).unwrap_or(0);
        Some(Self { vruntime: value(Value::Vruntime)?, deadline, weight, delayed })
    }

    /// The same place in time, whatever became of it.
    pub fn same(&self, other: &Self) -> bool {
        (self.vruntime, self.deadline) == (other.vruntime, other.deadline)
    }
}

/// A queue and all that compete in it, the one that was taken included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Where the sums count from (CFS: the queue's floor).
    pub zero: i64,
    /// Sum of weight times distance from there, and of weights; both of everybody.
    pub sum: i128,
    /// See `sum`. 0: not known.
    pub weight: i64,
    /// How many there are.
    pub count: i64,
}

impl Sums {
    /// Of the queue that `chosen` was taken from. The sums of a row leave out the one that runs.
    pub fn of(row: TruthRow<'_>, queue: Of, chosen: &State, class: SchedClass) -> Option<Self> {
        let value = |value| row.value(queue, value);
        let count = value(Value::Count)?;
        if class == SchedClass::Cfs {
            let zero = value(Value::Min).unwrap_or(chosen.vruntime);
            return Some(Self { zero, sum: 0, weight: 0, count });
        }
        let zero = value(Value::Zero).or_else(|| value(Value::Min))?;
        let key = i128::from(chosen.vruntime.wrapping_sub(zero)) * i128::from(chosen.weight);
        let sum = i128::from(value(Value::Sum)?) + key;
        Some(Self { zero, sum, weight: value(Value::SumWeight)? + chosen.weight, count })
    }

    /// What lag is measured from: the average virtual time, rounded down (CFS: the floor), less
    /// `zero`.
    pub fn average(&self) -> i64 {
        if self.weight == 0 { 0 } else { self.sum.div_euclid(i128::from(self.weight)) as i64 }
    }

    /// The average less a virtual time.
    pub fn lag(&self, vruntime: i64) -> i64 {
        self.average().wrapping_sub(vruntime.wrapping_sub(self.zero))
    }

    /// A deadline less the average.
    pub fn ahead(&self, deadline: i64) -> i64 {
        self.lag(deadline).wrapping_neg()
    }

    /// `entity_eligible`: exact, where a lag is rounded.
    pub fn eligible(&self, vruntime: i64) -> bool {
        self.weight == 0
            || self.sum >= i128::from(vruntime.wrapping_sub(self.zero)) * i128::from(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_eligible_is_exact_and_lag_is_rounded_down() {
        // Two of weight 1024 at 10 and 11.
        let sums = Sums { zero: 10, sum: 1024, weight: 2048, count: 2 };
        assert_eq!((sums.lag(10), sums.lag(11), sums.ahead(110)), (0, -1, 100));
        assert!(sums.eligible(10) && !sums.eligible(11));
        let floor = Sums { zero: 10, sum: 0, weight: 0, count: 2 };
        assert_eq!((floor.lag(7), floor.eligible(99)), (3, true));
    }
}
