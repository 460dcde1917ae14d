//! The probe's program. Names of fields differ between kernels, within stable series too: it takes
//! those that BTF tells, and says what is missing. Nothing that the recorded machine says becomes
//! part of it: its words only choose among ours.

use super::layout::{Member, members};
use super::places::{Wanted, preamble, runs};
use crate::trace::truth::{Field, Of, Value};
use std::fmt::Write;

/// What a row has besides the fields.
const KEPT: &str = "args->prev_pid, args->next_pid";
/// From this version on the clock can be named; the default may be another one, which runs while
/// the machine is suspended.
const NAMES_CLOCKS: (u32, u32) = (0, 19);
/// The most bytes of a row: BPF's stack has 512, which hold the row's place in the map and what is
/// being worked on too. Version 0.17 loads rows of 448 and none of 464.
const MOST_BYTES: usize = 448;
/// So many words that nobody wants may be read between two that are wanted, the cheapest first.
const GAPS: [u32; 3] = [2, 1, 0];

/// What is read at each switch, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The program and its version.
    pub tool: String,
    /// The numbers of a row as they are printed, behind the two pids.
    pub columns: Vec<Column>,
    /// The text of the program.
    pub program: String,
    /// What this kernel has no name for.
    pub missing: Vec<String>,
}

/// One printed number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// It is the field.
    Plain(Field),
    /// [`Value::OnRq`] in bit 0, [`Value::Delayed`] in bit 1, [`Value::Depth`] from bit 8 on.
    Flags(Of),
    /// A word of the kernel's memory, with what is wanted of it: maybe nothing.
    Word(Vec<Part>),
}

/// A field in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub field: Field,
    /// Bits before it.
    pub shift: u32,
    /// Its bits.
    pub bits: u32,
}

impl Probe {
    /// For a kernel whose `struct cfs_rq` and `struct sched_entity` are printed so by this version
    /// of `bpftrace`: the program that reads runs of words, unless no two members are neighbours,
    /// and behind it the one that reads each by its name, for where the first does not start. The
    /// error names what cannot be done without.
    pub fn all(cfs_rq: &str, entity: &str, version: &str) -> Result<Vec<Self>, String> {
        let tree = knows_tree(entity);
        let (queue, entity) = (members(cfs_rq), members(entity));
        let needed = [
            (&queue, "cfs_rq", "rq"),
            (&queue, "cfs_rq", "tasks_timeline"),
            (&entity, "sched_entity", "vruntime"),
            (&entity, "sched_entity", "cfs_rq"),
            (&entity, "sched_entity", "parent"),
        ];
        let has = |names: &[Member<'_>], name: &str| names.iter().any(|m| m.name == name);
        if let Some((_, of, name)) = needed.iter().find(|(names, _, name)| !has(names, name)) {
            return Err(format!(
                "the kernel's BTF there has no {of}.{name}: its own state cannot be read"
            ));
        }
        let (mut wanted, mut missing) = (Vec::new(), Vec::new());
        for field in Field::all() {
            let Field { of, value } = field;
            let is_queue = matches!(of, Of::Queue | Of::GroupQueue);
            let among = if is_queue { &queue } else { &entity };
            let known = tree || !matches!(of, Of::First | Of::FirstGroup);
            match known_as(value)
                .iter()
                .filter(|_| known)
                .find(|n| has(among, n.split('.').next().unwrap_or(n)))
            {
                None => missing.push(format!("{}_{}", of.label(), value.label())),
                Some(name) => wanted.push(Wanted::new(field, name, among)),
            }
        }
        let build = |gap| Self::build(&wanted, &missing, version, gap);
        let words = GAPS.into_iter().map(|gap| build(Some(gap))).find(Self::fits);
        let words = words.filter(|p| p.columns.iter().any(|c| matches!(c, Column::Word(_))));
        Ok(words.into_iter().chain([build(None)]).collect())
    }

    /// The program that passes over at most so many words between two that it reads in one go, or
    /// reads everything by name.
    fn build(wanted: &[Wanted], missing: &[String], version: &str, gap: Option<u32>) -> Self {
        let (mut columns, mut values, mut all_runs) = (Vec::new(), Vec::new(), Vec::new());
        for of in Of::ALL {
            let of_it: Vec<Wanted> = wanted.iter().filter(|w| w.field.of == of).copied().collect();
            let (runs, alone) =
                gap.map_or_else(|| (vec![], of_it.clone()), |g| runs(of, &of_it, g));
            for run in &runs {
                columns.extend(run.columns());
                values.push(run.value(pointer(of)));
            }
            all_runs.extend(runs);
            let mut flags = Vec::new();
            for Wanted { field, name, .. } in alone {
                let what = format!("{}{name}", variable(of));
                if matches!(field.value, Value::OnRq | Value::Delayed | Value::Depth) {
                    flags.push(shifted(field.value, &what));
                } else {
                    columns.push(Column::Plain(field));
                    values.push(format!("(int64){what}"));
                }
            }
            if !flags.is_empty() {
                columns.push(Column::Flags(of));
                values.push(flags.join(" | "));
            }
        }
        let preamble = if all_runs.is_empty() { String::new() } else { preamble(&all_runs) };
        let program = preamble + &text(&values, clock(version));
        Self { tool: tool(version), columns, program, missing: missing.to_vec() }
    }

    /// Whether a row fits on the stack of a program.
    fn fits(&self) -> bool {
        (self.columns.len() + 2) * 8 <= MOST_BYTES
    }

    /// The fields of a row, in the order in which [`super::read`] gives their numbers.
    pub fn fields(&self) -> Vec<Field> {
        let missing =
            |f: &Field| self.missing.contains(&format!("{}_{}", f.of.label(), f.value.label()));
        Field::all().filter(|f| !missing(f)).collect()
    }
}

/// What a kernel may call a number, the latest name first.
fn known_as(value: Value) -> &'static [&'static str] {
    match value {
        Value::Vruntime => &["vruntime"],
        Value::Deadline => &["deadline"],
        Value::Lag => &["vlag"],
        Value::Slice => &["slice"],
        Value::Weight | Value::Load => &["load.weight"],
        Value::OnRq => &["on_rq"],
        Value::Delayed => &["sched_delayed"],
        Value::Depth => &["depth"],
        Value::Min => &["min_vruntime"],
        Value::Zero => &["zero_vruntime"],
        Value::Sum => &["sum_w_vruntime", "avg_vruntime"],
        Value::SumWeight => &["sum_weight", "avg_load"],
        Value::Count => &["nr_queued", "nr_running"],
    }
}

/// A flag at its bit.
fn shifted(value: Value, what: &str) -> String {
    match value {
        Value::Delayed => format!("((uint64){what} << 1)"),
        Value::Depth => format!("((uint64){what} << 8)"),
        _ => format!("(uint64){what}"),
    }
}

/// What stands before the name of a member.
fn variable(of: Of) -> &'static str {
    match of {
        Of::Prev => "$p->se.",
        Of::Next => "$n->se.",
        Of::PrevGroup => "$h->",
        Of::NextGroup => "$g->",
        Of::First => "$f->",
        Of::FirstGroup => "$k->",
        Of::Queue => "$q->",
        Of::GroupQueue => "$r->",
    }
}

/// The pointer to what it is in.
fn pointer(of: Of) -> &'static str {
    variable(of).split(['.', '-']).next().unwrap_or_default()
}

/// The program: at `sched_switch` the queue's `rq->curr` is the task that comes in. Behind a
/// pointer to nothing all reads give 0.
///
/// It says `on` once from each of two probes of rare events, one declared before it and one behind
/// it: they are attached one after the other, in one order or the other, so that after two of these
/// words it is. To ask at each switch whether it was said already would cost every switch.
fn text(values: &[String], clock: &str) -> String {
    let mut text = on("sched_process_exit", "@a");
    text.push_str(
        "tracepoint:sched:sched_switch\n{\n  $p = (struct task_struct *)curtask;\n  $n = \
         $p->se.cfs_rq->rq->curr;\n  $q = $n->se.cfs_rq;\n  $h = $p->se.parent;\n  $g = \
         $n->se.parent;\n  $r = $g->cfs_rq;\n",
    );
    // See `knows_tree`.
    for (first, queue) in [("$f", "$q"), ("$k", "$r")] {
        // A String takes all.
        let _ = writeln!(
            text,
            "  {first} = (struct sched_entity *)((uint64){queue}->tasks_timeline.rb_leftmost - 16);"
        );
    }
    let _ = writeln!(text, "  @s[{clock}, cpu] = ({KEPT},");
    let _ = writeln!(text, "    {});", values.join(",\n    "));
    text + "}\n" + &on("sched_process_fork", "@z")
}

/// Says `on` when this event comes for the first time.
fn on(event: &str, said: &str) -> String {
    format!(
        "tracepoint:sched:{event}\n{{\n  if ({said} == 0) {{ {said} = 1; printf(\"on\\n\"); }}\n}}\n"
    )
}

/// The name and version in a few words.
fn tool(version: &str) -> String {
    let (major, minor) = numbers(version);
    format!("bpftrace {major}.{minor}")
}

fn clock(version: &str) -> &'static str {
    if numbers(version) >= NAMES_CLOCKS { "nsecs(monotonic)" } else { "nsecs" }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Whether an entity's place in the tree stands behind its load, 16 bytes from its beginning, as in
/// every kernel so far.
fn knows_tree(entity: &str) -> bool {
    let line = |n: usize| entity.trim_start().lines().nth(n).unwrap_or_default().trim();
    line(1) == "struct load_weight load;" && line(2) == "struct rb_node run_node;"
}
