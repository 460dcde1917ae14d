//! How much warm-up answers about a window need to be those of the walk from the start, and how
//! long they take.

use crate::driver;
use crate::evaluate::overlay::{self, Prediction, Stretch};
use crate::job::{self, Cancel};
use crate::trace::{CpuId, Trace};
use color_eyre::eyre::Result;
use serde_json::{Value, json};
use std::time::Instant;

/// Warm-ups that are tried, in events.
const WARM: [usize; 7] = [0, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000];
/// Windows over the second half of the recording, and events of each.
const WINDOWS: usize = 12;
const EVENTS: usize = 2_000;

/// Same answers and right ones, of the picks and forecasts that count.
#[derive(Default)]
struct Counted {
    asked: [u32; 2],
    same: [u32; 2],
    /// By the walk from the start, by the one that begins near.
    right: [[u32; 2]; 2],
}

impl Counted {
    fn add(&mut self, whole: &Prediction, near: &Prediction) {
        let asked = [!whole.trivial && whole.pick.p > 0.0, whole.forecast.p > 0.0];
        for (i, (a, b)) in
            [(whole.pick, near.pick), (whole.forecast, near.forecast)].into_iter().enumerate()
        {
            if asked[i] {
                self.asked[i] += 1;
                self.same[i] += u32::from(a.thread == b.thread);
                self.right[i][0] += u32::from(a.rank == 1);
                self.right[i][1] += u32::from(b.rank == 1);
            }
        }
    }

    fn share(&self, of: impl Fn(usize) -> u32) -> [f64; 2] {
        [0, 1].map(|i| f64::from(of(i)) / f64::from(self.asked[i].max(1)))
    }
}

/// For each warm-up: how long the slowest window took, shares of picks and forecasts with the same
/// answer, and of right ones. `null` for a recording without room for windows, or without a model.
pub fn measure(trace: &Trace) -> Result<Value> {
    let Ok((engine, _)) = driver::bundled_engine(trace) else { return Ok(Value::Null) };
    if trace.len() < 2 * WINDOWS * EVENTS {
        return Ok(Value::Null);
    }
    let mut whole: Vec<Vec<Prediction>> = vec![Vec::new(); trace.cpus()];
    overlay::run(trace, engine.clone(), &Cancel::new(), &mut |chunk| {
        whole.iter_mut().zip(chunk.per_cpu).for_each(|(all, new)| all.extend(new));
    })?;
    let half = trace.len() / 2;
    let windows = (0..WINDOWS).map(|i| half + (half - EVENTS) * i / (WINDOWS - 1));
    let windows: Vec<_> = windows.map(|start| start..start + EVENTS).collect();
    let mut rows = Vec::new();
    for warm in WARM {
        let (mut counted, mut slowest) = (Counted::default(), 0.0_f64);
        for events in &windows {
            let (engine, start) = (engine.clone(), Instant::now());
            let near: Stretch = job::on_one_thread(|| {
                overlay::early(trace, engine, events.clone(), warm, &Cancel::new())
            })??;
            slowest = slowest.max(start.elapsed().as_secs_f64() * 1e3);
            for (cpu, (first, near)) in near.per_cpu.iter().enumerate() {
                debug_assert!(first + near.len() <= trace.cpu_switches(CpuId(cpu as u16)).len());
                whole[cpu][*first..]
                    .iter()
                    .zip(near)
                    .for_each(|(whole, near)| counted.add(whole, near));
            }
        }
        rows.push(json!({
            "warm_events": warm, "slowest_ms": slowest, "same": counted.share(|i| counted.same[i]),
            "right_whole": counted.share(|i| counted.right[i][0]), "right_early": counted.share(|i| counted.right[i][1]),
        }));
    }
    Ok(json!(rows))
}
