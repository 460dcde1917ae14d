//! Who ran, waited and slept: a machine that is played is told exactly; whatever the events say,
//! nobody's time is counted twice or lost, on damaged recordings and on the bundled ones; and
//! questions about waits are answered.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

#[path = "stats/machine.rs"]
mod machine;

use kernel_oracle::ingest;
use kernel_oracle::query::Columns;
use kernel_oracle::stats::between::between;
use kernel_oracle::stats::blame::{chain, idle_cpus, instead};
use kernel_oracle::stats::column::{COLUMNS, Column, parse};
use kernel_oracle::stats::idle;
use kernel_oracle::stats::load::{idle_while_waited, longest_queues};
use kernel_oracle::stats::states::{Doing, Piece, Sink, Wait, walk};
use kernel_oracle::stats::{By, CpuTime, Table, Totals, Waits, Window, runs};
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Gap, Nanos, Pid, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta,
};
use machine::{Machine, Truth};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn played(cpus: usize, waking: bool, ops: &[(u8, u8, u16, u16)]) -> Machine {
    let mut machine = Machine::new(cpus, 6, waking);
    for &(op, cpu, pick, dt) in ops {
        machine.step(op, cpu.into(), pick.into(), u64::from(dt));
    }
    machine
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, u16, u16)>> {
    proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u16>(), 0..500_u16), 1..300)
}

/// All pieces and waits.
#[derive(Default)]
struct All {
    pieces: Vec<Piece>,
    waits: Vec<Wait>,
}

impl Sink for All {
    fn piece(&mut self, piece: &Piece) {
        self.pieces.push(*piece);
    }
    fn waited(&mut self, wait: &Wait) {
        self.waits.push(*wait);
    }
}

/// The span of each thread, by the definition: from the first event that names it to the end, less
/// the time when it was dead.
fn spans(trace: &Trace) -> Vec<u64> {
    let tasks = trace.tasks();
    let (mut since, mut spans) = (vec![None; tasks.thread_count()], vec![0; tasks.thread_count()]);
    for e in trace.events() {
        let switch = e.kind == EventKind::Switch;
        let on = if e.to_cpu == CpuId::NONE { e.cpu } else { e.to_cpu };
        let actor = if switch { ThreadIx::NONE } else { e.actor };
        let (task, next) = (tasks.thread_on(e.task, on), tasks.thread_on(e.next, e.cpu));
        for thread in [actor, task] {
            if let Some(since) = since.get_mut(thread.ix()) {
                since.get_or_insert(e.time.0);
            }
        }
        let dead =
            e.state.0 & (TaskState::DEAD.0 | TaskState::ZOMBIE.0) != 0 && !e.state.is_runnable();
        if switch && dead && task != next && task != ThreadIx::NONE {
            spans[task.ix()] += e.time.0 - since[task.ix()].take().unwrap();
        }
        if let Some(since) = since.get_mut(next.ix()) {
            since.get_or_insert(e.time.0);
        }
    }
    let end = trace.span().0;
    spans
        .iter_mut()
        .zip(since)
        .for_each(|(span, since)| *span += since.map_or(0, |s: u64| end - s));
    spans
}

/// What must hold of any recording.
fn holds_together(trace: &Trace) {
    let (all, end, cpus) = (Window::all(trace), trace.span().0, trace.cpus());
    let mut found = All::default();
    walk(trace, &mut found);

    // Pieces of a thread follow each other; what a wait says is what the pieces say.
    let mut last = vec![None; trace.tasks().thread_count()];
    let mut runnable = 0;
    for p in &found.pieces {
        assert!(p.from < p.to && p.to <= end && p.thread.ix() >= cpus, "{p:?}");
        assert!(last[p.thread.ix()].is_none_or(|to| to <= p.from), "{p:?}");
        last[p.thread.ix()] = Some(p.to);
        runnable += if p.doing == Doing::Runnable { p.to - p.from } else { 0 };
    }
    assert_eq!(found.waits.iter().map(|w| w.to - w.from).sum::<u64>(), runnable);
    let waits = Waits::of(trace);
    assert_eq!((0..waits.len()).map(|row| waits.get(row)).collect::<Vec<_>>(), found.waits);
    for t in 0..last.len() {
        let rows = waits.of_thread(ThreadIx(t as u32));
        assert!(rows.iter().all(|r| waits.thread(*r as usize).ix() == t));
        assert!(rows.windows(2).all(|w| waits.to(w[0] as usize) <= waits.from(w[1] as usize)));
    }

    // Nobody's time is lost or counted twice: over the whole, by name, and over any cut of it.
    let spans = spans(trace);
    let totals = Totals::of(trace, By::Thread, all);
    let mut sums = vec![0; spans.len()];
    for t in &totals {
        sums[t.thread.ix()] = t.span();
    }
    assert_eq!(sums[cpus..], spans[cpus..]);
    let whole: u64 = spans[cpus..].iter().sum();
    assert_eq!(Totals::of(trace, By::Name, all).iter().map(Totals::span).sum::<u64>(), whole);
    let edges = [0, end / 3, end / 2, end];
    let parts = || edges.windows(2).map(|w| Window { from: w[0], to: w[1] });
    let part = |by| {
        parts()
            .flat_map(move |w| Totals::of(trace, by, w))
            .map(|t| (t.span(), t.counts.stints, t.counts.wakeups))
    };
    let add = |a: (u64, u64, u64), b: (u64, u64, u64)| (a.0 + b.0, a.1 + b.1, a.2 + b.2);
    let counts =
        totals.iter().map(|t| (t.span(), t.counts.stints, t.counts.wakeups)).fold((0, 0, 0), add);
    // (Of a moment there are no parts.)
    for by in [By::Thread, By::Name].into_iter().filter(|_| end > 0) {
        assert_eq!(part(by).fold((0, 0, 0), add), counts);
    }

    // And no CPU's.
    for cpu in (0..cpus).map(|c| CpuId(c as u16)) {
        let time = CpuTime::of(trace, cpu, all);
        assert_eq!(time.used + time.idle + time.unknown, end, "{cpu:?}");
        assert_eq!(
            time.unknown,
            trace.unknown_within(cpu, Nanos(0), Nanos(end)).0,
            "{cpu:?} {:?}",
            trace.unknown(cpu)
        );
        let cut: u64 = parts().map(|w| CpuTime::of(trace, cpu, w)).map(|t| t.used).sum();
        assert_eq!(cut, time.used, "{cpu:?}");
        let every: Vec<_> = runs(trace, cpu, all).collect();
        assert!(every.windows(2).all(|w| w[0].to <= w[1].from), "{cpu:?}");
    }
}

/// Any events of 5 threads on 3 CPUs, with losses, whether they fit each other or not.
fn anything(events: &[(u8, u8, u8, u8, u8, u16)]) -> Trace {
    let mut b = TraceBuilder::default();
    let tasks: Vec<_> =
        (0..6).map(|p| b.task(Pid(p), if p == 0 { b"swapper" } else { b"t" })).collect();
    let other = b.task(Pid(3), b"renamed");
    let kinds = [EventKind::Switch, EventKind::Wakeup, EventKind::Switch, EventKind::Migrate];
    let states = [0, 1, 2, 0x100, 0x10, 0x20, 0x80, 0].map(TaskState);
    let mut time = 50;
    for &(kind, cpu, who, next, more, dt) in events {
        time += u64::from(dt % 7) * u64::from(dt % 101);
        let on = CpuId(u16::from(cpu % 3));
        if kind % 16 == 0 {
            let from = Nanos(time.saturating_sub(u64::from(more) * 3));
            b.gap(Gap { cpu: on, from, to: Nanos(time + u64::from(more % 4) * 40), lost: 1 });
            continue;
        }
        let mut e = Event::blank(Nanos(time), on);
        e.kind = if kind % 11 == 0 {
            EventKind::ALL[kind as usize % 10]
        } else {
            kinds[kind as usize % 4]
        };
        e.task = if more % 13 == 0 { other } else { tasks[who as usize % 6] };
        (e.next, e.state) = match e.kind {
            EventKind::Switch => (tasks[next as usize % 6], states[more as usize % 8]),
            EventKind::Fork | EventKind::Rename => (tasks[next as usize % 6], TaskState::RUNNING),
            _ => (e.next, TaskState::RUNNING),
        };
        if matches!(
            e.kind,
            EventKind::Wakeup | EventKind::WakeupNew | EventKind::Waking | EventKind::Migrate
        ) {
            e.to_cpu = CpuId(u16::from(next % 3));
        }
        b.push(e, Pid(if more % 5 == 0 { -1 } else { i32::from(more / 5 % 6) }));
    }
    b.finish(TraceMeta::default())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_happened_is_told_exactly(cpus in 1..4_usize, waking: bool, ops in steps()) {
        let (trace, truth, mut waits) = played(cpus, waking, &ops).end();
        holds_together(&trace);
        let totals = Totals::of(&trace, By::Thread, Window::all(&trace));
        let pid = |t: &Totals| t.pid.0;
        let told: std::collections::BTreeMap<i32, Truth> = totals.iter().filter(|t| pid(t) > 0).map(|t| (pid(t), Truth {
            run: t.run,
            wait: t.waits.sum,
            sleep: t.sleep,
            stints: t.counts.stints,
            voluntary: t.counts.voluntary,
            involuntary: t.counts.involuntary,
            wakeups: t.counts.wakeups,
        })).collect();
        prop_assert!(totals.iter().all(|t| t.unknown == 0), "{:?}", totals);
        prop_assert_eq!(told, truth);
        let all = Waits::of(&trace);
        let mut found: Vec<machine::Waited> = (0..all.len()).map(|row| {
            let w = all.get(row);
            let moved = w.kind == kernel_oracle::stats::Cause::Migrated;
            (trace.tasks().pid(w.thread).0, w.from, w.to, w.cpu.0, w.began.label(), moved)
        }).collect();
        found.sort_unstable();
        waits.sort_unstable();
        prop_assert_eq!(found, waits);
        // With all known, what threads ran is what CPUs were used.
        let used: u64 = (0..cpus).map(|c| CpuTime::of(&trace, CpuId(c as u16), Window::all(&trace)).used).sum();
        prop_assert_eq!(used, totals.iter().map(|t| t.run).sum::<u64>());
    }

    #[test]
    fn time_adds_up_whatever_the_events_say(events in proptest::collection::vec(any::<(u8, u8, u8, u8, u8, u16)>(), 0..120)) {
        holds_together(&anything(&events));
    }

    #[test]
    fn who_is_to_blame_fills_the_wait(cpus in 1..4_usize, ops in steps()) {
        let (trace, ..) = played(cpus, false, &ops).end();
        let table = Table::new("played".into(), Arc::new(trace));
        let all = Window::all(&table.trace);
        for row in 0..table.waits.len() {
            let w = table.waits.get(row);
            let window = Window { from: w.from, to: w.to };
            let (whole, top) = (instead(&table.trace, w.cpu, window, 99), instead(&table.trace, w.cpu, window, 1));
            let ns: u64 = whole.ran.iter().map(|r| r.1).sum();
            prop_assert_eq!(ns + whole.unknown, window.ns());
            prop_assert!(whole.ran.iter().all(|r| r.0 != w.thread), "{:?} {:?}", w, whole);
            prop_assert_eq!(top.ran.iter().map(|r| r.1).sum::<u64>() + top.rest.1, ns);
            for idle in idle_cpus(&table, row, 99) {
                prop_assert_eq!(idle.ns, CpuTime::of(&table.trace, idle.cpu, window).idle);
            }
            // Any of its CPUs, whichever way it is found.
            let homes = idle::home(&table, w.thread);
            let free = |t: u64| homes.iter().any(|c| CpuTime::of(&table.trace, *c, Window { from: t, to: t + 1 }).idle > 0);
            prop_assert_eq!(table.idle()[row], idle::time(&table, row));
            if window.ns() < 300 {
                prop_assert_eq!(table.idle()[row], (w.from..w.to).filter(|t| free(*t)).count() as u64);
            }
            let told = between(&table.trace, w.cpu, window, 1);
            let (here, named) = (told.ran.iter().map(|r| r.here).sum::<u64>(), told.ran.iter().map(|r| r.all).sum::<u64>());
            let of = CpuTime::of(&table.trace, w.cpu, window);
            prop_assert_eq!((here + told.rest.1, told.unknown.0), (of.used, of.unknown));
            let idle: u64 = told.idle.iter().map(|i| i.1).sum();
            prop_assert_eq!(named + told.rest.2 + idle + told.unknown.1, window.ns() * cpus as u64);
            // Each waker woke after it had come in.
            let links = chain(&table, row, 8);
            prop_assert!(links.len() <= 8 && links.windows(2).all(|l| l[1].at <= l[0].at));
            prop_assert_eq!(links.is_empty(), w.began == kernel_oracle::stats::Cause::Preempted
                && table.waits.of_thread(w.thread).iter().take_while(|r| **r as usize <= row).all(|r| {
                    table.waits.get(*r as usize).began == kernel_oracle::stats::Cause::Preempted
                }) || w.waker == ThreadIx::NONE && w.began != kernel_oracle::stats::Cause::Preempted);
        }
        // The overview's rows against a look at every ns.
        if all.ns() > 0 {
            let queues = longest_queues(&table.trace, &table.waits, all, 5);
            let idle = idle_while_waited(&table.trace, &table.waits, all, 5);
            let count = |t: u64, cpu: Option<CpuId>| (0..table.waits.len()).map(|r| table.waits.get(r)).filter(|w| {
                w.from <= t && t < w.to && cpu.is_none_or(|c| c == w.cpu)
            }).count();
            let edge = |k: u64| all.ns() * k / 5;
            for k in 0..5 {
                let (mut most, mut ns) = (0, 0);
                let times: Vec<u64> = (edge(k)..edge(k + 1)).collect();
                for &t in times.iter().step_by(1 + times.len() / 200) {
                    most = most.max((0..cpus).map(|c| count(t, Some(CpuId(c as u16)))).max().unwrap());
                }
                prop_assert!(queues[k as usize] as usize >= most, "{:?} {}", queues, most);
                if times.len() < 200 {
                    for &t in &times {
                        let one = Window { from: t, to: t + 1 };
                        let free = (0..cpus).any(|c| CpuTime::of(&table.trace, CpuId(c as u16), one).idle > 0);
                        ns += u64::from(free && count(t, None) > 0);
                    }
                    prop_assert_eq!(idle[k as usize], ns);
                }
            }
        }
    }
}

fn bundled() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let folders = [root.clone(), root.join("cfs")];
    let files =
        folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap()).map(|f| f.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|p| p.to_string_lossy().ends_with(".csv.zst")).collect();
    files.sort();
    files
}

#[test]
fn time_adds_up_on_bundled_recordings() {
    let files = bundled();
    assert!(files.len() > 100);
    // Every tenth of them; all when asked for.
    let step = if std::env::var_os("KORACLE_ALL").is_some() { 1 } else { 10 };
    for path in files.iter().step_by(step) {
        let trace = ingest::open(path).unwrap().trace;
        holds_together(&trace);
        let all = Window::all(&trace);
        let totals = Totals::of(&trace, By::Thread, all);
        let used: u64 =
            (0..trace.cpus()).map(|c| CpuTime::of(&trace, CpuId(c as u16), all).used).sum();
        assert_eq!(used, totals.iter().map(|t| t.run).sum::<u64>(), "{}", path.display());
        let switches: u64 = totals.iter().map(|t| t.counts.voluntary + t.counts.involuntary).sum();
        assert!(
            switches as usize <= trace.switch_count() && !totals.is_empty(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn expressions_ask_every_column() {
    let files = bundled();
    let nginx = files.iter().find(|p| p.to_string_lossy().contains("nginx")).unwrap();
    let table = Table::new("nginx".into(), Arc::new(ingest::open(nginx).unwrap().trace));
    let rows = |text: &str| {
        parse(text)
            .unwrap_or_else(|e| panic!("{text}: {e}"))
            .rows(&table)
            .iter()
            .collect::<Vec<_>>()
    };
    let want =
        |f: &dyn Fn(usize) -> bool| (0..table.waits.len()).filter(|r| f(*r)).collect::<Vec<_>>();
    let w = &table.waits;
    assert!(w.len() > 1000);
    assert_eq!(rows("wait>1ms"), want(&|r| w.ns(r) > 1_000_000));
    assert_eq!(
        rows("task~nginx and not open"),
        want(&|r| Column::Task.text(&table, r).contains("nginx") && !w.is_open(r))
    );
    assert_eq!(
        rows("from>=0.01s and to<20ms"),
        want(&|r| w.from(r) >= 10_000_000 && w.to(r) < 20_000_000)
    );
    for (column, name, kind, _) in COLUMNS {
        // The value of each of some rows finds that row.
        for row in (0..w.len()).step_by(w.len() / 20) {
            let text = column.text(&table, row);
            if text.is_empty() || column == Column::Open {
                continue;
            }
            let unit = if kind == kernel_oracle::query::Kind::Time { "ns" } else { "" };
            let asked = format!("{name}={}{unit}", kernel_oracle::query::quoted(&text));
            assert!(rows(&asked.replace("\"ns", "ns\"")).contains(&row), "{asked}");
        }
        assert!(column.values(&table).len() < 10_000 && !column.help().is_empty());
    }
    let said = parse("wayt>1ms").unwrap_err();
    assert!(said.start == 0 && said.to_string().contains("did you mean wait?"), "{said}");
    assert!(parse("wait>1").unwrap_err().to_string().contains("a time with a unit"));
}

#[test]
fn who_sleeps_and_comes_in_unwoken_has_unknown_time_and_no_wait() {
    let mut b = TraceBuilder::default();
    let (idle, a) = (b.task(Pid(0), b"swapper/0"), b.task(Pid(7), b"a"));
    for (time, task, next, state) in
        [(0, idle, a, 0), (10, a, idle, 1), (50, idle, a, 0), (60, a, idle, 1), (70, idle, a, 0)]
    {
        b.push(
            Event { task, next, state: TaskState(state), ..Event::blank(Nanos(time), CpuId(0)) },
            Pid(-1),
        );
    }
    let trace = b.finish(TraceMeta::default());
    let totals = &Totals::of(&trace, By::Thread, Window::all(&trace))[0];
    assert_eq!(
        (totals.run, totals.sleep, totals.unknown, totals.waits.count, totals.counts.stints),
        (20, 0, 50, 0, 3)
    );
}

#[test]
fn a_loss_ends_what_is_known_of_a_wait() {
    let mut b = TraceBuilder::default();
    let (a, c) = (b.task(Pid(7), b"a"), b.task(Pid(8), b"b"));
    let switch = |b: &mut TraceBuilder, time, task, next, state| {
        b.push(
            Event { task, next, state: TaskState(state), ..Event::blank(Nanos(time), CpuId(0)) },
            Pid(-1),
        );
    };
    switch(&mut b, 100, a, c, 0);
    switch(&mut b, 150, c, c, 0);
    b.gap(Gap { cpu: CpuId(0), from: Nanos(160), to: Nanos(1_000), lost: 9 });
    switch(&mut b, 1_100, c, a, 1);
    let idle = b.task(Pid(0), b"swapper/0");
    switch(&mut b, 1_200, a, idle, 1);
    let trace = b.finish(TraceMeta::default());
    let waits = Waits::of(&trace);
    assert_eq!((waits.len(), waits.from(0), waits.ns(0), waits.is_open(0)), (1, 0, 60, true));
    let of = |pid| {
        Totals::of(&trace, By::Thread, Window::all(&trace))
            .into_iter()
            .find(|t| t.pid == Pid(pid))
            .unwrap()
    };
    assert_eq!((of(7).waits.sum, of(7).unknown, of(7).run, of(7).sleep), (60, 940, 100, 0));
    assert_eq!((of(8).run, of(8).unknown, of(8).sleep), (60, 940, 100));
}

#[test]
fn who_came_in_unseen_has_no_wait_that_goes_on() {
    // Idle comes in and another thread leaves: in between somebody else did.
    let mut b = TraceBuilder::default();
    let (idle, a, c) = (b.task(Pid(0), b"swapper/0"), b.task(Pid(7), b"a"), b.task(Pid(8), b"b"));
    let switch = |b: &mut TraceBuilder, time, task, next, state| {
        let blank = Event::blank(Nanos(time), CpuId(0));
        b.push(Event { task, next, state: TaskState(state), ..blank }, Pid(-1));
    };
    let wake = |b: &mut TraceBuilder, time, task| {
        let blank = Event::blank(Nanos(time), CpuId(0));
        b.push(Event { kind: EventKind::Wakeup, task, to_cpu: CpuId(0), ..blank }, Pid(0));
    };
    switch(&mut b, 0, c, idle, 1);
    wake(&mut b, 100, a);
    wake(&mut b, 500, a);
    switch(&mut b, 510, idle, a, 0);
    switch(&mut b, 600, a, idle, 1);
    wake(&mut b, 700, a);
    switch(&mut b, 900, c, idle, 1);
    switch(&mut b, 1_000, idle, c, 0);
    let trace = b.finish(TraceMeta::default());
    let waits = Waits::of(&trace);
    let told: Vec<_> =
        (0..waits.len()).map(|row| (waits.from(row), waits.ns(row), waits.is_open(row))).collect();
    // Woken twice: the first of them is no wait of 400 ns. And at 900 it is not known who had run.
    let unknown = trace.unknown(CpuId(0));
    assert!(unknown.iter().any(|s| (700..=900).contains(&s.0.0)), "{unknown:?}");
    assert_eq!(told, [(500, 10, false), (700, unknown.last().unwrap().0.0.max(700) - 700, true)]);
    assert!(waits.ns(1) < 300);
}
