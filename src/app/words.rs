//! The words and signs of the screens, explained once: the `?` page of a screen shows those that
//! are seen there, and docs/glossary.md is made of them all. A word is explained as the field uses
//! it.

use super::keys::{
    BESIDE, CHOOSE, COMPARE, Contexts, MISTAKES, TASKS, TIMELINE, TRACES, TRAIN, WAITS,
};
use super::tab::Tab;
use super::{compare, mistakes, tasks, waits};
use crate::query::Columns as _;
use crate::stats::diff::Measure;
use std::fmt::Write as _;

/// A word, or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// It.
    pub word: &'static str,
    /// What it means; with the marks of a page for code and links.
    pub meaning: &'static str,
    /// The screens on which it is seen.
    pub screens: Contexts,
}

/// Words that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// They.
    pub words: &'static [Word],
}

/// All, in the order of docs/glossary.md.
pub const SECTIONS: [Section; 5] = [
    Section { title: "Signs of the Timeline", words: SIGNS },
    Section { title: "The scheduler", words: SCHEDULER },
    Section { title: "Predictions", words: PREDICTIONS },
    Section { title: "Figures", words: FIGURES },
    Section { title: "Recordings", words: RECORDINGS },
];

const COMPARED: Contexts = COMPARE | BESIDE | CHOOSE;

const fn word(word: &'static str, meaning: &'static str, screens: Contexts) -> Word {
    Word { word, meaning, screens }
}

/// What the rows of the Timeline are made of.
const SIGNS: &[Word] = &[
    word(
        "ran",
        "who really ran: a stint per box with the state letter it leaves in; of many stints the \
         longest task, shaded by use",
        TIMELINE,
    ),
    word(
        "pick",
        "whom the shown predictor expected: `✗` a miss, dim trivial, `░` not yet computed, `–` no \
         answer; of many the share of misses, `▁` to `█`",
        TIMELINE,
    ),
    word("queue", "how many tasks could have come in, against the longest queue seen", TIMELINE),
    word(
        "`●` and `✗` in the pane",
        "the candidate that really came in, and the wrong one that the predictor expected",
        TIMELINE,
    ),
    word(
        "hit %",
        "the share of right answers in what is visible, where there was a choice",
        TIMELINE,
    ),
    word(
        "use %",
        "the share of the known time in view in which a CPU was not idle; `?` behind it: more than \
         a tenth of that time is unknown, in its place: more than nine tenths",
        TIMELINE,
    ),
    word(
        "one row",
        "who ran; `✗` a miss, red below a cell of many: mostly misses; on the right use and hits",
        TIMELINE,
    ),
    word(
        "heat map",
        "a CPU, two (upper and lower half) or a group in a row: mean use, all misses, longest \
         queue",
        TIMELINE,
    ),
    word(
        "pinned task",
        "the CPU where it ran, `→` after a move, `▒` waits for a CPU, `─` sleeps, `D` blocked, `┈` \
         unknown, `↑` woken by",
        TIMELINE,
    ),
    word(
        "`┴│▲`",
        "who woke the selected task, from the waker's row to its own, and who woke the waker; `◂` \
         it was before",
        TIMELINE,
    ),
    word(
        "idle+wait",
        "after `i`: the share of time in which some CPU was idle while some thread waited; above \
         it the longest queue",
        TIMELINE,
    ),
    word("`╱`", "events were lost here", TIMELINE),
    word("`┈ unknown ┈`", "the recording does not say who ran", TIMELINE),
];

/// The scheduler.
const SCHEDULER: &[Word] = &[
    word(
        "autogroup",
        "the kernel groups the tasks of a terminal session and shares the CPU among groups first",
        TIMELINE,
    ),
    word("base slice", "the time that EEVDF means to give a task before it picks again", TIMELINE),
    word(
        "CFS, EEVDF",
        "the kernel's rules for ordinary tasks: CFS before Linux 6.6, EEVDF since. CFS takes the \
         task with the least virtual run time. EEVDF takes the earliest virtual deadline among the \
         eligible tasks",
        TIMELINE | TRACES,
    ),
    word(
        "deadline",
        "under EEVDF the virtual time by which a task should have had its slice",
        TIMELINE | MISTAKES,
    ),
    word(
        "eligible",
        "a task with a lag that is not negative: it has had no more than its fair share",
        TIMELINE | MISTAKES,
    ),
    word(
        "event",
        "one record of the kernel's tracepoints: `sched_switch`, `sched_wakeup`, \
         `sched_wakeup_new`, `sched_migrate_task`; optionally `sched_waking`, \
         `sched_stat_runtime`, `sched_process_*`",
        TIMELINE | TRACES,
    ),
    word(
        "idle",
        "the CPU runs its idle task (pid 0, `swapper/N`). Each CPU has its own",
        TIMELINE | WAITS | TASKS,
    ),
    word(
        "lag",
        "what the CPU owes a task, in time. Positive: it has had less than its share; negative: \
         more",
        TIMELINE | MISTAKES,
    ),
    word(
        "lag in",
        "the lag that the network was given of a candidate: the replay's at that moment. The pane \
         beside it shows the kernel's own where it was recorded, or the replay's with hindsight",
        0,
    ),
    word("migration", "a task moves to another CPU", TIMELINE | TASKS | COMPARED),
    word(
        "queue",
        "the tasks that are runnable on a CPU and wait for it",
        TIMELINE | MISTAKES | WAITS,
    ),
    word(
        "state",
        "in what condition a task leaves the CPU: `R` it could go on, `R+` preempted, `S` asleep, \
         `D` blocked, `I` idle kernel thread",
        TIMELINE | MISTAKES | TASKS,
    ),
    word(
        "stint",
        "one uninterrupted run of a task on a CPU",
        TIMELINE | MISTAKES | TASKS | COMPARED,
    ),
    word("switch", "a `sched_switch`: one task leaves a CPU, another comes in", TIMELINE | TASKS),
    word(
        "virtual run time",
        "run time divided by the task's weight: how much of its share a task has used",
        TIMELINE,
    ),
    word(
        "wait",
        "from becoming runnable to coming in. It begins with a wake-up, a preemption, a migration \
         or a fork",
        TIMELINE | MISTAKES | WAITS | TASKS | COMPARED,
    ),
    word(
        "wake-up",
        "a sleeping task becomes runnable; the waker is the task that ran where that happened",
        TIMELINE | WAITS | TASKS,
    ),
];

/// Predictions.
const PREDICTIONS: &[Word] = &[
    word(
        "adapt, learns on",
        "a network's last layer, and a number for each thread, go on learning from each outcome; \
         forgotten with the next recording",
        TRAIN,
    ),
    word(
        "baseline",
        "a simple rule that every network is measured against; [the list](model.md#baselines)",
        TIMELINE | MISTAKES,
    ),
    word(
        "candidates",
        "the tasks that could come in: for a pick the runnable ones, for a forecast at most 48 \
         threads",
        TIMELINE | MISTAKES,
    ),
    word("coverage", "the share of decisions whose real next task is among the candidates", TRAIN),
    word(
        "decision",
        "the kernel's choice of the next task at a switch (`pick_next_task`)",
        TIMELINE | MISTAKES,
    ),
    word(
        "forecast",
        "the second question: the moment a task comes in, who will be next on this CPU",
        TIMELINE | MISTAKES | TRAIN,
    ),
    word("hit, miss", "the most probable candidate came in, or another one", TIMELINE | MISTAKES),
    word(
        "hypotheses",
        "eight replays of the kernel's algorithm: each corrected in another way, one not at all",
        MISTAKES,
    ),
    word(
        "lead time",
        "from the moment a forecast is asked to the switch that it is about",
        TIMELINE | MISTAKES,
    ),
    word(
        "pick",
        "the first question: at the switch, which candidate comes in",
        TIMELINE | MISTAKES | TRAIN,
    ),
    word("replay", "the kernel's own algorithm, run over the recorded events", TIMELINE | MISTAKES),
    word(
        "trivial",
        "a decision with fewer than two candidates: there was nothing to predict. Headline \
         accuracy leaves these out",
        TIMELINE | MISTAKES,
    ),
    word(
        "`p`, `#3`",
        "the probability of a candidate; the real task's place in the predicted order",
        TIMELINE | MISTAKES,
    ),
];

/// Figures.
const FIGURES: &[Word] = &[
    word(
        "top-1, top-3",
        "the share of decisions in which the real task is the most probable one, or among the \
         first three",
        TRAIN | MISTAKES,
    ),
    word(
        "MRR",
        "mean reciprocal rank: 1 if the real task is first, 1/2 if second, and so on, averaged",
        0,
    ),
    word(
        "NLL, nats, surprise",
        "the negative natural logarithm of the probability that the real task was given, in nats: \
         0 is certainty, 0.69 is a coin toss",
        TRAIN | MISTAKES,
    ),
    word(
        "ECE",
        "expected calibration error: how far stated probabilities are from how often they \
                 come true",
        MISTAKES,
    ),
    word(
        "answered at 90 % right",
        "the share of decisions that can be answered, the most confident ones first, with 90 % of \
         the answers right",
        MISTAKES,
    ),
    word(
        "in time",
        "the share of forecasts that this machine would have answered before the switch came",
        MISTAKES,
    ),
    word("macro", "the mean over workloads, each counting the same", TRAIN),
    word(
        "McNemar",
        "a test of two predictors on the same decisions: could the difference be chance",
        MISTAKES,
    ),
    word(
        "95 % interval",
        "where the true share lies with 95 % confidence, given so many decisions",
        MISTAKES | COMPARED,
    ),
];

/// Recordings.
const RECORDINGS: &[Word] = &[
    word(
        "category",
        "a family of workloads (hackbench, cpu_bound, ...), the unit that is left out of training \
         for \"unseen\"",
        TRACES | TRAIN,
    ),
    word("gap", "a stretch in which events were lost", TIMELINE),
    word(
        "machine",
        "a kernel series, and the number of CPUs when they are not two: `6.1`, `6.12x8`",
        TRAIN,
    ),
    word(
        "recorded, told, inferred, assumed",
        "where a fact about the recorded machine comes from; shown with it",
        TIMELINE,
    ),
    word(
        "split",
        "which use a recording has: train, validation or test. Whole runs belong to one split",
        TRACES | TRAIN,
    ),
    word(
        "truth",
        "the kernel's own state (virtual run time, deadline, lag, sums), recorded beside the \
         switches with `record --truth`",
        TIMELINE | TRACES,
    ),
    word(
        "unknown",
        "time of a CPU or a thread of which the recording says nothing. It is neither idle nor \
         use, and is never scored",
        TIMELINE | WAITS | TASKS | COMPARED,
    ),
    word(
        "workload",
        "a program that was recorded, such as `nginx-ab`; `koracle workloads` lists them",
        TRACES | TRAIN,
    ),
];

/// What a list's columns are, from the lists' own tables: name and meaning.
fn columns(tab: Tab) -> Vec<(&'static str, &'static str)> {
    match tab {
        Tab::Mistakes => mistakes::LIST.iter().map(|(c, ..)| (c.name(), c.help())).collect(),
        Tab::Waits => {
            let of = waits::LIST.iter().filter_map(|(shown, ..)| match shown {
                waits::Shown::Of(c) => Some((c.name(), c.help())),
                _ => None,
            });
            of.collect()
        }
        Tab::Tasks => {
            let of = tasks::LIST.iter().filter_map(|(shown, ..)| match shown {
                tasks::Shown::Of(c) => Some((c.name(), c.help())),
                tasks::Shown::Hit => None,
            });
            of.collect()
        }
        Tab::Compare => compare::LIST.iter().map(|column| (column.name, column.help)).collect(),
        _ => Vec::new(),
    }
}

/// What the rows of Compare are about.
fn measures() -> Vec<(String, String)> {
    let said = |m: Measure| (compare::words(m).to_owned(), compare::meaning(m).to_owned());
    Measure::ALL.map(said).into()
}

/// What is seen on a screen, in sections: title, then words and their meanings as plain text.
pub fn of(tab: Tab) -> Vec<(&'static str, Vec<(String, String)>)> {
    let screens = tab.about().keys;
    let mut sections: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    let columns = columns(tab);
    if !columns.is_empty() {
        let columns = columns.into_iter().map(|(name, help)| (name.to_owned(), plain(help)));
        sections.push(("Columns", columns.collect()));
    }
    if tab == Tab::Compare {
        sections.push(("What is compared", measures()));
    }
    for section in SECTIONS {
        let seen = section.words.iter().filter(|w| w.screens & screens != 0);
        let seen: Vec<(String, String)> = seen.map(|w| (plain(w.word), plain(w.meaning))).collect();
        if !seen.is_empty() {
            sections.push((section.title, seen));
        }
    }
    sections
}

/// Without the marks that a page has for code and links.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        let linked =
            link.split_once("](").and_then(|(words, to)| Some((words, to.split_once(')')?.1)));
        if let Some((words, after)) = linked {
            out.push_str(words);
            rest = after;
        } else {
            out.push('[');
            rest = link;
        }
    }
    (out + rest).replace('`', "")
}

/// The tables of docs/glossary.md.
pub fn markdown() -> String {
    let mut out = String::new();
    for Section { title, words } in SECTIONS {
        // Writing to a String cannot fail.
        let _ = write!(out, "## {title}\n\n| word | meaning |\n|---|---|\n");
        for word in words {
            let _ = writeln!(out, "| {} | {} |", word.word, word.meaning);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tab::TABS;

    #[test]
    fn every_screen_has_words_and_none_is_explained_twice() {
        for about in TABS {
            let sections = of(about.tab);
            assert!(
                sections.iter().map(|(_, words)| words.len()).sum::<usize>() >= 4,
                "{}",
                about.name
            );
            let text: String = sections
                .iter()
                .flat_map(|(_, words)| words)
                .map(|(_, text)| text.as_str())
                .collect();
            assert!(!text.contains('`') && !text.contains("]("), "{text}");
        }
        let mut all: Vec<&str> = SECTIONS.iter().flat_map(|s| s.words).map(|w| w.word).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        // The row that shows picks, and the question; the row that shows queues, and what a queue
        // is.
        assert_eq!(count - all.len(), 2, "a word is explained in one place");
        let compared = of(Tab::Compare);
        let shown = compare::LIST.iter().map(|c| c.name).chain(Measure::ALL.map(compare::words));
        for name in shown {
            let is_said = |(word, meaning): &(String, String)| word == name && !meaning.is_empty();
            assert!(compared.iter().any(|(_, words)| words.iter().any(is_said)), "{name}");
        }
        assert_eq!(plain("see [the list](model.md#x), `a[0]`"), "see the list, a[0]");
    }
}
