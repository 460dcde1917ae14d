//! `koracle record` and `koracle workloads`: a workload under ftrace, here or over SSH, as a native
//! recording.

use super::door::{self, say};
use super::output;
use crate::export::ExportError;
use crate::job::{Cancel, Job};
use crate::record::claim::Claim;
use crate::record::keep::{self, Kept};
use crate::record::request::{self, Settings, What};
use crate::record::workloads::{self, Workload};
use crate::record::{
    self, Plan, Progress, Rate, RecordError, Recorded, Stage, Stop, Target, hosts,
};
use crate::trace::TruthMeta;
use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use color_eyre::eyre::{Result, WrapErr, eyre};
use indicatif::{HumanBytes, HumanCount};
use signal_hook::iterator::Signals;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Who leaves at once gives the connection so long to be cut.
const LEAVE: Duration = Duration::from_millis(500);

/// Options of `record`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["local", "host", "hosts"]))]
#[command(group = clap::ArgGroup::new("what").args(["workload", "command", "hosts"]))]
pub struct RecordArgs {
    /// List the machines that are known, with their state, and record nothing: those of
    /// `koracle vm`, of the Vagrantfile in this folder, of your ssh configuration.
    #[arg(long, exclusive = true)]
    hosts: bool,
    /// Record this machine; needs root.
    #[arg(long)]
    local: bool,
    /// Record this machine through ssh, as root there or with sudo: a running machine of
    /// `koracle vm` (cfs, eevdf) or of the Vagrantfile in this folder, or any name that ssh knows.
    #[arg(long, value_name = "H", value_hint = ValueHint::Hostname)]
    host: Option<String>,
    /// Another configuration for ssh, e.g. what `vagrant ssh-config` prints.
    #[arg(short = 'F', long, value_name = "SSH_CONFIG", value_hint = ValueHint::FilePath, requires = "host", conflicts_with = "local")]
    ssh_config: Option<PathBuf>,
    /// A workload of the catalog; `koracle workloads` lists them.
    #[arg(long, value_name = "NAME", value_parser = workload(), hide_possible_values = true)]
    workload: Option<&'static Workload>,
    /// The longest the workload may run; 5 without. With neither a workload nor a command: record
    /// what happens for so long.
    #[arg(long, value_name = "S", value_parser = super::values::whole::<u32>(limits(&request::SECONDS)))]
    seconds: Option<u32>,
    /// Ring buffer of each CPU.
    #[arg(long, value_name = "KB", default_value_t = Settings::default().buffer_kb, value_parser = super::values::whole::<u32>(limits(&request::BUFFER_KB)))]
    buffer: u32,
    #[command(flatten)]
    events: Events,
    /// `NAME.csv.zst`, with `NAME.toml` beside it; without it `WORKLOAD_runN.csv.zst` here.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Record over a recording, and over a file that is something else and has the name of the
    /// metadata.
    #[arg(long, requires = "output")]
    force: bool,
    /// A command of your own instead of a workload.
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<String>,
}

/// What is recorded beyond the usual.
#[derive(Debug, clap::Args)]
struct Events {
    /// Record `sched_stat_runtime` too.
    #[arg(long)]
    runtime: bool,
    /// Record `sched_waking` too.
    #[arg(long)]
    waking: bool,
    /// Record the kernel's own state at each switch too: virtual run times, deadlines, lag, sums of
    /// the queues. The recorded machine needs bpftrace and a kernel with BTF.
    #[arg(long)]
    truth: bool,
}

/// Limits of a setting, which the form has too.
fn limits(of: &RangeInclusive<i64>) -> RangeInclusive<u64> {
    of.start().unsigned_abs()..=of.end().unsigned_abs()
}

fn workload() -> impl TypedValueParser<Value = &'static Workload> {
    let names = PossibleValuesParser::new(workloads::ALL.iter().map(|w| w.name));
    names.try_map(|name| workloads::find(&name).ok_or("no such workload"))
}

impl RecordArgs {
    fn plan(&self) -> Result<Plan> {
        let target = match &self.host {
            None => Target::Local,
            Some(host) if self.ssh_config.is_none() => {
                hosts::resolve(host, Path::new("."), &Cancel::new())?
            }
            Some(host) => Target::Ssh { host: host.clone(), config: self.ssh_config.clone() },
        };
        let what = match (self.workload, &self.command[..], self.seconds) {
            (Some(workload), ..) => What::Workload(workload),
            (None, [], Some(_)) => What::Anything,
            (None, [], None) => {
                let ways = "--workload NAME (`koracle workloads` lists them), -- CMD, or --seconds \
                            S for what happens anyway";
                return Err(super::wrong(format!("what is to be recorded? {ways}")));
            }
            (None, command, _) => What::Command(command.to_vec()),
        };
        let (seconds, buffer_kb) =
            (self.seconds.unwrap_or(Settings::default().seconds), self.buffer);
        let &Events { runtime, waking, truth } = &self.events;
        Ok(Plan::new(target, &what, Settings { seconds, buffer_kb, runtime, waking, truth }))
    }
}

/// Runs `record`.
pub fn record(args: &RecordArgs) -> Result<()> {
    if args.hosts {
        return hosts();
    }
    let plan = args.plan()?;
    // Said before minutes of recording, not after.
    let claim = claim(args, &plan.workload)?;
    let path = claim.path();
    let plan = plan
        .named(path, claim.run())
        .ok_or_else(|| eyre!("{}: a recording's name ends in .csv.zst", path.display()))?;
    let (stop, signal) = (Stop::new(), Arc::new(AtomicI32::new(0)));
    stop_on_signals(&stop, &signal)?;
    let recorded = follow(&plan, &stop);
    if stop.leaving() {
        output::end(signal.load(Ordering::Relaxed));
    }
    let recorded = recorded?;
    for note in &recorded.notes {
        say!("koracle: {}: {note}", plan.target);
    }
    if recorded.pages.skipped > 0 {
        let first = recorded.pages.bad.first().map(ToString::to_string).unwrap_or_default();
        say!("koracle: warning: {} damaged pages; first: {first}", recorded.pages.skipped);
    }
    let kept = keep::save(&recorded.trace, path, args.force)?;
    summary(&recorded, &kept);
    let mut problems = Vec::new();
    // What a load does until it fails is a recording too, but not the one that was asked for.
    if let Some(status) = recorded.failed() {
        let log =
            if recorded.log.is_empty() { String::new() } else { format!(": {}", recorded.log) };
        problems.push(format!(
            "the workload failed with status {status}{log}; {} is kept",
            kept.path.display()
        ));
    }
    if let Some(why) = &recorded.broken {
        let path = kept.path.display();
        problems.push(format!(
            "the connection to {} broke before the workload's end ({why}); {path} has what came",
            plan.target
        ));
    }
    problems.extend(kept.moved);
    if problems.is_empty() { Ok(()) } else { Err(eyre!("{}", problems.join("; "))) }
}

/// The file of the recording: nobody else's until this program ends, and it can be written.
fn claim(args: &RecordArgs, workload: &str) -> Result<Claim> {
    let claim = match &args.output {
        Some(path) => {
            if !args.force && path.is_file() {
                return Err(super::wrong(format!(
                    "{}: a file of this name is there; choose another one, or say --force to \
                     record over it",
                    path.display()
                )));
            }
            keep::check(path, args.force).map_err(as_usage)?;
            let claim = Claim::of(path).wrap_err_with(|| path.display().to_string())?;
            claim.ok_or_else(|| {
                eyre!("{}: another recorder is recording into this file", path.display())
            })?
        }
        None => Claim::free(Path::new(""), workload)
            .wrap_err("the current folder")?
            .ok_or_else(|| eyre!("no free name for a recording of {workload} here"))?,
    };
    if args.output.is_none() {
        keep::check(claim.path(), false)?;
    }
    Ok(claim)
}

/// A name that no recording can have is a wrong argument.
fn as_usage(error: ExportError) -> color_eyre::Report {
    if matches!(error, ExportError::Name(_)) { super::wrong(error) } else { error.into() }
}

/// A first signal ends the workload and what came is kept; with a second one the program leaves at
/// once.
fn stop_on_signals(stop: &Stop, last: &Arc<AtomicI32>) -> Result<()> {
    let mut signals = Signals::new(output::endings())?;
    let (stop, last) = (stop.clone(), Arc::clone(last));
    let wait = move |_: &_| {
        for signal in signals.forever() {
            last.store(signal, Ordering::Relaxed);
            stop.ask();
            if stop.leaving() {
                // Whatever the rest of the program is at; most often it leaves before.
                std::thread::sleep(LEAVE);
                output::end(signal);
            }
        }
    };
    // It waits for as long as the program runs: nobody has to cancel it.
    drop(Job::spawn("signals", wait, |_| {}));
    Ok(())
}

/// Records and shows how far it is.
fn follow(plan: &Plan, stop: &Stop) -> Result<Recorded, RecordError> {
    let bar = door::spinner();
    let mut rate = Rate::default();
    let recorded = record::record(plan, stop, &mut |p| {
        door::message(&bar, &line(p, rate.of(p), stop.is_asked()));
        bar.tick();
    });
    bar.finish_and_clear();
    recorded
}

/// Says what was recorded.
fn summary(recorded: &Recorded, kept: &Kept) {
    let (trace, lost) = (&recorded.trace, output::lost(&recorded.trace));
    say!(
        "{}: {} in {:.2} s on {}, {lost} lost; {} of pages, {:.1} bytes an event; {} on disk",
        kept.path.display(),
        output::count(trace.len() as u64, "event"),
        trace.span().secs(),
        output::count(trace.cpus() as u64, "CPU"),
        HumanBytes(recorded.pages.bytes),
        recorded.pages.bytes as f64 / trace.len().max(1) as f64,
        HumanBytes(kept.bytes)
    );
    if let Some(truth) = &trace.meta().truth {
        say!("{}", joined(truth));
    }
    if lost > 0 {
        let full: Vec<String> =
            (0..).zip(&trace.meta().lost).map(|(cpu, n)| format!("CPU{cpu} {n}")).collect();
        say!("koracle: warning: the buffers were too small (--buffer); lost: {}", full.join(", "));
    }
}

/// `truth: 45,120 of 45,131 switches joined (99.976 %), at most 2.1 us apart; ...`
fn joined(truth: &TruthMeta) -> String {
    let mut text = format!(
        "truth: {} of {} switches joined ({:.3} %), at most {:.1} us apart",
        HumanCount(truth.joined),
        HumanCount(truth.switches),
        100.0 * truth.share(),
        truth.apart_ns as f64 / 1e3
    );
    for (n, what) in
        [(truth.lost, "the probe had no room for"), (truth.unmatched, "states without a switch:")]
    {
        if n > 0 {
            let _ = write!(text, "; {what} {}", HumanCount(n)); // a String takes all
        }
    }
    if !truth.missing.is_empty() {
        let _ = write!(text, "; this kernel has no {}", truth.missing.join(", ")); // a String takes all
    }
    text
}

/// `recording 1.2 of 5.0 s 85,000 events/s 3.1 MiB fetched CPU0 12 % full CPU1 9 % full, 17 lost`
fn line(p: &Progress, rate: Option<f64>, stopping: bool) -> String {
    let mut text = p.stage.label().to_owned();
    if stopping {
        text += ", then ends (once more: leave at once)";
    }
    match p.stage {
        Stage::Connecting => {}
        Stage::Probing => text += &["  ", p.guest.as_str()].concat(),
        _ => {
            // A String takes all.
            let _ =
                write!(text, "  {:.1} of {:.1} s", p.elapsed.as_secs_f64(), p.limit.as_secs_f64());
            if let Some(rate) = rate.filter(|_| p.stage == Stage::Recording) {
                let _ = write!(text, "  {} events/s", HumanCount(rate as u64));
            }
            let _ = write!(text, "  {} fetched", HumanBytes(p.bytes));
            for c in p.cpus.iter().take(8) {
                let _ = write!(text, "  CPU{} {} % full", c.cpu, c.waiting * 100 / c.buffer.max(1));
                if c.lost > 0 {
                    let _ = write!(text, ", {} lost", HumanCount(c.lost));
                }
            }
        }
    }
    text
}

fn hosts() -> Result<()> {
    let known = hosts::list(Path::new("."), &Cancel::new());
    let mut text = String::new();
    for host in known.hosts {
        let start = host.start().map_or_else(String::new, |command| format!("{command} starts it"));
        let line = format!(
            "{:<30} {:<10}  {:<11}  {start}",
            host.name,
            host.from.label(),
            host.standing()
        );
        let _ = writeln!(text, "{}", line.trim_end()); // a String takes all
    }
    output::stdout(text.as_bytes())?;
    for note in known.notes {
        say!("koracle: {note}");
    }
    Ok(())
}

/// Runs `workloads`.
pub fn list() -> Result<()> {
    let mut text = String::new();
    for w in workloads::ALL {
        let packages: Vec<&str> = w.needs.iter().map(|n| n.1).collect();
        let packages = if packages.is_empty() { "-".to_owned() } else { packages.join(", ") };
        let _ = writeln!(text, "{:<22} {:<17} {:<28} {}", w.name, w.category, packages, w.about); // a String takes all
        for line in w.script.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    output::stdout(text.as_bytes())
}
