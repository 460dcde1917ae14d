//! Where somebody was when the program ended, so that it can go on there: the recordings, the
//! screen, the place on the timeline, the filters. Plain data and its text; nothing here reads a
//! file.

use super::tab::Tab;
use super::timeline::Timeline;
use super::timeline::rows::{Heat, Shape, Sort};
use super::{App, Effect};
use crate::evaluate::mistakes::filter;
use crate::stats::{column, diff, tasks};
use crate::text::line_at;
use crate::trace::Nanos;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a text of another form would not say.
const FORM: u32 = 1;
/// Recordings that are kept at most.
const MOST: usize = 32;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The form of this text.
    pub koracle_session: u32,
    /// The recordings; the first one is open.
    pub recordings: Vec<PathBuf>,
    /// The one that it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<PathBuf>,
    /// Whom the second row shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<PathBuf>,
    /// The screen.
    pub tab: Tab,
    /// The filter of the Mistakes screen, and whether right decisions are listed too.
    #[serde(default)]
    pub mistakes: (String, bool),
    /// The filter of the Waits screen.
    #[serde(default)]
    pub waits: String,
    /// The filter of the Tasks screen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tasks: String,
    /// The filter of the list of recordings.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traces: String,
    /// The filter of the Compare screen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub differences: String,
    /// The place on the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place on the timeline of the open recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Playhead, ns since the first event.
    cursor: u64,
    /// First visible ns, and visible ns.
    window: [u64; 2],
    /// Selected CPU.
    cpu: usize,
    /// How CPUs are shown.
    shape: Shape,
    /// What a heat map is coloured by.
    heat: Heat,
    /// Times are those of the recording's own clock.
    absolute: bool,
    /// By what CPUs are sorted.
    sort: Sort,
}

impl Place {
    fn of(t: &Timeline) -> Self {
        Self {
            cursor: t.cursor.pos().0,
            window: [t.view.start, t.view.width],
            cpu: t.cpu,
            shape: t.rows.shape,
            heat: t.rows.heat,
            absolute: t.looks.absolute,
            sort: t.rows.sort,
        }
    }

    /// Goes there, as far as the recording has it.
    pub(super) fn go(&self, t: &mut Timeline) {
        t.cpu = self.cpu.min(t.trace().cpus().saturating_sub(1));
        (t.rows.shape, t.rows.heat, t.looks.absolute) = (self.shape, self.heat, self.absolute);
        // The playhead may have been left outside the window.
        t.cursor.seek(Nanos(self.cursor));
        t.follow_playhead();
        t.view = t.view.at(self.window[0], self.window[1]);
        if self.sort != Sort::Number {
            t.sort_rows_by(self.sort);
        }
    }
}

impl Session {
    /// Reads what [`Session::text`] wrote. The error says where and what.
    pub fn parse(text: &str) -> Result<Self, String> {
        let session: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map(|span| format!("line {}: ", line_at(text, span.start)));
            line.unwrap_or_default() + e.message()
        })?;
        match session.koracle_session {
            FORM => Ok(session),
            other => Err(format!("it is of form {other}; this program knows form {FORM}")),
        }
    }

    /// As a text that [`Session::parse`] reads; `None` where a file's name is no text.
    pub fn text(&self) -> Option<String> {
        toml::to_string(self).ok()
    }

    /// Leaves out recordings that are not there any more, and gives those.
    pub fn leave_out(&mut self, is_there: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let open = self.recordings.first().cloned();
        let (there, mut gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.recordings).into_iter().partition(|path| is_there(path));
        self.recordings = there;
        gone.extend(self.compared.take_if(|path| !is_there(path)));
        if open.is_some_and(|open| gone.contains(&open)) {
            self.place = None;
        }
        gone
    }

    /// In a few words, for a menu.
    pub fn label(&self) -> String {
        let name = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.split('.').next().unwrap_or_default().to_owned()
        };
        let open = self.recordings.first().map(name).unwrap_or_default();
        let at = self.place.as_ref().map(|place| super::time::point(place.cursor, place.window[1]));
        let parts = [Some(open), Some(self.tab.about().name.to_owned()), at];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

impl App {
    /// Where one is; `None` where there is nothing to come back to: at home, on the tour, without a
    /// recording.
    pub fn session(&self) -> Option<Session> {
        let t = self.timeline().filter(|_| self.over.card.is_none())?;
        let mut recordings = vec![t.loaded.path.clone()];
        for path in self.traces.given() {
            if !recordings.contains(path) {
                recordings.push(path.clone());
            }
        }
        recordings.truncate(MOST);
        let text = |filter: Option<String>| filter.unwrap_or_default();
        Some(Session {
            koracle_session: FORM,
            recordings,
            compared: self.compare.other.path().map(Path::to_path_buf),
            beside: self.shared.beside.clone(),
            tab: self.tab,
            mistakes: (
                text(self.mistakes.filter.now.as_ref().map(ToString::to_string)),
                self.mistakes.rows.all,
            ),
            waits: text(self.waits.filter.now.as_ref().map(ToString::to_string)),
            tasks: text(self.tasks.filter.now.as_ref().map(ToString::to_string)),
            traces: text(self.traces.listing.filter.now.as_ref().map(ToString::to_string)),
            differences: text(self.compare.filter.now.as_ref().map(ToString::to_string)),
            place: Some(Place::of(t)),
        })
    }

    /// Goes where one was; its recordings were given at the start.
    pub fn settle(&mut self, session: Session) {
        if let Some((open, place)) = session.recordings.into_iter().next().zip(session.place) {
            self.viewer.come_back(open, place);
        }
        self.shared.beside = self.shared.beside.take().or(session.beside);
        self.mistakes.filter.set(filter::parse(&session.mistakes.0).ok());
        self.mistakes.rows.all = session.mistakes.1;
        self.waits.filter.set(column::parse(&session.waits).ok());
        self.tasks.filter.set(tasks::parse(&session.tasks).ok());
        self.traces.filter_by(&session.traces);
        if let Some(other) = session.compared {
            self.compare.choose(other);
        }
        self.compare.filter.set(diff::parse(&session.differences).ok());
        self.show(session.tab);
    }

    /// Offers at home to go on there.
    pub fn offer(&mut self, session: Session) {
        self.over.last = Some(Box::new(session));
    }

    /// Goes where one was, from home.
    pub(super) fn resume(&mut self) -> Vec<Effect> {
        let Some(session) = self.over.last.take() else { return Vec::new() };
        self.over.card = None;
        let given = session.recordings.clone();
        self.traces.give(given.clone());
        let Some(open) = given.first().cloned() else { return Vec::new() };
        let effect = self.viewer.open_path(open, false);
        self.settle(*session);
        vec![effect, Effect::List { given }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Session {
        Session {
            koracle_session: FORM,
            recordings: vec!["/a/x \"y\".csv.zst".into(), "/b/z.dat".into()],
            compared: Some("/b/z.dat".into()),
            beside: Some("lstm".into()),
            tab: Tab::Mistakes,
            mistakes: ("task~nginx and p>0.9".into(), true),
            waits: String::new(),
            tasks: "run>1ms".into(),
            traces: "nginx cfs".into(),
            differences: String::new(),
            place: Some(Place {
                cursor: 1_500_000_000,
                window: [1_000, 2_000_000_000],
                sort: Sort::By(Heat::Misses),
                ..Place::default()
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for session in [some(), Session { koracle_session: FORM, ..Session::default() }] {
            assert_eq!(Session::parse(&session.text().unwrap()), Ok(session));
        }
        assert_eq!(some().label(), "x \"y\" · Mistakes · 1.500 s");
    }

    #[test]
    fn what_is_foreign_or_damaged_is_told() {
        let text = some().text().unwrap();
        for (text, says) in [
            (text.replace("session = 1", "session = 2"), "form 2; this program knows form 1"),
            (text.replace("tab = \"mistakes\"", "tab = \"nowhere\""), "line 5: unknown variant"),
            (text.replace("waits =", "wants ="), "unknown field `wants`"),
            (text[..text.len() / 2].to_owned(), "line "),
            ("recordings = []\n".to_owned(), "missing field"),
            ("\0\0".to_owned(), "line 1: "),
        ] {
            let problem = Session::parse(&text).unwrap_err();
            assert!(problem.contains(says), "{problem}, not {says}");
        }
    }

    #[test]
    fn what_is_gone_is_named_and_left_out() {
        let mut session = some();
        assert!(session.leave_out(|_| true).is_empty() && session == some());
        let gone = session.leave_out(|path| path != Path::new("/b/z.dat"));
        assert_eq!(gone, [PathBuf::from("/b/z.dat"), PathBuf::from("/b/z.dat")]);
        assert_eq!((session.recordings.len(), &session.compared), (1, &None));
        assert!(session.place.is_some(), "the open one is still there");
        session.leave_out(|_| false);
        assert_eq!((session.recordings.len(), &session.place), (0, &None));
    }
}
