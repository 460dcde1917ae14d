//! Text of ftrace inside something else: a page of HTML as systrace writes it (of every age),
//! atrace's packed stream (`-z`), and Chrome's JSON with `systemTraceEvents`. The text is taken out
//! while it is read, and [`super::ftrace`] reads it.

mod html;
mod json;

use super::ftrace::Ftrace;
use super::{Format, IngestError, Probe, Reader, Sink, Source};
use flate2::read::ZlibDecoder;
use html::Page;
use json::Unescaped;

/// The format.
pub struct Systrace;

/// What atrace writes before a packed text.
const ATRACE: &[u8] = b"TRACE:\n\x78";
/// The text's name in Chrome's JSON, near its beginning.
const MEMBER: &[u8] = b"\"systemTraceEvents\"";
/// How far that is looked for.
const NEAR: usize = 16 << 10;

/// What the text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    Html,
    Atrace { at: usize },
    Json { at: usize },
}

impl Cover {
    fn of(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(NEAR)];
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let begins =
            |tag: &[u8]| text.len() >= tag.len() && text[..tag.len()].eq_ignore_ascii_case(tag);
        if begins(b"<!doctype html") || begins(b"<html") {
            return Some(Self::Html);
        }
        if let Some(at) = memchr::memmem::find(&head[..head.len().min(256)], ATRACE) {
            return Some(Self::Atrace { at: at + ATRACE.len() - 1 });
        }
        let at = text.starts_with(b"{").then(|| memchr::memmem::find(head, MEMBER))??;
        let value = &head[at + MEMBER.len()..];
        let open = memchr::memchr(b'"', value)?;
        (value[..open].trim_ascii() == b":")
            .then_some(Self::Json { at: at + MEMBER.len() + open + 1 })
    }
}

impl Reader for Systrace {
    fn format(&self) -> Format {
        Format::Systrace
    }

    fn probe(&self, head: &[u8], _: &str, _: bool) -> Probe {
        if Cover::of(head).is_some() { Probe::Yes } else { Probe::No }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let name = source.name().to_owned();
        let cover = Cover::of(source.peek(NEAR).0);
        if let Some(Cover::Atrace { at } | Cover::Json { at }) = cover {
            source.fill(&mut Vec::new(), at);
        }
        let mut text = match cover {
            Some(Cover::Atrace { .. }) => Source::stream(ZlibDecoder::new(&mut *source), &name),
            Some(Cover::Json { .. }) => Source::stream(Unescaped::new(&mut *source), &name),
            _ => Source::stream(Page::new(&mut *source), &name),
        };
        Ftrace.read(&mut text, to)
    }
}
