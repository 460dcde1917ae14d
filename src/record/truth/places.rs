//! Reading a row in few pieces. A read costs a switch some 20 ns however many bytes it brings, so
//! members that lie near each other are read as one run of words. Where they lie is worked out from
//! the listing and proved by the C compiler on the recorded machine, which knows it from BTF: a
//! program that is wrong about one of them is refused, and nothing is read.

use super::layout::Member;
use super::program::{Column, Part};
use crate::trace::truth::{Field, Of};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A member that is wanted, by the name that this kernel has for it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What it will be.
    pub field: Field,
    /// `load.weight`, say.
    pub name: &'static str,
    /// Its first byte and its bytes.
    pub place: Option<(u32, u32)>,
}

impl Wanted {
    /// Where it is among these.
    pub fn new(field: Field, name: &'static str, among: &[Member<'_>]) -> Self {
        let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
        let place = among.iter().find(|m| m.name == outer).and_then(|m| Some((m.at?, m.size?)));
        // The weight is the first word of a `load_weight`.
        let place = place.map(|(at, size)| (at, if inner.is_empty() { size } else { 8 }));
        // A number that lies across two words is none of the kernel's.
        let place = place.filter(|(at, size)| at % 8 + size <= 8);
        Self { field, name, place }
    }
}

/// Neighbours that are read in one go.
#[derive(Debug)]
pub struct Run {
    of: Of,
    /// Its first word, counted from the beginning of the structure.
    first: u32,
    words: u32,
    members: Vec<Wanted>,
}

/// Runs of neighbours with at most so many words between two of them that nobody wants, and those
/// of the wanted that have no neighbour or no known place.
pub fn runs(of: Of, wanted: &[Wanted], gap: u32) -> (Vec<Run>, Vec<Wanted>) {
    let mut placed: Vec<(u32, Wanted)> =
        wanted.iter().filter_map(|w| Some((w.place?.0, *w))).collect();
    placed.sort_by_key(|(at, _)| *at);
    let mut runs: Vec<Run> = Vec::new();
    for (at, member) in placed {
        let word = at / 8;
        match runs.last_mut().filter(|r| word <= r.first + r.words + gap) {
            Some(run) => {
                run.words = word + 1 - run.first;
                run.members.push(member);
            }
            None => runs.push(Run { of, first: word, words: 1, members: vec![member] }),
        }
    }
    runs.retain(|r| r.members.len() > 1);
    let is_in = |w: &Wanted| runs.iter().any(|r| r.members.iter().any(|m| m.field == w.field));
    let alone = wanted.iter().filter(|w| !is_in(w)).copied().collect();
    (runs, alone)
}

impl Run {
    /// Its words as they will be printed.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        (0..self.words).map(|word| {
            let parts = self.members.iter().filter_map(|m| {
                let (at, size) = m.place.filter(|(at, _)| at / 8 == self.first + word)?;
                Some(Part { field: m.field, shift: at % 8 * 8, bits: size * 8 })
            });
            Column::Word(parts.collect())
        })
    }

    /// The structure that begins where `of` does.
    fn outer(&self) -> &'static str {
        match self.of {
            Of::Prev | Of::Next => "task",
            Of::Queue | Of::GroupQueue => "queue",
            _ => "entity",
        }
    }

    /// The view of the kernel's structure in which the words are one array.
    fn view(&self) -> String {
        format!("koracle_{}_{}_{}", self.outer(), self.first, self.words)
    }

    /// The array behind this pointer.
    pub fn value(&self, pointer: &str) -> String {
        format!("((struct {} *){pointer})->v", self.view())
    }

    /// What the view's definition is.
    fn definition(&self) -> String {
        let (view, words) = (self.view(), self.words);
        let before = match (self.outer(), self.first) {
            ("task", first) => format!("unsigned long before[KORACLE_SE / 8 + {first}]; "),
            (_, 0) => String::new(),
            (_, first) => format!("unsigned long before[{first}]; "),
        };
        format!("struct {view} {{ {before}unsigned long v[{words}]; }};")
    }

    /// What must hold for each of its members.
    fn proofs(&self) -> impl Iterator<Item = String> {
        let of = if self.outer() == "queue" { "cfs_rq" } else { "sched_entity" };
        self.members.iter().filter_map(move |m| {
            let ((at, size), name) = (m.place?, m.name);
            Some(format!(
                "__builtin_offsetof(struct {of}, {name}) == {at} && sizeof(((struct {of} *)0)->{name}) == \
                 {size}"
            ))
        })
    }
}

/// What stands before the program: the views, and what has to hold for them, as a division that
/// does not compile where it does not.
pub fn preamble(runs: &[Run]) -> String {
    let mut proofs: BTreeSet<String> = runs.iter().flat_map(Run::proofs).collect();
    proofs.extend(
        ["__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__", "sizeof(long) == 8", "KORACLE_SE % 8 == 0"]
            .map(str::to_owned),
    );
    let views: BTreeSet<String> = runs.iter().map(Run::definition).collect();
    let proofs: Vec<String> = proofs.into_iter().collect();
    // That they are members has newer versions look for these types.
    let mut text = String::from(
        "struct koracle_types { struct task_struct *t; struct sched_entity *e; struct cfs_rq *q; };\n\
         enum koracle {\n  KORACLE_SE = __builtin_offsetof(struct task_struct, se),\n",
    );
    // A String takes all.
    let _ = writeln!(text, "  KORACLE_PROVED = 1 / (\n    {}\n  ),\n}};", proofs.join(" &&\n    "));
    for view in views {
        let _ = writeln!(text, "{view}");
    }
    text
}
