//! The doors of this room through which bytes of another machine come in, for the fuzzer and for
//! the tests that replay its corpus. Not for anybody else.

use super::meta::GuestTexts;
use super::request::Settings;
use super::stream::{Frame, Spool, greeting};
use super::{MOST_BYTES, Plan, Target, ssh_config};
use crate::ingest::ringbuf::decode;
use crate::trace::{CpuId, TraceBuilder};
use std::io::Seek;
use std::path::Path;

/// Reads what a recorded machine sends to its end, then decodes its pages. The number of events,
/// and one for each frame that was understood.
pub fn frames(bytes: &[u8]) -> usize {
    let (mut input, mut spool, mut told, mut count) =
        (bytes, Spool::with_room(MOST_BYTES), GuestTexts::default(), 0);
    if !greeting(&mut input).is_ok_and(|found| found) {
        return 0;
    }
    while let Ok(Some(frame)) = spool.frame(&mut input) {
        count += 1;
        if let Frame::Text(name, text) = frame
            && told.say(name, text).is_err()
        {
            break;
        }
    }
    let meta = told.meta(&plan());
    let _ = (told.guest(), told.status());
    let Ok(formats) = told.formats() else { return count };
    let mut streams = Vec::new();
    for (cpu, mut file) in std::mem::take(&mut spool.files) {
        if file.rewind().is_ok() {
            streams.push((CpuId(cpu), format!("pages of CPU {cpu}"), file));
        }
    }
    let mut builder = TraceBuilder::default();
    if decode(&formats, streams, &mut builder).is_err() {
        return count;
    }
    let trace = builder.finish(meta);
    count + trace.len()
}

fn plan() -> Plan {
    Plan {
        target: Target::Local,
        name: "fuzz".into(),
        run: 0,
        workload: String::new(),
        category: String::new(),
        command: Vec::new(),
        shown: String::new(),
        needs: Vec::new(),
        settings: Settings { seconds: 1, buffer_kb: 1, runtime: true, waking: true, truth: true },
        spare: 0,
    }
}

/// The names of machines in an ssh configuration.
pub fn hosts(file: &Path, folder: &Path, home: &Path) -> Vec<String> {
    ssh_config::names(file, folder, home)
}
