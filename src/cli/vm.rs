//! `koracle vm`: machines of our own to record on, built, started, ended and listed.

use super::door::{self, say};
use super::output;
use crate::job::{Cancel, Job};
use crate::record::quote::quote;
use crate::vm::place::Place;
use crate::vm::{self, Accel, Kind, Part, Size, State, VmError, boxes};
use clap::{Subcommand, ValueHint};
use color_eyre::eyre::Result;
use indicatif::{HumanBytes, ProgressBar};
use signal_hook::iterator::Signals;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Options of `vm`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is done with a machine: `cfs` is Debian 12 with Linux 6.1, `eevdf` Debian 13 with Linux
/// 6.12.
#[derive(Debug, Subcommand)]
enum What {
    /// Make a machine's image from Debian's packages, in your cache folder. Needs root, or a user
    /// with sub-ids.
    Build(BuildArgs),
    /// Start a machine, built first if it is not, and wait until it answers. It goes on running
    /// until `down`.
    Up(UpArgs),
    /// Make a box of a machine for Vagrant's providers libvirt and qemu, from Debian's packages.
    Box(BoxArgs),
    /// End a machine; without a name all that run. What was written in it is forgotten.
    Down(Name),
    /// List the machines with their state.
    List,
}

#[derive(Debug, clap::Args)]
struct Name {
    /// `cfs` or `eevdf`.
    #[arg(value_name = "NAME", value_parser = kind)]
    name: Option<Kind>,
}

#[derive(Debug, clap::Args)]
struct BuildArgs {
    /// `cfs` or `eevdf`.
    #[arg(value_name = "NAME", value_parser = kind, default_value = "cfs")]
    name: Kind,
    /// Where packages come from, by default Debian's own servers.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Build it anew, with the packages of today.
    #[arg(long)]
    again: bool,
}

#[derive(Debug, clap::Args)]
struct BoxArgs {
    /// `cfs` or `eevdf`.
    #[arg(value_name = "NAME", value_parser = kind, default_value = "cfs")]
    name: Kind,
    /// The file, by default `koracle-NAME.box` here.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Where packages come from, by default Debian's own servers.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

#[derive(Debug, clap::Args)]
struct UpArgs {
    /// `cfs` or `eevdf`.
    #[arg(value_name = "NAME", value_parser = kind, default_value = "cfs")]
    name: Kind,
    /// CPUs of the machine.
    #[arg(long, value_name = "N", default_value_t = Size::default().cpus, value_parser = super::values::whole::<u16>(1..=64))]
    cpus: u16,
    /// Its memory.
    #[arg(long, value_name = "MB", default_value_t = Size::default().memory, value_parser = super::values::whole::<u32>(512..=1_048_576))]
    memory: u32,
    /// At real-time priority, as root: what else this machine does does not stretch its times.
    #[arg(long)]
    alone: bool,
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::find(name).ok_or_else(|| "cfs or eevdf".into())
}

/// Runs `vm`.
pub fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Build(args) => build(args),
        What::Up(args) => up(args),
        What::Box(args) => make_box(args),
        What::Down(Name { name }) => down(*name),
        What::List => list(),
    }
}

fn build(args: &BuildArgs) -> Result<()> {
    let name = args.name.name();
    let times = followed(|cancel, tell| {
        vm::build(args.name, args.mirror.as_deref(), args.again, cancel, tell)
    })?;
    match times.as_slice() {
        [] => say!("{name} is built already; --again builds it anew"),
        times => say!("{name} is built: {}", spent(times)),
    }
    Ok(())
}

fn make_box(args: &BoxArgs) -> Result<()> {
    let name = args.name.name();
    let to = args.output.clone().unwrap_or_else(|| format!("koracle-{name}.box").into());
    let times =
        followed(|cancel, tell| boxes::make(args.name, &to, args.mirror.as_deref(), cancel, tell))?;
    let size = std::fs::metadata(&to).map_or(0, |m| m.len());
    say!("{}: {}; {}", to.display(), HumanBytes(size), spent(&times));
    let path = std::path::absolute(&to).unwrap_or(to);
    say!(
        "use it: KORACLE_BOX_{}={} vagrant up {name}",
        name.to_uppercase(),
        quote(&path.display().to_string())
    );
    Ok(())
}

fn up(args: &UpArgs) -> Result<()> {
    let &UpArgs { name: kind, cpus, memory, alone } = args;
    let size = Size { cpus, memory, alone, accel: Accel::wanted().map_err(super::wrong)? };
    let up = followed(|cancel, tell| vm::up(kind, size, cancel, tell))?;
    if let Some(why) = up.without_kvm {
        say!("koracle: warning: not with KVM: {why}");
    }
    let (name, r) = (kind.name(), up.running);
    let how = if up.times.is_empty() {
        "ran already".to_owned()
    } else {
        format!("up: {}", spent(&up.times))
    };
    say!(
        "{name} {how}; Linux {}, {}, {} MB, {}",
        r.kernel,
        output::count(r.cpus.into(), "CPU"),
        r.memory,
        r.accel.truth()
    );
    if (r.cpus, r.memory) != (cpus, memory) {
        say!("koracle: warning: it runs as it was started; `koracle vm down {name}` ends it");
    }
    say!(
        "record on it: koracle record --host {name} --workload NAME; end it: koracle vm down {name}"
    );
    Ok(())
}

fn down(name: Option<Kind>) -> Result<()> {
    let all = name.map_or(Kind::ALL.to_vec(), |one| vec![one]);
    let mut any = false;
    for kind in all {
        let ended = vm::down(kind)?;
        any |= ended;
        if ended {
            say!("{} is down", kind.name());
        }
    }
    match name {
        _ if any => {}
        Some(kind) => say!("{} does not run", kind.name()),
        None => say!("no machine runs"),
    }
    Ok(())
}

fn list() -> Result<()> {
    let mut text = String::new();
    for kind in Kind::ALL {
        let place = Place::of(kind);
        let state = place.as_ref().map_or(State::NotBuilt, Place::state);
        let more = match &state {
            State::NotBuilt | State::Stopped => format!("koracle vm up {} starts it", kind.name()),
            State::Building | State::Starting => String::new(),
            State::Running(r) => {
                let cpus = output::count(r.cpus.into(), "CPU");
                format!(
                    "Linux {}, {cpus}, {} MB, {}, process {}",
                    r.kernel,
                    r.memory,
                    r.accel.truth(),
                    r.pid
                )
            }
        };
        let line = format!("{:<6} {:<10} {:<29}  {more}", kind.name(), state.label(), kind.about());
        let _ = writeln!(text, "{}", line.trim_end()); // a String takes all
    }
    output::stdout(text.as_bytes())
}

/// `packages 62 s, image 9 s`.
fn spent(times: &[(Part, Duration)]) -> String {
    let parts: Vec<String> =
        times.iter().map(|(p, t)| format!("{} {:.0} s", p.label(), t.as_secs_f64())).collect();
    parts.join(", ")
}

/// Work that shows how far it is and ends in order on a signal.
fn followed<T>(
    work: impl FnOnce(&Cancel, &mut dyn FnMut(Part, Duration)) -> Result<T, VmError>,
) -> Result<T> {
    let (cancel, signal) = (Cancel::new(), Arc::new(AtomicI32::new(0)));
    let mut signals = Signals::new(output::endings())?;
    let (asked, last) = (cancel.clone(), Arc::clone(&signal));
    let wait = move |_: &_| {
        for signal in signals.forever() {
            last.store(signal, Ordering::Relaxed);
            asked.cancel();
        }
    };
    // It waits for as long as the program runs: nobody has to cancel it.
    drop(Job::spawn("signals", wait, |_| {}));
    let bar = door::spinner();
    let done = work(&cancel, &mut |part, since| show(&bar, part, since));
    bar.finish_and_clear();
    if let Err(VmError::Cancelled) = done {
        say!("koracle: cancelled; nothing is left running or half built");
        output::end(signal.load(Ordering::Relaxed));
    }
    Ok(done?)
}

fn show(bar: &ProgressBar, part: Part, since: Duration) {
    door::message(bar, &format!("{}  {} s", part.label(), since.as_secs()));
    bar.tick();
}
