//! All that is measured unless something else is asked for: decisions, networks, reading, frames
//! and the list of mistakes.

use super::{Args, READINGS, RECORDINGS, decisions, laid_out, mistakes, quantiles, trunk};
use crate::cli::door::say;
use crate::cli::output;
use crate::dataset::catalog::{self, Catalog};
use crate::dataset::chunks::{Keep, Recording};
use crate::dataset::opening::StatedMachine;
use crate::predictor::dense::Network;
use crate::predictor::heuristics::{Heuristic, Rule};
use crate::predictor::networks::{Kind, ModelConfig};
use crate::predictor::stream::StreamEngine;
use crate::predictor::weights::Weights;
use crate::trace::Trace;
use crate::train::{self, Data, TrainConfig};
use crate::{export, ingest, job, ui};
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// Text that reading is measured on has at least so many bytes.
const TEXT: usize = 64 << 20;
/// Frames are measured on at least so many events.
const EVENTS: usize = 1_000_000;

/// Columns and rows of the terminal that frames are drawn for.
const SIZE: (u16, u16) = (200, 50);

/// Measures and prints.
pub fn measure(args: &Args) -> Result<()> {
    let traces = recordings()?;
    say!("koracle: measuring decisions");
    let model = crate::cli::model(args.model.as_deref())?;
    let mut result = answers(&traces, &model);
    if args.decisions {
        let text = decisions::text(&result);
        return if args.json { output::json(&result) } else { output::stdout(text.as_bytes()) };
    }
    say!("koracle: measuring networks");
    let few = |t: &&Trace| RECORDINGS[..2].contains(&&*t.meta().name);
    let few: Vec<_> = traces.iter().filter(few).collect();
    result["networks"] = networks(&few, args.train)?;
    say!("koracle: measuring reading");
    let (long, [ftrace, native]) = reading(&traces[0])?;
    (result["ingest"], result["ingest_native"]) = (ftrace, native);
    say!("koracle: measuring frames");
    let long = match &args.frames {
        Some(path) => output::open(path, &StatedMachine::default())?.trace,
        None => long,
    };
    let long = Arc::new(long);
    result["frame_us"] = frames(&long);
    say!("koracle: measuring mistakes");
    result["mistakes"] = mistakes::measure(&long, StreamEngine::new(&model, long.cpus()))?;
    if args.json { output::json(&result) } else { output::stdout(text(&result)?.as_bytes()) }
}

/// The bundled recordings that are measured on; at least one.
fn recordings() -> Result<Vec<Trace>> {
    let dir = catalog::bundled_dir().ok_or_else(|| eyre!(catalog::NOT_FOUND))?;
    let catalog = Catalog::load(&dir)?;
    let mut traces = Vec::new();
    for entry in catalog.entries.iter().filter(|e| RECORDINGS.contains(&e.name())) {
        traces.push(ingest::open(&catalog.path(entry))?.trace);
    }
    if traces.is_empty() {
        return Err(eyre!("none of {} is in {}", RECORDINGS.join(", "), dir.display()));
    }
    Ok(traces)
}

/// What an answer of the model costs, and its parts: the trunk, and the inputs without a network.
fn answers(traces: &[Trace], model: &Arc<Weights>) -> Value {
    let engine = |trace: &Trace| StreamEngine::new(model, trace.cpus());
    let (mut costs, mut tokens, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
    for trace in traces {
        costs.extend(decisions::costs(trace, engine(trace)));
        tokens.extend(trunk(trace, engine(trace)));
    }
    for trace in traces {
        inputs.extend(decisions::usual(trace, Heuristic::new(Rule::Fifo, 0)));
    }
    let mut result = json!({
        "trunk_ns_per_event": quantiles(tokens).0,
        "inputs_ns": quantiles(inputs).0,
        "model": { "config": model.config, "parameters": model.parameters() },
    });
    for (key, value) in decisions::report(&costs, model.config.kind.label()) {
        result[key] = value;
    }
    result
}

/// What each kind of network costs in its usual size: speed does not depend on what the numbers
/// are, so that one which is not bundled is measured untrained.
fn networks(traces: &[&Trace], train: bool) -> Result<Value> {
    let mut all = serde_json::Map::new();
    for kind in Kind::ALL {
        let bundled = Weights::bundled_of(kind).ok().filter(|w| w.config == ModelConfig::of(kind));
        let model = Arc::new(bundled.map_or_else(|| Network::fresh(ModelConfig::of(kind), 0), Ok)?);
        let (mut times, mut tokens) = (Vec::new(), Vec::new());
        for trace in traces {
            times.extend(decisions::usual(trace, StreamEngine::new(&model, trace.cpus())));
            tokens.extend(trunk(trace, StreamEngine::new(&model, trace.cpus())));
        }
        let mut of = json!({
            "parameters": model.parameters(),
            "trunk_ns_per_event": quantiles(tokens).0,
            "decision_ns_p50": quantiles(times).0,
        });
        if train {
            say!("koracle: measuring training of {}", kind.label());
            let training = traces.iter().map(|t| Recording::new(t, Keep::TRAINING)).collect();
            of["training_events_per_s"] =
                json!(training_speed(ModelConfig::of(kind), training)?.round());
        }
        all.insert(kind.label().to_owned(), of);
    }
    Ok(Value::Object(all))
}

/// Tokens per second, context included: of the steps of one epoch the median.
fn training_speed(model: ModelConfig, training: Vec<Recording>) -> Result<f64> {
    let (config, mut speeds) =
        (TrainConfig { epochs: 1, model, ..TrainConfig::default() }, Vec::new());
    let data = Data { training, validation: Vec::new() };
    let mut note = |p: train::Progress| {
        if p.stepped {
            speeds.push(p.figures.events_per_s);
        }
    };
    job::on_one_thread(|| train::run(&config, &data, &job::Cancel::new(), &mut note))??;
    speeds.sort_by(f64::total_cmp);
    Ok(speeds.get(speeds.len() / 2).copied().unwrap_or(0.0))
}

/// The same recording again and again, each copy after the one before, until there are `events`.
fn repeated(trace: &Trace, events: usize) -> Trace {
    laid_out(trace, events, 1)
}

/// Reading as ftrace's text and as our own table, of a recording repeated until it is long: that
/// one is given back.
fn reading(first: &Trace) -> Result<(Trace, [Value; 2])> {
    let mut text = Vec::new();
    export::ftrace_text(first, &mut text)?;
    let long = repeated(first, (first.len() * (TEXT / text.len().max(1) + 1)).max(EVENTS));
    text.clear();
    export::ftrace_text(&long, &mut text)?;
    let ftrace = read(&text, "ftrace")?;
    text.clear();
    export::csv_to(&long, &mut text)?;
    let native = job::on_one_thread(|| read(&text, "native csv"))??;
    Ok((long, [ftrace, native]))
}

fn read(bytes: &[u8], format: &str) -> Result<Value> {
    let (mut best, mut events) = (f64::INFINITY, 0);
    for _ in 0..READINGS {
        let copy = bytes.to_vec();
        let start = Instant::now();
        let opened = ingest::read(copy, format)?;
        best = best.min(start.elapsed().as_secs_f64());
        events = opened.trace.len();
    }
    Ok(json!({
        "format": format,
        "bytes": bytes.len(),
        "events": events,
        "threads": rayon::current_num_threads(),
        "mb_per_s": (bytes.len() as f64 / 1e6 / best).round(),
        "events_per_s": (events as f64 / best).round(),
    }))
}

/// Frames of the timeline, µs.
fn frames(trace: &Arc<Trace>) -> Value {
    let (p50, p99) = quantiles(ui::bench_frames(Arc::clone(trace), SIZE.0, SIZE.1));
    json!({
        "p50": p50 as f64 / 1e3,
        "p99": p99 as f64 / 1e3,
        "size": [SIZE.0, SIZE.1],
        "events": trace.len(),
    })
}

/// The same for people.
fn text(result: &Value) -> Result<String, std::fmt::Error> {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let (frame, found) = (&result["frame_us"], &result["mistakes"]);
    let mut text = format!(
        "{}ftrace      {} MB/s, {} events/s\nnative csv  {} MB/s, {} events/s\nframe       {:.0} \
         µs (p50), {:.0} µs (p99) at {}x{}\nmistakes    {} decisions of {:.0} bytes: a filter and \
         all sums {:.0} ms, sorted {:.0} ms, frame {:.0} µs (p99)\n",
        decisions::text(result),
        result["ingest"]["mb_per_s"],
        result["ingest"]["events_per_s"],
        result["ingest_native"]["mb_per_s"],
        result["ingest_native"]["events_per_s"],
        number(&frame["p50"]),
        number(&frame["p99"]),
        SIZE.0,
        SIZE.1,
        found["decisions"],
        number(&found["bytes_per_decision"]),
        number(&found["filter_and_sums_ms"]),
        number(&found["sort_ms"]),
        number(&found["frame_us"]["p99"]),
    );
    for (name, of) in result["networks"].as_object().into_iter().flatten() {
        let training = of["training_events_per_s"].as_f64();
        let training = training.map(|n| format!(", {n} events/s in training"));
        writeln!(
            text,
            "{name:<11} {} ns per event, {} ns per decision, {} parameters{}",
            of["trunk_ns_per_event"],
            of["decision_ns_p50"],
            of["parameters"],
            training.unwrap_or_default()
        )?;
    }
    Ok(text)
}
