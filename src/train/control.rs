//! What the owner of a run can ask of it while it runs: pause, go on, stop, show its weights, die.
//! A shared handle that the run looks at after every step and during validation; asking never waits
//! for the run.

use crate::job::Cancel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A killed run that is paused notices after so long at most: [`Cancel`] has no bell.
const NAP: Duration = Duration::from_millis(50);

/// How a run is asked to end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Finish the step, keep a checkpoint, validate what is there.
    Validate,
    /// Finish the step, keep a checkpoint, end at once.
    Leave,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    paused: bool,
    stop: Option<Stop>,
    show: bool,
}

/// The handle; clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct Control {
    cancel: Cancel,
    wishes: Arc<(Mutex<Wishes>, Condvar)>,
}

/// What a run finds when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    GoOn,
    Paused,
    Show,
    Stop(Stop),
    Kill,
}

impl Control {
    /// A handle whose [`Control::kill`] is also asked through `cancel`.
    pub fn new(cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..Self::default() }
    }

    /// Set by [`Control::kill`]: for work that a run does before its first step.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    fn with<T>(&self, act: impl FnOnce(&mut Wishes) -> T) -> T {
        let out = act(&mut self.wishes.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.wishes.1.notify_all();
        out
    }

    /// Rest after the step in hand.
    pub fn pause(&self) {
        self.with(|w| w.paused = true);
    }

    /// Go on after a pause.
    pub fn resume(&self) {
        self.with(|w| w.paused = false);
    }

    /// End after the step in hand, with a checkpoint. Leaving wins over validating.
    pub fn stop(&self, how: Stop) {
        self.with(|w| w.stop = Some(if w.stop == Some(Stop::Leave) { Stop::Leave } else { how }));
    }

    /// Report the newest weights once, as soon as the step in hand is done; also in a pause.
    pub fn show(&self) {
        self.with(|w| w.show = true);
    }

    /// End at once; what came after the last checkpoint is lost.
    pub fn kill(&self) {
        self.cancel.cancel();
        self.with(|_| ());
    }

    /// What is asked at this moment. A wish to be shown is taken.
    pub(super) fn look(&self) -> Look {
        if self.cancel.is_cancelled() {
            return Look::Kill;
        }
        let mut wishes = self.wishes.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *wishes {
            Wishes { stop: Some(how), .. } => Look::Stop(how),
            Wishes { show: true, .. } => {
                wishes.show = false;
                Look::Show
            }
            Wishes { paused: true, .. } => Look::Paused,
            _ => Look::GoOn,
        }
    }

    /// True while the run is meant to rest.
    pub(super) fn is_paused(&self) -> bool {
        self.look_only() == Look::Paused
    }

    /// True when work that takes long should be given up: killed, or asked to leave at once.
    pub(super) fn hurries(&self) -> bool {
        matches!(self.look_only(), Look::Kill | Look::Stop(Stop::Leave))
    }

    /// As [`Control::look`], but takes nothing.
    fn look_only(&self) -> Look {
        if self.cancel.is_cancelled() {
            return Look::Kill;
        }
        let wishes = *self.wishes.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wishes {
            Wishes { stop: Some(how), .. } => Look::Stop(how),
            Wishes { paused: true, .. } => Look::Paused,
            _ => Look::GoOn,
        }
    }

    /// Blocks while nothing but the pause is asked for.
    pub(super) fn rest(&self) {
        let wishes = self.wishes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let only_paused =
            |w: &mut Wishes| w.paused && w.stop.is_none() && !w.show && !self.cancel.is_cancelled();
        // That it timed out or not: the caller looks again.
        drop(self.wishes.1.wait_timeout_while(wishes, NAP, only_paused));
    }

    /// Rests in the middle of long work: returns at once when not paused, false when the work
    /// should be given up.
    pub(super) fn patient(&self) -> bool {
        while self.look_only() == Look::Paused {
            let wishes = self.wishes.0.lock().unwrap_or_else(PoisonError::into_inner);
            let paused =
                |w: &mut Wishes| w.paused && w.stop.is_none() && !self.cancel.is_cancelled();
            drop(self.wishes.1.wait_timeout_while(wishes, NAP, paused));
        }
        !self.hurries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_wish_wins_and_showing_is_taken_once() {
        let control = Control::default();
        assert_eq!(control.look(), Look::GoOn);
        control.pause();
        control.show();
        assert_eq!((control.look(), control.look()), (Look::Show, Look::Paused));
        control.resume();
        assert_eq!(control.look(), Look::GoOn);
        control.stop(Stop::Leave);
        control.stop(Stop::Validate);
        assert_eq!((control.look(), control.patient()), (Look::Stop(Stop::Leave), false));
        control.kill();
        assert_eq!(control.clone().look(), Look::Kill);
    }

    #[test]
    fn a_rest_ends_when_something_is_asked() {
        let control = Control::default();
        control.pause();
        control.stop(Stop::Validate);
        control.rest();
        assert!(control.patient(), "a stop that validates waits for the validation");
    }
}
