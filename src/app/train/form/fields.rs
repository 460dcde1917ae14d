//! The fields of the form, each with one line about it.

/// A setting of the form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As in [`crate::train::TrainConfig`]: errors name it.
    pub setting: &'static str,
    /// As shown.
    pub label: &'static str,
    /// One line about it.
    pub help: &'static str,
}

const fn field(setting: &'static str, label: &'static str, help: &'static str) -> Field {
    Field { setting, label, help }
}

/// About the blocks of a TCN.
const BLOCKS: &str = "residual blocks; each doubles how far back the network sees";

/// All fields, what is changed most often first.
pub const FIELDS: [Field; 24] = [
    field(
        "kind",
        "model",
        "tcn sees a stretch of events, lstm remembers, mlp sees the last one (← →)",
    ),
    field(
        "only",
        "train on",
        "categories (← →, Tab completes), commas between; empty: all of the bundled",
    ),
    field(
        "hold_out",
        "hold out",
        "categories and machines kept unseen (← →, Tab completes), with commas between",
    ),
    field("epochs", "epochs", "passes over the training recordings"),
    field(
        "learning_rate",
        "learning rate",
        "the highest step size; too high diverges, too low learns nothing",
    ),
    field(
        "schedule",
        "schedule",
        "how the rate changes over the run: one-cycle, cosine, constant (← → chooses)",
    ),
    field(
        "forecast_weight",
        "forecast weight",
        "weight of the forecast's loss beside the pick's; 0: picks only",
    ),
    field("channels", "channels", "width of the trunk: numbers remembered per event"),
    field("kernel", "kernel", "taps per convolution, 2 to 8"),
    field("blocks", "blocks", BLOCKS),
    field("hidden", "pick head", "width of the layer that compares candidates of a pick"),
    field("hidden2", "second layer", "width of its second layer; 0: none"),
    field("forecast", "forecast head", "width of the layer that compares candidates of a forecast"),
    field("forecast2", "its second layer", "width of its second layer; 0: none"),
    field(
        "adapt",
        "learns on",
        "on: its last layer goes on learning while it answers; off: it is fixed (← →)",
    ),
    field("chunk", "chunk length", "scored events of one CPU in a row; the context comes on top"),
    field("batch", "batch", "chunks per step"),
    field("weight_decay", "weight decay", "how strongly weights are pulled to zero"),
    field("clip", "gradient clip", "gradients are cut at this norm, tensor by tensor"),
    field(
        "patience",
        "patience",
        "ends after so many epochs without a better validation; 0: never",
    ),
    field("seed", "seed", "the same seed gives the same run, bit for bit"),
    field("device", "device", "cpu; cuda or wgpu if the program was built with it; :N chooses one"),
    field(
        "kernels",
        "kernels",
        "releases that recordings may be of, by their beginnings; empty: all",
    ),
    field("traces", "recordings", "a folder with a catalog.toml; empty: the bundled recordings"),
];
