//! The tour: six stops on a small bundled recording. Each puts the real screens into a real state
//! and says in two or three sentences what is seen. What a stop shows is found in the network's
//! answers, so that it is right whatever the model is.

mod act;
mod finds;

use super::help::wrap;
use finds::Finds;
use std::path::PathBuf;

/// A stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// A decision that the network foresaw.
    #[default]
    Decision,
    /// What it was given to foresee it.
    Seen,
    /// One that it did not.
    Miss,
    /// Why the kernel chose as it did.
    Why,
    /// Who had to wait.
    Wait,
    /// A network of one's own.
    Training,
}

impl Stop {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Decision, Self::Seen, Self::Miss, Self::Why, Self::Wait, Self::Training];

    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Decision => "a decision",
            Self::Seen => "what the network saw",
            Self::Miss => "a miss",
            Self::Why => "why the kernel chose",
            Self::Wait => "a wait",
            Self::Training => "training",
        }
    }

    /// What is said of it once it is shown; `finds` are the decisions that stops 1 to 3 are about.
    fn words(self, finds: Option<&Finds>) -> String {
        let (right, missed) =
            (finds.and_then(|f| f.right.as_ref()), finds.and_then(|f| f.missed.as_ref()));
        match self {
            Self::Decision => right.map_or_else(
                || {
                    "At every switch the kernel chooses who comes in. The pane lists who could \
                    have."
                        .into()
                },
                |d| {
                    format!(
                        "At the playhead {} leaves {}, and {} tasks want it. The network gave {} a \
                         probability of {:.2}, and that one came in (●): a hit. The pane lists all \
                         candidates, with how long each had waited.",
                        d.out, d.cpu, d.candidates, d.real, d.p
                    )
                },
            ),
            Self::Seen => "The network knew these events, the newest first, and those further \
                           down the list. It sees who ran, woke up and waited, and for how long; \
                           never who comes in, and no task's name or number. So it works on tasks \
                           it has never met."
                .into(),
            Self::Miss => missed.map_or_else(
                || {
                    "✗ marks a decision that the network got wrong; there is none to show here."
                        .into()
                },
                |d| {
                    format!(
                        "✗ is a miss: the network expected {}, at {:.2}, and the kernel took {}, \
                         to which it had given {:.2}. On the Timeline n leads from miss to miss, \
                         and 3 lists all of them with what they have in common.",
                        d.expected, d.p, d.real, d.p_real
                    )
                },
            ),
            Self::Why => "The kernel does not guess, it has a rule. Lag is what the CPU owes a \
                          task: who has had more than its share may not come in, and of the others \
                          the one with the earliest deadline does. e shows this for any decision."
                .into(),
            Self::Wait => "5 lists every time in which a task could run and had no CPU, the \
                           longest first (+: not over yet when the recording ends); its pane says \
                           who ran instead. Enter shows a wait on the Timeline. For your own recording \
                           this is often the first thing to look at."
                .into(),
            Self::Training => "2 is where networks learn: n sets one up, its curves are drawn \
                               while it learns, and p lets it answer on \
                               the Timeline before it is done. That was the tour: Enter leads \
                               home, where a recording can be opened."
                .into(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tour {
    /// The stop.
    pub stop: Stop,
    /// What is said of it; `None` until it is shown.
    pub words: Option<String>,
    /// The recording, once it was asked for.
    recording: Option<PathBuf>,
    finds: Option<Finds>,
}

impl Tour {
    /// Its number, from 1.
    pub fn number(&self) -> usize {
        1 + Stop::ALL.iter().position(|stop| *stop == self.stop).unwrap_or(0)
    }

    /// The card's words in lines of this width.
    pub fn lines(&self, width: u16) -> Vec<String> {
        wrap(self.words.as_deref().unwrap_or_default(), usize::from(width))
    }

    /// Rows of the card with its border: as many for every stop, so that the screen above stays
    /// where it is.
    pub fn wanted(&self, width: u16) -> u16 {
        let most = |stop: &Stop| {
            wrap(&stop.words(self.finds.as_ref()), usize::from(width.saturating_sub(4))).len()
        };
        2 + Stop::ALL.iter().map(most).max().unwrap_or(0) as u16
    }

    fn go(&mut self, by: isize) -> bool {
        let at = (self.number() - 1).checked_add_signed(by).and_then(|at| Stop::ALL.get(at));
        at.is_some_and(|stop| {
            (self.stop, self.words) = (*stop, None);
            true
        })
    }
}
