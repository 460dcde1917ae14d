//! What the plan told about the recorded machine, as layouts of its ring buffer and as metadata of the recording.

use super::Plan;
use crate::ingest::ringbuf::{Formats, RingError};
use crate::trace::{SchedClass, TraceMeta};
use std::collections::BTreeMap;

/// The plan's texts by name.
#[derive(Debug, Default)]
pub struct Told {
    texts: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Told {
    /// Takes in a frame.
    pub fn say(&mut self, name: String, text: String) {
        if name == "note" {
            self.notes.push(text);
        } else {
            self.texts.insert(name, text);
        }
    }

    fn get(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", |t| t.trim())
    }

    /// The layouts.
    pub fn formats(&self) -> Result<Formats, RingError> {
        let raw = |name: &str| self.texts.get(name).map_or("", String::as_str);
        let events: Vec<(&str, &str)> =
            self.texts.iter().filter_map(|(n, t)| Some((n.strip_prefix("format.")?, t.as_str()))).collect();
        Formats::parse(raw("header_page"), raw("header_event"), &events)
    }

    /// Exit status of the workload.
    pub fn status(&self) -> Option<i32> {
        self.get("status").parse().ok()
    }

    /// Notes, and the end of the workload's output.
    pub fn words(self) -> (Vec<String>, String) {
        let log = self.get("log").to_owned();
        (self.notes, log)
    }

    /// The metadata.
    pub fn meta(&self, plan: &Plan) -> TraceMeta {
        let cpus: Vec<u16> = self.get("cpus").split_whitespace().filter_map(|c| c.parse().ok()).collect();
        let cpus = cpus.into_iter().filter(|c| *c < crate::trace::MAX_CPUS).max().map_or(0, |c| c + 1);
        let kernel = self.get("kernel").to_owned();
        TraceMeta {
            name: plan.name.clone(),
            run: plan.run,
            workload: plan.workload.clone(),
            category: plan.category.clone(),
            scheduler: SchedClass::of_kernel(&kernel),
            kernel,
            cpus,
            clock: self.get("clock").to_owned(),
            command: plan.shown.clone(),
            lost: (0..cpus).map(|cpu| self.lost(cpu)).collect(),
            tool: concat!("koracle ", env!("CARGO_PKG_VERSION")).to_owned(),
            date: self.get("date").to_owned(),
            hz: self.get("hz").parse().unwrap_or(0),
            slice_ns: self.get("slice").parse().unwrap_or(0),
            autogroup: self.get("autogroup").parse::<u8>().ok().map(|a| a != 0),
            emulated: self.get("virt") == "qemu",
            note: self.notes.join("; "),
            ..TraceMeta::default()
        }
    }

    /// What `per_cpu/cpuN/stats` says was lost.
    fn lost(&self, cpu: u16) -> u64 {
        let stats = self.get(&format!("stats.{cpu}"));
        let value = |line: &str| line.rsplit(' ').next().and_then(|v| v.parse::<u64>().ok());
        let losses = ["overrun:", "commit overrun:", "dropped events:"];
        let lines = stats.lines().filter(|l| losses.iter().any(|k| l.starts_with(k)));
        lines.filter_map(value).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_those_of_the_statistics() {
        let mut told = Told::default();
        let stats = "entries: 9\noverrun: 5\ncommit overrun: 1\nbytes: 77\noldest event ts:  2.1\ndropped events: 2\n";
        told.say("stats.1".into(), stats.into());
        assert_eq!((told.lost(0), told.lost(1)), (0, 8));
    }
}
