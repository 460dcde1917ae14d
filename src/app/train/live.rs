//! The loop closes: a run's newest weights predict what is visible of the open recording, again after every epoch. Here
//! is decided what is asked for, and when; the driver computes it.

use crate::app::{App, Effect};
use crate::evaluate::overlay::Stretch;
use crate::predictor::weights::Weights;
use std::ops::Range;
use std::sync::Arc;

/// Events that are predicted at most: a fraction of a second of work.
const MOST: usize = 60_000;

/// A training run's weights at some moment.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The run, and from when they are.
    pub label: String,
    /// The model.
    pub weights: Arc<Weights>,
}

impl Whose {
    /// True when both are the same weights, not just of the same name.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights)
    }
}

/// The weights that predict the window, and what has been asked with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Whose they are, and from when.
    pub label: String,
    /// The model.
    pub weights: Arc<Weights>,
    /// The recording's generation and the events that were asked for last.
    asked: Option<(u64, Range<usize>)>,
}

impl Live {
    /// Weights that nothing has been asked with.
    pub fn new(label: String, weights: Arc<Weights>) -> Self {
        Self { label, weights, asked: None }
    }
}

/// `range` with as much again on both sides, at most [`MOST`] events around `middle`, within `0..n`.
fn widened(range: &Range<usize>, middle: usize, n: usize) -> Range<usize> {
    let wide = range.start.saturating_sub(range.len())..(range.end + range.len()).min(n);
    narrowed(&wide, middle)
}

fn narrowed(range: &Range<usize>, middle: usize) -> Range<usize> {
    if range.len() <= MOST {
        return range.clone();
    }
    let start = middle.saturating_sub(MOST / 2).clamp(range.start, range.end - MOST);
    start..start + MOST
}

impl App {
    /// Predict the open recording with the current model.
    pub(in crate::app) fn predict(&self) -> Option<Effect> {
        let trace = Arc::clone(&self.timeline()?.loaded.trace);
        let model = self.train.current.as_ref().map(|(_, weights)| Arc::clone(weights));
        Some(Effect::Predict { generation: self.generation, trace, model })
    }

    /// Takes what watched weights say about a stretch.
    pub(in crate::app) fn looked(&mut self, label: String, stretch: Stretch) {
        let live = self.train.live.as_ref().filter(|l| l.label == label);
        let whose = live.map(|l| Whose { label, weights: Arc::clone(&l.weights) });
        if let (Some(t), Some(whose)) = (self.timeline_mut(), whose) {
            t.answers.set_live(whose, stretch);
        }
    }

    /// What training wants done outside after a fact.
    pub(in crate::app) fn train_effects(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.train.repredict) {
            effects.extend(self.predict());
        }
        effects.extend(self.ask_live());
        effects.extend(self.train.take_orders().into_iter().map(Effect::Train));
    }

    /// Asks for the window's predictions by the watched weights, unless they are there or on their way.
    pub(in crate::app) fn ask_live(&mut self) -> Option<Effect> {
        let generation = self.generation;
        let watching = self.train.live.is_some();
        let t = self.timeline_mut()?;
        if !watching {
            t.answers.drop_live();
            return None;
        }
        let times = t.trace().times();
        let event = |at: u64| times.partition_point(|&x| x < at);
        let visible = event(t.view.start)..event(t.view.end());
        let (middle, n, trace) = (event(t.cursor.pos().0), times.len(), Arc::clone(&t.loaded.trace));
        let live = self.train.live.as_mut()?;
        let needed = narrowed(&visible, middle);
        let covers = |of: &Range<usize>| of.start <= needed.start && needed.end <= of.end;
        // A window wider than can be predicted moves with the playhead; the middle of it is enough to be there.
        let enough = |of: &Range<usize>| covers(of) || (visible.len() > MOST && of.contains(&middle));
        if visible.is_empty() || live.asked.as_ref().is_some_and(|(g, of)| *g == generation && enough(of)) {
            return None;
        }
        let events = widened(&visible, middle, n);
        live.asked = Some((generation, events.clone()));
        let (label, weights) = (live.label.clone(), Arc::clone(&live.weights));
        Some(Effect::Look { generation, trace, weights, label, events })
    }

    /// Everything is predicted again, by the model that a run gave.
    pub(in crate::app) fn predict_anew(&mut self) {
        self.generation += 1;
        let Some(t) = self.timeline_mut() else { return };
        let (row, loaded) = (t.answers.row(), Arc::clone(&t.loaded));
        t.answers = crate::app::answers::Answers::new(loaded.trace.cpus());
        t.answers.set_row(row, &loaded.trace);
        (t.inspection, t.asked) = (None, None);
        self.train.repredict = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_widened_but_never_beyond_what_can_be_predicted() {
        assert_eq!(widened(&(100..200), 150, 1_000), 0..300);
        assert_eq!(widened(&(900..1_000), 950, 1_000), 800..1_000);
        assert_eq!(widened(&(0..1_000_000), 500_000, 1_000_000), 470_000..530_000);
        assert_eq!(narrowed(&(0..1_000_000), 3).len(), MOST);
        assert_eq!(narrowed(&(10..20), 3), 10..20);
    }
}
