//! `koracle record` and `koracle workloads`: a workload under ftrace, here or over SSH, as a native recording.

use super::output;
use crate::export;
use crate::job::Cancel;
use crate::record::workloads::{self, Workload};
use crate::record::{self, Plan, Progress, Stage, Target};
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// zstd level: a recording is waited for.
const LEVEL: i32 = 9;

/// Options of `record`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["local", "host"]))]
#[command(group = clap::ArgGroup::new("what").required(true).args(["workload", "command"]))]
pub struct RecordArgs {
    /// Record this machine; needs root.
    #[arg(long)]
    local: bool,
    /// Record this machine through ssh, as root there or with sudo.
    #[arg(long, value_name = "H", value_hint = ValueHint::Hostname)]
    host: Option<String>,
    /// Another configuration for ssh, e.g. what `vagrant ssh-config` prints.
    #[arg(short = 'F', long, value_name = "SSH_CONFIG", value_hint = ValueHint::FilePath, requires = "host")]
    ssh_config: Option<PathBuf>,
    /// A workload of the catalog; `koracle workloads` lists them.
    #[arg(long, value_name = "NAME", value_parser = workload)]
    workload: Option<&'static Workload>,
    /// The longest the workload may run.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Ring buffer of each CPU.
    #[arg(long, value_name = "KB", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
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
    fn plan(&self) -> Result<Plan> {
        let target = match &self.host {
            None => Target::Local,
            Some(host) => Target::Ssh { host: host.clone(), config: self.ssh_config.clone() },
        };
        let (seconds, buffer_kb) = (self.seconds, self.buffer);
        if let Some(w) = self.workload {
            return Ok(Plan {
                target,
                name: String::new(),
                run: 0,
                workload: w.name.into(),
                category: w.category.into(),
                command: w.command(seconds),
                shown: format!("koracle workload {} for {seconds} s: {}", w.name, w.script),
                needs: w.needs.iter().map(|(tool, package)| ((*tool).into(), (*package).into())).collect(),
                seconds,
                buffer_kb,
                runtime: self.runtime,
                waking: self.waking,
            });
        }
        let program = self.command.first().ok_or_else(|| eyre!("no command"))?;
        let name =
            Path::new(program).file_name().map_or_else(|| "command".into(), |n| n.to_string_lossy().into_owned());
        Ok(Plan {
            target,
            name: String::new(),
            run: 0,
            workload: name,
            category: "own".into(),
            command: self.command.clone(),
            shown: self.command.join(" "),
            needs: Vec::new(),
            seconds,
            buffer_kb,
            runtime: self.runtime,
            waking: self.waking,
        })
    }
}

/// The first `NAME_runN.csv.zst` that is not there yet, and N.
fn free_name(workload: &str) -> Result<(PathBuf, u32)> {
    let names = (0..10_000).map(|run| (PathBuf::from(format!("{workload}_run{run}.csv.zst")), run));
    let mut free = names.filter(|(path, _)| !path.exists());
    free.next().ok_or_else(|| eyre!("no free name for a recording of {workload} here"))
}

/// Runs `record`.
pub fn record(args: &RecordArgs) -> Result<()> {
    let mut plan = args.plan()?;
    let (path, run) = match &args.output {
        Some(path) => (path.clone(), 0),
        None => free_name(&plan.workload)?,
    };
    plan.run = run;
    plan.name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // Said before minutes of recording, not after.
    let bare = [".csv.zst", ".csv"].iter().find_map(|e| plan.name.strip_suffix(e)).filter(|n| !n.is_empty());
    plan.name = bare.ok_or_else(|| eyre!("{}: a recording's name ends in .csv.zst", path.display()))?.to_owned();
    let (cancel, stop) = (Cancel::new(), Arc::new(AtomicBool::new(false)));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut told = Stage::Connecting;
    let recorded = record::record(&plan, &cancel, &mut |p| {
        if stop.load(Ordering::Relaxed) {
            cancel.cancel();
        }
        if p.stage != std::mem::replace(&mut told, p.stage) || !p.cpus.is_empty() {
            bar.set_message(line(p));
            bar.tick();
        }
    })?;
    bar.finish_and_clear();
    for note in &recorded.notes {
        eprintln!("koracle: {}: {note}", plan.target);
    }
    match recorded.status {
        // 124: the time limit ended it, as it should; 143: Ctrl-C did.
        Some(0 | 124 | 137 | 143) | None => {}
        Some(status) => eprintln!("koracle: warning: the workload ended with status {status}: {}", recorded.log),
    }
    if recorded.pages.damaged > 0 {
        let first = recorded.pages.bad.first().map(ToString::to_string).unwrap_or_default();
        eprintln!("koracle: warning: {} damaged pages; first: {first}", recorded.pages.damaged);
    }
    let size = export::native(&recorded.trace, &path, LEVEL)?;
    let (trace, lost) = (&recorded.trace, recorded.trace.meta().lost.iter().sum::<u64>());
    eprintln!(
        "{}: {} events in {:.2} s on {} CPUs, {lost} lost; {} of pages, {} on disk",
        path.display(),
        trace.len(),
        trace.span().secs(),
        trace.cpus(),
        HumanBytes(recorded.pages.bytes),
        HumanBytes(size)
    );
    Ok(())
}

fn line(p: &Progress) -> String {
    let full: Vec<String> = p.cpus.iter().map(|c| format!("{} %", c.waiting * 100 / c.buffer.max(1))).collect();
    format!("{}  {} fetched, buffers {}", p.stage.label(), HumanBytes(p.bytes), full.join(" "))
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
