//! What the plan told about the recorded machine, as layouts of its ring buffer and as metadata of
//! the recording.

use super::truth::Probe;
use super::{Ended, MOST_CPUS, Plan, RecordError};
use crate::ingest::ringbuf::{Formats, RingError};
use crate::trace::{SchedClass, TraceMeta};
use std::collections::BTreeMap;

/// The texts that a plan sends besides `format.EVENT` and `stats.CPU`. Others are passed over.
const NAMES: [&str; 18] = [
    "kernel",
    "machine",
    "ext",
    "online",
    "date",
    "autogroup",
    "slice",
    "hz",
    "virt",
    "header_page",
    "header_event",
    "clock",
    "cpus",
    "status",
    "log",
    "btf.version",
    "btf.cfs_rq",
    "btf.entity",
];
/// Formats, notes and characters of a note that are kept: a plan sends far fewer.
const MOST_FORMATS: usize = 16;
const MOST_NOTES: usize = 16;
const LONGEST_NOTE: usize = 1000;
/// Bytes of all texts of one recording.
const MOST_TEXT: usize = 16 << 20;
/// Characters of a word of the metadata, such as a kernel's release.
const LONGEST_WORD: usize = 64;

/// The plan's texts by name.
#[derive(Debug, Default)]
pub struct GuestTexts {
    texts: BTreeMap<String, String>,
    notes: Vec<String>,
    lost: BTreeMap<u16, u64>,
    bytes: usize,
}

impl GuestTexts {
    /// Takes in a frame; true when it is something new about the machine or the recording.
    pub fn say(&mut self, name: String, mut text: String) -> Result<bool, RecordError> {
        self.bytes += name.len() + text.len();
        if self.bytes > MOST_TEXT {
            return Err(RecordError::Protocol(format!(
                "more than {} MiB of words",
                MOST_TEXT >> 20
            )));
        }
        if name == "note" {
            if let Some((end, _)) = text.char_indices().nth(LONGEST_NOTE) {
                text.truncate(end);
            }
            let new = self.notes.len() < MOST_NOTES && !self.notes.contains(&text);
            if new {
                self.notes.push(text);
            }
            return Ok(new);
        }
        if let Some(cpu) = name.strip_prefix("stats.") {
            let cpu: Option<u16> = cpu.parse().ok().filter(|c| *c < MOST_CPUS);
            return Ok(cpu.is_some_and(|cpu| self.lost.insert(cpu, lost(&text)).is_none()));
        }
        let formats = || self.texts.keys().filter(|n| n.starts_with("format.")).count();
        let known = NAMES.contains(&name.as_str())
            || name.starts_with("format.")
                && (self.texts.contains_key(&name) || formats() < MOST_FORMATS);
        Ok(known && self.texts.insert(name, text).is_none())
    }

    fn get(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", |t| t.trim())
    }

    /// The layouts.
    pub fn formats(&self) -> Result<Formats, RingError> {
        let raw = |name: &str| self.texts.get(name).map_or("", String::as_str);
        let events: Vec<(&str, &str)> = self
            .texts
            .iter()
            .filter_map(|(n, t)| Some((n.strip_prefix("format.")?, t.as_str())))
            .collect();
        Formats::parse(raw("header_page"), raw("header_event"), &events)
    }

    /// The probes of the kernel's own state, by what its BTF says, the cheapest first.
    pub fn probes(&self) -> Result<Vec<Probe>, String> {
        let raw = |name: &str| self.texts.get(name).map_or("", String::as_str);
        Probe::all(raw("btf.cfs_rq"), raw("btf.entity"), raw("btf.version"))
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
        let kernel = word(self.get("kernel"));
        if kernel.is_empty() {
            return String::new();
        }
        let class = match self.texts.get("ext") {
            Some(_) => "sched_ext",
            None => SchedClass::of_kernel(&kernel).label(),
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
        notes.extend(ext.map(|ops| format!("the scheduler was sched_ext: {}", word(ops.trim()))));
        let kernel = word(self.get("kernel"));
        TraceMeta {
            name: plan.name.clone(),
            run: plan.run,
            workload: plan.workload.clone(),
            category: plan.category.clone(),
            scheduler: SchedClass::of_kernel(&kernel),
            kernel,
            cpus,
            clock: word(self.get("clock")),
            command: plan.shown.clone(),
            lost: (0..cpus).map(|cpu| self.lost.get(&cpu).copied().unwrap_or(0)).collect(),
            tool: concat!("koracle ", env!("CARGO_PKG_VERSION")).to_owned(),
            date: date(self.get("date")).unwrap_or_default(),
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
        list.iter().map(|l| cpu_list(l)).find(|c| !c.is_empty()).unwrap_or_default()
    }
}

/// What a `per_cpu/cpuN/stats` says was lost.
fn lost(stats: &str) -> u64 {
    let value = |line: &str| line.rsplit(' ').next().and_then(|v| v.parse::<u64>().ok());
    let losses = ["overrun:", "commit overrun:", "dropped events:"];
    let lines = stats.lines().filter(|l| losses.iter().any(|k| l.starts_with(k)));
    lines.filter_map(value).fold(0, u64::saturating_add)
}

/// A word of the machine, such as a kernel's release or a clock's name: what no such word has is
/// left out.
fn word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._+~:-".contains(*c))
        .take(LONGEST_WORD)
        .collect()
}

/// `YYYY-MM-DDTHH:MM:SSZ`, or nothing.
fn date(text: &str) -> Option<String> {
    let form = b"dddd-dd-ddTdd:dd:ddZ";
    let fits = |(c, f): (u8, &u8)| if *f == b'd' { c.is_ascii_digit() } else { c == *f };
    (text.len() == form.len() && text.bytes().zip(form).all(fits)).then(|| text.to_owned())
}

/// The kernel's lists of CPUs, in order and each once: `0-3,5`. Whatever it says, it costs its
/// length.
fn cpu_list(text: &str) -> Vec<u16> {
    // How many ranges begin at a CPU, less those that end before it.
    let mut steps = vec![0_i32; usize::from(MOST_CPUS) + 1];
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Ok(from), Ok(to)) = (from.trim().parse::<u16>(), to.trim().parse::<u16>()) else {
            continue;
        };
        if from <= to && to < MOST_CPUS {
            steps[usize::from(from)] += 1;
            steps[usize::from(to) + 1] -= 1;
        }
    }
    let mut open = 0;
    let covered = |(cpu, step): (u16, &i32)| {
        open += step;
        (open > 0).then_some(cpu)
    };
    (0..MOST_CPUS).zip(&steps).filter_map(covered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(texts: &[(&str, &str)]) -> GuestTexts {
        let mut told = GuestTexts::default();
        for (name, text) in texts {
            told.say((*name).into(), (*text).into()).unwrap();
        }
        told
    }

    #[test]
    fn the_machine_in_a_few_words() {
        let kernel = ("kernel", "6.1.0-40-amd64");
        assert_eq!(told(&[]).guest(), "");
        assert_eq!(told(&[kernel]).guest(), "6.1.0-40-amd64 CFS");
        assert_eq!(told(&[kernel, ("cpus", " 0 1 10")]).guest(), "6.1.0-40-amd64 CFS, 3 CPUs");
        let all =
            [("cpus", " 0 1 10"), ("online", "0-1,3\n"), ("kernel", "6.12.3"), ("ext", "rusty\n")];
        let told = (told(&all[..3]), told(&all));
        assert_eq!(
            (told.0.guest().as_str(), told.0.online()),
            ("6.12.3 EEVDF, 3 CPUs", vec![0, 1, 3])
        );
        assert_eq!(told.1.guest(), "6.12.3 sched_ext, 3 CPUs");
    }

    #[test]
    fn lists_of_cpus() {
        let cases: [(&str, &[u16]); 6] = [
            ("0-3,5", &[0, 1, 2, 3, 5]),
            ("5,1-2,2-3,1", &[1, 2, 3, 5]),
            ("0-99999,x,7-,3-2,2", &[2]),
            ("0-4000000000", &[]),
            ("-1,2048,99", &[99]),
            ("", &[]),
        ];
        for (text, cpus) in cases {
            assert_eq!(cpu_list(text), cpus, "{text}");
        }
        let bomb = "0-2047,".repeat(9000);
        assert_eq!(cpu_list(&bomb).len(), 2048);
    }

    #[test]
    fn what_ended_the_workload() {
        let ended = |text: &str| told(&[("status", text)]).status();
        assert_eq!(ended("124 limit\n"), Some((124, Ended::Limit)));
        assert_eq!(ended("143 stopped\n"), Some((143, Ended::Stopped)));
        assert_eq!(ended("3 itself\n"), Some((3, Ended::Itself)));
        assert_eq!(ended(""), None);
    }

    #[test]
    fn losses_are_those_of_the_statistics() {
        let stats = "entries: 9\noverrun: 5\ncommit overrun: 1\nbytes: 77\noldest event \
                     ts:  2.1\ndropped events: 2\n";
        assert_eq!(
            told(&[("stats.1", stats), ("stats.9999", stats)]).lost,
            BTreeMap::from([(1, 8)])
        );
    }

    #[test]
    fn no_machine_decides_how_much_is_kept_of_its_words() {
        let mut told = GuestTexts::default();
        let long = "é".repeat(30_000);
        let mut error = None;
        for i in 0..1000 {
            let names =
                ["note".to_owned(), format!("n{i}"), format!("format.{i}"), format!("stats.{i}")];
            error = names.into_iter().find_map(|name| told.say(name, format!("{i}{long}")).err());
            if error.is_some() {
                break;
            }
        }
        assert_eq!(error.unwrap().to_string(), "not understood: \"more than 16 MiB of words\"");
        assert_eq!((told.notes.len(), told.texts.len()), (MOST_NOTES, MOST_FORMATS));
        assert!(told.notes.iter().all(|n| n.chars().count() == LONGEST_NOTE));
    }

    #[test]
    fn words_and_times_are_only_parsed() {
        assert_eq!(word("6.1\u{1b}]0;PWN\u{7}\u{202e}-x 'a'"), "6.10PWN-xa");
        assert_eq!(word(&"6".repeat(999)).len(), LONGEST_WORD);
        assert_eq!(date("2026-11-26T17:29:04Z").as_deref(), Some("2026-11-26T17:29:04Z"));
        for bad in [
            "",
            "2026-11-26T17:29:04",
            "2026-11-26 17:29:04Z",
            "2026-11-26T17:29:04Zx",
            "éé26-11-26T17:29:0Z",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }
}
