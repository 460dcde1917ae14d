//! What led to what the Timeline shows: arrows from wakers to the woken, rows that say where it was
//! crowded, who ran between two marks. As snapshots and as what keys do.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{opened, screen_in, typed};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::timeline::rows::{Placed, What};
use kernel_oracle::app::{App, Effect, Msg, Open, Tab};
use kernel_oracle::driver::{answer_causes, answer_waits};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::stats::life::follow;
use kernel_oracle::stats::load::longest_queues;
use kernel_oracle::stats::{CpuTime, Window};
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta,
};
use kernel_oracle::ui::palette::Theme;
use std::path::Path;
use std::sync::{Arc, LazyLock};

static REAL: LazyLock<Arc<Trace>> = LazyLock::new(|| {
    Arc::new(ingest::open(Path::new("traces/cfs/nginx-ab_run3.csv.zst")).unwrap().trace)
});

fn push(b: &mut TraceBuilder, us: u64, cpu: u16, kind: EventKind, (who, other): (i32, i32)) {
    let name = |pid: i32| if pid == 0 { "swapper".into() } else { format!("job{pid}") };
    let (task, next) =
        (b.task(Pid(who), name(who).as_bytes()), b.task(Pid(other), name(other).as_bytes()));
    let mut e = Event::blank(Nanos(us * 1_000), CpuId(cpu));
    (e.kind, e.task, e.state) = (kind, task, TaskState::SLEEP);
    if kind == EventKind::Switch {
        e.next = next;
        b.push(e, Pid(who));
    } else {
        // `who` is woken by `other`, which runs here.
        e.to_cpu = CpuId(0);
        b.push(e, Pid(other));
    }
}

/// On CPU `first`, job3 wakes job2 at 100 µs; job2 runs on CPU `second` and wakes job4 at 300 µs,
/// which comes in on CPU 1 at 400 µs and runs until 600 µs.
fn chain(cpus: u16, first: u16, second: u16) -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    push(&mut b, 0, first, EventKind::Switch, (0, 3));
    push(&mut b, 1, second, EventKind::Switch, (0, 1));
    push(&mut b, 2, 1, EventKind::Switch, (9, 0));
    push(&mut b, 100, first, EventKind::Wakeup, (2, 3));
    push(&mut b, 150, second, EventKind::Switch, (1, 2));
    push(&mut b, 300, second, EventKind::Wakeup, (4, 2));
    push(&mut b, 400, 1, EventKind::Switch, (0, 4));
    push(&mut b, 600, 1, EventKind::Switch, (4, 0));
    push(&mut b, 700, second, EventKind::Switch, (2, 0));
    push(&mut b, 1_000, first, EventKind::Switch, (3, 0));
    Arc::new(b.finish(TraceMeta { cpus, name: "chain".into(), ..TraceMeta::default() }))
}

fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec!["a".into()], size);
    tell(&mut app, opened("a", trace));
    app
}

fn tell(app: &mut App, msg: Msg) {
    let mut effects = app.update(msg);
    while let Some(effect) = effects.pop() {
        match effect {
            Effect::Causes(order) => effects.extend(app.update(Msg::Causes(answer_causes(order)))),
            Effect::Follow { ticket, trace, threads } => {
                let lives = follow(&trace, &threads);
                let result = Ok(threads.into_iter().zip(lives).collect());
                effects.extend(app.update(Msg::Followed { ticket, result }));
            }
            Effect::Waits(order) => {
                let mut news = Vec::new();
                answer_waits(order, &Cancel::new(), &mut |n| news.push(n));
                for news in news {
                    effects.extend(app.update(Msg::Waits(news)));
                }
            }
            _ => {}
        }
    }
}

fn keys(app: &mut App, text: &str) {
    text.chars().for_each(|c| tell(app, Msg::Key(typed(c))));
}

fn screen(app: &App, color: bool) -> String {
    screen_in(app, color).to_string()
}

fn row(app: &App, what: What) -> Placed {
    *app.timeline().unwrap().rows.placed(&app.layout()).iter().find(|row| row.what == what).unwrap()
}

/// The glyphs of a column of the plot, by line.
fn column(app: &App, us: u64) -> Vec<String> {
    let (l, t) = (app.layout(), app.timeline().unwrap());
    let x = l.plot.x + t.view.column(us * 1_000, l.cols()).unwrap() as u16;
    let backend = screen_in(app, true);
    (0..app.size.1).map(|y| backend.buffer()[(x, y)].symbol().to_owned()).collect()
}

/// Stands on CPU 1 while job4 runs there, and sees everything.
fn standing(cpus: u16, first: u16, second: u16, more: &str) -> App {
    let mut app = open(&chain(cpus, first, second), (120, 40));
    keys(&mut app, more);
    keys(&mut app, "ft0.00045\nkkkkkkkkkj");
    assert_eq!(app.timeline().unwrap().cpu, 1);
    app
}

#[test]
fn arrows_lead_from_the_waker_to_the_woken_and_back_along_the_chain() {
    let app = standing(3, 2, 0, "");
    let at = |cpu| usize::from(row(&app, What::Cpu(cpu)).y);
    let last = column(&app, 300);
    assert_eq!((last[at(0)].as_str(), last[at(1)].as_str()), ("┬", "▼"));
    assert!(last[at(0) + 1..at(1)].iter().all(|glyph| glyph == "│"), "{last:?}");
    let before = column(&app, 100);
    assert_eq!((before[at(2)].as_str(), before[at(0)].as_str()), ("┴", "▲"));
    assert!(before[at(0) + 1..at(2)].iter().all(|glyph| glyph == "│"), "{before:?}");
    assert!(screen(&app, true).contains("woken by job2:2 on CPU0 100 µs before ← job3:3 on CPU2"));
    insta::assert_snapshot!("arrows_120x40", screen(&app, true));
    insta::assert_snapshot!("arrows_no_color", screen(&app, false));
}

#[test]
fn a_mark_where_the_waker_was_leaves_its_arrow_to_be_seen() {
    // As the Waits screen sets it: the wake-up at 300 µs begins the wait.
    let app = standing(3, 2, 0, "t0.0003\nm");
    let at = |cpu| usize::from(row(&app, What::Cpu(cpu)).y);
    let last = column(&app, 300);
    assert!(app.timeline().unwrap().marks.len() == 1);
    assert_eq!((last[at(0)].as_str(), last[at(1)].as_str()), ("┬", "▼"));
}

#[test]
fn arrows_end_in_rows_of_pinned_tasks() {
    let mut app = standing(3, 2, 0, "");
    keys(&mut app, "p");
    let What::Task(thread) = app.timeline().unwrap().rows.on else { panic!() };
    let (task, cpu) = (row(&app, What::Task(thread)), row(&app, What::Cpu(0)));
    let last = column(&app, 300);
    assert_eq!(
        (last[usize::from(task.y) + 1].as_str(), last[usize::from(cpu.y)].as_str()),
        ("▲", "┴")
    );
    insta::assert_snapshot!("arrows_pinned", screen(&app, true));
    // The waker pinned, too: from row to row.
    keys(&mut app, "/job2\nPt0.00045\nj");
    assert_eq!(app.timeline().unwrap().rows.on, What::Task(thread));
    let task = row(&app, What::Task(thread));
    let last = column(&app, 300);
    assert_eq!(last[usize::from(task.y) + 1].as_str(), "▼");
}

#[test]
fn what_is_not_visible_of_a_wake_up_is_said_at_the_edge() {
    let mut app = standing(3, 2, 0, "");
    app.look_at(350_000, 300_000);
    tell(&mut app, Msg::Resized(120, 40));
    assert!(screen(&app, true).contains("◂job2:2 CPU0"), "{}", screen(&app, true));
    assert!(!screen(&app, true).contains('┬'));
    // The waker's lane is far below.
    let mut app = standing(64, 62, 60, "v");
    let line = usize::from(app.layout().lanes.y + app.layout().lanes.h - 1);
    assert_eq!(column(&app, 300)[line], "╵");
    assert!(
        screen(&app, true).lines().nth(line).unwrap().contains("job2:2 CPU60"),
        "{}",
        screen(&app, true)
    );
    // While something plays nothing flickers.
    keys(&mut app, " ");
    assert!(!screen(&app, true).contains("job2:2 CPU60"));
}

#[test]
fn a_waker_out_of_view_hides_nobody_where_it_has_no_line_of_its_own() {
    for size in [(30, 10), (40, 12), (60, 15), (79, 23), (120, 40)] {
        let said = |away: bool| {
            let mut app = standing(3, 2, 0, "");
            tell(&mut app, Msg::Resized(size.0, size.1));
            app.look_at(350_000, 300_000);
            tell(&mut app, Msg::Resized(size.0, size.1));
            if away {
                let Open::Ready(t) = &mut app.viewer.open else { panic!() };
                t.causes.woken = None;
            }
            let (l, placed) = (app.layout(), row(&app, What::Cpu(1)));
            let text = screen(&app, true);
            let lane = l.ran + l.predictions + l.queue;
            let lines: Vec<String> =
                text.lines().skip(placed.y.into()).take(lane.into()).map(Into::into).collect();
            (lines, text)
        };
        let ((with, text), (without, _)) = (said(false), said(true));
        assert_eq!(with, without, "{size:?} {text}");
        assert_eq!(text.contains('◂'), size.0 >= 120, "{size:?} {text}");
    }
}

#[test]
fn crowding_is_shown_below_the_rows_for_what_is_visible() {
    let mut app = open(&REAL, (120, 40));
    keys(&mut app, "t2.9\n");
    let before = app.layout();
    keys(&mut app, "i");
    let t = app.timeline().unwrap();
    let (l, crowd, table) =
        (app.layout(), t.causes.crowd.clone().unwrap(), t.causes.waits.clone().unwrap());
    assert_eq!((crowd.window, crowd.queues.len()), ((t.view.start, t.view.width), l.cols()));
    let window = Window { from: t.view.start, to: t.view.end() };
    assert_eq!(crowd.queues, longest_queues(&table.trace, &table.waits, window, l.cols()));
    assert!(crowd.idle.iter().any(|ns| *ns > 0) && l.crowd.h == 2);
    insta::assert_snapshot!("crowd_120x40", screen(&app, true));
    insta::assert_snapshot!("crowd_no_color", screen(&app, false));
    // Another window is asked anew, the same one is not.
    keys(&mut app, "f");
    assert_eq!(app.timeline().unwrap().causes.crowd.as_ref().unwrap().window.0, 0);
    insta::assert_snapshot!("crowd_fit", screen(&app, true));
    assert!(!app.update(Msg::Resized(120, 40)).iter().any(|e| matches!(e, Effect::Causes(_))));
    for (name, size) in [("80x24", (80, 24)), ("250x70", (250, 70))] {
        tell(&mut app, Msg::Resized(size.0, size.1));
        insta::assert_snapshot!(format!("crowd_{name}"), screen(&app, true));
    }
    tell(&mut app, Msg::Resized(40, 12));
    assert!(app.layout().crowd.is_empty());
    tell(&mut app, Msg::Resized(120, 40));
    keys(&mut app, "i");
    assert_eq!(app.layout(), before);
    let mut app = open(&chain(64, 62, 60), (200, 50));
    keys(&mut app, "fi");
    let t = app.timeline().unwrap();
    let seen: usize =
        t.rows.placed(&app.layout()).iter().map(|row| t.rows.cpus(row.what).len()).sum();
    assert_eq!((seen, app.layout().crowd.h), (64, 2), "all of them are still seen");
    insta::assert_snapshot!("crowd_64_cpus", screen(&app, true));
    let empty = Arc::new(TraceBuilder::default().finish(TraceMeta::default()));
    let mut app = open(&empty, (80, 24));
    keys(&mut app, "i");
    assert!(screen(&app, true).contains("This recording has no events."));
}

#[test]
fn two_marks_say_who_ran_between_them() {
    let mut app = open(&REAL, (120, 40));
    keys(&mut app, "b");
    assert!(app.message.as_ref().unwrap().starts_with("set two marks first"));
    keys(&mut app, "t2.91\nmt2.95\nmb");
    let t = app.timeline().unwrap();
    let (told, window) = (t.causes.told.clone().unwrap(), t.between().unwrap());
    assert_eq!((window.from, window.to, told.cpu.ix()), (2_910_000_000, 2_950_000_000, t.cpu));
    let used: u64 = told.between.ran.iter().map(|r| r.here).sum::<u64>() + told.between.rest.1;
    assert_eq!(used, CpuTime::of(&REAL, told.cpu, window).used);
    assert!(screen(&app, true).contains("between the marks · 40.0 ms"));
    insta::assert_snapshot!("between_120x40", screen(&app, true));
    insta::assert_snapshot!("between_no_color", screen(&app, false));
    for (name, size) in [("80x24", (80, 24)), ("250x70", (250, 70))] {
        tell(&mut app, Msg::Resized(size.0, size.1));
        insta::assert_snapshot!(format!("between_{name}"), screen(&app, true));
    }
    // The other CPU is asked about when it is selected.
    let other = if app.timeline().unwrap().cpu == 0 { "j" } else { "k" };
    keys(&mut app, other);
    let t = app.timeline().unwrap();
    assert_eq!(t.causes.told.as_ref().unwrap().cpu.ix(), t.cpu);
    keys(&mut app, "b");
    assert!(!screen(&app, true).contains("between the marks ·"));
    // Panes that were closed come back for it.
    keys(&mut app, "zz");
    assert!(app.layout().decision.is_empty());
    keys(&mut app, "b");
    assert!(screen(&app, true).contains("between the marks ·"));
}

#[test]
fn the_waits_screen_takes_the_waits_that_are_known_and_lists_those_with_an_idle_cpu() {
    let mut app = open(&REAL, (120, 40));
    let known = app.timeline().unwrap().causes.waits.clone().unwrap();
    keys(&mut app, "5");
    assert!(Arc::ptr_eq(app.waits.table().unwrap(), &known), "one table for both");
    keys(&mut app, "/idle>0\n");
    let rows = &app.waits.view.as_ref().unwrap().rows;
    assert!(!rows.is_empty() && rows.len() < known.waits.len());
    assert!(rows.iter().all(|row| known.idle()[*row as usize] > 0));
    // From the page of crowding by keys.
    keys(&mut app, "0vv");
    tell(&mut app, Msg::Key(Key::Tab));
    keys(&mut app, "G\n");
    assert_eq!((app.tab, app.waits.filter.text.as_str()), (Tab::Waits, "idle>0ns"));
    let rows = &app.waits.view.as_ref().unwrap().rows;
    assert!(
        rows.is_sorted_by_key(|row| std::cmp::Reverse(known.idle()[*row as usize])),
        "most of it first"
    );
    insta::assert_snapshot!("waits_with_an_idle_cpu", screen(&app, true));
}

#[test]
fn a_search_is_lit_in_heat_maps_too() {
    for (cpus, first) in [(64, 62), (3, 2), (200, 150)] {
        let mut app = open(&chain(cpus, first, 0), (120, 40));
        keys(&mut app, "vvvf/job3\nf");
        let (l, t) = (app.layout(), app.timeline().unwrap());
        let placed = t.rows.placed(&l);
        let row =
            placed.iter().find(|row| t.rows.cpus(row.what).contains(&usize::from(first))).unwrap();
        let theme = Theme::DARK;
        let backend = screen_in(&app, true);
        let lit = |y: u16| {
            (0..l.plot.w)
                .filter(|x| backend.buffer()[(l.plot.x + x, y)].fg == theme.lit_mark().fg.unwrap())
                .count()
        };
        assert!(
            lit(row.y) + 8 > usize::from(l.plot.w),
            "it ran all the time: {} of {}",
            lit(row.y),
            l.plot.w
        );
        let others: usize =
            placed.iter().filter(|other| other.y != row.y).map(|other| lit(other.y)).sum();
        assert_eq!(others, 0, "{cpus}");
    }
}
