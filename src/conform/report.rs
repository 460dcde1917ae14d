//! All picks of a recording, counted, and those that nothing explains.

use super::picks::Picks;
use super::ruling::{Cause, Ruling};
use super::scene::{Scene, Whence};

/// Kept of the picks that nothing explains; the rest are only counted.
const MOST: usize = 10_000;

/// A pick that nothing explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// With its numbers.
    pub scene: Scene,
    /// How far the one that should have been taken was ahead, virtual ns; what it is listed by.
    pub by_ns: i64,
}

/// What became of the picks.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Where the numbers are from.
    pub from: Whence,
    /// Switches that were judged.
    pub picks: u64,
    /// Of the recording's switches so many have recorded state.
    pub joined: u64,
    /// All switches.
    pub switches: u64,
    /// As the rule says.
    pub consistent: u64,
    /// Of these nobody else competed.
    pub alone: u64,
    /// In the order of [`Cause::ALL`].
    pub explained: [u64; Cause::ALL.len()],
    /// Neither.
    pub unexplained: u64,
    /// The first of them, the worst before all.
    pub list: Vec<Broken>,
}

/// Share of so many picks that are as the rule says, or explained; of those that could be decided.
/// `None` where none could.
pub fn kept(picks: u64, explained: [u64; Cause::ALL.len()], unexplained: u64) -> Option<f64> {
    let decided = picks - explained[Cause::Unseen as usize];
    (decided > 0).then(|| 1.0 - unexplained as f64 / decided as f64)
}

impl Report {
    /// Judges every pick.
    pub fn of(picks: &Picks) -> Self {
        let trace = picks.trace();
        let mut report = Self {
            from: picks.from(),
            picks: 0,
            joined: trace.truth().map_or(0, crate::trace::Truth::len) as u64,
            switches: trace.switch_count() as u64,
            consistent: 0,
            alone: 0,
            explained: [0; Cause::ALL.len()],
            unexplained: 0,
            list: Vec::new(),
        };
        picks.walk(&mut |scene| report.count(scene));
        report.list.sort_by_key(|b| std::cmp::Reverse(b.by_ns));
        report
    }

    /// Share of the picks that are as the rule says, or explained; see [`kept`].
    pub fn share(&self) -> Option<f64> {
        kept(self.picks, self.explained, self.unexplained)
    }

    fn count(&mut self, scene: &Scene) {
        self.picks += 1;
        match scene.ruling {
            Ruling::Consistent => {
                self.consistent += 1;
                self.alone += u64::from(scene.levels.iter().all(|l| l.count <= 1));
            }
            Ruling::Explained(cause) => self.explained[cause as usize] += 1,
            Ruling::Broken(_) => {
                self.unexplained += 1;
                if self.list.len() < MOST {
                    self.list.push(Broken { scene: scene.clone(), by_ns: scene.by_ns() });
                }
            }
        }
    }
}

impl Scene {
    /// How far the one that the rule leads to is before the one that was taken, virtual ns: its
    /// deadline (CFS: its virtual time); where the rule forbids the one that was taken, how far it
    /// is past the average. 0 where the replay's reason is another: numbers of different groups
    /// cannot be compared, and a buddy goes first.
    pub fn by_ns(&self) -> i64 {
        let Some(level) = self.decisive() else { return 0 };
        let (chosen, Ruling::Broken(at)) = (&level.chosen, level.ruling) else { return 0 };
        let Some(other) = at.and_then(|at| level.others.get(at)) else {
            return chosen.lag_ns.map_or(0, |l| l.saturating_neg().max(0));
        };
        match (chosen.deadline_ns, other.deadline_ns) {
            // The other one's deadline is later: it is before by being eligible.
            (Some(a), Some(b)) if a <= b && level.forbids() => {
                chosen.lag_ns.map_or(0, i64::saturating_neg)
            }
            (Some(a), Some(b)) => a.saturating_sub(b),
            _ => other.lag_ns.unwrap_or(0).saturating_sub(chosen.lag_ns.unwrap_or(0)),
        }
        .max(0)
    }
}
