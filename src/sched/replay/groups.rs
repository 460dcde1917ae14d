//! What an observed pick says of the level above: the group of the one that came in was taken
//! before those beside it.

use super::correction::Correction;
use super::engine::Engine;
use super::entity::{Doing, Mask, NONE, lanes, which};
use super::rules::Order;

/// How far behind the average a loser is put, virtual ns. Which threads share a group and what it
/// weighs is only assumed, so that who lost once mostly loses again: nearer by, it would be thought
/// to win as soon as the winner has run for a moment.
const BEHIND_NS: i64 = 2_000_000;

impl<const N: usize> Engine<N> {
    /// After an observed pick, in the lanes of `set`: whoever stands beside the winner's group (or
    /// beside the winner, in the root queue) and would have been taken first is put behind the
    /// average and behind the winner's deadline. `prev`: one that could have stayed.
    pub(super) fn correct_groups(&mut self, winner: u32, prev: u32, set: Mask) {
        let w = &self.ents[winner as usize];
        let rules = &self.rules;
        if rules.plain || rules.order != Order::Deadlines || w.queue == NONE || w.task.real_time {
            return;
        }
        let (cpu, owner) = (usize::from(w.task.cpu), self.queues[w.queue as usize].owner);
        let root = if owner == NONE { winner } else { owner };
        let r = &self.ents[root as usize];
        let set = set & r.on & which::<N>(|h| self.corrections[h] != Correction::Nothing);
        if set == 0 || r.queue as usize != cpu || self.queues[cpu].crowded() != 0 {
            return;
        }
        let deadline = r.deadline;
        for at in 0..self.queues[cpu].list.len() {
            let id = self.queues[cpu].list[at];
            let lost =
                if id == root { 0 } else { self.stands_before(id, prev, cpu, &deadline, set) };
            for h in lanes(lost) {
                let behind = self.queues[cpu].average(h).wrapping_add(BEHIND_NS);
                let e = &mut self.ents[id as usize];
                e.deadline[h] = deadline[h].wrapping_add(1);
                self.queues[cpu].shift(e, h, behind);
            }
        }
        // Pulled to the average of the others it is just eligible.
        let (e, queue) = (&mut self.ents[root as usize], &mut self.queues[cpu]);
        for h in lanes(set) {
            if !queue.eligible(e.v[h], h) {
                let v = queue.average_without(e, h).unwrap_or_else(|| queue.average(h));
                let d = e.v[h].wrapping_sub(v);
                queue.shift(e, h, v);
                e.deadline[h] = e.deadline[h].wrapping_sub(d);
            }
        }
    }

    /// Lanes of `set` in which an entity of the root queue could have come in and is eligible with
    /// an earlier deadline.
    fn stands_before(
        &self,
        id: u32,
        prev: u32,
        cpu: usize,
        deadline: &[i64; N],
        set: Mask,
    ) -> Mask {
        let e = &self.ents[id as usize];
        let mut on = e.on & set & !e.delayed;
        if e.owns != NONE {
            on &= !self.hollow(e.owns as usize, NONE, on);
        } else if e.task.doing != Doing::Queued && id != prev {
            return 0;
        }
        on & which::<N>(|h| e.deadline[h] < deadline[h] && self.queues[cpu].eligible(e.v[h], h))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::super::engine::How;
    use super::*;
    use crate::trace::SchedClass;

    #[test]
    fn a_pick_from_another_group_is_the_next_one_too() {
        let rules = Rules::of_class(SchedClass::Eevdf);
        let mut engine: Engine<1> =
            Engine::new(rules, 1, 4, 1_400_000, [Correction::all(SchedClass::Eevdf)[0]]);
        engine.ents[2].task.group = 2;
        for id in [1, 2] {
            engine.enqueue(id, 0, How::Wake, 1);
            engine.ents[id as usize].task.doing = Doing::Queued;
        }
        let old = engine.queues[engine.home(1, 0)].owner;
        engine.ents[old as usize].deadline[0] -= 10;
        assert_eq!(engine.pick(0, NONE), [1]);
        engine.correct_groups(2, NONE, 1);
        assert_eq!(engine.pick(0, NONE), [2]);
        // By plain rules only the winner's own queue is corrected.
        engine.rules.plain = true;
        engine.correct_groups(1, NONE, 1);
        assert_eq!(engine.pick(0, NONE), [2]);
    }
}
