//! What the plan told about the recorded machine, as layouts of its ring buffer and as metadata of the recording.

use super::{Ended, Plan};
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

    /// Exit status of the workload, and what ended it.
    pub fn status(&self) -> Option<(i32, Ended)> {
        let (status, ended) = self.get("status").split_once(' ')?;
        let ended = match ended {
            "limit" => Ended::Limit,
            "stopped" => Ended::Stopped,
            _ => Ended::Itself,
        };
        Some((status.parse().ok()?, ended))
    }

    /// The machine in a few words; empty before it said anything.
    pub fn guest(&self) -> String {
        let kernel = self.get("kernel");
        if kernel.is_empty() {
            return String::new();
        }
        let class = match self.texts.get("ext") {
            Some(_) => "sched_ext",
            None => SchedClass::of_kernel(kernel).label(),
        };
        match self.online().as_slice() {
            [] => format!("{kernel} {class}"),
            [_] => format!("{kernel} {class}, 1 CPU"),
            cpus => format!("{kernel} {class}, {} CPUs", cpus.len()),
        }
    }

    /// Notes, and the end of the workload's output.
    pub fn words(self) -> (Vec<String>, String) {
        let log = self.get("log").to_owned();
        (self.notes, log)
    }

    /// The metadata.
    pub fn meta(&self, plan: &Plan) -> TraceMeta {
        let cpus = self.online().last().map_or(0, |c| c + 1);
        let (mut notes, ext) = (self.notes.clone(), self.texts.get("ext"));
        notes.extend(ext.map(|ops| format!("the scheduler was sched_ext: {}", ops.trim())));
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
            note: notes.join("; "),
            ..TraceMeta::default()
        }
    }

    /// The CPUs in order: those that are on, else all that have a buffer.
    fn online(&self) -> Vec<u16> {
        let list = [self.get("online").to_owned(), self.get("cpus").replace(' ', ",")];
        let mut cpus = list.iter().map(|l| cpu_list(l)).find(|c| !c.is_empty()).unwrap_or_default();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
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

/// The kernel's lists of CPUs: `0-3,5`.
fn cpu_list(text: &str) -> Vec<u16> {
    let ranges = text.split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u16, u16) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (to < crate::trace::MAX_CPUS).then_some(from..=to)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_in_a_few_words() {
        let mut told = Told::default();
        assert_eq!(told.guest(), "");
        told.say("kernel".into(), "6.1.0-40-amd64".into());
        assert_eq!(told.guest(), "6.1.0-40-amd64 CFS");
        told.say("cpus".into(), " 0 1 10".into());
        assert_eq!(told.guest(), "6.1.0-40-amd64 CFS, 3 CPUs");
        told.say("online".into(), "0-1,3\n".into());
        told.say("kernel".into(), "6.12.3".into());
        assert_eq!((told.guest().as_str(), told.online()), ("6.12.3 EEVDF, 3 CPUs", vec![0, 1, 3]));
        told.say("ext".into(), "rusty\n".into());
        assert_eq!(told.guest(), "6.12.3 sched_ext, 3 CPUs");
        assert_eq!(cpu_list("0-99999,x,7-,2"), [2]);
    }

    #[test]
    fn what_ended_the_workload() {
        let ended = |text: &str| {
            let mut told = Told::default();
            told.say("status".into(), text.into());
            told.status()
        };
        assert_eq!(ended("124 limit\n"), Some((124, Ended::Limit)));
        assert_eq!(ended("143 stopped\n"), Some((143, Ended::Stopped)));
        assert_eq!(ended("3 itself\n"), Some((3, Ended::Itself)));
        assert_eq!(ended(""), None);
    }

    #[test]
    fn losses_are_those_of_the_statistics() {
        let mut told = Told::default();
        let stats = "entries: 9\noverrun: 5\ncommit overrun: 1\nbytes: 77\noldest event ts:  2.1\ndropped events: 2\n";
        told.say("stats.1".into(), stats.into());
        assert_eq!((told.lost(0), told.lost(1)), (0, 8));
    }
}
