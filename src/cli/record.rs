//! `koracle record` and `koracle workloads`: a workload under ftrace, here or over SSH, as a native recording.

use super::output;
use crate::export;
use crate::job::Cancel;
use crate::record::request::{self, Settings, What};
use crate::record::workloads::{self, Workload};
use crate::record::{self, Plan, Progress, Rate, Stage, Target, hosts};
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of `record`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["local", "host", "hosts"]))]
#[command(group = clap::ArgGroup::new("what").required(true).args(["workload", "command", "hosts"]))]
pub struct RecordArgs {
    /// List the machines that vagrant runs here and that the ssh configuration names, and record nothing.
    #[arg(long, exclusive = true)]
    hosts: bool,
    /// Record this machine; needs root.
    #[arg(long)]
    local: bool,
    /// Record this machine through ssh, as root there or with sudo: a name that ssh knows, or a running machine of the
    /// Vagrantfile in this folder.
    #[arg(long, value_name = "H", value_hint = ValueHint::Hostname)]
    host: Option<String>,
    /// Another configuration for ssh, e.g. what `vagrant ssh-config` prints.
    #[arg(short = 'F', long, value_name = "SSH_CONFIG", value_hint = ValueHint::FilePath, requires = "host")]
    ssh_config: Option<PathBuf>,
    /// A workload of the catalog; `koracle workloads` lists them.
    #[arg(long, value_name = "NAME", value_parser = workload)]
    workload: Option<&'static Workload>,
    /// The longest the workload may run.
    #[arg(long, value_name = "S", default_value_t = Settings::default().seconds, value_parser = clap::value_parser!(u32).range(request::SECONDS))]
    seconds: u32,
    /// Ring buffer of each CPU.
    #[arg(long, value_name = "KB", default_value_t = Settings::default().buffer_kb, value_parser = clap::value_parser!(u32).range(request::BUFFER_KB))]
    buffer: u32,
    /// Record `sched_stat_runtime` too.
    #[arg(long)]
    runtime: bool,
    /// Record `sched_waking` too.
    #[arg(long)]
    waking: bool,
    /// `NAME.csv.zst`, with `NAME.toml` beside it; without it `WORKLOAD_runN.csv.zst` here.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// A command of your own instead of a workload.
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<String>,
}

fn workload(name: &str) -> Result<&'static Workload, String> {
    workloads::find(name).ok_or_else(|| "no such workload; `koracle workloads` lists them".into())
}

impl RecordArgs {
    fn plan(&self) -> Plan {
        let target = match &self.host {
            None => Target::Local,
            Some(host) if self.ssh_config.is_none() => hosts::resolve(host, Path::new("."), &Cancel::new()),
            Some(host) => Target::Ssh { host: host.clone(), config: self.ssh_config.clone() },
        };
        let what = self.workload.map_or_else(|| What::Command(self.command.clone()), What::Workload);
        let (seconds, buffer_kb) = (self.seconds, self.buffer);
        Plan::new(target, &what, Settings { seconds, buffer_kb, runtime: self.runtime, waking: self.waking })
    }
}

/// Runs `record`.
pub fn record(args: &RecordArgs) -> Result<()> {
    if args.hosts {
        return hosts();
    }
    let plan = args.plan();
    let (path, run) = match &args.output {
        Some(path) => (path.clone(), 0),
        None => request::free_name(Path::new(""), &plan.workload)
            .ok_or_else(|| eyre!("no free name for a recording of {} here", plan.workload))?,
    };
    // Said before minutes of recording, not after.
    let plan =
        plan.named(&path, run).ok_or_else(|| eyre!("{}: a recording's name ends in .csv.zst", path.display()))?;
    let (cancel, stop) = (Cancel::new(), Arc::new(AtomicBool::new(false)));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    let mut rate = Rate::default();
    let recorded = record::record(&plan, &cancel, &mut |p| {
        if stop.load(Ordering::Relaxed) {
            cancel.cancel();
        }
        bar.set_message(line(p, rate.of(p)));
        bar.tick();
    });
    bar.finish_and_clear();
    let recorded = recorded?;
    for note in &recorded.notes {
        eprintln!("koracle: {}: {note}", plan.target);
    }
    if recorded.pages.skipped > 0 {
        let first = recorded.pages.bad.first().map(ToString::to_string).unwrap_or_default();
        eprintln!("koracle: warning: {} damaged pages; first: {first}", recorded.pages.skipped);
    }
    let size = export::native(&recorded.trace, &path, export::WAITED_LEVEL)?;
    let (trace, lost) = (&recorded.trace, recorded.trace.meta().lost.iter().sum::<u64>());
    eprintln!(
        "{}: {} events in {:.2} s on {} CPUs, {lost} lost; {} of pages, {:.1} bytes an event; {} on disk",
        path.display(),
        trace.len(),
        trace.span().secs(),
        trace.cpus(),
        HumanBytes(recorded.pages.bytes),
        recorded.pages.bytes as f64 / trace.len().max(1) as f64,
        HumanBytes(size)
    );
    if lost > 0 {
        let full: Vec<String> = (0..).zip(&trace.meta().lost).map(|(cpu, n)| format!("CPU{cpu} {n}")).collect();
        eprintln!("koracle: warning: the buffers were too small (--buffer); lost: {}", full.join(", "));
    }
    // What a load does until it fails is a recording too, but not the one that was asked for.
    if let Some(status) = recorded.failed() {
        let log = if recorded.log.is_empty() { String::new() } else { format!(": {}", recorded.log) };
        return Err(eyre!("the workload failed with status {status}{log}; {} is kept", path.display()));
    }
    Ok(())
}

/// `recording  1.2 of 5.0 s  85,000 events/s  3.1 MiB fetched  CPU0 12 % full  CPU1 9 % full, 17 lost`
fn line(p: &Progress, rate: Option<f64>) -> String {
    let mut text = p.stage.label().to_owned();
    match p.stage {
        Stage::Connecting => {}
        Stage::Probing => text += &["  ", p.guest.as_str()].concat(),
        _ => {
            // A String takes all.
            let _ = write!(text, "  {:.1} of {:.1} s", p.elapsed.as_secs_f64(), p.limit.as_secs_f64());
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
    let mut text = String::new();
    for host in hosts::list(Path::new("."), &Cancel::new()) {
        let _ = writeln!(text, "{:<30} {}", host.name, host.from.label()); // a String takes all
    }
    output::stdout(text.as_bytes())
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
