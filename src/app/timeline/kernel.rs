//! Why the kernel chose as it did, for the selected decision, and the picks that its rule does not
//! explain. Both are found outside; here is what came of it, and going from one such pick to the
//! next.

use super::Timeline;
use crate::app::layout::Room;
use crate::conform::picture::Picture;
use std::sync::Arc;

/// The picks of a recording that the rule does not explain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// By the kernel's own state; else the replay disagrees with them.
    pub recorded: bool,
    /// Their switches, ascending.
    pub events: Vec<u32>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Kernel {
    /// The pane is wanted.
    pub shown: bool,
    /// The last answer, and for which switch.
    pub told: Option<(usize, Option<Box<Picture>>)>,
    /// The picks that are not explained, once they are found.
    pub judged: Option<Arc<Judged>>,
    /// A pick in which the rule is well seen, once it was looked for; `None` in it: there is none.
    pub example: Option<Option<usize>>,
    /// It is wanted.
    pub(in crate::app) wants_example: bool,
    /// As soon as that is known, go there: the pane was asked for where there is no decision.
    pub leading: bool,
    /// As soon as they are found, go to the next one, or to the one before.
    pub(in crate::app) going: Option<bool>,
}

impl Timeline {
    /// Shows why the kernel chose, or no more; `panes`: there are any. The words for the last row.
    pub(in crate::app) fn show_kernel(&mut self, panes: bool) -> Option<String> {
        let kernel = &mut self.causes.kernel;
        kernel.shown = !kernel.shown;
        self.panes.scroll = 0;
        let closed = kernel.shown && !panes;
        // Before the first decision there is nothing to explain. While it plays one comes by itself.
        kernel.leading = kernel.shown && self.decision.is_none() && !self.cursor.is_playing();
        kernel.wants_example |= kernel.leading;
        if closed && self.panes.room == Room::None {
            self.panes.room = Room::Some;
            return None;
        }
        closed.then(|| {
            "there is no room for a pane here; koracle mistakes --why says the same".into()
        })
    }

    /// Goes to the example, or where there is none to the first decision, if the pane still waits
    /// for it. The words for the last row.
    pub(in crate::app) fn lead_to_example(&mut self) -> Option<String> {
        let example = self.causes.kernel.example.filter(|_| self.causes.kernel.leading)?;
        self.causes.kernel.leading = false;
        if self.decision.is_some() {
            return None;
        }
        if example.is_some_and(|event| self.go_to_event(event)) {
            return Some("before the first decision: this is one that the rule explains".into());
        }
        self.step(true);
        None
    }

    /// Goes to the next pick that the rule does not explain, or the one before; once they are
    /// found. The words for the last row.
    pub(in crate::app) fn go_to_unexplained(&mut self, forward: bool) -> String {
        let Some(judged) = self.causes.kernel.judged.clone() else {
            self.causes.kernel.going = Some(forward);
            return "░ holding every pick against the rule".into();
        };
        let what = if judged.recorded {
            "that the rule does not explain"
        } else {
            "with which the replay disagrees"
        };
        let all = &judged.events;
        let here = self.event().map(|e| e as u32);
        let at = match (here, forward) {
            (None, _) => (!all.is_empty()).then_some(0),
            (Some(here), true) => {
                Some(all.partition_point(|e| *e <= here)).filter(|at| *at < all.len())
            }
            (Some(here), false) => all.partition_point(|e| *e < here).checked_sub(1),
        };
        let Some(at) = at else {
            let way = if forward { "later" } else { "earlier" };
            return format!("no {way} pick {what}; {} in all", all.len());
        };
        self.go_to_event(all[at] as usize);
        self.causes.kernel.shown = true;
        format!("{} of {} picks {what}", at + 1, all.len())
    }
}
