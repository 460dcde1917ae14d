//! Keys of the Train screen.

use super::bind;
use crate::app::input::Key::{self, Char as C};
use crate::app::keys::{Action, Binding, TRAIN};
use crate::app::train::Act;

pub(super) const KEYS: &[Binding] = &[
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
];
