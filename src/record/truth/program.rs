//! The probe's program. Names of fields differ between kernels, within stable series too: it takes
//! those that BTF tells, and says what is missing. Nothing that the recorded machine says becomes
//! part of it: its words only choose among ours.

use crate::trace::truth::{Field, Of, Value};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What a row has besides the fields.
const KEPT: &str = "args->prev_pid, args->next_pid";
/// From this version on the clock can be named; the default may be another one, which runs while
/// the machine is suspended.
const NAMES_CLOCKS: (u32, u32) = (0, 19);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// It is the field.
    Plain(Field),
    /// [`Value::OnRq`] in bit 0, [`Value::Delayed`] in bit 1, [`Value::Depth`] from bit 8 on.
    Flags(Of),
}

impl Probe {
    /// For a kernel whose `struct cfs_rq` and `struct sched_entity` are printed so by this version
    /// of `bpftrace`. The error names what cannot be done without.
    pub fn new(cfs_rq: &str, entity: &str, version: &str) -> Result<Self, String> {
        let tree = knows_tree(entity);
        let (queue, entity) = (members(cfs_rq), members(entity));
        let needed = [
            (&queue, "cfs_rq", "rq"),
            (&queue, "cfs_rq", "tasks_timeline"),
            (&entity, "sched_entity", "vruntime"),
            (&entity, "sched_entity", "cfs_rq"),
            (&entity, "sched_entity", "parent"),
        ];
        if let Some((_, of, name)) = needed.iter().find(|(names, _, name)| !names.contains(*name)) {
            return Err(format!(
                "the kernel's BTF there has no {of}.{name}: its own state cannot be read"
            ));
        }
        let mut probe = Self {
            tool: tool(version),
            columns: Vec::new(),
            program: String::new(),
            missing: Vec::new(),
        };
        let mut values = Vec::new();
        for of in Of::ALL {
            let is_queue = matches!(of, Of::Queue | Of::GroupQueue);
            let names = if is_queue { &queue } else { &entity };
            let mut flags = Vec::new();
            for &value in of.values() {
                let field = Field { of, value };
                let known = tree || !matches!(of, Of::First | Of::FirstGroup);
                match known_as(value)
                    .iter()
                    .filter(|_| known)
                    .find(|n| names.contains(n.split('.').next().unwrap_or(n)))
                {
                    None => probe.missing.push(format!("{}_{}", of.label(), value.label())),
                    Some(name) if matches!(value, Value::OnRq | Value::Delayed | Value::Depth) => {
                        flags.push(shifted(value, &format!("{}{name}", variable(of))));
                    }
                    Some(name) => {
                        probe.columns.push(Column::Plain(field));
                        values.push(format!("(int64){}{name}", variable(of)));
                    }
                }
            }
            if !flags.is_empty() {
                probe.columns.push(Column::Flags(of));
                values.push(flags.join(" | "));
            }
        }
        probe.program = text(&values, clock(version));
        Ok(probe)
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

/// The program: at `sched_switch` the queue's `rq->curr` is the task that comes in. Behind a
/// pointer to nothing all reads give 0.
fn text(values: &[String], clock: &str) -> String {
    let mut text = String::from(
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
    text += "  @n = count();\n  if (@on == 0) { @on = 1; printf(\"on\\n\"); }\n}\n";
    text
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

/// Names of a structure's members, those of nameless unions and structures inside it too.
fn members(listing: &str) -> BTreeSet<&str> {
    let mut open: Vec<Vec<&str>> = Vec::new();
    for line in listing.lines().map(str::trim) {
        if line.ends_with('{') {
            open.push(Vec::new());
        } else if let Some(name) = line.strip_prefix('}') {
            let inner = open.pop().unwrap_or_default();
            match open.last_mut() {
                None => return inner.into_iter().collect(),
                Some(outer) if name.trim_matches([';', ' ']).is_empty() => outer.extend(inner),
                Some(_) => {}
            }
        } else if let Some(names) = open.last_mut() {
            let declared = line.split([';', ':', '[']).next().unwrap_or_default();
            names.extend(declared.rsplit([' ', '*']).next());
        }
    }
    BTreeSet::new()
}
