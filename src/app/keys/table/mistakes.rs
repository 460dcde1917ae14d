//! Keys of the Mistakes screen, and those of the list of traces that lead to a screen.

use super::bind;
use crate::app::compare;
use crate::app::input::Key::{self, Char as C};
use crate::app::keys::{Action, Binding, MISTAKES, TRACES};
use crate::app::mistakes::Do;

pub(super) const KEYS: &[Binding] = &[
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "decision on the timeline; a bar or cell: narrow the filter to it",
        MISTAKES,
    ),
    bind(&[C('/')], Action::Find, "filter", "type a filter; Tab completes", MISTAKES),
    bind(&[Key::Tab], Action::Pane, "pane", "next pane in view: list, sums, why", MISTAKES),
    bind(&[C('v')], Action::Mistakes(Do::Page), "sums", "next page of sums", MISTAKES),
    bind(&[C('V')], Action::Mistakes(Do::PrevPage), "sums", "page of sums before", MISTAKES),
    bind(
        &[C('w')],
        Action::Mistakes(Do::Why),
        "why",
        "why the selected decision came out so (or the sums again)",
        MISTAKES,
    ),
    bind(
        &[Key::Left, C('h')],
        Action::Mistakes(Do::Left),
        "column",
        "column to the left (cell of the matrix, candidate)",
        MISTAKES,
    ),
    bind(
        &[Key::Right, C('l')],
        Action::Mistakes(Do::Right),
        "column",
        "column to the right (cell of the matrix, candidate)",
        MISTAKES,
    ),
    bind(
        &[C('s')],
        Action::Mistakes(Do::Sort),
        "sort",
        "sort by the column; again: the other way round",
        MISTAKES,
    ),
    bind(
        &[C('p')],
        Action::Mistakes(Do::AskFirst),
        "whose",
        "ask whose mistakes: a predictor, a run, a model file; Tab completes",
        MISTAKES,
    ),
    bind(
        &[C('P')],
        Action::Mistakes(Do::Current),
        "whose",
        "the mistakes of the Timeline's model again",
        MISTAKES,
    ),
    bind(
        &[C('c')],
        Action::Mistakes(Do::Compare),
        "compare",
        "compare with the next baseline or model",
        MISTAKES,
    ),
    bind(
        &[C('C')],
        Action::Mistakes(Do::AskSecond),
        "",
        "ask whom to compare with: a predictor, a run, a model file; Tab completes",
        MISTAKES,
    ),
    bind(
        &[C('a')],
        Action::Mistakes(Do::All),
        "all",
        "list right decisions too, or only wrong ones",
        MISTAKES,
    ),
    bind(
        &[C('x')],
        Action::Mistakes(Do::Choose),
        "choose",
        "choose a decision for copying",
        MISTAKES,
    ),
    bind(
        &[C('x')],
        Action::Mistakes(Do::Choose),
        "choose",
        "choose recordings whose mistakes 3 shows together",
        TRACES,
    ),
    bind(
        &[C('c')],
        Action::Compare(compare::Do::Ask),
        "compare",
        "compare it with the open recording",
        TRACES,
    ),
    bind(
        &[C('y')],
        Action::Mistakes(Do::Copy),
        "copy",
        "copy the chosen decisions to the clipboard (OSC 52)",
        MISTAKES,
    ),
    bind(
        &[C('t')],
        Action::Mistakes(Do::Range),
        "",
        "only the time between the two marks of the timeline",
        MISTAKES,
    ),
    bind(&[C('f')], Action::Mistakes(Do::Saved), "kept", "next kept filter", MISTAKES),
    bind(&[C('F')], Action::Mistakes(Do::Save), "kept", "keep the filter", MISTAKES),
    bind(&[C('0')], Action::Mistakes(Do::Clear), "", "no filter", MISTAKES),
];
