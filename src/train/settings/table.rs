//! The table of settings, by what they are about.

use super::{At, Field, Limits, Setting, Usual};

/// How a value is reached.
macro_rules! at {
    ($($part:ident).+) => {
        At { get: |config| &config.$($part).+, get_mut: |config| &mut config.$($part).+ }
    };
}

const fn field(place: u8, label: &'static str, help: &'static str) -> Field {
    Field { place, label, help }
}

/// What it learns from.
pub static RECORDINGS: [Setting; 3] = [
    Setting {
        name: "only",
        option: "only",
        placeholder: "CATEGORY",
        help: "Train on this category only (may be repeated)",
        usual: Usual::InWords,
        field: Some(field(
            1,
            "train on",
            "categories (← →, Tab completes), commas between; empty: all of the bundled",
        )),
        limits: Limits::None,
        value: at!(only),
    },
    Setting {
        name: "hold_out",
        option: "hold-out",
        placeholder: "CATEGORY",
        help: "Leave this category or machine (e.g. 6.12x8) out of training and validation (may be \
               repeated)",
        usual: Usual::InWords,
        field: Some(field(
            2,
            "hold out",
            "categories and machines kept unseen (← →, Tab completes), with commas between",
        )),
        limits: Limits::None,
        value: at!(hold_out),
    },
    Setting {
        name: "kernels",
        option: "kernel",
        placeholder: "KERNEL",
        help: "Train on recordings of this kernel only, e.g. 6.18 or EEVDF (may be repeated)",
        usual: Usual::InWords,
        field: Some(field(
            22,
            "kernel",
            "releases that recordings may be of, by their beginnings; empty: all",
        )),
        limits: Limits::None,
        value: at!(kernels),
    },
];

/// How it learns.
pub static COURSE: [Setting; 11] = [
    Setting {
        name: "epochs",
        option: "epochs",
        placeholder: "EPOCHS",
        help: "Passes over the data",
        usual: Usual::Stated,
        field: Some(field(3, "epochs", "passes over the training recordings")),
        limits: Limits::Whole(|_| (1, 10_000)),
        value: at!(epochs),
    },
    Setting {
        name: "patience",
        option: "patience",
        placeholder: "PATIENCE",
        help: "End after so many epochs without a better validation; 0: never",
        usual: Usual::Stated,
        field: Some(field(
            19,
            "patience",
            "ends after so many epochs without a better validation; 0: never",
        )),
        limits: Limits::Whole(|_| (0, 10_000)),
        value: at!(patience),
    },
    Setting {
        name: "seed",
        option: "seed",
        placeholder: "SEED",
        help: "Seed of weights and order: on the CPU the same seed gives the same bits",
        usual: Usual::Stated,
        field: Some(field(20, "seed", "the same seed gives the same run, bit for bit")),
        limits: Limits::None,
        value: at!(seed),
    },
    Setting {
        name: "learning_rate",
        option: "lr",
        placeholder: "LR",
        help: "Peak learning rate",
        usual: Usual::Stated,
        field: Some(field(
            4,
            "learning rate",
            "the highest step size; too high diverges, too low learns nothing",
        )),
        limits: Limits::Positive,
        value: at!(learning_rate),
    },
    Setting {
        name: "schedule",
        option: "schedule",
        placeholder: "SCHEDULE",
        help: "How the learning rate changes: one-cycle, cosine or constant",
        usual: Usual::Stated,
        field: Some(field(
            5,
            "schedule",
            "how the rate changes over the run: one-cycle, cosine, constant (← → chooses)",
        )),
        limits: Limits::None,
        value: at!(schedule),
    },
    Setting {
        name: "weight_decay",
        option: "weight-decay",
        placeholder: "WEIGHT_DECAY",
        help: "How strongly weights are pulled to zero",
        usual: Usual::Stated,
        field: Some(field(17, "weight decay", "how strongly weights are pulled to zero")),
        limits: Limits::NotNegative,
        value: at!(weight_decay),
    },
    Setting {
        name: "clip",
        option: "clip",
        placeholder: "CLIP",
        help: "Gradients are cut at this norm, tensor by tensor",
        usual: Usual::Stated,
        field: Some(field(18, "gradient clip", "gradients are cut at this norm, tensor by tensor")),
        limits: Limits::Positive,
        value: at!(clip),
    },
    Setting {
        name: "balance",
        option: "balance",
        placeholder: "on|off",
        help: "Whether small workloads weigh more than their share of the decisions, so that large \
               ones do not drown them",
        usual: Usual::Stated,
        field: None,
        limits: Limits::None,
        value: at!(balance),
    },
    Setting {
        name: "forecast_weight",
        option: "forecast-weight",
        placeholder: "FORECAST_WEIGHT",
        help: "Weight of the forecast's loss beside the pick's; 0: picks only",
        usual: Usual::Stated,
        field: Some(field(
            6,
            "forecast weight",
            "weight of the forecast's loss beside the pick's; 0: picks only",
        )),
        limits: Limits::NotNegative,
        value: at!(forecast_weight),
    },
    Setting {
        name: "batch",
        option: "batch",
        placeholder: "BATCH",
        help: "Chunks per step",
        usual: Usual::Stated,
        field: Some(field(16, "batch", "chunks per step")),
        limits: Limits::Whole(|_| (1, 256)),
        value: at!(batch),
    },
    Setting {
        name: "chunk",
        option: "chunk",
        placeholder: "CHUNK",
        help: "Scored tokens in a chunk",
        usual: Usual::Stated,
        field: Some(field(
            15,
            "chunk length",
            "scored events of one CPU in a row; the context comes on top",
        )),
        limits: Limits::Whole(|_| (16, 16_384)),
        value: at!(chunk),
    },
];

/// The network; its kind comes before its sizes.
pub static NETWORK: [Setting; 9] = [
    Setting {
        name: "kind",
        option: "model",
        placeholder: "KIND",
        help: "What turns the events into a state: tcn, lstm, or mlp (the last event only, no \
               sequence)",
        usual: Usual::Stated,
        field: Some(field(
            0,
            "model",
            "tcn sees a stretch of events, lstm remembers, mlp sees the last one (← →)",
        )),
        limits: Limits::None,
        value: at!(model),
    },
    Setting {
        name: "channels",
        option: "channels",
        placeholder: "CHANNELS",
        help: "Width of the trunk; 32, for an LSTM 48",
        usual: Usual::OfKind,
        field: Some(field(7, "channels", "width of the trunk: numbers remembered per event")),
        limits: Limits::Whole(|_| (1, 512)),
        value: at!(model.channels),
    },
    Setting {
        name: "kernel",
        option: "taps",
        placeholder: "TAPS",
        help: "Taps per convolution of a TCN; 3",
        usual: Usual::OfKind,
        field: Some(field(8, "taps", "taps per convolution, 2 to 8")),
        limits: Limits::Whole(|kind| kind.trained()[0]),
        value: at!(model.kernel),
    },
    Setting {
        name: "blocks",
        option: "blocks",
        placeholder: "BLOCKS",
        help: "Residual blocks of a TCN, block i looks back in steps of 2^i; 3. Layers of an LSTM; \
               1",
        usual: Usual::OfKind,
        field: Some(field(
            9,
            "blocks",
            "residual blocks; each doubles how far back the network sees",
        )),
        limits: Limits::Whole(|kind| kind.trained()[1]),
        value: at!(model.blocks),
    },
    Setting {
        name: "hidden",
        option: "hidden",
        placeholder: "HIDDEN",
        help: "Width of the pick head",
        usual: Usual::Stated,
        field: Some(field(
            10,
            "pick head",
            "width of the layer that compares candidates of a pick",
        )),
        limits: Limits::Whole(|_| (1, 512)),
        value: at!(model.hidden),
    },
    Setting {
        name: "hidden2",
        option: "hidden2",
        placeholder: "HIDDEN2",
        help: "Width of the pick head's second layer; 0: none",
        usual: Usual::Stated,
        field: Some(field(11, "second layer", "width of its second layer; 0: none")),
        limits: Limits::Whole(|_| (0, 512)),
        value: at!(model.hidden2),
    },
    Setting {
        name: "forecast",
        option: "forecast",
        placeholder: "FORECAST",
        help: "Width of the forecast head",
        usual: Usual::Stated,
        field: Some(field(
            12,
            "forecast head",
            "width of the layer that compares candidates of a forecast",
        )),
        limits: Limits::Whole(|_| (1, 512)),
        value: at!(model.forecast),
    },
    Setting {
        name: "forecast2",
        option: "forecast2",
        placeholder: "FORECAST2",
        help: "Width of the forecast head's second layer; 0: none",
        usual: Usual::Stated,
        field: Some(field(13, "its second layer", "width of its second layer; 0: none")),
        limits: Limits::Whole(|_| (0, 512)),
        value: at!(model.forecast2),
    },
    Setting {
        name: "adapt",
        option: "adapt",
        placeholder: "on|off",
        help: "Whether the network goes on learning from outcomes while it answers; without, as \
               the kind of network has it: on for all three",
        usual: Usual::OfKind,
        field: Some(field(
            14,
            "learns on",
            "on: its last layer goes on learning while it answers; off: it is fixed (← →)",
        )),
        limits: Limits::None,
        value: at!(model.adapt),
    },
];

/// Where it computes.
pub static DEVICE: [Setting; 1] = [Setting {
    name: "device",
    option: "device",
    placeholder: "DEVICE",
    help: "Where to compute: cpu, cuda, cuda:N, wgpu or wgpu:N; cuda and wgpu where the \
               program was built with that feature. Without it cpu, or for a resumed run the \
               device that it began on",
    usual: Usual::InWords,
    field: Some(field(
        21,
        "device",
        "cpu; cuda or wgpu if the program was built with it; :N chooses one",
    )),
    limits: Limits::None,
    value: at!(device),
}];

/// Where the recordings are.
pub static FOLDER: [Setting; 1] = [Setting {
    name: "traces",
    option: "traces",
    placeholder: "DIR",
    help: "Folder of recordings with a `catalog.toml` that says the splits; without it, the \
               bundled ones",
    usual: Usual::InWords,
    field: Some(field(
        23,
        "recordings",
        "a folder with a catalog.toml; empty: the bundled recordings",
    )),
    limits: Limits::None,
    value: at!(traces),
}];
