//! The kernel's ring-buffer pages (`trace_pipe_raw`) to events, by what the recorded kernel itself
//! says about their layout: its `header_page`, `header_event` and event `format` files. No offset
//! is built in. One stream of pages per CPU; they are merged by time with one buffered stretch of
//! each in memory. 64-bit little-endian kernels only.
//!
//! A damaged page loses what is behind its damage and is counted; a page that is cut short loses
//! its tail alone.

pub(super) mod events;
pub(super) mod format;
mod merge;
mod page;

pub use merge::decode;

use events::Layout;
use format::{Field, find};
use page::{EventHeader, PageHeader};

/// The error of all formats, as the recorder knows it.
pub type RingError = super::IngestError;
/// The report of all formats, whose units are pages here.
pub type PagesReport = super::Report;

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
    /// A time that no clock shows.
    #[error("the time {0} ns is beyond 292 years")]
    Stamp(u64),
    /// The stream ends inside the page.
    #[error("the stream ends inside this page")]
    Cut,
}

/// The layout of one kernel's ring buffer.
#[derive(Clone, Debug)]
pub struct Formats {
    page: PageHeader,
    record: EventHeader,
    /// Where a record says which event it is; the same in all of them.
    id: format::Num,
    events: Vec<Layout>,
    clock: Clock,
}

/// How the buffer's clock becomes time: `(value * mult >> shift) + offset`, without the first part
/// when `mult` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What a tick is multiplied with.
    pub mult: u64,
    /// By how many bits the product is shifted.
    pub shift: u32,
    /// Nanoseconds that are added.
    pub offset: i64,
}

impl Clock {
    #[inline]
    fn time(self, value: u64) -> u64 {
        let ns = match self.mult {
            0 => value,
            mult => {
                (u128::from(value) * u128::from(mult)).checked_shr(self.shift).unwrap_or(0) as u64
            }
        };
        ns.wrapping_add_signed(self.offset)
    }
}

impl Formats {
    /// From the texts of `events/header_page`, `events/header_event` and of `format` of each event,
    /// with the event's name. Events that are not used are passed over; without `sched_switch`
    /// there is nothing to decode.
    pub fn parse(
        header_page: &str,
        header_event: &str,
        events: &[(&str, &str)],
    ) -> Result<Self, RingError> {
        let page = PageHeader::parse(header_page)?;
        let record = EventHeader::parse(header_event)?;
        let mut id = None;
        let mut layouts = Vec::new();
        for (name, text) in events {
            let file = format!("{name}/format");
            let fields = format::fields(&file, text)?;
            let layout = match Layout::parse(name, &file, text, &fields) {
                // Of an event that run queues can do without, another kernel's layout costs the
                // event alone.
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
        Ok(Self { page, record, id, events: layouts, clock: Clock::default() })
    }

    /// With a clock whose values are not yet times.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Bytes of one page: header and data.
    pub fn page_size(&self) -> usize {
        self.page.size()
    }
}
