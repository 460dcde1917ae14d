//! The kernel's ring-buffer pages (`trace_pipe_raw`) to events, by what the recorded kernel itself says about their
//! layout: its `header_page`, `header_event` and event `format` files. No offset is built in. One stream of pages per
//! CPU; they are merged by time with one buffered stretch of each in memory. 64-bit little-endian kernels only.
//!
//! A damaged page loses what is behind its damage and is counted; a page that is cut short loses its tail alone.

mod events;
mod format;
mod merge;
mod page;

pub use merge::decode;

use events::Layout;
use format::{Field, find};
use page::{EventHeader, PageHeader};

/// Why a recording's pages cannot be decoded at all.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// A layout file of the recorded kernel that does not say what is needed.
    #[error("{file}, byte {byte}: {problem}")]
    Layout {
        /// The layout file, e.g. `sched_switch/format`.
        file: String,
        /// Where in it.
        byte: usize,
        /// What is missing or wrong.
        problem: String,
    },
    /// A kernel of another word size or byte order.
    #[error("{file}, byte {byte}: recorded on a {what} kernel; only 64-bit little-endian ones can be read")]
    Machine {
        /// The file that shows it.
        file: String,
        /// Where in it.
        byte: usize,
        /// "32-bit" or "big-endian".
        what: &'static str,
    },
    /// The pages cannot be read.
    #[error("{file}, byte {byte}: {source}")]
    Io {
        /// The stream.
        file: String,
        /// How far it was read.
        byte: u64,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What is wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageProblem {
    /// It claims to hold more than fits.
    #[error("the page claims {0} bytes of data, more than fit")]
    Commit(u64),
    /// A record reaches beyond the data, or is no record.
    #[error("a record that cannot be")]
    Record,
    /// A field of an event that is not as it should be.
    #[error("no valid {0}")]
    Field(&'static str),
    /// The stream ends inside the page.
    #[error("the stream ends inside this page")]
    Cut,
}

/// A page that lost some or all of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPage {
    /// Its stream.
    pub file: String,
    /// Offset in the stream.
    pub byte: u64,
    /// Why.
    pub problem: PageProblem,
}

impl std::fmt::Display for BadPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, byte {}: {}", self.file, self.byte, self.problem)
    }
}

/// What was noticed while decoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagesReport {
    /// Pages of all CPUs.
    pub pages: u64,
    /// Bytes of all CPUs.
    pub bytes: u64,
    /// Events that were used.
    pub events: u64,
    /// Records of kinds that are not used.
    pub other_events: u64,
    /// Pages that lost some or all of their events.
    pub damaged: u64,
    /// The first [`super::KEPT_BAD_LINES`] of them.
    pub bad: Vec<BadPage>,
}

impl PagesReport {
    fn bad_page(&mut self, file: &str, byte: u64, problem: PageProblem) {
        self.damaged += 1;
        if self.bad.len() < super::KEPT_BAD_LINES {
            self.bad.push(BadPage { file: file.into(), byte, problem });
        }
    }
}

/// The layout of one kernel's ring buffer.
#[derive(Clone, Debug)]
pub struct Formats {
    page: PageHeader,
    record: EventHeader,
    /// Where a record says which event it is; the same in all of them.
    id: format::Num,
    events: Vec<Layout>,
}

impl Formats {
    /// From the texts of `events/header_page`, `events/header_event` and of `format` of each event, with the event's
    /// name. Events that are not used are passed over; without `sched_switch` there is nothing to decode.
    pub fn parse(header_page: &str, header_event: &str, events: &[(&str, &str)]) -> Result<Self, RingError> {
        let page = PageHeader::parse(header_page)?;
        let record = EventHeader::parse(header_event)?;
        let mut id = None;
        let mut layouts = Vec::new();
        for (name, text) in events {
            let file = format!("{name}/format");
            let fields = format::fields(&file, text)?;
            let layout = match Layout::parse(name, &file, text, &fields) {
                // Of an event that run queues can do without, another kernel's layout costs the event alone.
                Err(_) if !events::needed(name) => None,
                layout => layout?,
            };
            if let Some(layout) = layout {
                id = Some(find(&file, text, &fields, "common_type").and_then(Field::num)?);
                layouts.push(layout);
            }
        }
        let missing = || RingError::Layout {
            file: "sched_switch/format".into(),
            byte: 0,
            problem: "no layout of this event was recorded".into(),
        };
        let id = id.filter(|_| layouts.iter().any(Layout::is_switch)).ok_or_else(missing)?;
        Ok(Self { page, record, id, events: layouts })
    }

    /// Bytes of one page: header and data.
    pub fn page_size(&self) -> usize {
        self.page.size()
    }
}
