//! The rows of the Timeline for few and for many CPUs, as snapshots and as keys that change them.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{opened, screen_in, typed};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::rows::{Shape, What};
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::answer_causes;
use kernel_oracle::evaluate::overlay::{Chunk, Guess, Prediction};
use kernel_oracle::ingest;
use kernel_oracle::stats::Doing;
use kernel_oracle::stats::life::follow;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta,
};
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use ratatui::style::{Color, Modifier};
use ratatui::{Terminal, backend::TestBackend};
use std::path::Path;
use std::sync::Arc;

/// CPUs of which the later ones are busier: each switches between idle and two of its own tasks.
fn many(cpus: u16) -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for t in 0..40_u64 {
        for cpu in 0..cpus {
            let own = i32::from(cpu) * 10;
            let who = |t: u64| match (t * 7 + u64::from(cpu)) % u64::from(cpus) {
                x if x > u64::from(cpu) => 0,
                x => own + 1 + (x % 2) as i32,
            };
            let (from, to) = (who(t), who(t + 1));
            if from == to {
                continue;
            }
            let name =
                |pid: i32| if pid == 0 { "swapper".into() } else { format!("job{}", pid % 10) };
            let (task, next) =
                (b.task(Pid(from), name(from).as_bytes()), b.task(Pid(to), name(to).as_bytes()));
            let state = if t.is_multiple_of(2) { TaskState::SLEEP } else { TaskState::PREEMPTED };
            let event = Event {
                time: Nanos(t * 100_000 + u64::from(cpu) * 10),
                cpu: CpuId(cpu),
                kind: EventKind::Switch,
                actor: ThreadIx::NONE,
                task,
                prio: 120,
                state,
                next,
                next_prio: 120,
                from_cpu: CpuId::NONE,
                to_cpu: CpuId::NONE,
            };
            b.push(event, Pid(from));
        }
    }
    Arc::new(b.finish(TraceMeta { cpus, name: format!("{cpus} CPUs"), ..TraceMeta::default() }))
}

fn few() -> Arc<Trace> {
    Arc::new(ingest::open(Path::new("traces/hackbench-pipe-2g_run0.csv.zst")).unwrap().trace)
}

/// Made-up answers: every third is wrong on even CPUs.
fn answers(trace: &Trace) -> Chunk {
    let one = |cpu: CpuId, k: usize, event: u32| {
        let e = trace.event(event as usize);
        let [real, other] = [e.next, e.task].map(|task| trace.tasks().thread_on(task, cpu));
        let hit = !k.is_multiple_of(3) || !cpu.0.is_multiple_of(2);
        let guess = Guess {
            thread: if hit { real } else { other },
            p: 0.6,
            p_real: 0.3,
            rank: if hit { 1 } else { 2 },
            scored: true,
        };
        let queue = 2 + cpu.0 % 9;
        Prediction {
            queue,
            trivial: false,
            covered: true,
            real,
            pick: guess,
            forecast: guess,
            baselines: [other; 5],
        }
    };
    let lane = |cpu: CpuId| {
        trace.cpu_switches(cpu).iter().enumerate().map(|(k, &e)| one(cpu, k, e)).collect()
    };
    Chunk { per_cpu: (0..trace.cpus()).map(|c| lane(CpuId(c as u16))).collect(), end: trace.len() }
}

fn open(trace: &Arc<Trace>, size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec!["a".into()], size);
    let chunk = answers(trace);
    app.update(opened("a", trace));
    app.update(Msg::Predicted { ticket: Ticket(1), chunk });
    app
}

fn keys(app: &mut App, text: &str) {
    for c in text.chars() {
        let mut effects = app.update(Msg::Key(typed(c)));
        while let Some(effect) = effects.pop() {
            if let Effect::Follow { ticket, trace, threads } = effect {
                let lives = follow(&trace, &threads);
                let result = Ok(threads.into_iter().zip(lives).collect());
                effects.extend(app.update(Msg::Followed { ticket, result }));
            } else if let Effect::Causes(order) = effect {
                effects.extend(app.update(Msg::Causes(answer_causes(order))));
            }
        }
    }
}

fn screen(app: &App, color: bool) -> String {
    screen_in(app, color).to_string()
}

#[test]
fn a_proposal_is_never_cut_in_a_word() {
    let few = few();
    let ends = [(200, "or type another"), (80, "Enter, or type another"), (60, "Enter"), (52, "▏")];
    for (width, end) in ends {
        let mut app = open(&few, (width, 24));
        keys(&mut app, "c");
        let text = screen(&app, true);
        let last = text.lines().last().unwrap().trim_matches(['"', ' ']);
        assert!(last.contains("second row: predictor, run or model file: lstm▏"), "{last}");
        assert!(last.ends_with(end), "{width}: {last}");
    }
}

#[test]
fn sixty_four_cpus_are_all_seen() {
    let mut app = open(&many(64), (200, 50));
    keys(&mut app, "f");
    let t = app.timeline().unwrap();
    let placed = t.rows.placed(&app.layout());
    let seen: usize = placed.iter().map(|row| t.rows.cpus(row.what).len()).sum();
    assert_eq!((seen, t.rows.scrolls(&app.layout())), (64, false));
    insta::assert_snapshot!("64_cpus_200x50", screen(&app, true));
    insta::assert_snapshot!("64_cpus_200x50_no_color", screen(&app, false));
    // Every CPU in its own row when the panes make room.
    app.update(Msg::Resized(200, 80));
    keys(&mut app, "zz");
    assert_eq!((app.layout().shape, app.layout().group), (Shape::Slim, 1));
    insta::assert_snapshot!("64_cpus_slim", screen(&app, true));
}

#[test]
fn sixteen_cpus_fit_in_one_row_each() {
    let mut app = open(&many(16), (120, 40));
    keys(&mut app, "f");
    insta::assert_snapshot!("16_cpus_120x40", screen(&app, true));
    keys(&mut app, "t2ms\nwwwwwwjj\n");
    insta::assert_snapshot!("16_cpus_one_as_a_lane", screen(&app, true));
}

#[test]
fn five_hundred_and_twelve_cpus_are_folded() {
    let mut app = open(&many(512), (200, 50));
    keys(&mut app, "f");
    assert_eq!(app.layout().group, 16);
    insta::assert_snapshot!("512_cpus_folded", screen(&app, true));
    keys(&mut app, &"k".repeat(40));
    keys(&mut app, "jj\n");
    assert_eq!(app.timeline().unwrap().rows.all().len(), 32 + 16);
    keys(&mut app, "jjjj");
    assert_eq!((app.timeline().unwrap().cpu, app.timeline().unwrap().rows.on), (35, What::Cpu(35)));
    insta::assert_snapshot!("512_cpus_one_group_unfolded", screen(&app, true));
    // Folded again, one stands on the group.
    keys(&mut app, "kkkk\n");
    assert_eq!(app.timeline().unwrap().rows.on, What::Group(32));
    // What is searched is found in a folded group too.
    keys(&mut app, "/:4001\n");
    let t = app.timeline().unwrap();
    assert_eq!((t.cpu, t.rows.on), (400, What::Group(400)));
}

#[test]
fn two_cpus_fill_a_large_screen() {
    let mut app = open(&few(), (250, 70));
    keys(&mut app, "t0.05\nn");
    insta::assert_snapshot!("2_cpus_250x70", screen(&app, true));
    let rows = |app: &App| app.layout().lanes.h;
    let before = rows(&app);
    assert!(before * 2 >= 64, "half of what is between axis and bar: {before}");
    keys(&mut app, "z");
    assert!(rows(&app) < before, "larger panes");
    keys(&mut app, "z");
    assert!(app.layout().decision.is_empty() && rows(&app) > before, "no panes");
    keys(&mut app, "z");
    assert_eq!(rows(&app), before);
}

#[test]
fn cpus_are_sorted_by_what_is_visible() {
    let mut app = open(&many(16), (120, 40));
    let order = |app: &App| -> Vec<usize> {
        let cpu = |what: &What| if let What::Cpu(cpu) = what { Some(*cpu) } else { None };
        app.timeline().unwrap().rows.all().iter().filter_map(cpu).collect()
    };
    keys(&mut app, "fS");
    assert_eq!(order(&app)[0], 15, "the busiest one: {:?}", order(&app));
    assert!(screen(&app, true).contains("use ▼"), "it is said by what");
    keys(&mut app, "S");
    assert!(
        order(&app)[..8].iter().all(|c| c.is_multiple_of(2)),
        "misses are on even ones: {:?}",
        order(&app)
    );
    keys(&mut app, "S");
    assert_eq!(order(&app)[0], 8, "the longest queue: {:?}", order(&app));
    keys(&mut app, "S");
    assert_eq!(order(&app), (0..16).collect::<Vec<_>>());
    keys(&mut app, "v");
    assert_eq!(app.layout().shape, Shape::Lanes);
    keys(&mut app, "vv");
    assert_eq!(app.layout().shape, Shape::Heat);
    for (name, key) in [("misses", "V"), ("queue", "V")] {
        keys(&mut app, key);
        insta::assert_snapshot!(format!("heat_of_{name}_no_color"), screen(&app, false));
    }
}

#[test]
fn a_pinned_task_is_followed_across_the_cpus() {
    let mut app = open(&few(), (120, 40));
    // A stint that is certainly none of idle.
    keys(&mut app, "t0.05\n/hackb\n");
    app.update(Msg::Key(Key::Esc));
    let here = app.timeline().unwrap().cursor.pos();
    keys(&mut app, "p");
    let t = app.timeline().unwrap();
    let What::Task(thread) = t.rows.on else { panic!("its row is selected: {:?}", t.rows.on) };
    let life = t.life(thread).unwrap();
    assert!(
        life.at(here.0).is_some_and(|p| p.doing == Doing::Running && p.cpu.ix() == t.cpu),
        "it runs here: {:?}",
        life.at(here.0)
    );
    insta::assert_snapshot!("pinned_120x40", screen(&app, true));
    insta::assert_snapshot!("pinned_120x40_no_color", screen(&app, false));
    // Enter and the steps go along its stints, wherever they are.
    let starts: Vec<u64> =
        life.parts.iter().filter(|p| p.doing == Doing::Running).map(|p| p.from).collect();
    let next = starts.partition_point(|&from| from <= here.0);
    for (key, at) in [("\n", next), (".", next + 1), (".", next + 2), (",", next + 1)] {
        keys(&mut app, key);
        let t = app.timeline().unwrap();
        assert_eq!((t.cursor.pos().0, t.rows.on), (starts[at], What::Task(thread)), "{key:?}");
        let came_in = t.trace().event(t.event().unwrap()).next;
        assert_eq!(t.trace().tasks().thread_on(came_in, CpuId(t.cpu as u16)), thread);
    }
    assert!(screen(&app, true).contains(" on CPU"), "it is said what led to it");
    keys(&mut app, "ssssssssssss");
    insta::assert_snapshot!("pinned_zoomed_out", screen(&app, true));
    keys(&mut app, "f");
    insta::assert_snapshot!("pinned_fit", screen(&app, true));
    keys(&mut app, "p");
    let t = app.timeline().unwrap();
    assert_eq!((t.rows.pinned().len(), t.rows.all().len(), t.rows.on), (0, 2, What::Cpu(t.cpu)));
}

#[test]
fn tasks_that_were_found_are_pinned_together() {
    let mut app = open(&few(), (120, 40));
    keys(&mut app, "P");
    assert!(app.message.as_ref().unwrap().contains("nothing searched"));
    keys(&mut app, "/hackb\nP");
    let t = app.timeline().unwrap();
    let n = t.looks.found.as_ref().unwrap().threads;
    assert_eq!(t.rows.pinned().len(), n.min(6));
    assert!(t.rows.pinned().iter().all(|&thread| t.life(thread).is_some()));
}

#[test]
fn a_search_lights_its_task_at_every_zoom() {
    let mut app = open(&few(), (120, 40));
    keys(&mut app, "/hackb\nf");
    let name = app.timeline().unwrap().looks.found.as_ref().unwrap().tasks[0];
    assert!(app.timeline().unwrap().trace().tasks().get(name).unwrap().name.contains("hackb"));
    let (w, h) = app.size;
    for _ in 0..30 {
        let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
        terminal.draw(|frame| draw(&app, &Theme::DARK, frame.buffer_mut())).unwrap();
        let l = app.layout();
        let t = app.timeline().unwrap();
        let lit = |cell: &ratatui::buffer::Cell| {
            let under = cell.modifier.contains(Modifier::UNDERLINED);
            under
                || cell.symbol() == "▪"
                || (cell.symbol() == "█" && cell.fg != Color::Indexed(240))
        };
        for row in t.rows.placed(&l) {
            let What::Cpu(cpu) = row.what else { continue };
            let cells = (0..l.plot.w).map(|x| &terminal.backend().buffer()[(l.plot.x + x, row.y)]);
            let seen = cells.filter(|cell| lit(cell)).count();
            let ran = t.looks.found.as_ref().unwrap().ran(
                cpu,
                t.view.start,
                t.view.end().min(t.trace().span().0),
            );
            assert_eq!(seen > 0, ran, "CPU{cpu} in {:?}", t.view);
        }
        keys(&mut app, "w");
    }
}
