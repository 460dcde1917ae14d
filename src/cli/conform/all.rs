//! `koracle conform` of several recordings: a summary by cause, workload and kernel.

use super::super::output;
use super::super::table::{Page, Style};
use super::page::object;
use crate::app::time::grouped;
use crate::conform::{Cause, Report, Whence, kept};
use crate::text::counted;
use crate::trace::Trace;
use color_eyre::eyre::Result;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Sums over the recordings of one workload on one kernel, from recorded state or from the replay.
#[derive(Default)]
pub struct Summary {
    of: BTreeMap<Key, Sums>,
    traces: Vec<Value>,
}

/// Workload, kernel, class, and whether the state was recorded.
type Key = (String, String, &'static str, bool);

#[derive(Default)]
struct Sums {
    recordings: u64,
    picks: u64,
    consistent: u64,
    explained: [u64; Cause::ALL.len()],
    unexplained: u64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.recordings += other.recordings;
        self.picks += other.picks;
        self.consistent += other.consistent;
        self.unexplained += other.unexplained;
        for (sum, n) in self.explained.iter_mut().zip(other.explained) {
            *sum += n;
        }
    }

    /// As [`Report::share`].
    fn share(&self) -> Option<f64> {
        kept(self.picks, self.explained, self.unexplained)
    }

    fn object(&self) -> Value {
        let explained: Map<String, Value> = Cause::ALL
            .iter()
            .map(|c| (c.label().to_owned(), self.explained[*c as usize].into()))
            .collect();
        json!({
            "recordings": self.recordings, "picks": self.picks, "consistent": self.consistent, "explained": explained,
            "unexplained": self.unexplained, "share": self.share(),
        })
    }
}

impl Summary {
    /// Counts a recording; `limit` is how many unexplained picks its object lists.
    pub fn add(&mut self, trace: &Trace, r: &Report, limit: usize) {
        let meta = trace.meta();
        let workload = if meta.workload.is_empty() { &meta.name } else { &meta.workload };
        let recorded = r.from == Whence::Recorded;
        let key =
            (workload.clone(), meta.kernel.clone(), trace.machine().class.value.label(), recorded);
        let one = Sums {
            recordings: 1,
            picks: r.picks,
            consistent: r.consistent,
            explained: r.explained,
            unexplained: r.unexplained,
        };
        self.of.entry(key).or_default().add(&one);
        let mut value = object(trace, r, limit);
        value["trace"] = meta.name.clone().into();
        self.traces.push(value);
    }

    fn total(&self, recorded: bool) -> Sums {
        let mut total = Sums::default();
        self.of.iter().filter(|(key, _)| key.3 == recorded).for_each(|(_, sums)| total.add(sums));
        total
    }

    /// One JSON object.
    pub fn json(self) -> Result<()> {
        let total = |recorded| self.total(recorded).object();
        let summary = |((workload, kernel, class, recorded), sums): (&Key, &Sums)| {
            let mut value = sums.object();
            value["workload"] = workload.clone().into();
            value["kernel"] = kernel.clone().into();
            value["class"] = (*class).into();
            value["truth"] = (*recorded).into();
            value
        };
        let of: Vec<Value> = self.of.iter().map(summary).collect();
        output::json(&json!({
            "summary": of, "total": { "truth": total(true), "estimated": total(false) }, "traces": self.traces,
        }))
    }

    /// Tables: with recorded state what the kernel did, without it what the replay makes of it.
    pub fn page(&self) -> String {
        let mut page = Page::new(Style::Text);
        for (recorded, what, last) in [
            (true, "by the kernel's own state", "not explained"),
            (
                false,
                "estimated by a replay of the events, which may be wrong",
                "the replay disagrees",
            ),
        ] {
            let total = self.total(recorded);
            if total.recordings == 0 {
                continue;
            }
            page.heading(&format!(
                "Every pick against its rule, {what}: {}",
                counted(total.recordings, "recording")
            ));
            page.table(&self.rows(recorded, &total, last));
            page.line(
                "the last column is of the picks that could be decided; koracle conform of \
                       one recording lists what is left over",
            );
        }
        page.out
    }

    /// A row for each workload, kernel and class, and one for all; `last` names what is left over.
    fn rows(&self, recorded: bool, total: &Sums, last: &str) -> Vec<Vec<String>> {
        let causes: Vec<Cause> =
            Cause::ALL.into_iter().filter(|c| total.explained[*c as usize] > 0).collect();
        let head = ["workload", "kernel", "class", "picks", "as the rule says"].map(String::from);
        let named = causes.iter().map(|c| c.label().replace('_', "-"));
        let mut rows = vec![
            head.into_iter().chain(named).chain([last.into(), "rule kept, %".into()]).collect(),
        ];
        let row = |who: [&str; 3], s: &Sums| -> Vec<String> {
            let counts = [s.picks, s.consistent]
                .into_iter()
                .chain(causes.iter().map(|c| s.explained[*c as usize]));
            let counts = counts.chain([s.unexplained]).map(grouped);
            let share = s.share().map_or_else(|| "–".into(), |x| format!("{:.3}", 100.0 * x));
            who.map(String::from).into_iter().chain(counts).chain([share]).collect()
        };
        let of = self.of.iter().filter(|(key, _)| key.3 == recorded);
        rows.extend(
            of.map(|((workload, kernel, class, _), sums)| row([workload, kernel, class], sums)),
        );
        rows.push(row(["all", "", ""], total));
        rows
    }
}
