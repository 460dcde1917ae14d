//! Perfetto's protobuf: a row of packets, of which those with events of the kernel and with the
//! system's name are used, packed ones included. The numbers of fields are those of
//! `protos/perfetto/trace` in Perfetto's tree. Names of threads come with the events.

mod bundle;
mod wire;

use super::{Format, IngestError, Place, Probe, Reader, Reason, Sink, Source};
use crate::trace::MAX_CPUS;
use bundle::Cpus;
use flate2::read::ZlibDecoder;
use std::io::Read;
use wire::{Fields, Malformed, varint};

/// The format.
pub struct Perfetto;

/// Tag of a packet in a trace.
const PACKET: u8 = 0x0a;
/// The service writes packets of some 100 KB.
const LONGEST: u64 = 64 << 20;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// No packet has a field of a higher number.
const LAST_FIELD: u64 = 2_000;

impl Reader for Perfetto {
    fn format(&self) -> Format {
        Format::Perfetto
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        let (mut rest, mut good) = (head, 0);
        while let [PACKET, after @ ..] = rest {
            let mut after = after;
            let Ok(length) = varint(&mut after) else { break };
            let Some(packet) = usize::try_from(length).ok().and_then(|n| after.get(..n)) else {
                // It goes on behind what is shown.
                return match good {
                    0 if length > LONGEST || complete => Probe::No,
                    0 => Probe::More,
                    _ => Probe::Yes,
                };
            };
            if !plausible(packet) {
                break;
            }
            // An empty line of a text looks like a packet of text.
            good += usize::from(packet.iter().any(|&b| !(9..0x80).contains(&b)));
            rest = &after[packet.len()..];
        }
        // What is behind good packets may be damaged.
        if good > 1 || (good > 0 && rest.len() < 2) { Probe::Yes } else { Probe::No }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let mut reading = Reading::default();
        to.events.in_any_order();
        let (mut buffer, mut at) = (Vec::new(), 0);
        loop {
            if buffer.len() - at < 16 {
                buffer.drain(..at);
                at = 0;
                source.fill(&mut buffer, BLOCK);
            }
            let byte = source.position() - (buffer.len() - at) as u64;
            let mut rest = &buffer[at..];
            if rest.is_empty() {
                break;
            }
            to.report.units += 1;
            let (tag, length) = (varint(&mut rest), varint(&mut rest));
            let (Ok(0x0a), Ok(length @ 0..=LONGEST)) = (tag, length) else {
                let place = Place::Record { record: to.report.units, byte };
                to.report.note(place, Reason::Other("no packet begins here".into()));
                to.report.truncated = Some(format!("what follows byte {byte} are no packets"));
                break;
            };
            at = buffer.len() - rest.len();
            let length = length as usize;
            let missing = length.saturating_sub(buffer.len() - at);
            source.fill(&mut buffer, missing);
            let end = (at + length).min(buffer.len());
            let cut = end - at < length;
            if reading.packet(&buffer[at..end], 0, to).is_err() || cut {
                let place = Place::Record { record: to.report.units, byte };
                let why = if cut {
                    "the file ends inside this packet"
                } else {
                    "a packet that cannot be"
                };
                to.report.note(place, Reason::Other(why.into()));
                if cut {
                    to.report.truncated = Some("the file ends inside a packet".into());
                }
            }
            at = end;
        }
        if let Some(damage) = source.damage() {
            to.report.truncated = Some(damage.into());
        }
        reading.finish(to);
        Ok(())
    }
}

/// Fields of a packet from their beginning to their end.
fn plausible(packet: &[u8]) -> bool {
    let mut fields = Fields(packet);
    loop {
        match fields.next() {
            Ok(Some((id, _))) if id <= LAST_FIELD => {}
            Ok(None) => return true,
            _ => return false,
        }
    }
}

/// What packets said so far.
#[derive(Default)]
struct Reading {
    cpus: Cpus,
}

impl Reading {
    /// One packet. `depth` is 1 in a packed one, which holds no packed one.
    fn packet(&mut self, bytes: &[u8], depth: u32, to: &mut Sink) -> Result<(), Malformed> {
        let mut fields = Fields(bytes);
        while let Some((id, value)) = fields.next()? {
            match id {
                1 => self.cpus.bundle(value.bytes(), &mut to.events)?,
                45 => system(value.bytes(), to)?,
                50 | 133 if depth == 0 => self.packed(&unpack(id, value.bytes())?, to)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn packed(&mut self, bytes: &[u8], to: &mut Sink) -> Result<(), Malformed> {
        let mut packets = Fields(bytes);
        while let Some((id, value)) = packets.next()? {
            if id == 1 {
                self.packet(value.bytes(), 1, to)?;
            }
        }
        Ok(())
    }

    fn finish(self, to: &mut Sink) {
        let Cpus { unknown, other, bad, clock, .. } = self.cpus;
        to.report.other_events = other;
        to.meta.clock = if clock.is_empty() { "boot".into() } else { clock.into() };
        if unknown > 0 {
            to.report.warn(format!(
                "{unknown} switches are left out, the first of each CPU and the first after a \
                 loss: Perfetto's compact events do not say who leaves"
            ));
        }
        if bad > 0 {
            to.report.warn(format!("{bad} events with fields that are not valid are left out"));
        }
    }
}

/// Release of the kernel and number of CPUs.
fn system(bytes: &[u8], to: &mut Sink) -> Result<(), Malformed> {
    let mut fields = Fields(bytes);
    while let Some((id, value)) = fields.next()? {
        match id {
            1 => {
                let mut names = Fields(value.bytes());
                while let Some((id, value)) = names.next()? {
                    if id == 3 {
                        to.meta.kernel = String::from_utf8_lossy(value.bytes()).into_owned();
                    }
                }
            }
            8 => {
                to.meta.cpus =
                    value.number().filter(|n| *n <= u64::from(MAX_CPUS)).unwrap_or(0) as u16;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The packets in a packed one: by zlib (field 50) or zstd (133).
fn unpack(id: u64, packed: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    let read = if id == 50 {
        ZlibDecoder::new(packed).take(LONGEST).read_to_end(&mut bytes)
    } else {
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| Malformed)?;
        decoder.take(LONGEST).read_to_end(&mut bytes)
    };
    read.map(|_| bytes).map_err(|_| Malformed)
}
