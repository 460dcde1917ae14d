//! The house rules that a compiler does not check: which room may use what, where threads and
//! `unsafe` may be, how long a file is, what may lie in the repository. Each rule is a test of its
//! own that names file and line, and each rule's checker is shown a bad text first, so that a rule
//! that has gone blind fails too.
//!
//! The checkers read text, not syntax trees: comments, literals and `#[cfg(test)]` modules are
//! blanked out first (`lexer`), then plain words are looked for. Tests may use any room, spawn
//! threads and print.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "tidy/bundled.rs"]
mod bundled;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/lengths.rs"]
mod lengths;
#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/words.rs"]
mod words;

use bundled::{catalog_gaps, too_heavy};
use files::{hold, is_rust, is_source, read, root, size, tracked};
use lengths::long_functions;
use rooms::{levels, uses_lower_rooms};
use std::collections::BTreeSet;
use words::{
    burn_only_in_two_rooms, engine_is_silent, frames_are_drawn_from_outside, is_short,
    no_machine_path, no_temp_path, one_door, opens_with_purpose, screen_only_in_ui,
    threads_start_in_job, unsafe_only_in_simd,
};

const MIB: u64 = 1 << 20;

#[test]
fn every_file_opens_with_its_purpose() {
    assert_eq!(opens_with_purpose("a.rs", "use x;\n").len(), 1);
    assert_eq!(opens_with_purpose("a.rs", "//!\nuse x;").len(), 1);
    assert!(opens_with_purpose("a.rs", "//! Words.\n").is_empty());
    hold(is_rust, opens_with_purpose);
}

#[test]
fn no_file_is_longer_than_500_lines() {
    assert_eq!(is_short("a.rs", &"x\n".repeat(501)).len(), 1);
    assert!(is_short("a.rs", &"x\n".repeat(500)).is_empty());
    hold(is_rust, is_short);
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let of =
        |n: usize| format!("impl X {{\n    fn f(a: [u8; 2]) {{\n{}    }}\n}}", "a();\n".repeat(n));
    assert_eq!(long_functions("a.rs", &of(59)), ["a.rs:2: `f` has 61 lines, more than 60"]);
    assert!(long_functions("a.rs", &of(58)).is_empty());
    assert!(long_functions("a.rs", &format!("type F = fn(u8);\n{}", of(58))).is_empty());
    let body = "a();\n".repeat(99);
    assert_eq!(
        long_functions("a.rs", &format!("fn f<T>()\nwhere\n    T: A,\n{{\n{body}}}")).len(),
        1
    );
    assert!(
        long_functions("a.rs", &format!("#[cfg(test)]\nmod t {{ fn f() {{\n{body}}} }}"))
            .is_empty()
    );
    hold(is_source, long_functions);
}

#[test]
fn only_ui_knows_the_terminal() {
    assert_eq!(
        screen_only_in_ui("src/app.rs", "//! a\nuse ratatui::X;\n"),
        ["src/app.rs:2: `ratatui` belongs to ui alone"]
    );
    assert_eq!(screen_only_in_ui("src/uix.rs", "crossterm::event::read()").len(), 1);
    assert!(screen_only_in_ui("src/app.rs", "// not ratatui\nlet s = \"crossterm\";").is_empty());
    assert!(screen_only_in_ui("src/ui/lanes.rs", "use ratatui::X;").is_empty());
    hold(is_source, screen_only_in_ui);
}

#[test]
fn no_screen_draws_the_frame() {
    assert_eq!(
        frames_are_drawn_from_outside("src/ui/train/plot.rs", "use crate::ui::draw::put;").len(),
        1
    );
    assert_eq!(frames_are_drawn_from_outside("src/ui/footer.rs", "use super::draw::put;").len(), 1);
    assert!(
        frames_are_drawn_from_outside("src/ui/terminal.rs", "use super::draw::draw;").is_empty()
    );
    assert!(
        frames_are_drawn_from_outside("src/ui/footer.rs", "list::draw(pen); // ui::draw")
            .is_empty()
    );
    hold(is_source, frames_are_drawn_from_outside);
}

#[test]
fn only_networks_and_training_know_burn() {
    assert_eq!(
        burn_only_in_two_rooms("src/predictor/stream.rs", "use burn::tensor::Tensor;").len(),
        1
    );
    assert_eq!(burn_only_in_two_rooms("src/predictor/densex.rs", "burn::x()").len(), 1);
    assert!(burn_only_in_two_rooms("src/predictor/dense.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/predictor/dense/lstm.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/train/loop.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/sched.rs", "let burned = burn_rate;").is_empty());
    hold(is_source, burn_only_in_two_rooms);
}

#[test]
fn the_engine_never_prints() {
    assert_eq!(engine_is_silent("src/ingest.rs", "a\n  println!(\"x\");").len(), 1);
    assert_eq!(engine_is_silent("src/ui.rs", "dbg!(x)").len(), 1);
    assert_eq!(engine_is_silent("src/train.rs", "let o = std::io::stdout();").len(), 1);
    assert!(engine_is_silent("src/record.rs", "command.stdout(a).stderr(b);").is_empty());
    assert!(engine_is_silent("src/cli/eval.rs", "println!()").is_empty());
    assert!(engine_is_silent("src/ui/terminal.rs", "stdout()").is_empty());
    assert!(
        engine_is_silent("src/a.rs", "#[cfg(test)]\nmod t { fn f() { println!(\"}\"); } }")
            .is_empty()
    );
    assert_eq!(
        engine_is_silent("src/a.rs", "#[cfg(test)]\nmod t { fn f() {} }\nfn g() { dbg!(1) }").len(),
        1
    );
    hold(is_source, engine_is_silent);
}

#[test]
fn the_command_line_prints_through_one_door() {
    assert_eq!(one_door("src/cli/eval.rs", "eprintln!(\"{x}\");").len(), 1);
    assert_eq!(one_door("src/cli.rs", "let o = std::io::stdout();").len(), 1);
    assert_eq!(one_door("src/main.rs", "println!()").len(), 1);
    assert!(one_door("src/cli/eval.rs", "output::stdout(b); say!(\"{x}\");").is_empty());
    assert!(one_door("src/cli/door.rs", "std::io::stderr()").is_empty());
    hold(is_source, one_door);
}

#[test]
fn unsafe_code_has_one_home() {
    assert_eq!(unsafe_only_in_simd("src/a.rs", "unsafe { x() }").len(), 1);
    assert_eq!(unsafe_only_in_simd("src/a.rs", "#![allow(unsafe_code)]").len(), 1);
    assert!(
        unsafe_only_in_simd("src/a.rs", "// unsafe\nlet s = r#\"unsafe \" {\"#; let c = '\"';")
            .is_empty()
    );
    hold(is_rust, unsafe_only_in_simd);
}

#[test]
fn only_job_starts_threads() {
    assert_eq!(threads_start_in_job("src/app.rs", "std::thread::spawn(|| {})").len(), 1);
    assert_eq!(threads_start_in_job("src/ui.rs", "rayon::ThreadPoolBuilder::new()").len(), 1);
    assert!(threads_start_in_job("src/job.rs", "std::thread::spawn(|| {})").is_empty());
    assert!(threads_start_in_job("src/cli.rs", "Job::spawn(\"x\", a, b)").is_empty());
    hold(is_source, threads_start_in_job);
}

#[test]
fn rooms_use_only_lower_rooms() {
    let list =
        levels("//! x\n//! ```text\n//! main -> cli\n//! ui\n//! a · b\n//! trace\n//! ```\n");
    assert_eq!(list.len(), 5);
    let check = |path, text| uses_lower_rooms(&list, path, text).len();
    assert_eq!(check("src/trace.rs", "use crate::ui::X;"), 1);
    assert_eq!(check("src/trace/meta.rs", "use super::super::ui::X;"), 1);
    assert_eq!(check("src/trace/meta.rs", "use super::ui;"), 0);
    assert_eq!(check("src/a.rs", "use crate::{trace::T, b::{C, D}};"), 1);
    assert_eq!(check("src/a.rs", "let x = crate::b::f();"), 1);
    assert_eq!(check("src/main.rs", "kernel_oracle::ui::run();"), 1);
    assert_eq!(check("src/main.rs", "kernel_oracle::cli::run();"), 0);
    assert_eq!(check("src/ui.rs", "use crate::trace::T; use crate::a::A;"), 0);
    assert_eq!(check("src/trace.rs", "#[cfg(test)]\nmod tests { use crate::ui::X; }"), 0);
    assert_eq!(check("src/new.rs", ""), 1);

    let lib = read("src/lib.rs");
    let list = levels(&lib);
    let listed: BTreeSet<String> =
        list.iter().flatten().filter(|r| *r != "main").cloned().collect();
    let declared =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';').map(String::from));
    assert_eq!(
        declared.collect::<BTreeSet<_>>(),
        listed,
        "src/lib.rs: modules and the list of rooms differ"
    );
    hold(is_source, |path, text| uses_lower_rooms(&list, path, text));
}

#[test]
fn no_path_of_one_machine() {
    assert_eq!(no_machine_path("a.md", concat!("x\nsee /wo", "rk/y")).len(), 1);
    assert!(no_machine_path("a.md", concat!("net", "/wo", "rk/y")).is_empty());
    assert_eq!(no_temp_path("src/a.rs", "let p = \"/tmp/x\";").len(), 1);
    assert!(
        no_temp_path(
            "src/a.rs",
            "// in /tmp/x\n#[cfg(test)]\nmod t { const P: &str = \"/tmp/x\"; }"
        )
        .is_empty()
    );
    hold(is_source, no_temp_path);
    // Binary files (traces, weights) are not text and cannot be looked at this way.
    let is_text =
        |p: &str| std::fs::read(root().join(p)).is_ok_and(|b| std::str::from_utf8(&b).is_ok());
    hold(is_text, no_machine_path);
}

#[test]
fn bundled_files_stay_small() {
    let files: Vec<(String, u64)> = tracked().into_iter().map(|p| (p.clone(), size(&p))).collect();
    assert_eq!(
        too_heavy("traces", 10, &[("traces/a".into(), 6), ("traces/b".into(), 5), ("x".into(), 9)])
            .len(),
        1
    );
    assert!(
        too_heavy("traces", 11, &[("traces/a".into(), 11), ("tracesx/b".into(), 5)]).is_empty()
    );
    let complaints =
        [too_heavy("traces", 32_000_000, &files), too_heavy("assets", 5 * MIB, &files)].concat();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_catalog_names_every_trace() {
    let files = ["traces/a.csv.zst", "traces/a.toml", "traces/b.csv.zst"].map(String::from);
    assert_eq!(catalog_gaps("[[trace]]\nname = \"a\"\n", &files).len(), 2);
    assert!(catalog_gaps("train = [\"a\"]\n", &files[..2]).is_empty());
    assert_eq!(catalog_gaps("[", &files).len(), 1);
    let complaints = catalog_gaps(&read("traces/catalog.toml"), &tracked());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
