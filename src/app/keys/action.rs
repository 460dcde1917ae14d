//! What can be ordered from the keyboard.

use crate::app::compare;
use crate::app::list;
use crate::app::mistakes::Do;
use crate::app::tab::Tab;
use crate::app::train::Act;

/// An order from the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start or stop playback.
    Play,
    /// Half the speed or so.
    Slower,
    /// Twice the speed or so.
    Faster,
    /// The decision before, on this CPU.
    PrevDecision,
    /// The decision after, on this CPU.
    NextDecision,
    /// The next decision that the shown predictor got wrong.
    NextMiss,
    /// The one before.
    PrevMiss,
    /// Narrower window around the playhead.
    ZoomIn,
    /// Wider window.
    ZoomOut,
    /// Earlier.
    PanLeft,
    /// Later.
    PanRight,
    /// The whole recording.
    Fit,
    /// Ask for a task's name.
    Find,
    /// Next stint of the task that was found.
    NextFound,
    /// The stint before.
    PrevFound,
    /// Ask for a time.
    Seek,
    /// Times by the recording's own clock, or since its start again.
    Clock,
    /// Set a mark at the playhead.
    Mark,
    /// To the first event.
    Start,
    /// To the last event.
    End,
    /// Another predictor in the prediction row.
    Row,
    /// A second prediction row, or none.
    Second,
    /// Ask whom the second prediction row shows.
    AskSecond,
    /// Next pane.
    Pane,
    /// More room for the panes, or none.
    Room,
    /// CPUs as lanes, in one row each, as a heat map.
    Shape,
    /// What a heat map is coloured by.
    Heat,
    /// What CPUs are sorted by.
    Sort,
    /// A row of its own for the task under the playhead, or none any more.
    Pin,
    /// The same for the tasks that were found.
    PinFound,
    /// Rows that say where it was crowded, or none.
    Crowd,
    /// Who ran between the marks, or no more.
    Between,
    /// Why the kernel chose, or no more.
    Kernel,
    /// The next pick that the rule does not explain.
    NextUnexplained,
    /// The one before.
    PrevUnexplained,
    /// Previous CPU, row or line.
    Up,
    /// Next CPU, row or line.
    Down,
    /// Eight CPUs or rows up.
    PageUp,
    /// Eight CPUs or rows down.
    PageDown,
    /// Open the selected trace.
    Open,
    /// Ask what to record.
    Record,
    /// To the next field of the dialog.
    NextField,
    /// To the field before.
    PrevField,
    /// Something of the Train screen.
    Train(Act),
    /// Something that only the Mistakes screen knows.
    Mistakes(Do),
    /// Something of a list with a filter.
    List(list::Do),
    /// Something of two recordings.
    Compare(compare::Do),
    /// To this screen.
    Tab(Tab),
    /// The tour.
    Tour,
    /// Its next stop.
    NextStop,
    /// Its stop before.
    PrevStop,
    /// Find a command.
    Palette,
    /// The menu of the start.
    Home,
    /// The results of the benchmark.
    Results,
    /// Open a recording that is somewhere.
    OpenFile,
    /// All keys.
    Help,
    /// One step back: close help, forget marks and search, stop.
    Back,
    /// Leave.
    Quit,
}
