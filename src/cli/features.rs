//! `koracle features`: the inputs of every question of a recording, who the candidates were and who
//! came in, as arrays for `numpy.load`.

use super::output;
use crate::dataset::arrays::Arrays;
use crate::ingest;
use crate::job::Cancel;
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use std::path::PathBuf;

/// Options of `features`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    trace: PathBuf,
    /// The archive, for `numpy.load`, with a name that ends in .npz; `-` writes to standard output.
    #[arg(short, long, value_name = "OUT.npz", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// Walks the recording and writes.
pub fn run(args: &Args) -> Result<()> {
    output::differ(&[&args.trace, &ingest::meta_path(&args.trace)], &[&args.output])?;
    output::named(&args.output, "npz", "an archive for numpy.load")?;
    let trace = output::open(&args.trace, &args.machine.told())?.trace;
    let bar = output::progress(trace.len() as u64, "walking");
    let arrays = Arrays::of(&trace, &Cancel::new(), &mut |n| bar.inc(n))?
        .ok_or_else(|| eyre!("cancelled"))?;
    bar.finish_and_clear();
    let [picks, forecasts] = arrays.questions().map(|n| n as u64);
    output::write_recording(&args.output, |out| Ok(arrays.write(out)?))?;
    let counted = |n, what| output::count(n, what);
    super::door::say!(
        "koracle: {} and {}",
        counted(picks, "decision"),
        counted(forecasts, "forecast")
    );
    Ok(())
}
