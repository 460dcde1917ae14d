//! A network that is small enough to be trained in a test.

use kernel_oracle::predictor::networks::{Kind, ModelConfig};

/// A TCN of a few thousand numbers.
pub fn small() -> ModelConfig {
    ModelConfig {
        channels: 8,
        kernel: 2,
        blocks: 3,
        hidden: 16,
        hidden2: 8,
        forecast: 16,
        forecast2: 8,
        ..ModelConfig::of(Kind::Tcn)
    }
}

/// On one thread, so that sums are always added up in the same order.
pub fn one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}
