//! What the explorer begins with: recordings, settings, and where it was left.

use crate::app::session::Session;
use crate::app::settings::Settings;
use crate::app::{App, Effect};
use crate::dataset::opening::StatedMachine;
use std::path::PathBuf;

/// What the explorer begins with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The recordings given on the command line; without any, the first bundled one opens and plays
    /// above home.
    pub traces: Vec<PathBuf>,
    /// Whom the second prediction row shows.
    pub beside: Option<PathBuf>,
    /// What is said of the recordings' machine.
    pub told: StatedMachine,
    /// What the user set.
    pub settings: Settings,
    /// Where the program was left.
    pub last: Option<Session>,
    /// Go on there, instead of offering it.
    pub resume: bool,
    /// News for the last row.
    pub news: Option<String>,
}

impl Start {
    /// The application as it begins, and what it wants done first.
    pub(super) fn app(self, size: (u16, u16)) -> (App, Vec<Effect>) {
        let (alone, last) = (self.traces.is_empty(), self.last);
        let resume = last.clone().filter(|_| alone && self.resume);
        let given = resume.as_ref().map_or(self.traces, |session| session.recordings.clone());
        let (mut app, effects) = App::new(given, size);
        app.set(self.settings);
        if let Some(who) = self.beside {
            app.show_beside(who);
        }
        match (resume, last) {
            (Some(session), _) => app.settle(session),
            (None, last) if alone => {
                app.welcome();
                if let Some(session) = last {
                    app.offer(session);
                }
            }
            _ => {}
        }
        app.message = self.news;
        (app, effects)
    }
}
