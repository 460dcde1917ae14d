//! Requests and their answers. What is ordered outside gets a ticket, and its answers carry it; an
//! answer to an order that a newer one replaced is told by its ticket and changes nothing.

use std::fmt;
use std::sync::Arc;

/// Names one order. The first is 1; 0 is nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Hands out tickets, each greater than all before it.
#[derive(Clone, Debug, Default)]
pub struct Tickets(u64);

impl Tickets {
    /// The next one.
    pub fn draw(&mut self) -> Ticket {
        self.0 += 1;
        Ticket(self.0)
    }

    /// The one that was drawn last; [`Ticket`] 0 before there is any.
    pub fn last(&self) -> Ticket {
        Ticket(self.0)
    }
}

/// One kind of thing that is wanted from outside: what of it was ordered last, and by which ticket.
/// The newest order is the only one whose answers count.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    tickets: Tickets,
    ordered: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { tickets: Tickets::default(), ordered: None }
    }
}

impl<T> Slot<T> {
    /// What was ordered last, if it is still wanted.
    pub fn ordered(&self) -> Option<&T> {
        self.ordered.as_ref()
    }

    /// The ticket of the newest order.
    pub fn ticket(&self) -> Ticket {
        self.tickets.last()
    }

    /// True when an answer with this ticket is one to what is wanted now.
    pub fn counts(&self, ticket: Ticket) -> bool {
        self.ordered.is_some() && ticket == self.ticket()
    }

    /// Orders this, whatever was ordered before.
    pub fn order(&mut self, what: T) -> Ticket {
        self.ordered = Some(what);
        self.tickets.draw()
    }

    /// Orders this unless it is what was ordered last. `None`: nothing is to be done.
    pub fn want(&mut self, what: T) -> Option<Ticket>
    where
        T: PartialEq,
    {
        (self.ordered.as_ref() != Some(&what)).then(|| self.order(what))
    }

    /// Orders the same once more: what was answered so far does not count.
    pub fn renew(&mut self) -> Ticket {
        self.tickets.draw()
    }

    /// What is there answers this, and not what was ordered: the order led nowhere. No new ticket.
    pub fn settle(&mut self, what: T) {
        self.ordered = Some(what);
    }

    /// Nothing of the kind is wanted any more. What was ordered, if it was.
    pub fn clear(&mut self) -> Option<T> {
        self.ordered.take()
    }
}

/// Something that equals itself alone, whatever is like it: what was made of one recording is not
/// of another.
#[derive(Debug)]
pub struct Same<T>(pub Arc<T>);

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_only_grow() {
        let mut tickets = Tickets::default();
        assert_eq!(tickets.last(), Ticket(0));
        let drawn: Vec<Ticket> = (0..3).map(|_| tickets.draw()).collect();
        assert_eq!((drawn, tickets.last()), (vec![Ticket(1), Ticket(2), Ticket(3)], Ticket(3)));
    }

    /// What is done to a slot, and what then is ordered by which ticket and which of the tickets 0
    /// to 4 count.
    #[test]
    fn the_newest_order_is_the_one_whose_answers_count() {
        type Do = fn(&mut Slot<char>) -> Option<Ticket>;
        type Step = (&'static str, Do, Option<u64>, Option<char>, Option<u64>);
        let table: [Step; 9] = [
            ("nothing was ordered", |_| None, None, None, None),
            ("a is wanted", |s| s.want('a'), Some(1), Some('a'), Some(1)),
            ("and still is", |s| s.want('a'), None, Some('a'), Some(1)),
            ("b replaces it", |s| s.want('b'), Some(2), Some('b'), Some(2)),
            (
                "b led nowhere",
                |s| {
                    s.settle('a');
                    None
                },
                None,
                Some('a'),
                Some(2),
            ),
            ("a is there", |s| s.want('a'), None, Some('a'), Some(2)),
            ("everything anew", |s| Some(s.renew()), Some(3), Some('a'), Some(3)),
            (
                "nothing is wanted",
                |s| {
                    s.clear();
                    None
                },
                None,
                None,
                None,
            ),
            ("the same as once", |s| Some(s.order('a')), Some(4), Some('a'), Some(4)),
        ];
        let mut slot = Slot::default();
        for (what, act, drawn, ordered, counts) in table {
            assert_eq!(act(&mut slot), drawn.map(Ticket), "{what}");
            assert_eq!(slot.ordered().copied(), ordered, "{what}");
            let counting: Vec<u64> = (0..=4).filter(|n| slot.counts(Ticket(*n))).collect();
            assert_eq!(counting, counts.into_iter().collect::<Vec<_>>(), "{what}");
        }
    }
}
