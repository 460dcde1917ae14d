//! The work behind the screens Waits and Tasks: finding all waits of a recording, filtering and
//! sorting, who ran instead, where it was crowded; summing up threads. Each kind is one job at a
//! time; a newer order replaces the one before.

use crate::app::waits::{Crowd, InShort, News, Order, PARTS};
use crate::app::{Msg, tasks};
use crate::job::{Cancel, Job, JobError};
use crate::stats::blame::{Blame, had_the_cpu};
use crate::stats::view::View;
use crate::stats::{Table, Window, idle, load};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Threads that a row of the list names.
const NAMED: usize = 2;

/// See the module.
#[derive(Debug)]
pub struct WaitsJobs {
    tx: SyncSender<Msg>,
    collecting: Option<Job>,
    looking: Option<Job>,
    telling: Option<Job>,
    crowding: Option<Job>,
    summing: Option<Job>,
    sorting: Option<Job>,
}

/// What a row of the list says.
fn in_short(table: &Table, row: usize) -> InShort {
    InShort { instead: had_the_cpu(table, row, NAMED), idle: idle::time(table, row) }
}

/// Computes what is ordered, and tells it. This is what the jobs do; tests and fuzzers call it in
/// the place of a driver.
pub fn answer(order: Order, cancel: &Cancel, tell: &mut dyn FnMut(News)) {
    match order {
        Order::Collect { ticket, name, trace } => {
            tell(News::Collected { ticket, result: Ok(Arc::new(Table::new(name, trace))) });
        }
        Order::Look { ticket, table, query, old } => {
            tell(News::Looked { ticket, view: Arc::new(View::new(&table, query, old.as_deref())) });
        }
        Order::Tell { ticket, table, rows, chosen } => {
            // What is looked at does not wait for what is beside it.
            if let Some(row) = chosen {
                let chosen = Some((row, Arc::new(Blame::of(&table, row as usize))));
                tell(News::Told { ticket, rows: Vec::new(), chosen });
            }
            let wanted = rows.into_iter().take_while(|_| !cancel.is_cancelled());
            let rows = wanted.map(|row| (row, in_short(&table, row as usize))).collect();
            tell(News::Told { ticket, rows, chosen: None });
        }
        Order::Crowd { ticket, table } => {
            let (trace, waits) = (&table.trace, &table.waits);
            let all = Window::all(trace);
            let queues = load::longest_queues(trace, waits, all, PARTS);
            let crowd = Crowd { queues, idle: load::idle_while_waited(trace, waits, all, PARTS) };
            tell(News::Crowded { ticket, crowd: Arc::new(crowd) });
        }
    }
}

/// The same for the Tasks screen.
pub fn answer_tasks(order: tasks::Order) -> tasks::News {
    match order {
        tasks::Order::Sum { ticket, trace, by, window } => {
            let table = crate::stats::tasks::Tasks::new(trace, by, window);
            tasks::News::Summed { ticket, result: Ok(Arc::new(table)) }
        }
        tasks::Order::Look { ticket, table, query } => {
            let rows = table.listed(&query);
            tasks::News::Looked { ticket, query, rows }
        }
    }
}

impl WaitsJobs {
    /// Does nothing yet.
    pub fn new(tx: SyncSender<Msg>) -> Self {
        Self {
            tx,
            collecting: None,
            looking: None,
            telling: None,
            crowding: None,
            summing: None,
            sorting: None,
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
        let (name, wide, place) = match &order {
            Order::Collect { .. } => ("waits", false, &mut self.collecting),
            Order::Look { .. } => ("filter-waits", true, &mut self.looking),
            Order::Tell { .. } => ("instead", false, &mut self.telling),
            Order::Crowd { .. } => ("crowd", false, &mut self.crowding),
        };
        let collects =
            if let Order::Collect { ticket, .. } = &order { Some(*ticket) } else { None };
        let work = move |cancel: &Cancel| {
            answer(order, cancel, &mut |news| drop(tx.send(Msg::Waits(news))));
        };
        let done = move |result: Result<(), JobError>| {
            if let Err(e) = result {
                let trouble = News::Trouble(e.to_string());
                let failed = |ticket| News::Collected { ticket, result: Err(e.to_string()) };
                let _ = done.send(Msg::Waits(collects.map_or(trouble, failed)));
            }
        };
        *place = Some(if wide {
            Job::spawn_wide(name, work, done)
        } else {
            Job::spawn(name, work, done)
        });
    }

    /// The same for the Tasks screen.
    pub fn perform_tasks(&mut self, order: tasks::Order) {
        let (tx, done) = (self.tx.clone(), self.tx.clone());
        let (name, sums, place) = match &order {
            tasks::Order::Sum { ticket, .. } => ("tasks", Some(*ticket), &mut self.summing),
            tasks::Order::Look { .. } => ("filter-tasks", None, &mut self.sorting),
        };
        let work = move |_: &Cancel| drop(tx.send(Msg::Tasks(answer_tasks(order))));
        *place = Some(Job::spawn(name, work, move |result: Result<(), JobError>| {
            if let Err(e) = result {
                let trouble = tasks::News::Trouble(e.to_string());
                let failed = |ticket| tasks::News::Summed { ticket, result: Err(e.to_string()) };
                let _ = done.send(Msg::Tasks(sums.map_or(trouble, failed)));
            }
        }));
    }
}
