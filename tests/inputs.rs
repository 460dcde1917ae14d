//! Inputs of the network held against what they are said to be, computed here in another way: where
//! an event was executed, the moving average of a thread's stints, how good the kernel's replays
//! were on a CPU.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::recordings;
use kernel_oracle::features::{
    ASK_NAMES, CAND, CAND_NAMES, Decision, Extractor, Forecast, Outcome, QUERY_NAMES, Sink,
    TOKEN_X_NAMES, Token,
};
use kernel_oracle::ingest;
use kernel_oracle::trace::{CpuId, EventKind, Trace};

fn place(names: &[&str], name: &str) -> usize {
    names.iter().position(|n| *n == name).unwrap()
}

fn walk(trace: &Trace, sink: &mut impl Sink, mut before: impl FnMut(&mut dyn FnMut(usize))) {
    let mut extractor = Extractor::new(trace);
    let mut step = |i| extractor.step(trace, i, sink);
    before(&mut step);
}

/// Wake-ups and migrations, and what their tokens say about the place.
struct Places<'a> {
    trace: &'a Trace,
    event: std::rc::Rc<std::cell::Cell<usize>>,
    /// By the token's kind: here, elsewhere.
    seen: [[usize; 2]; 6],
}

impl Sink for Places<'_> {
    fn token(&mut self, cpu: CpuId, t: &Token) {
        let e = self.trace.event(self.event.get());
        if e.kind == EventKind::Switch {
            return;
        }
        let here = e.cpu == cpu;
        let said = t.x[place(TOKEN_X_NAMES, "local")];
        assert_eq!(
            said.to_bits(),
            f32::from(u8::from(here)).to_bits(),
            "event {}: {e:?} for {cpu:?}",
            self.event.get()
        );
        self.seen[usize::from(t.kind)][usize::from(!here)] += 1;
    }
    fn decision(&mut self, _: &Decision<'_>) {}
    fn outcome(&mut self, _: &Outcome) {}
    fn forecast(&mut self, _: &Forecast<'_>) {}
}

#[test]
fn a_wake_up_or_migration_is_local_where_it_was_executed() {
    let trace = recordings::open("hackbench-pipe-2g_run0");
    let event = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut places = Places { trace: &trace, event: std::rc::Rc::clone(&event), seen: [[0; 2]; 6] };
    walk(&trace, &mut places, |step| {
        for i in 0..trace.len() {
            event.set(i);
            step(i);
        }
    });
    let [_, wake, new, into, away, _] = places.seen;
    assert!(wake[0] > 0 && wake[1] > 0 && new[0] + new[1] > 0, "{:?}", places.seen);
    // A thread is moved by one of the two CPUs: local to one queue, not to the other.
    assert!(
        into[0] > 0 && away[1] > 0 && into[0] == away[1] && into[1] == away[0],
        "{:?}",
        places.seen
    );
}

/// What forecasts say of the one that came in, and queries of the replays.
#[derive(Default)]
struct Averages {
    stints: Vec<f32>,
    /// Per CPU: (uncorrected, corrected) x (over 8, over 32).
    hits: Vec<[[f32; 2]; 2]>,
    /// Of the decision in hand: candidates, and whom each replay picked.
    picked: Vec<[f32; 2]>,
    checked: [usize; 2],
}

impl Sink for Averages {
    fn token(&mut self, _: CpuId, _: &Token) {}
    fn decision(&mut self, d: &Decision<'_>) {
        if self.hits.len() <= d.cpu.ix() {
            self.hits.resize(d.cpu.ix() + 1, [[0.5; 2]; 2]);
        }
        let columns = [["raw_hit_8", "raw_hit_32"], ["fix_hit_8", "fix_hit_32"]];
        for (names, expected) in columns.iter().zip(self.hits[d.cpu.ix()]) {
            for (name, expected) in names.iter().zip(expected) {
                let said = d.query[place(QUERY_NAMES, name)];
                assert!(
                    (said - expected).abs() < 1e-5,
                    "event {}: {name} {said}, not {expected}",
                    d.event
                );
            }
        }
        let rows = d.features.chunks_exact(CAND);
        let of = |row: &[f32]| ["raw_picked", "fix_picked"].map(|n| row[place(CAND_NAMES, n)]);
        self.picked = rows.map(of).collect();
    }
    fn outcome(&mut self, o: &Outcome) {
        // Where only one could come in the replay had no choice.
        let Some(hit) = o.pick.filter(|_| self.picked.len() > 1).map(|p| self.picked[p as usize])
        else {
            return;
        };
        for (averages, hit) in self.hits[o.cpu.ix()].iter_mut().zip(hit) {
            averages[0] = averages[0] * 7.0 / 8.0 + hit / 8.0;
            averages[1] = averages[1] * 31.0 / 32.0 + hit / 32.0;
            self.checked[usize::from(hit > 0.5)] += 1;
        }
    }
    fn forecast(&mut self, f: &Forecast<'_>) {
        self.stints.push(f.query[place(ASK_NAMES, "avg_stint")]);
    }
}

#[test]
fn the_replays_hits_are_averaged_over_8_and_32_decisions() {
    let trace = recordings::open("hackbench-pipe-2g_run0");
    let mut averages = Averages::default();
    walk(&trace, &mut averages, |step| (0..trace.len().min(20_000)).for_each(step));
    assert!(averages.checked.iter().all(|n| *n > 500), "{:?}", averages.checked);
}

#[test]
fn the_average_stint_takes_a_quarter_of_each_new_one() {
    // Two threads in turn on one CPU; the first runs 1000, 3000, 200 and 200 us.
    let header = "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n";
    let comes = |now: u64| format!("{now},0,switch,8,8,b,120,R+,7,a,120,,\n");
    let goes = |now: u64| format!("{now},0,switch,7,7,a,120,R+,8,b,120,,\n");
    let (mut rows, mut now) = (vec![header.to_owned()], 5_000_u64);
    let (mut expected, mut average) = (vec![0.0], 0.0_f64);
    for us in [1_000_u64, 3_000, 200, 200] {
        rows.extend([comes(now), goes(now + us * 1_000)]);
        now += us * 1_000 + 50_000;
        average = if average == 0.0 { us as f64 } else { 0.75 * average + 0.25 * us as f64 };
        expected.push((1.0 + average).ln() / 8.0);
    }
    rows.push(comes(now));
    let trace = ingest::read(rows.concat().into_bytes(), "stints").unwrap().trace;
    let mut averages = Averages::default();
    walk(&trace, &mut averages, |step| (0..trace.len()).for_each(step));
    // Every other forecast is about the first thread: 0 before its first stint ended.
    let said: Vec<f32> = averages.stints.iter().step_by(2).copied().collect();
    assert_eq!(said.len(), expected.len());
    for (said, expected) in said.iter().zip(&expected) {
        assert!((f64::from(*said) - expected).abs() < 1e-4, "{said}, not {expected}");
    }
}
