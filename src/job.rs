//! Background work: one single-thread rayon pool per job, cancellation when the job is dropped,
//! newest-wins progress. The only room that spawns threads. A panic in a job is a failed job.

use rayon::ThreadPoolBuilder;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

/// A flag that long work looks at between steps.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs `work` here and now on a pool with one thread, and waits: what rayon and burn do inside
/// does not depend on how many cores there are, so the same seed gives the same bits.
pub fn on_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, JobError> {
    on_threads(1, work)
}

/// The same with so many threads.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, JobError> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| JobError::NoThread(e.to_string()))?;
    Ok(pool.install(work))
}

/// Lets `fill` work ahead of `take` on a thread of its own: it fills the `pieces` again and again
/// until it says that there is no more, and `take` gets each in order, here, until it says that it
/// wants no more. Without another thread nothing is done.
pub fn ahead<T: Send>(
    pieces: impl IntoIterator<Item = T>,
    mut fill: impl FnMut(&mut T) -> bool + Send,
    mut take: impl FnMut(&mut T) -> bool,
) -> Result<(), JobError> {
    let (empty, to_fill) = channel();
    let (full, to_take) = channel();
    pieces.into_iter().for_each(|piece| drop(empty.send(piece)));
    std::thread::scope(|scope| {
        let filling = move || {
            while let Ok(mut piece) = to_fill.recv() {
                let more = fill(&mut piece);
                if full.send(piece).is_err() || !more {
                    break;
                }
            }
        };
        std::thread::Builder::new()
            .name("koracle-ahead".into())
            .spawn_scoped(scope, filling)
            .map_err(|e| JobError::NoThread(e.to_string()))?;
        while let Ok(mut piece) = to_take.recv() {
            if !take(&mut piece) {
                break;
            }
            let _ = empty.send(piece);
        }
        // Without these two the other thread ends.
        drop((empty, to_take));
        Ok(())
    })
}

/// Cores that this program may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Why a job gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The job's code panicked; the message of the panic.
    #[error("the job panicked: {0}")]
    Panicked(String),
    /// No thread could be started for it.
    #[error("no thread for the job: {0}")]
    NoThread(String),
}

/// A running job. Dropping it asks it to stop; its `done` is still called, with whatever it
/// returns.
#[derive(Debug)]
#[must_use = "dropping a job cancels it"]
pub struct Job {
    cancel: Cancel,
}

impl Job {
    /// Runs `work` on a pool of its own with one thread (so that nested rayon and burn stay on it:
    /// the UI and other jobs stay smooth, and results do not depend on what else runs), then `done`
    /// on the same thread.
    pub fn spawn<T: Send + 'static>(
        name: &str,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
        done: impl FnOnce(Result<T, JobError>) + Send + 'static,
    ) -> Self {
        Self::spawn_on(1, name, work, done)
    }

    /// As [`Self::spawn`] with a thread for each core: for work that is waited for and over in a
    /// fraction of a second, and whose result does not depend on how many threads do it.
    pub fn spawn_wide<T: Send + 'static>(
        name: &str,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
        done: impl FnOnce(Result<T, JobError>) + Send + 'static,
    ) -> Self {
        Self::spawn_on(cores(), name, work, done)
    }

    fn spawn_on<T: Send + 'static>(
        threads: usize,
        name: &str,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
        done: impl FnOnce(Result<T, JobError>) + Send + 'static,
    ) -> Self {
        let cancel = Cancel::new();
        let flag = cancel.clone();
        let name = format!("koracle-{name}");
        match ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |_| name.clone())
            .build()
        {
            Err(e) => done(Err(JobError::NoThread(e.to_string()))),
            // The pool's threads end when the last task has: dropping the handle does not wait for
            // them.
            Ok(pool) => pool.spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(|| work(&flag)));
                done(result.map_err(|p| JobError::Panicked(panic_text(p.as_ref()))));
            }),
        }
        Self { cancel }
    }

    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The message of a caught panic.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

/// A place for the newest progress: writers overwrite, a reader takes. Nothing queues up behind a
/// slow reader.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Latest<T> {
    /// Replaces what is there.
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Takes what is there.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn who_works_ahead_is_taken_in_order_until_one_side_ends() {
        let run = |of: usize, wanted: usize| {
            let (mut n, mut taken) = (0, Vec::new());
            let fill = |piece: &mut usize| {
                n += 1;
                *piece = n;
                n < of
            };
            let take = |piece: &mut usize| {
                taken.push(*piece);
                taken.len() < wanted
            };
            ahead([0; 3], fill, take).unwrap();
            taken
        };
        assert_eq!(run(100, 1_000), (1..=100).collect::<Vec<_>>());
        assert_eq!(run(1, 1_000), [1]);
        assert_eq!(run(1_000, 7), (1..=7).collect::<Vec<_>>());
        let broken = std::panic::catch_unwind(|| ahead([0], |_| panic!("no more"), |_| true));
        assert!(broken.is_err(), "a panic there is a panic here");
    }

    #[test]
    fn a_panic_is_a_failed_job() {
        let (tx, rx) = sync_channel(1);
        let _job =
            Job::spawn("t", |_| panic!("boom {}", 1), move |r: Result<(), _>| tx.send(r).unwrap());
        assert_eq!(rx.recv().unwrap(), Err(JobError::Panicked("boom 1".into())));
    }

    #[test]
    fn dropping_cancels() {
        let (tx, rx) = sync_channel(1);
        let job = Job::spawn(
            "t",
            |cancel| {
                while !cancel.is_cancelled() {
                    std::thread::yield_now();
                }
                7
            },
            move |r| tx.send(r).unwrap(),
        );
        drop(job);
        assert_eq!(rx.recv().unwrap(), Ok(7));
    }

    #[test]
    fn latest_keeps_the_newest() {
        let latest = Latest::default();
        latest.set(1);
        latest.set(2);
        assert_eq!((latest.take(), latest.take()), (Some(2), None));
    }
}
