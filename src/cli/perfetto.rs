//! What `koracle export --format perfetto` shows beside the events: predictions, misses and queue
//! lengths.

use super::door::say;
use super::output;
use crate::evaluate::overlay::{self, Chunk, Prediction};
use crate::export::perfetto::{Answer, Perfetto, What};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::sched::lengths::Lengths;
use crate::trace::{CpuId, EventKind, Nanos, ThreadIx, Trace};
use color_eyre::eyre::Result;
use std::io::Write;

/// Writes the events of `trace` and what `engine`, called `name`, predicts of them.
pub fn write<E: Predictor + Clone>(
    trace: &Trace,
    name: &str,
    engine: E,
    out: &mut dyn Write,
) -> Result<()> {
    let mut to = Perfetto::new(trace, out)?;
    to.tracks(name)?;
    let mut lengths = trace.knows_queues().then(|| Lengths::of(trace));
    let bar = output::progress(trace.len() as u64, "predicting");
    let cancel = Cancel::new();
    let (mut start, mut failed) = (0, None);
    let _ = overlay::once(trace, engine, &cancel, &mut |chunk: Chunk| {
        bar.set_position(chunk.end as u64);
        if let Err(e) = write_chunk(trace, start, &chunk, lengths.as_mut(), &mut to) {
            failed.get_or_insert(e);
            cancel.cancel();
        }
        start = chunk.end;
    });
    bar.finish_and_clear();
    if let Some(e) = failed {
        return Err(e.into());
    }
    let left = to.finish()?;
    if left.runtimes > 0 {
        say!("koracle: {} left out: Perfetto has none", output::count(left.runtimes, "run time"));
    }
    if left.states > 0 {
        let states = output::count(left.states, "task state");
        say!("koracle: {states} written as the nearest that Perfetto has");
    }
    Ok(())
}

fn write_chunk<W: Write>(
    trace: &Trace,
    start: usize,
    chunk: &Chunk,
    mut lengths: Option<&mut Lengths>,
    to: &mut Perfetto<'_, W>,
) -> std::io::Result<()> {
    to.events(chunk.end)?;
    if start == 0 && lengths.is_some() {
        (0..trace.cpus()).try_for_each(|cpu| to.queue(CpuId(cpu as u16), Nanos(0), 0))?;
    }
    let mut next: Vec<_> = chunk.per_cpu.iter().map(|p| p.iter()).collect();
    for i in start..chunk.end {
        let e = trace.event(i);
        if let Some(lengths) = &mut lengths {
            let mut result = Ok(());
            lengths.step(trace, i, |cpu, length| {
                if result.is_ok() {
                    result = to.queue(cpu, e.time, length);
                }
            });
            result?;
        }
        if e.kind != EventKind::Switch {
            continue;
        }
        let Some(p) = next[e.cpu.ix()].next() else { continue };
        answer(trace, i, p, to)?;
    }
    Ok(())
}

fn answer<W: Write>(
    trace: &Trace,
    i: usize,
    p: &Prediction,
    to: &mut Perfetto<'_, W>,
) -> std::io::Result<()> {
    let e = trace.event(i);
    let what = match p {
        _ if p.pick.thread == ThreadIx::NONE => What::Unknown,
        _ if p.trivial => What::Trivial,
        _ if p.pick.rank == 1 => What::Hit,
        _ => What::Miss,
    };
    to.answer(&Answer {
        cpu: e.cpu,
        from: e.time,
        to: end(trace, e.cpu, i),
        name: &trace.label_at(p.pick.thread, i),
        real: &trace.label_at(p.real, i),
        what,
        p: p.pick.p,
        queue: p.queue,
    })
}

/// Until when who came in at switch `i` is known to run: the next switch, or where the recording
/// knows nothing any more.
fn end(trace: &Trace, cpu: CpuId, i: usize) -> Nanos {
    let switches = trace.cpu_switches(cpu);
    let after = switches.partition_point(|&s| s as usize <= i);
    let next = switches.get(after).map_or(trace.span(), |&s| trace.time(s as usize));
    let unknown = trace.unknown(cpu);
    let from = trace.time(i);
    let cut = unknown.get(unknown.partition_point(|u| u.0 < from)).map_or(next, |u| u.0);
    next.min(cut)
}
