//! What was in view before other predictors were asked for. A name that leads nowhere changes
//! nothing: the list comes back as it was, compared with whom it was.

use super::{Asked, Data, Explained, Found, Mistakes, ModelChoice, Panes, SumPages, WhyPane};
use crate::app::list::List;
use crate::evaluate::mistakes::Column;
use crate::evaluate::mistakes::view::View;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct Before {
    asked: Asked,
    found: Arc<Found>,
    second: Option<Column>,
    view: Option<Arc<View>>,
    list: List,
    marked: BTreeSet<u32>,
    sums: SumPages,
    why: WhyPane,
    panes: Panes,
}

impl Mistakes {
    /// Keeps what is in view: somebody else is about to be asked for. What is still on its way is
    /// nothing to come back to; then what was kept before it stays.
    pub(super) fn keep_before(&mut self) {
        let (Data::Ready(found), Some(asked)) =
            (&self.decisions.data, self.decisions.asked.ordered())
        else {
            return;
        };
        self.decisions.before = Some(Box::new(Before {
            asked: asked.clone(),
            found: Arc::clone(found),
            second: self.whose.second,
            view: self.view.clone(),
            list: self.listing.list,
            marked: self.rows.marked.clone(),
            sums: self.sums.clone(),
            why: self.why.clone(),
            panes: self.panes,
        }));
    }

    /// Nobody else was asked for, or only about other recordings: of those the old predictors are
    /// asked anew, too.
    pub(super) fn forget_before(&mut self, recordings: Option<&[PathBuf]>) {
        let of = |before: &Before| recordings.is_some_and(|now| before.asked.recordings == now);
        self.decisions.before = self.decisions.before.take().filter(|before| of(before));
    }

    /// Shows what was there again.
    pub(super) fn restore(&mut self, before: Before) {
        self.whose.first = match &before.asked.whom {
            ModelChoice::Named(who) => Some(who.clone()),
            ModelChoice::Current(_) => None,
        };
        self.whose.other.clone_from(&before.asked.other);
        self.whose.second = before.second;
        self.decisions.asked.settle(before.asked);
        self.decisions.data = Data::Ready(before.found);
        self.looked = before.view.as_ref().map(|view| view.query.clone());
        self.view = before.view;
        self.listing.list = before.list;
        self.rows.marked = before.marked;
        (self.sums, self.why, self.panes) = (before.sums, before.why, before.panes);
        if !matches!(self.why.told, Explained::Ready(..)) {
            // What was on its way was given up for the others.
            self.why.told = Explained::Nothing;
        }
    }
}
