//! A queue at a pick: who is known to be on it, what its sums leave for those who are not, and the
//! ruling.

use super::rule;
use super::ruling::Ruling;
use super::scene::{Level, Marks, Member, Who};
use super::state::{NICE_0, State, Sums};
use crate::trace::SchedClass;

/// What the sums of a queue have more than those who are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Entities; negative when more are known than there are.
    pub count: i64,
    /// Their weight.
    pub weight: i64,
    /// Of weight times distance from [`Sums::zero`].
    pub sum: i128,
}

impl Rest {
    const NOTHING: Self = Self { count: 0, weight: 0, sum: 0 };

    /// The virtual time of the one that it is of, from [`Sums::zero`].
    pub fn one(&self) -> Option<i64> {
        let exact = self.count == 1 && self.weight > 0 && self.sum % i128::from(self.weight) == 0;
        exact.then(|| i64::try_from(self.sum / i128::from(self.weight)).ok()).flatten()
    }
}

/// A queue while its level is put together.
pub struct Draft {
    /// Its sums.
    pub sums: Sums,
    /// The level so far.
    pub level: Level,
    class: SchedClass,
}

impl Draft {
    /// A queue out of which `who` was taken with this state.
    pub fn new(of_groups: bool, who: Who, chosen: &State, sums: Sums, class: SchedClass) -> Self {
        let chosen = Member { sure: true, ..member(who, Some(chosen), &sums, class) };
        let level = Level {
            of_groups,
            chosen,
            others: Vec::new(),
            count: usize::try_from(sums.count).unwrap_or(0),
            unseen: 0,
            exact: false,
            first_ns: None,
            marks: Marks::default(),
            granularity_ns: 0,
            ruling: Ruling::Consistent,
        };
        Self { sums, level, class }
    }

    /// Adds one that competes.
    pub fn add(&mut self, who: Who, state: Option<&State>, prev: bool) {
        self.level.others.push(Member {
            prev,
            sure: prev,
            ..member(who, state, &self.sums, self.class)
        });
    }

    /// Takes the first of the queue's tree in, unless it is one of those that are known. `leads`:
    /// it is the earliest.
    pub fn first(&mut self, first: Option<State>, leads: bool) {
        let Some(first) = first else { return };
        let m = Member { sure: true, ..member(Who::First, Some(&first), &self.sums, self.class) };
        if leads {
            self.level.first_ns = m.deadline_ns.or(m.lag_ns.map(i64::wrapping_neg));
        }
        let others = &mut self.level.others;
        let cfs = self.class == SchedClass::Cfs;
        if cfs {
            // Who would be before it is in another queue, or its number is of another one.
            for o in others.iter_mut().filter(|o| !o.sure && o.lag_ns > m.lag_ns) {
                (o.lag_ns, o.eligible) = (None, None);
            }
        }
        let same = |o: &Member| (o.lag_ns, o.deadline_ns) == (m.lag_ns, m.deadline_ns);
        // Two may stand at the same place: their weights tell which of them is meant, if any.
        let known = others.iter().position(|o| same(o) && o.weight == m.weight);
        match known.or_else(|| others.iter().position(|o| !cfs && same(o))) {
            Some(known) => others[known].sure = true,
            None => others.push(m),
        }
    }

    /// What the sums have more than those whose state is known.
    pub fn rest(&self) -> Rest {
        let average = self.sums.average();
        let mut rest =
            Rest { count: self.sums.count, weight: self.sums.weight, sum: self.sums.sum };
        for m in self.level.others.iter().chain([&self.level.chosen]) {
            let Some(lag) = m.lag_ns.filter(|_| !m.gone) else { continue };
            rest.count -= 1;
            rest.weight -= m.weight;
            rest.sum -= i128::from(m.weight) * i128::from(average.wrapping_sub(lag));
        }
        rest
    }

    /// Sleepers that are thought to be on the queue and are not: the pick of a moment without a
    /// switch took them off. Those without whom the sums are right.
    pub fn gone(&self) -> Vec<usize> {
        let rest = self.rest();
        let sleeps = |i: &usize| self.level.others[*i].delayed && !self.level.others[*i].sure;
        let mut asleep: Vec<usize> = (0..self.level.others.len()).filter(sleeps).collect();
        asleep.sort_by_key(|i| {
            (self.level.others[*i].eligible != Some(true), self.level.others[*i].deadline_ns)
        });
        let (average, over) = (self.sums.average(), usize::try_from(-rest.count).unwrap_or(0));
        if over == 0 {
            return Vec::new();
        }
        let without = |gone: &[usize]| {
            gone.iter().fold(rest, |r, i| {
                let m = &self.level.others[*i];
                let key = average.wrapping_sub(m.lag_ns.unwrap_or(0));
                Rest {
                    count: r.count + 1,
                    weight: r.weight + m.weight,
                    sum: r.sum + i128::from(m.weight) * i128::from(key),
                }
            })
        };
        let one_by_one = asleep.windows(over.min(asleep.len()).max(1)).map(<[usize]>::to_vec);
        let mut gone =
            { one_by_one }.find(|gone| without(gone) == Rest::NOTHING).unwrap_or_default();
        gone.sort_unstable();
        gone
    }

    /// The level with its ruling. `before`: states of other moments, one of which may be that of
    /// the only one that is not known.
    pub fn ruled(mut self, before: &[State]) -> Level {
        if self.class == SchedClass::Cfs && self.sums.count == 1 {
            // It was alone: whoever else is said to wait does so in another queue.
            self.level.others.retain(|o| o.sure);
        }
        let rest = self.rest();
        let level = &mut self.level;
        level.exact = rest == Rest::NOTHING;
        level.unseen = usize::try_from(rest.count).unwrap_or(0);
        if let Some(key) = rest.one() {
            let vruntime = self.sums.zero.wrapping_add(key);
            let (lag, eligible) =
                (Some(self.sums.lag(vruntime)), Some(self.sums.eligible(vruntime)));
            let then =
                before.iter().rev().find(|s| (s.vruntime, s.weight) == (vruntime, rest.weight));
            let deadline =
                then.filter(|_| self.class != SchedClass::Cfs).map(|s| self.sums.ahead(s.deadline));
            if let Some(m) = level.others.iter_mut().find(|m| m.lag_ns.is_none()) {
                (m.lag_ns, m.eligible, m.deadline_ns) = (lag, eligible, deadline);
            } else {
                let m = member(Who::Rest, None, &self.sums, self.class);
                let weight = rest.weight;
                level.others.push(Member {
                    lag_ns: lag,
                    eligible,
                    deadline_ns: deadline,
                    weight,
                    ..m
                });
            }
            level.unseen = usize::from(eligible == Some(true) && deadline.is_none());
            level.exact = true;
        }
        level.ruling =
            if self.class == SchedClass::Cfs { rule::cfs(level) } else { rule::eevdf(level) };
        self.level
    }
}

fn member(who: Who, state: Option<&State>, sums: &Sums, class: SchedClass) -> Member {
    Member {
        who,
        lag_ns: state.map(|s| sums.lag(s.vruntime)),
        deadline_ns: state.filter(|_| class != SchedClass::Cfs).map(|s| sums.ahead(s.deadline)),
        eligible: state.map(|s| sums.eligible(s.vruntime)),
        weight: state.map_or(NICE_0, |s| s.weight),
        delayed: state.is_some_and(|s| s.delayed),
        gone: false,
        prev: false,
        sure: false,
    }
}
