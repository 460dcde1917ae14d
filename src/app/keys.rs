//! The one table of keys. Dispatch, footer, the `?` page and docs/keys.md are all made from it, so
//! that they cannot disagree. Nothing here changes state.

mod action;
mod sections;
mod shown;

pub use action::Action;
pub use sections::{Section, sections};
pub use shown::{Entry, footer, markdown};

use super::compare;
use super::input::Key;
use super::list;
use super::mistakes::Do;
use super::tab::Tab;
use super::train::Act;

/// Where a key works: bits of [`TIMELINE`], [`TRACES`], [`NOTHING`], [`TRAIN`] and those below.
pub type Contexts = u16;
/// The timeline screen.
pub const TIMELINE: Contexts = 1;
/// The list of traces.
pub const TRACES: Contexts = 2;
/// The timeline screen while no recording is open.
pub const NOTHING: Contexts = 4;
/// Training runs.
pub const TRAIN: Contexts = 8;
/// The Mistakes screen.
pub const MISTAKES: Contexts = 16;
/// The Waits screen.
pub const WAITS: Contexts = 32;
/// The Tasks screen.
pub const TASKS: Contexts = 256;
/// The recording dialog, where everything else is text.
pub const DIALOG: Contexts = 64;
/// The panel of a recording.
pub const PANEL: Contexts = 128;
/// The Compare screen while its list has the arrows.
pub const COMPARE: Contexts = 512;
/// And while its two timelines have them.
pub const BESIDE: Contexts = 1024;
/// And while there is nothing to compare yet.
pub const CHOOSE: Contexts = 2048;
/// Home, below a screen.
pub const HOME: Contexts = 4096;
/// The tour, below a screen.
pub const TOUR: Contexts = 8192;
const BOTH: Contexts = COMPARE | BESIDE;
/// Every screen; not the dialog.
pub const ALL: Contexts = !DIALOG;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Keys that do it; the first is shown in the footer.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// A word for the footer; empty: not shown there. Bindings with the same word share one place.
    pub short: &'static str,
    /// A sentence for the help page.
    pub help: &'static str,
    /// Where it works.
    pub contexts: Contexts,
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    short: &'static str,
    help: &'static str,
    contexts: Contexts,
) -> Binding {
    Binding { keys, action, short, help, contexts }
}

use Key::Char as C;

/// The table, in the order of importance that the footer uses.
pub const TABLE: &[Binding] = &[
    bind(&[C(' ')], Action::Play, "play", "start or stop playback", TIMELINE),
    bind(&[C(',')], Action::PrevDecision, "step", "previous decision on this CPU", TIMELINE),
    bind(&[C('.')], Action::NextDecision, "step", "next decision on this CPU", TIMELINE),
    bind(
        &[C('n')],
        Action::NextMiss,
        "miss",
        "next decision the shown predictor got wrong",
        TIMELINE,
    ),
    bind(
        &[C('N')],
        Action::PrevMiss,
        "miss",
        "previous decision the shown predictor got wrong",
        TIMELINE,
    ),
    bind(&[C('w'), C('+')], Action::ZoomIn, "zoom", "zoom in around the playhead", TIMELINE),
    bind(&[C('s'), C('-')], Action::ZoomOut, "zoom", "zoom out", TIMELINE),
    bind(&[C('a'), Key::Left], Action::PanLeft, "pan", "pan to earlier", TIMELINE),
    bind(&[C('d'), Key::Right], Action::PanRight, "pan", "pan to later", TIMELINE),
    bind(
        &[C('o')],
        Action::Row,
        "row",
        "prediction row: pick, forecast, random, fifo, lifo, followed, eevdf",
        TIMELINE,
    ),
    bind(
        &[C('c')],
        Action::Second,
        "compare",
        "second prediction row: another predictor, or none again",
        TIMELINE,
    ),
    bind(
        &[C('C')],
        Action::AskSecond,
        "",
        "ask whom the second row shows: a predictor, a run, a model file; Tab completes",
        TIMELINE,
    ),
    bind(&[C('/')], Action::Find, "find", "find a task by name or pid", TIMELINE),
    bind(&[C('*')], Action::NextFound, "", "next stint of the task that was found", TIMELINE),
    bind(&[C('#')], Action::PrevFound, "", "previous stint of the task that was found", TIMELINE),
    bind(&[C('m')], Action::Mark, "mark", "set a mark; two marks show the difference", TIMELINE),
    bind(&[C('[')], Action::Slower, "speed", "play slower", TIMELINE),
    bind(&[C(']')], Action::Faster, "speed", "play faster", TIMELINE),
    bind(&[C('f')], Action::Fit, "fit", "fit the whole recording", TIMELINE),
    bind(&[C('t')], Action::Seek, "time", "go to a time: 0.41 (s), 12ms, +3us, 50%", TIMELINE),
    bind(
        &[C('T')],
        Action::Clock,
        "",
        "times by the recording's own clock, or since its start",
        TIMELINE,
    ),
    bind(
        &[C('p')],
        Action::Pin,
        "pin",
        "a row for the task under the playhead: where it ran, waited, slept",
        TIMELINE,
    ),
    bind(&[C('P')], Action::PinFound, "", "rows for the tasks that were found", TIMELINE),
    bind(
        &[C('v')],
        Action::Shape,
        "rows",
        "CPUs as lanes, in one row each, as a heat map, or as they fit",
        TIMELINE,
    ),
    bind(&[C('V')], Action::Heat, "", "heat map of use, misses, queue", TIMELINE),
    bind(&[C('S')], Action::Sort, "", "sort CPUs by number, use, misses, longest queue", TIMELINE),
    bind(
        &[C('i')],
        Action::Crowd,
        "crowded",
        "rows below: longest queue of a CPU; idle while somebody waited",
        TIMELINE,
    ),
    bind(
        &[C('b')],
        Action::Between,
        "between",
        "who ran between two marks, on this CPU and on all, and what was idle",
        TIMELINE,
    ),
    bind(
        &[C('e')],
        Action::Kernel,
        "",
        "why the kernel chose this one, by its rule (Enter in the pane of the decision too)",
        TIMELINE,
    ),
    bind(
        &[C('x')],
        Action::NextUnexplained,
        "",
        "next pick that the kernel's rule does not explain",
        TIMELINE,
    ),
    bind(
        &[C('X')],
        Action::PrevUnexplained,
        "",
        "previous pick that the kernel's rule does not explain",
        TIMELINE,
    ),
    bind(&[C('z')], Action::Room, "", "panes larger, closed, as before", TIMELINE),
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "open the row: unfold a group, a CPU as a lane or in one row; pinned task: its next stint",
        TIMELINE,
    ),
    bind(&[C('n')], Action::Train(Act::New), "new run", "set up a new run", TRAIN),
    bind(&[C(' ')], Action::Train(Act::Pause), "pause", "pause the run, or let it go on", TRAIN),
    bind(
        &[C('x')],
        Action::Train(Act::Stop),
        "stop",
        "finish the step, keep a checkpoint, validate, end",
        TRAIN,
    ),
    bind(
        &[C('r')],
        Action::Train(Act::GoOn),
        "resume",
        "go on with a kept run from its last checkpoint",
        TRAIN,
    ),
    bind(
        &[Key::Enter],
        Action::Train(Act::Choose),
        "compare",
        "draw this run beside others, or no more",
        TRAIN,
    ),
    bind(
        &[C('c')],
        Action::Train(Act::NextChart),
        "chart",
        "next chart: losses, pick, forecast, events/s, rate",
        TRAIN,
    ),
    bind(&[C('C')], Action::Train(Act::PrevChart), "", "chart before", TRAIN),
    bind(
        &[C('b')],
        Action::Train(Act::Axis),
        "axis",
        "horizontal axis: steps, epochs, seconds",
        TRAIN,
    ),
    bind(&[C('l')], Action::Train(Act::Log), "log", "logarithmic scale on or off", TRAIN),
    bind(
        &[C('p')],
        Action::Train(Act::Watch),
        "predict",
        "predict the Timeline with this run's newest weights",
        TRAIN,
    ),
    bind(
        &[C('u')],
        Action::Train(Act::Use),
        "use",
        "make this run's best model the current one",
        TRAIN,
    ),
    bind(
        &[C('U')],
        Action::Second,
        "beside",
        "this run's best model as the Timeline's second prediction row, or none again",
        TRAIN,
    ),
    bind(
        &[C('v')],
        Action::Train(Act::NextWorkload),
        "workload",
        "pick and forecast accuracy of the next workload, or of all",
        TRAIN,
    ),
    bind(&[C('V')], Action::Train(Act::PrevWorkload), "", "accuracy of the workload before", TRAIN),
    bind(&[C('w'), C('+')], Action::ZoomIn, "zoom", "zoom in around the cursor", TRAIN),
    bind(&[C('s'), C('-')], Action::ZoomOut, "zoom", "zoom out", TRAIN),
    bind(&[C('a'), Key::Left], Action::PanLeft, "", "pan to earlier", TRAIN),
    bind(&[C('d'), Key::Right], Action::PanRight, "", "pan to later", TRAIN),
    bind(
        &[C(',')],
        Action::Train(Act::ReadEarlier),
        "read",
        "cursor to earlier: values are read there",
        TRAIN,
    ),
    bind(&[C('.')], Action::Train(Act::ReadLater), "read", "cursor to later", TRAIN),
    bind(&[C('f')], Action::Fit, "fit", "fit everything, without a cursor", TRAIN),
    bind(&[C('>')], Action::Train(Act::More), "", "one more run at once", TRAIN),
    bind(&[C('<')], Action::Train(Act::Fewer), "", "one run fewer at once", TRAIN),
    bind(
        &[C('e')],
        Action::Train(Act::Export),
        "",
        "write the run as CSV into the working folder",
        TRAIN,
    ),
    bind(&[C('X')], Action::Train(Act::Kill), "", "end the run at once (asks)", TRAIN),
    bind(&[C('D')], Action::Train(Act::Delete), "", "remove a kept run (asks)", TRAIN),
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "decision on the timeline; a bar or cell: narrow the filter to it",
        MISTAKES,
    ),
    bind(&[C('/')], Action::Find, "filter", "type a filter; Tab completes", MISTAKES),
    bind(&[Key::Tab], Action::Pane, "pane", "next pane: list, sums, why", MISTAKES),
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
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "the wait on the timeline, n N go on there; a bar: narrow the filter to it",
        WAITS,
    ),
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "its first stint on the timeline, and a row of its own there",
        TASKS,
    ),
    bind(
        &[Key::Enter],
        Action::Open,
        "open",
        "its next stint in A, with rows for it; all tasks: where time went",
        BOTH,
    ),
    bind(
        &[C('c')],
        Action::Compare(compare::Do::Ask),
        "with",
        "ask what to compare with; Tab completes",
        BOTH | CHOOSE,
    ),
    bind(&[Key::Tab], Action::Pane, "pane", "next pane: list, timelines", BOTH),
    bind(
        &[C(',')],
        Action::Compare(compare::Do::Before),
        "align",
        "align at the stint before; before the first: at the starts",
        BOTH,
    ),
    bind(
        &[C('.')],
        Action::Compare(compare::Do::After),
        "align",
        "align B at the next stint of the selected name, A at the mark or at its stint",
        BOTH,
    ),
    bind(&[C('+'), C('=')], Action::ZoomIn, "zoom", "zoom in on both; in their pane w, too", BOTH),
    bind(&[C('-')], Action::ZoomOut, "zoom", "zoom out; in their pane s, too", BOTH),
    bind(&[C('w')], Action::ZoomIn, "", "timelines: zoom in on both", BESIDE),
    bind(&[C('s')], Action::ZoomOut, "", "timelines: zoom out", BESIDE),
    bind(&[C('a')], Action::PanLeft, "pan", "both to earlier", BOTH),
    bind(&[C('d')], Action::PanRight, "pan", "both to later", BOTH),
    bind(&[Key::Left], Action::PanLeft, "", "timelines: both to earlier", BESIDE),
    bind(&[Key::Right], Action::PanRight, "", "timelines: both to later", BESIDE),
    bind(&[C('f')], Action::Fit, "fit", "both recordings whole", BOTH),
    bind(&[C('<')], Action::Compare(compare::Do::Left), "shift", "shift B to the left", BOTH),
    bind(&[C('>')], Action::Compare(compare::Do::Right), "shift", "shift B to the right", BOTH),
    bind(
        &[C('w')],
        Action::List(list::Do::Waits),
        "its waits",
        "the waits of this thread or name",
        TASKS | COMPARE,
    ),
    bind(
        &[C('f')],
        Action::List(list::Do::Fold),
        "fold",
        "threads of one name together, or one by one",
        TASKS,
    ),
    bind(
        &[C('/')],
        Action::Find,
        "filter",
        "type a filter; Tab completes",
        WAITS | TASKS | COMPARE,
    ),
    bind(
        &[C('v')],
        Action::List(list::Do::Page),
        "page",
        "next page: who ran instead, lengths, crowding",
        WAITS,
    ),
    bind(&[C('V')], Action::List(list::Do::PrevPage), "", "page before", WAITS),
    bind(&[Key::Tab], Action::Pane, "pane", "next pane: list, who ran instead, lengths", WAITS),
    bind(
        &[Key::Left, C('h')],
        Action::List(list::Do::Left),
        "column",
        "column to the left",
        WAITS | TASKS | COMPARE,
    ),
    bind(
        &[Key::Right, C('l')],
        Action::List(list::Do::Right),
        "column",
        "column to the right",
        WAITS | TASKS | COMPARE,
    ),
    bind(
        &[C('s')],
        Action::List(list::Do::Sort),
        "sort",
        "sort by the column; again: the other way round",
        WAITS | TASKS | COMPARE,
    ),
    bind(
        &[C('t')],
        Action::List(list::Do::Range),
        "range",
        "only the time between the two marks of the timeline",
        WAITS,
    ),
    bind(
        &[C('y')],
        Action::List(list::Do::Copy),
        "copy",
        "copy it (OSC 52): a wait as perf sched timehist has it",
        WAITS,
    ),
    bind(
        &[C('y')],
        Action::List(list::Do::Copy),
        "copy",
        "copy all figures of this row (OSC 52)",
        TASKS | COMPARE,
    ),
    bind(&[C('0')], Action::List(list::Do::Clear), "", "no filter", WAITS | TASKS | COMPARE),
    bind(&[Key::Enter], Action::Open, "choose", "home: do what the line says", HOME),
    bind(&[C('t')], Action::Tour, "tour", "the tour: six stops in 60 seconds", HOME),
    bind(&[Key::Enter, C('n'), Key::Right], Action::NextStop, "next", "tour: next stop", TOUR),
    bind(&[C('p'), Key::Left], Action::PrevStop, "back", "tour: stop before", TOUR),
    bind(
        &[C('o')],
        Action::OpenFile,
        "open",
        "open a recording: those opened before, of this folder, a file",
        HOME,
    ),
    bind(&[C('r')], Action::Record, "record", "record what happens on this machine", HOME),
    bind(&[C('b')], Action::Results, "benchmark", "the results of the benchmark in short", HOME),
    bind(&[C('o')], Action::OpenFile, "file", "open a file; Tab completes its name", TRACES),
    bind(&[C('g'), Key::Home], Action::Start, "ends", "to the start (first row)", ALL),
    bind(&[C('G'), Key::End], Action::End, "ends", "to the end (last row)", ALL),
    bind(&[Key::Enter], Action::Open, "open", "open the selected trace", TRACES),
    bind(
        &[C('r')],
        Action::Record,
        "record",
        "record a workload, here or through ssh",
        TRACES | PANEL,
    ),
    bind(&[Key::Enter], Action::Open, "record", "recording dialog: start", DIALOG),
    bind(&[Key::Tab], Action::NextField, "field", "recording dialog: next field", DIALOG),
    bind(&[Key::BackTab], Action::PrevField, "", "recording dialog: field before", DIALOG),
    bind(&[Key::Up], Action::Up, "choose", "recording dialog: machine or workload above", DIALOG),
    bind(
        &[Key::Down],
        Action::Down,
        "choose",
        "recording dialog: machine or workload below",
        DIALOG,
    ),
    bind(
        &[Key::Esc],
        Action::Back,
        "close",
        "recording dialog: close, keeping what was typed",
        DIALOG,
    ),
    bind(
        &[Key::Esc],
        Action::Back,
        "cancel or close",
        "recording: cancel; once ended, close",
        PANEL,
    ),
    bind(&[Key::Up, C('k')], Action::Up, "select", "CPU above (in a pane: scroll up)", ALL),
    bind(&[Key::Down, C('j')], Action::Down, "select", "CPU below (in a pane: scroll down)", ALL),
    bind(&[Key::PageUp], Action::PageUp, "", "eight rows up", ALL),
    bind(&[Key::PageDown], Action::PageDown, "", "eight rows down", ALL),
    bind(
        &[Key::Tab],
        Action::Pane,
        "pane",
        "next pane: lanes, decision, what the model saw",
        TIMELINE,
    ),
    bind(&[C('1')], Action::Tab(Tab::Timeline), "", "timeline", ALL),
    bind(&[C('2')], Action::Tab(Tab::Train), "train", "training runs", ALL),
    bind(&[C('3')], Action::Tab(Tab::Mistakes), "mistakes", "mistakes", ALL),
    bind(&[C('4')], Action::Tab(Tab::Traces), "traces", "traces", ALL),
    bind(&[C('5')], Action::Tab(Tab::Waits), "waits", "who waited, how long, who ran instead", ALL),
    bind(&[C('6')], Action::Tab(Tab::Tasks), "tasks", "where the time of each thread went", ALL),
    bind(&[C('7')], Action::Tab(Tab::Compare), "diff", "what differs between two recordings", ALL),
    bind(&[C('H')], Action::Home, "", "home: the tour, open, record, the benchmark", ALL),
    bind(
        &[C(':')],
        Action::Palette,
        "commands",
        "find a command by a few letters, with its key",
        ALL,
    ),
    bind(&[C('?')], Action::Help, "help", "words and keys of this screen", ALL),
    bind(&[Key::Esc], Action::Back, "", "back: close, forget marks and search", ALL & !PANEL),
    bind(&[C('q')], Action::Quit, "quit", "quit", ALL),
    bind(&[Key::Ctrl('c')], Action::Quit, "", "quit, from anywhere", ALL),
    bind(&[C('l')], Action::NextDecision, "", "next decision", TIMELINE),
    bind(&[C('h')], Action::PrevDecision, "", "previous decision", TIMELINE),
];

/// What `key` does in this context.
pub fn look_up(key: Key, context: Contexts) -> Option<Action> {
    TABLE.iter().find(|b| b.contexts & context != 0 && b.keys.contains(&key)).map(|b| b.action)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;
    use crate::app::settings::Settings;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        for context in [
            TIMELINE, TRACES, NOTHING, TRAIN, MISTAKES, WAITS, TASKS, DIALOG, PANEL, COMPARE,
            BESIDE, CHOOSE, HOME, TOUR,
        ] {
            let mut seen: Vec<Key> = Vec::new();
            for b in TABLE.iter().filter(|b| b.contexts & context != 0) {
                for key in b.keys {
                    assert!(!seen.contains(key), "{key:?}");
                    seen.push(*key);
                    assert_eq!(look_up(*key, context), Some(b.action));
                }
            }
        }
    }

    #[test]
    fn footer_joins_pairs_and_markdown_has_every_binding() {
        let settings = Settings::default();
        let pair = (vec![Key::Char(','), Key::Char('.')], "step");
        assert!(footer(TIMELINE, &settings).contains(&pair));
        assert!(!footer(TRACES, &settings).iter().any(|(_, short)| *short == "zoom"));
        let page = markdown();
        for b in TABLE.iter().filter(|b| !b.keys.is_empty()) {
            assert!(page.contains(b.help), "{}", b.help);
        }
    }

    #[test]
    fn the_footer_shows_what_is_pressed() {
        let settings = Settings::parse("[keys]\n\"J\" = \".\"\n\",\" = \"n\"\n").unwrap();
        let step = footer(TIMELINE, &settings).into_iter().find(|(_, short)| *short == "step");
        assert_eq!(step, Some((vec![Key::Char('J')], "step")), "the comma was given away");
    }
}
