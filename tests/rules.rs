//! `koracle eval --rules`: the same events under several rules, and where they part.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

use assert_cmd::Command;
use common::program::text;
use kernel_oracle::evaluate::rules::compare;
use kernel_oracle::features::{Decision, Extractor, Forecast, Outcome, Sink, Token};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::engine::{Choice, Engine};
use kernel_oracle::sched::replay::Rules;
use kernel_oracle::trace::{CpuId, EventKind, ThreadIx};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn rules(path: &Path, names: &str) -> Value {
    let mut v: Value =
        serde_json::from_str(&text(&["eval", "--rules", names, "--json", path.to_str().unwrap()]))
            .unwrap();
    v["traces"][0].take()
}

fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(name)
}

fn n(v: &Value) -> u64 {
    v.as_u64().unwrap()
}

/// One CPU, on which an old thread (`old`) and two that it forks take turns of a tick each.
/// `kernel` made it.
fn in_turn(folder: &Path, kernel: &str) -> PathBuf {
    let head = "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n";
    let mut text = head.to_owned();
    text += "0,0,switch,0,0,swapper/0,120,R,11,old,120,,\n";
    text += "1000,0,wakeup_new,11,12,new,120,,,,,,0\n2000,0,wakeup_new,11,13,new,120,,,,,,0\n";
    let threads = [(11, "old"), (12, "new"), (13, "new")];
    for turn in 0..90_usize {
        let ((pid, name), (next, next_name)) = (threads[turn % 3], threads[(turn + 1) % 3]);
        let time = 4_000_000 * (turn + 1);
        writeln!(text, "{time},0,switch,{pid},{pid},{name},120,R+,{next},{next_name},120,,")
            .unwrap();
    }
    let path = folder.join("in_turn.csv");
    std::fs::write(&path, text).unwrap();
    let meta = format!(
        "name = \"in_turn\"\nworkload = \"turns\"\nkernel = \"{kernel}\"\ncpus = 1\nautogroup = true\n"
    );
    std::fs::write(folder.join("in_turn.toml"), meta).unwrap();
    path
}

/// What task has of a pair: picks that only A gives it, and only B.
fn gain(pair: &Value, task: &str) -> (u64, u64) {
    let gains = pair["gains"].as_array().unwrap();
    gains.iter().find(|g| g["task"] == task).map_or((0, 0), |g| (n(&g["a"]), n(&g["b"])))
}

#[test]
fn groups_give_one_thread_as_much_as_two_others_together() {
    let folder = tempfile::tempdir().unwrap();
    let v = rules(&in_turn(folder.path(), "6.18.0"), "eevdf-flat,eevdf,cfs-flat,cfs");
    assert_eq!(
        v["rules"].as_array().unwrap().iter().filter(|r| r["recorded"] == true).count(),
        1,
        "{v}"
    );
    assert_eq!(
        (&v["rules"][1]["name"], &v["rules"][1]["recorded"]),
        (&"eevdf".into(), &true.into())
    );
    let pairs = v["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 6);
    let pair = pairs.iter().find(|p| p["a"] == "eevdf-flat" && p["b"] == "eevdf").unwrap();
    // Each had a third; in its own group the old one is owed half.
    let (flat, grouped) = gain(pair, "old:11");
    assert!(grouped > 10 && flat == 0, "{pair}");
    // In turns of a tick each is what one queue for all would do.
    assert!(v["rules"][0]["share"].as_f64() > v["rules"][1]["share"].as_f64(), "{v}");
}

#[test]
fn rules_part_on_real_recordings_and_the_kernels_own_explains_it_best() {
    for (name, own, other) in [
        ("hackbench-pipe-2g_run3.csv.zst", "eevdf", "cfs"),
        ("cfs/nginx-ab_run3.csv.zst", "cfs-flat", "eevdf"),
    ] {
        let path = bundled(name);
        let trace = ingest::open(&path).unwrap().trace;
        let v = rules(&path, &format!("{own},{other}"));
        assert_eq!(
            (&v["rules"][0]["recorded"], &v["rules"][1]["recorded"]),
            (&true.into(), &false.into()),
            "{name}"
        );
        let corrected = |at: usize| v["rules"][at]["corrected"]["share"].as_f64().unwrap();
        assert!(corrected(0) > corrected(1), "{name}: {v}");
        let (pair, picks) = (&v["pairs"][0], n(&v["picks"]));
        assert!(n(&pair["parts"]) > 0 && n(&pair["parts"]) < picks, "{name}");
        // Each parting gives one thread a pick under A, and another one a pick under B.
        let sum =
            |key: &str| pair["gains"].as_array().unwrap().iter().map(|g| n(&g[key])).sum::<u64>();
        assert_eq!((sum("a"), sum("b")), (n(&pair["parts"]), n(&pair["parts"])), "{name}");
        let first = &pair["first"];
        let e = trace.event(n(&first["event"]) as usize);
        assert_eq!(
            (e.kind, e.time.0, u64::from(e.cpu.0)),
            (EventKind::Switch, n(&first["time_ns"]), n(&first["cpu"]))
        );
        assert_ne!(first["a"], first["b"]);
        let next = trace.tasks().get(e.next).unwrap();
        assert_eq!(first["came"], format!("{}:{}", next.name, next.pid.0), "{name}");
    }
}

#[test]
fn a_table_says_where_two_rules_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_turn(folder.path(), "6.18.0");
    let said = text(&["eval", "--rules", "eevdf,eevdf-flat", path.to_str().unwrap()]);
    for part in [
        "picks among several under each rule",
        "the recorded kernel's",
        "A would take",
        "Who gains under eevdf-flat",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // One rule has nobody to part from.
    let alone = text(&["eval", "--rules", "cfs", path.to_str().unwrap()]);
    assert!(alone.contains("cfs") && !alone.contains("A would take"), "{alone}");
    let mut command = Command::cargo_bin("koracle").unwrap();
    let refused = command
        .args(["eval", "--rules", "lottery", path.to_str().unwrap()])
        .assert()
        .failure()
        .code(2);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("eevdf-flat"));
}

/// The picks of one predictor, by switch.
struct Picks {
    engine: Engine,
    taken: BTreeMap<u32, ThreadIx>,
}

impl Sink for Picks {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.engine.token(cpu, token);
    }

    fn outcome(&mut self, o: &Outcome) {
        self.engine.outcome(o);
    }

    fn forecast(&mut self, _: &Forecast<'_>) {}

    fn decision(&mut self, d: &Decision<'_>) {
        let mut scores = Vec::new();
        self.engine.pick(d, &mut scores);
        if let Some(at) = scores.iter().position(|s| *s > 0.0) {
            self.taken.insert(d.event, d.candidates[at]);
        }
    }
}

#[test]
fn a_rule_left_alone_can_be_asked_as_a_predictor() {
    let trace = ingest::open(&bundled("hackbench-pipe-2g_run3.csv.zst")).unwrap().trace;
    let rules = ["eevdf", "cfs"].map(|name| Rules::named(name).unwrap());
    let compared = compare(&trace, &rules, &Cancel::new()).unwrap();
    let part = compared.pairs[0].first.unwrap();
    let asked = rules.map(|rules| {
        let engine = Choice::Alone(rules).make(None, &trace).unwrap();
        let mut picks = Picks { engine, taken: BTreeMap::new() };
        let mut extractor = Extractor::new(&trace);
        (0..trace.len()).for_each(|i| extractor.step(&trace, i, &mut picks));
        picks.taken
    });
    let at = part.event as u32;
    assert_eq!(asked.each_ref().map(|taken| taken[&at]), part.would);
    // Where both are judged they part as often as the comparison says, or more: it leaves out
    // picks in which a real-time task waits.
    let both = asked[0].iter().filter(|(event, a)| asked[1].get(event).is_some_and(|b| b != *a));
    assert!(both.count() as u64 >= compared.pairs[0].parts);
}
