//! The work behind what the Timeline says of causes: all waits, where it was crowded, who ran
//! between the marks, why the kernel chose. Each kind is one job at a time; a newer order replaces
//! the one before.

use crate::app::Msg;
use crate::app::timeline::causes::{BetweenMarks, Crowd, News, Order};
use crate::app::timeline::kernel::Judged;
use crate::conform::picture::Picture;
use crate::conform::{Member, Picks, Report, Ruling, Whence, picks_of};
use crate::features::Extractor;
use crate::job::{Cancel, Job, JobError};
use crate::stats::between::between;
use crate::stats::{Table, load};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

/// Threads that are told by name.
const NAMED: usize = 64;
/// Those that competed, as far as they are shown.
const COMPETED: usize = 12;

/// See the module.
#[derive(Debug)]
pub struct CausesJobs {
    tx: SyncSender<Msg>,
    collecting: Option<Job>,
    crowding: Option<Job>,
    adding: Option<Job>,
    explaining: Option<Job>,
    judging: Option<Job>,
    choosing: Option<Job>,
    /// The picks that were asked for last.
    picks: Arc<Mutex<Option<Arc<Picks>>>>,
}

/// So many that compete are taken in at a glance.
const FEW: std::ops::RangeInclusive<usize> = 2..=6;

/// The first pick that the rule alone leads to and that shows both halves of it: somebody with an
/// earlier deadline is not eligible. Where there is none, the first that the rule alone leads to.
fn example(picks: &Picks) -> Option<usize> {
    let (mut best, mut any) = (None, None);
    picks.walk(&mut |scene| {
        let Some(level) = scene.levels.last() else { return };
        let clear = scene.ruling == Ruling::Consistent
            && scene.event >= 2 * Extractor::WARM_UP
            && level.unseen == 0
            && FEW.contains(&(1 + level.others.len()));
        if best.is_some() || !clear {
            return;
        }
        any = any.or(Some(scene.event));
        let before = |m: &Member| {
            m.deadline_ns.zip(level.chosen.deadline_ns).is_some_and(|(its, chosen)| its < chosen)
        };
        if level.others.iter().any(|m| m.eligible == Some(false) && before(m)) {
            best = Some(scene.event);
        }
    });
    best.or(any)
}

/// Computes what is ordered. This is what the jobs do; tests and fuzzers call it in the place of a
/// driver.
pub fn answer(order: Order) -> News {
    answer_from(order, &Mutex::default())
}

/// The same, with the picks that were asked for last.
fn answer_from(order: Order, picks: &Mutex<Option<Arc<Picks>>>) -> News {
    match order {
        Order::Collect { ticket, trace } => {
            let name = trace.meta().name.clone();
            News::Collected { ticket, table: Arc::new(Table::new(name, trace)) }
        }
        Order::Crowd { ticket, table, window, parts } => {
            let (trace, waits) = (&table.trace, &table.waits);
            let queues = load::longest_queues(trace, waits, window, parts);
            let idle = load::idle_while_waited(trace, waits, window, parts);
            News::Crowded {
                ticket,
                crowd: Crowd { window: (window.from, window.ns()), queues, idle },
            }
        }
        Order::Between { ticket, trace, cpu, window } => {
            let between = between(&trace, cpu, window, NAMED);
            News::Between { ticket, between: Box::new(BetweenMarks { cpu, window, between }) }
        }
        Order::Pick { ticket, trace, event } => {
            let picture = picks_of(picks, &trace)
                .at(event)
                .map(|scene| Box::new(Picture::of(&trace, &scene, COMPETED)));
            News::Picked { ticket, event, picture }
        }
        Order::Example { ticket, trace } => {
            News::Example { ticket, event: example(&picks_of(picks, &trace)) }
        }
        Order::Judge { ticket, trace } => {
            let report = Report::of(&picks_of(picks, &trace));
            let mut events: Vec<u32> = report.list.iter().map(|b| b.scene.event as u32).collect();
            events.sort_unstable();
            News::Judged {
                ticket,
                judged: Arc::new(Judged { recorded: report.from == Whence::Recorded, events }),
            }
        }
    }
}

impl CausesJobs {
    /// Does nothing yet.
    pub fn new(tx: SyncSender<Msg>) -> Self {
        Self {
            tx,
            collecting: None,
            crowding: None,
            adding: None,
            explaining: None,
            judging: None,
            choosing: None,
            picks: Arc::default(),
        }
    }

    /// Nobody waits for anything about the recording that was open.
    pub fn forget(&mut self) {
        *self = Self::new(self.tx.clone());
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        // A send fails only when the interface is gone; then nobody waits for the answer.
        let (tx, done) = (self.tx.clone(), self.tx.clone());
        let (name, place) = match &order {
            Order::Collect { .. } => ("all-waits", &mut self.collecting),
            Order::Crowd { .. } => ("crowding", &mut self.crowding),
            Order::Between { .. } => ("between", &mut self.adding),
            Order::Pick { .. } => ("pick", &mut self.explaining),
            Order::Example { .. } => ("example", &mut self.choosing),
            Order::Judge { .. } => ("judge", &mut self.judging),
        };
        let picks = Arc::clone(&self.picks);
        let work = move |_: &Cancel| drop(tx.send(Msg::Causes(answer_from(order, &picks))));
        *place = Some(Job::spawn(name, work, move |result: Result<(), JobError>| {
            if let Err(e) = result {
                let _ = done.send(Msg::Causes(News::Trouble(e.to_string())));
            }
        }));
    }
}
