//! The values of all inputs on real recordings. A model is trained on these numbers: when one of
//! them changes, every shipped model becomes worse and nothing says so, because the hash of the
//! layout covers names only.
//!
//! One decision and the forecast after it are written out in full; of the whole recording each
//! column is pinned by two sums, plain and weighted by a sequence that depends on the row, so that
//! a value in the wrong row counts too. Only `ln` and the order of additions can differ between
//! machines, by parts of 1e-7 of a value: what is written out is rounded to 3 digits, and the sums
//! may be off by 0.05, where one flag in one row is off by 1.
//!
//! A change that is meant: copy the files that the failed test names over those in
//! `tests/data/golden` and train the bundled models anew.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::recordings;
use kernel_oracle::features::{
    ASK_NAMES, CAND, CAND_NAMES, Decision, Extractor, Forecast, Outcome, QUERY_NAMES, Sink, THREAD,
    THREAD_NAMES, TOKEN_X_NAMES, Token,
};
use kernel_oracle::trace::CpuId;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One recording of each scheduling class, and the decision of it that is written out: the first
/// from this event on with so many candidates.
const PINNED: [(&str, usize, usize); 2] =
    [("hackbench-pipe-2g_run3", 9_000, 4), ("cfs/compile-parallel_run1", 2_500, 3)];
/// Most that a sum may be off.
const SLACK: f64 = 0.05;

/// Sums over the rows of one table, a column each.
struct Sums {
    table: &'static str,
    names: Vec<String>,
    rows: u64,
    /// Plain, weighted by row.
    both: Vec<[f64; 2]>,
}

impl Sums {
    fn new(table: &'static str, names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        Self { table, rows: 0, both: vec![[0.0; 2]; names.len()], names }
    }

    fn see(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.both.len());
        // A weight in -1..1 that is different for each row.
        let mixed = (self.rows + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let weight = mixed as f64 / f64::from(1 << 23) - 1.0;
        for (sum, x) in self.both.iter_mut().zip(row) {
            let x = f64::from(*x);
            assert!(x.is_finite());
            *sum = [sum[0] + x, sum[1] + weight * x];
        }
        self.rows += 1;
    }
}

/// Sums of a whole recording, and the text of one decision and its forecast.
struct Values {
    sums: [Sums; 5],
    event: u32,
    /// Write out the first decision from this event on with so many candidates.
    wanted: (usize, usize),
    text: String,
    /// Event of the decision that was written out.
    shown: Option<u32>,
}

const QUERY_TABLE: usize = 0;
const CAND_TABLE: usize = 1;
const TOKEN_TABLE: usize = 2;
const ASK_TABLE: usize = 3;
const THREAD_TABLE: usize = 4;

impl Values {
    fn of(name: &str, event: usize, candidates: usize) -> Self {
        let token: Vec<_> =
            TOKEN_X_NAMES.iter().copied().chain(["kind", "rank", "state"]).collect();
        let sums = [
            Sums::new("query", QUERY_NAMES),
            Sums::new("candidate", CAND_NAMES),
            Sums::new("token", &token),
            Sums::new("ask", ASK_NAMES),
            Sums::new("thread", THREAD_NAMES),
        ];
        let mut values =
            Self { sums, event: 0, wanted: (event, candidates), text: String::new(), shown: None };
        let trace = recordings::open(name);
        let mut extractor = Extractor::new(&trace);
        for i in 0..trace.len() {
            values.event = i as u32;
            extractor.step(&trace, i, &mut values);
        }
        values
    }

    /// The sums as lines: table, column, rows, both sums.
    fn lines(&self) -> String {
        let mut text = String::new();
        for table in &self.sums {
            for (name, sum) in table.names.iter().zip(&table.both) {
                writeln!(
                    text,
                    "{}.{name}\t{}\t{:.3}\t{:.3}",
                    table.table, table.rows, sum[0], sum[1]
                )
                .unwrap();
            }
        }
        text
    }

    /// A table with a line for each column, one row after the other.
    fn show(&mut self, table: usize, rows: &[f32]) {
        let names = &self.sums[table].names;
        for (i, name) in names.iter().enumerate() {
            write!(self.text, "{:9} {name:18}", self.sums[table].table).unwrap();
            for row in rows.chunks_exact(names.len()) {
                // Adding zero makes 0 of -0.
                write!(self.text, " {:7.3}", row[i] + 0.0).unwrap();
            }
            self.text.push('\n');
        }
    }
}

impl Sink for Values {
    fn token(&mut self, _: CpuId, t: &Token) {
        let row: Vec<f32> =
            t.x.iter().copied().chain([t.kind, t.rank, t.state].map(f32::from)).collect();
        self.sums[TOKEN_TABLE].see(&row);
        if self.shown == Some(self.event) {
            self.show(TOKEN_TABLE, &row);
        }
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.sums[QUERY_TABLE].see(d.query);
        d.features.chunks_exact(CAND).for_each(|row| self.sums[CAND_TABLE].see(row));
        if self.shown.is_none()
            && self.event as usize >= self.wanted.0
            && d.candidates.len() == self.wanted.1
        {
            self.shown = Some(self.event);
            let (waited, lag): (Vec<_>, _) = (d.waited.iter().map(|w| w.0).collect(), d.lag);
            writeln!(
                self.text,
                "event {} on CPU {}, waited {waited:?} ns, lag {lag:?} ns",
                d.event, d.cpu.0
            )
            .unwrap();
            self.show(QUERY_TABLE, d.query);
            self.show(CAND_TABLE, d.features);
        }
    }

    fn outcome(&mut self, o: &Outcome) {
        if self.shown == Some(self.event) {
            writeln!(
                self.text,
                "outcome: candidate {:?}, of the forecast {:?}",
                o.pick, o.foretold
            )
            .unwrap();
        }
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        self.sums[ASK_TABLE].see(f.query);
        f.features.chunks_exact(THREAD).for_each(|row| self.sums[THREAD_TABLE].see(row));
        if self.shown == Some(self.event) {
            self.show(ASK_TABLE, f.query);
            // The first few: what is pinned of the others are the sums.
            self.show(THREAD_TABLE, &f.features[..f.features.len().min(8 * THREAD)]);
        }
    }
}

/// What differs between two texts of [`Values::lines`].
fn differences(found: &str, pinned: &str) -> Vec<String> {
    let parse = |line: &str| -> Option<(String, [f64; 2])> {
        let (name, sums) = line.split_at(line.match_indices('\t').nth(1)?.0);
        let mut sums = sums.split_whitespace().map(|x| x.parse().ok());
        Some((name.to_owned(), [sums.next()??, sums.next()??]))
    };
    let (a, b): (Vec<_>, Vec<_>) =
        (found.lines().map(parse).collect(), pinned.lines().map(parse).collect());
    let same = |a: &Option<(String, [f64; 2])>, b: &Option<(String, [f64; 2])>| match (a, b) {
        (Some((a, x)), Some((b, y))) => a == b && (0..2).all(|i| (x[i] - y[i]).abs() <= SLACK),
        _ => false,
    };
    let mut out: Vec<_> = (a.iter().zip(&b).filter(|(a, b)| !same(a, b)))
        .map(|(a, b)| format!("found {a:?}, pinned {b:?}"))
        .collect();
    if a.len() != b.len() {
        out.push(format!("{} columns, pinned {}", a.len(), b.len()));
    }
    out
}

#[test]
fn every_input_has_the_value_that_models_were_trained_on() {
    for (name, event, candidates) in PINNED {
        let values = Values::of(name, event, candidates);
        assert!(
            values.shown.is_some(),
            "{name}: no decision with {candidates} candidates from event {event} on"
        );
        let file = format!("{}.tsv", name.replace('/', "-"));
        let new = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&file);
        let lines = values.lines();
        let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(&file);
        let wrong = differences(&lines, &std::fs::read_to_string(&pinned).unwrap_or_default());
        if !wrong.is_empty() {
            std::fs::write(&new, &lines).unwrap();
        }
        assert!(
            wrong.is_empty(),
            "{name}; all sums as they are now: {}\n{}",
            new.display(),
            wrong.join("\n")
        );
        insta::assert_snapshot!(format!("inputs_{}", name.replace(['/', '-'], "_")), values.text);
    }
}

#[test]
fn the_comparison_sees_one_flag_one_place_and_one_column() {
    let sums = |rows: &[[f32; 2]]| {
        let mut sums = Sums::new("t", &["a", "b"]);
        for row in rows {
            sums.see(row);
        }
        let line = |i: usize| {
            format!(
                "t.{}\t{}\t{:.3}\t{:.3}",
                sums.names[i], sums.rows, sums.both[i][0], sums.both[i][1]
            )
        };
        format!("{}\n{}\n", line(0), line(1))
    };
    let pinned = sums(&[[1.0, 0.5], [0.0, 0.5], [0.0, 0.5]]);
    assert!(
        differences(&sums(&[[1.0, 0.501], [0.0, 0.5], [0.0, 0.5]]), &pinned).is_empty(),
        "rounding"
    );
    assert_eq!(
        differences(&sums(&[[1.0, 0.5], [1.0, 0.5], [0.0, 0.5]]), &pinned).len(),
        1,
        "one flag"
    );
    assert_eq!(
        differences(&sums(&[[0.0, 0.5], [1.0, 0.5], [0.0, 0.5]]), &pinned).len(),
        1,
        "in another row"
    );
    assert_eq!(
        differences(&sums(&[[0.5, 1.0], [0.5, 0.0], [0.5, 0.0]]), &pinned).len(),
        2,
        "columns swapped"
    );
    assert_eq!(differences(&sums(&[[1.0, 0.5], [0.0, 0.5]]), &pinned).len(), 2, "a row less");
    assert_eq!(differences("", &pinned).len(), 1, "nothing");
}
