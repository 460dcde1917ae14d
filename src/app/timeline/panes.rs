//! The panes below the rows: which one has the arrows, how far things are scrolled, and what is
//! known of the selected decision.

use crate::app::layout::Room;
use crate::app::ticket::Slot;
use crate::app::train::live::LiveModel;
use crate::app::view::View;
use crate::evaluate::overlay::Inspection;

/// The pane that has the arrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// Up and down choose a CPU.
    #[default]
    Lanes,
    /// Up and down scroll the candidates.
    Decision,
    /// Up and down scroll what the model saw.
    Context,
}

/// What is known of the selected decision beyond its prediction.
#[derive(Debug, Default)]
pub struct Inspector {
    /// The details; may still be those of another decision.
    pub shown: Option<Inspection>,
    /// Whose weights gave them, if not the current model's.
    pub by: Option<String>,
    /// Why there are none.
    pub failed: Option<String>,
    /// The decision that was last asked about, and by whose weights.
    pub(in crate::app) asked: Slot<(usize, Option<LiveModel>)>,
}

impl Inspector {
    /// Takes the answer about the switch `event`.
    pub(in crate::app) fn take(
        &mut self,
        event: usize,
        by: Option<String>,
        result: Result<Inspection, String>,
    ) {
        match result {
            Ok(inspection) => (self.shown, self.by, self.failed) = (Some(inspection), by, None),
            Err(problem) if self.asked.ordered().is_some_and(|(asked, _)| *asked == event) => {
                self.failed = Some(problem);
            }
            Err(_) => {}
        }
    }

    /// Nothing is known and nothing was asked.
    pub(in crate::app) fn forget(&mut self) {
        self.shown = None;
        self.asked.clear();
    }
}

/// What has the arrows, how far things are scrolled, and what the mouse holds.
#[derive(Debug, Default)]
pub struct Panes {
    /// Pane with the arrows.
    pub focus: Pane,
    /// Lines scrolled in it.
    pub scroll: usize,
    /// How much room they get.
    pub room: Room,
    /// Details of the selected decision.
    pub inspector: Inspector,
    /// Where a drag began: column, window at that time, and whether it moved yet.
    pub(in crate::app) drag: Option<(u16, View, bool)>,
}
