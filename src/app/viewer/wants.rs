//! What the timeline shows and has not asked for: predictions, those of watched weights for what is
//! visible, the second row, details of the selected decision. Found by comparing what is there with
//! what was ordered; the driver computes it.

use super::{Open, Predicted, Viewer};
use crate::app::answers::Answers;
use crate::app::layout::Layout;
use crate::app::second::Second;
use crate::app::timeline::causes::Order;
use crate::app::{Context, Effect};
use crate::stats::Window;
use crate::trace::CpuId;
use std::ops::Range;
use std::sync::Arc;

/// Events that watched weights predict at most: a fraction of a second of work.
const MOST: usize = 60_000;
/// What the walk over the recording reaches by itself soon: events.
const SOON: usize = 100_000;
/// A window of more events is too wide to be answered at once.
const AT_ONCE: usize = 20_000;

/// `range` with as much again on both sides, at most [`MOST`] events around `middle`, within
/// `0..n`.
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

impl Viewer {
    /// Predictions of everything by the current model; anew when that is another one.
    pub(super) fn want_predictions(&mut self, cx: &mut Context) {
        let Open::Ready(t) = &mut self.open else { return };
        let model = cx.shared.model.as_ref().map(|(_, weights)| weights);
        let by = Predicted::by(model);
        if self.predicted.is(&by) {
            return;
        }
        let (model, trace) = (model.cloned(), Arc::clone(&t.loaded.trace));
        if !matches!(std::mem::replace(&mut self.predicted, by), Predicted::Nobody) {
            self.work.renew();
            let row = t.answers.row();
            t.answers = Answers::new(trace.cpus());
            t.answers.set_row(row, &trace);
            t.panes.inspector.forget();
        }
        cx.order(Effect::Predict { ticket: self.work.ticket(), trace, model });
    }

    /// The window's predictions, when the walk over the recording will not be there soon.
    pub(super) fn want_early(&mut self, cx: &mut Context) {
        let ticket = self.work.ticket();
        let Open::Ready(t) = &mut self.open else { return };
        let (times, done) = (t.trace().times(), t.answers.events_done);
        if done == times.len() || t.answers.no_model.is_some() || t.answers.failed.is_some() {
            return;
        }
        let event = |at: u64| times.partition_point(|&x| x < at);
        // A stint that reaches into the window began with a switch before it.
        let began = |cpu: usize| {
            let switches = t.trace().cpu_switches(CpuId(cpu as u16));
            let before = switches.partition_point(|&e| times[e as usize] < t.view.start);
            before.checked_sub(1).map(|k| switches[k] as usize)
        };
        let inside = event(t.view.start)..event(t.view.end());
        let first = (0..t.trace().cpus())
            .filter_map(began)
            .chain([inside.start])
            .min()
            .unwrap_or(inside.start);
        let visible = first.max(inside.start.saturating_sub(AT_ONCE / 2))..inside.end;
        let covers = |of: &Range<usize>| of.start <= visible.start && visible.end <= of.end;
        let asked = self.hurried.as_ref().is_some_and(|(by, of)| *by == ticket && covers(of));
        let far = visible.end > done + SOON && !visible.is_empty() && visible.len() <= AT_ONCE;
        if asked || !far {
            return;
        }
        // A little more, so that a step to the side asks nothing.
        let more = visible.len().min(AT_ONCE / 4);
        let events = visible.start.saturating_sub(more)..(visible.end + more).min(times.len());
        self.hurried = Some((ticket, events.clone()));
        cx.order(Effect::Early { ticket, trace: Arc::clone(&t.loaded.trace), events });
    }

    /// The window's predictions by the watched weights, unless they are there or on their way.
    pub(super) fn want_live(&mut self, cx: &mut Context) {
        let ticket = self.work.ticket();
        let Open::Ready(t) = &mut self.open else { return };
        let Some(live) = &mut cx.shared.live else {
            t.answers.drop_live();
            return;
        };
        let times = t.trace().times();
        let event = |at: u64| times.partition_point(|&x| x < at);
        let visible = event(t.view.start)..event(t.view.end());
        let (middle, n, trace) =
            (event(t.cursor.pos().0), times.len(), Arc::clone(&t.loaded.trace));
        let needed = narrowed(&visible, middle);
        let covers = |of: &Range<usize>| of.start <= needed.start && needed.end <= of.end;
        // A window wider than can be predicted moves with the playhead; the middle of it is enough
        // to be there.
        let enough =
            |of: &Range<usize>| covers(of) || (visible.len() > MOST && of.contains(&middle));
        if visible.is_empty()
            || live.asked.as_ref().is_some_and(|(by, of)| *by == ticket && enough(of))
        {
            return;
        }
        let events = widened(&visible, middle, n);
        live.asked = Some((ticket, events.clone()));
        let (label, weights) = (live.label.clone(), Arc::clone(&live.weights));
        cx.order(Effect::Look { ticket, trace, weights, label, events });
    }

    /// The second row: everything when another one is wanted than is there, or another recording is
    /// open.
    pub(super) fn want_second(&mut self, cx: &mut Context) {
        let Open::Ready(t) = &mut self.open else { return };
        match (&cx.shared.beside, &t.second) {
            (None, None) => {}
            (None, Some(_)) => {
                (t.second, self.second.before) = (None, None);
                self.second.asked.clear();
                cx.order(Effect::CloseSecond);
            }
            (Some(who), Some(second)) if second.who() == who => {}
            (Some(who), _) => {
                // One that was not found yet is nobody to come back to.
                let found = |old: &Second| self.second.last.as_deref() == Some(old.who());
                match t.second.take() {
                    Some(old) if found(&old) => self.second.before = Some(old),
                    Some(_) => {}
                    None => self.second.before = None,
                }
                let (who, trace) = (who.clone(), Arc::clone(&t.loaded.trace));
                t.second = Some(Second::new(who.clone(), t.answers.row(), &trace));
                cx.order(Effect::Second {
                    ticket: self.second.asked.order(who.clone()),
                    trace,
                    who,
                });
            }
        }
    }

    /// What pinned tasks did, as far as it is not there.
    pub(super) fn want_lives(&mut self, cx: &mut Context) {
        let Open::Ready(t) = &mut self.open else { return };
        let missing: Vec<_> =
            t.rows.pinned().iter().copied().filter(|&thread| t.life(thread).is_none()).collect();
        if missing.is_empty() {
            return;
        }
        if let Some(ticket) = self.following.want(missing.clone()) {
            cx.order(Effect::Follow {
                ticket,
                trace: Arc::clone(&t.loaded.trace),
                threads: missing,
            });
        }
    }

    /// All waits, where it was crowded, who ran between the marks: as far as it is shown and not
    /// there.
    pub(super) fn want_causes(&mut self, l: &Layout, cx: &mut Context) {
        let Self { open: Open::Ready(t), asked, .. } = self else { return };
        // While something plays nobody reads who woke whom.
        let needed = t.causes.crowded || !t.rows.pinned().is_empty() || !t.cursor.is_playing();
        let trace = || Arc::clone(&t.loaded.trace);
        let missing = needed && t.causes.waits.is_none() && !t.trace().is_empty();
        if let Some(ticket) = missing.then(|| asked.waits.want(())).flatten() {
            cx.order(Effect::Causes(Order::Collect { ticket, trace: trace() }));
        }
        let crowded = t.causes.waits.as_ref().filter(|_| !l.crowd.is_empty());
        let crowded =
            crowded.and_then(|table| Some((table, asked.crowd.want((t.view, l.cols()))?)));
        if let Some((table, ticket)) = crowded {
            let window = Window { from: t.view.start, to: t.view.end() };
            cx.order(Effect::Causes(Order::Crowd {
                ticket,
                table: Arc::clone(table),
                window,
                parts: l.cols(),
            }));
        }
        let between =
            t.between().and_then(|window| Some((window, asked.between.want((t.cpu, window))?)));
        if let Some((window, ticket)) = between {
            let cpu = CpuId(t.cpu as u16);
            cx.order(Effect::Causes(Order::Between { ticket, trace: trace(), cpu, window }));
        }
        let pick = t.event().filter(|_| t.causes.kernel.shown && !t.cursor.is_playing());
        if let Some((event, ticket)) = pick.and_then(|event| Some((event, asked.pick.want(event)?)))
        {
            cx.order(Effect::Causes(Order::Pick { ticket, trace: trace(), event }));
        }
        let example = t.causes.kernel.wants_example && t.causes.kernel.example.is_none();
        if let Some(ticket) = example.then(|| asked.example.want(())).flatten() {
            cx.order(Effect::Causes(Order::Example { ticket, trace: trace() }));
        }
        let judge = t.causes.kernel.going.is_some() && t.causes.kernel.judged.is_none();
        if let Some(ticket) = judge.then(|| asked.judged.want(())).flatten() {
            cx.order(Effect::Causes(Order::Judge { ticket, trace: trace() }));
        }
    }

    /// Details of the selected decision, by the weights whose answer is shown there.
    pub(super) fn want_details(&mut self, cx: &mut Context) {
        let ticket = self.work.ticket();
        let Open::Ready(t) = &mut self.open else { return };
        let wanted = t.event().map(|event| (event, t.whose().cloned()));
        if wanted.as_ref() == t.panes.inspector.asked.ordered() {
            return;
        }
        t.panes.inspector.failed = None;
        let Some((event, by)) = wanted else {
            t.panes.inspector.asked.clear();
            return;
        };
        t.panes.inspector.asked.order((event, by.clone()));
        cx.order(Effect::Inspect { ticket, trace: Arc::clone(&t.loaded.trace), event, by });
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
