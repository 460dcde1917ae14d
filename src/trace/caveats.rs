//! What a reader must know about a recording before believing its figures, in sentences.

use super::{CpuId, Nanos, Trace, Wakeups};

/// A share of unknown time that is worth a sentence.
const WORTH_SAYING: f64 = 0.01;

impl Trace {
    /// Share of a CPU's time of which the recording says nothing, 0..1.
    pub fn unknown_share(&self, cpu: CpuId) -> f64 {
        self.unknown_within(cpu, Nanos(0), self.span()).0 as f64 / (self.span().0 as f64).max(1.0)
    }

    /// The sentences, the weightiest first; empty for a recording that says everything.
    pub fn caveats(&self) -> Vec<String> {
        let mut said = Vec::new();
        match self.wakeups() {
            _ if self.switch_count() == 0 => {}
            Wakeups::Wakeup => {}
            Wakeups::None if self.knows_queues() => {}
            Wakeups::Waking => said.push(
                "there is no sched_wakeup: sched_waking stands in for it, which comes a little \
                 earlier and may name the old CPU"
                    .into(),
            ),
            Wakeups::None => said.push(
                "there are no wake-ups: who could come in at a switch is not known, so that only \
                 the forecast is asked"
                    .into(),
            ),
        }
        if let Some(sentence) = self.contradicted() {
            said.push(sentence);
        }
        if let Some(sentence) = self.unknown_time() {
            said.push(sentence);
        }
        said
    }

    fn contradicted(&self) -> Option<String> {
        let (n, pairs) = self.contradictions();
        // Single ones happen where the kernel does not record some threads; the unknown time tells
        // of them.
        (n > 0 && n * 20 >= pairs).then(|| {
            format!(
                "at {n} of {pairs} switches another thread leaves than the one that had come in: \
                 events are missing (filtered by pid?); the time between is unknown"
            )
        })
    }

    fn unknown_time(&self) -> Option<String> {
        let shares: Vec<(usize, f64)> = (0..self.cpus())
            .map(|cpu| (cpu, self.unknown_share(CpuId(cpu as u16))))
            .filter(|(_, share)| *share >= WORTH_SAYING)
            .collect();
        let (worst, share) = shares.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let percent = format!("{:.1} % of CPU{worst}", 100.0 * share);
        Some(match shares.len() {
            1 => format!("{percent} is unknown: nothing was recorded there"),
            n => format!(
                "over {:.0} % of {n} CPUs' time is unknown, {percent} at most: nothing was \
                 recorded there",
                100.0 * WORTH_SAYING
            ),
        })
    }
}
