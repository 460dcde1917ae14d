//! trace-cmd's file, `trace.dat`, versions 6 and 7: what the recorded kernel says of its ring
//! buffer, and the pages of every CPU, which [`super::ringbuf`] decodes. What stands where is in
//! trace-cmd's `trace-cmd.dat.v6(5)` and `v7(5)`. Names of threads come with the events; the file's
//! own list of names is passed over, as are symbols.

mod extent;
mod head;
mod options;
mod packing;
mod walk;

use super::ringbuf::{self, Clock, Formats};
use super::{Format, IngestError, Place, Probe, ReadSeek, Reader, Reason, Report, Sink, Source};
use crate::trace::CpuId;
use extent::{Extent, Shared};
use head::Head;
use options::{Buffer, Said};

/// The format.
pub struct TraceDat;

/// The first bytes of the file.
const MAGIC: &[u8] = b"\x17\x08\x44tracing";

impl Reader for TraceDat {
    fn format(&self) -> Format {
        Format::TraceDat
    }

    fn probe(&self, head: &[u8], _: &str, _: bool) -> Probe {
        if head.starts_with(MAGIC) { Probe::Yes } else { Probe::No }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let name = source.name().to_owned();
        let file = source.seekable(Format::TraceDat)?;
        let cut = source.damage().map(str::to_owned);
        let (head, file) = Head::read(file, &name)?;
        if let (Some(problem), true) = (&head.said.cut, head.said.buffers.is_empty()) {
            let problem = format!("it says nowhere in which bytes the events are: {problem}");
            return Err(IngestError::Damaged { name, problem });
        }
        let named: Vec<_> =
            head.events.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let formats = Formats::parse(&head.header_page, &head.header_event, &named)?;
        let formats = formats.with_clock(head.said.time);
        to.report.truncated = cut.or_else(|| head.said.cut.clone());
        pages(&head, &formats, file, to)?;
        tell(&head.said, to);
        Ok(())
    }
}

/// Decodes the top buffer, or when it has no event of a scheduler the next that has one.
fn pages<'a>(
    head: &Head,
    formats: &Formats,
    file: Box<dyn ReadSeek + 'a>,
    to: &mut Sink,
) -> Result<(), IngestError> {
    let shared = Shared::new(file, head.size);
    let mut buffers: Vec<&Buffer> = head.said.buffers.iter().collect();
    // The top buffer has no name; the others by what they hold.
    buffers.sort_by_key(|b| (!b.name.is_empty(), std::cmp::Reverse(b.bytes())));
    let mut chosen = None;
    for buffer in &buffers {
        let report = decode(buffer, formats, &shared, head, to)?;
        if to.report.truncated.is_none() {
            to.report.truncated.clone_from(&report.truncated);
        }
        to.report.append(report);
        if !to.events.is_empty() {
            chosen = Some(*buffer);
            break;
        }
    }
    to.report.bytes = head.size;
    let Some(chosen) = chosen else { return Ok(()) };
    to.meta.clock.clone_from(if chosen.clock.is_empty() {
        &head.said.clock
    } else {
        &chosen.clock
    });
    let others = buffers.iter().filter(|b| b.name != chosen.name && b.bytes() > 0);
    let others: Vec<String> = others.map(|b| b.called()).collect();
    if !chosen.name.is_empty() {
        to.report
            .warn(format!("the events are those of {}; the top buffer has none", chosen.called()));
    }
    if !others.is_empty() {
        to.report
            .warn(format!("{} of this file is not read: only one buffer is", others.join(", ")));
    }
    Ok(())
}

/// Decodes the pages of one buffer.
fn decode(
    buffer: &Buffer,
    formats: &Formats,
    shared: &Shared<'_>,
    head: &Head,
    to: &mut Sink,
) -> Result<Report, IngestError> {
    let mut report = Report::default();
    let mut streams = Vec::new();
    for place in shared.claim(&buffer.cpus, &mut report) {
        let name = format!("cpu{}", place.cpu.0);
        let extent =
            Extent::new(shared, place, buffer.packed.then_some(head.packing), formats.page_size());
        streams.push((place.cpu, name, extent));
    }
    let decoded = ringbuf::decode(formats, streams, &mut to.events)?;
    report.append(decoded);
    shared.tell(&mut report);
    Ok(report)
}

/// What the options say.
fn tell(said: &Said, to: &mut Sink) {
    to.meta.kernel.clone_from(&said.kernel);
    to.meta.tool.clone_from(&said.tool);
    to.meta.cpus = said.cpus;
    if said.guest {
        to.report.warn(
            "recorded in a guest beside its host; times are those of the guest, not \
                        shifted to the host's",
        );
    }
    // What was overwritten while it was recorded stands in the pages, as a loss.
    let lost = to.events.lost();
    to.report.overwritten = said.overrun.saturating_sub(lost);
    if said.dropped > 0 {
        to.report.warn(format!(
            "the kernel dropped {} new events, whose place is not known",
            said.dropped
        ));
    }
}
