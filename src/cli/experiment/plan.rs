//! What an experiment consists of: which trainings, and which recordings each is scored on. Reads
//! no recording.

use super::{Args, Name};
use crate::cli::values::each_once;
use crate::dataset::catalog::{Catalog, Filter, Split};
use crate::predictor::engine::Choice;
use crate::predictor::networks::ModelConfig;
use crate::train::TrainConfig;
use color_eyre::eyre::Result;

/// The arguments ask for what there is not.
macro_rules! wrong {
    ($($said:tt)*) => {
        return Err(super::super::wrong(format!($($said)*)))
    };
}

/// Recordings that something is scored on.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSet {
    /// As in tables: a category, a kernel, `all`.
    pub name: String,
    /// Which recordings, of the split that is scored on.
    pub filter: Filter,
}

/// One training.
#[derive(Clone, Debug)]
pub struct Part {
    /// What is trained.
    pub kind: Choice,
    /// On what, as in tables.
    pub trained: String,
    /// Which recordings it may see, of the train and the validation split.
    pub filter: Filter,
    /// Indices of the test sets that it is scored on.
    pub tests: Vec<usize>,
    /// How.
    pub config: TrainConfig,
}

/// Trained on everything.
pub const ALL: &str = "all";

/// Trained on everything but this.
pub fn without(what: &str) -> String {
    format!("without {what}")
}

/// An experiment's parts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Trainings, those on the same recordings side by side.
    pub parts: Vec<Part>,
    /// What they are scored on.
    pub tests: Vec<TestSet>,
    /// Every recording that the experiment may touch.
    pub all: Filter,
}

/// What a training may see, and what it is then scored on, as indices of test sets.
struct Fold {
    trained: String,
    filter: Filter,
    tests: Vec<usize>,
}

/// Test sets, and the trainings that are scored on them.
type Folds = (Vec<TestSet>, Vec<Fold>);

impl Plan {
    /// For arguments and the recordings there are.
    pub fn new(args: &Args, catalog: &Catalog) -> Result<Self> {
        if args.name != Name::HoldOut && !args.category.is_empty() {
            wrong!("--category is for hold-out");
        }
        if args.name != Name::Machines && !args.machine.is_empty() {
            wrong!("--machine is for machines");
        }
        each_once("--kernel", args.kernel.iter().map(String::as_str))?;
        each_once("--model", args.models.iter().map(|kind| kind.label()))?;
        let all = of_kernel(&args.kernel);
        let asked = Filter { categories: args.category.clone(), ..all.clone() };
        if let Some(problem) = catalog.unknown(&asked) {
            wrong!("{problem}");
        }
        let (tests, folds): Folds = match args.name {
            Name::HoldOut => hold_out(catalog, &asked, &all),
            Name::Kernels => kernels(args)?,
            Name::Machines => machines(args, catalog, &all)?,
            Name::Seeds | Name::Models => together(args, &all),
        };
        let mut parts = Vec::new();
        for fold in &folds {
            fold.check(&tests, args.split, catalog)?;
            for kind in models(args)? {
                parts.extend((0..args.seeds).map(|seed| Part {
                    kind,
                    trained: fold.trained.clone(),
                    filter: fold.filter.clone(),
                    tests: fold.tests.clone(),
                    config: config(args, kind, seed, &fold.filter),
                }));
            }
        }
        let all = if args.name == Name::Kernels { Filter::default() } else { all };
        Ok(Self { parts, tests, all })
    }
}

impl Fold {
    /// There are recordings to train on, and some of each test set.
    fn check(&self, tests: &[TestSet], split: Split, catalog: &Catalog) -> Result<()> {
        let scored = self.tests.iter().map(|i| (&tests[*i].name, &tests[*i].filter, split));
        let trained = (&self.trained, &self.filter, Split::Train);
        for (name, filter, split) in std::iter::once(trained).chain(scored) {
            let filter = Filter { split: Some(split), ..filter.clone() };
            if catalog.select(&filter).next().is_none() {
                wrong!("{name}: there is no {} recording", split.label());
            }
        }
        Ok(())
    }
}

fn of_kernel(kernels: &[String]) -> Filter {
    Filter { kernels: kernels.to_vec(), ..Filter::default() }
}

/// For each category a training without it, scored on it.
fn hold_out(catalog: &Catalog, asked: &Filter, all: &Filter) -> Folds {
    let there = |c: &&str| catalog.entries.iter().any(|e| e.category == **c && asked.takes(e));
    let fold = |(i, c): (usize, &str)| {
        let test = Filter { categories: vec![c.to_owned()], ..all.clone() };
        let filter = Filter { hold_out: vec![c.to_owned()], ..all.clone() };
        (
            TestSet { name: c.to_owned(), filter: test },
            Fold { trained: without(c), filter, tests: vec![i] },
        )
    };
    catalog.categories().into_iter().filter(there).enumerate().map(fold).unzip()
}

/// For each kernel a training on it, scored on all of them.
fn kernels(args: &Args) -> Result<Folds> {
    let kernels = if args.kernel.is_empty() {
        vec!["EEVDF".into(), "CFS".into()]
    } else {
        args.kernel.clone()
    };
    if kernels.len() < 2 {
        wrong!("one kernel cannot be compared with another: name two with --kernel");
    }
    let tests: Vec<_> = (0..kernels.len()).collect();
    let fold = |k: &String| {
        let filter = of_kernel(std::slice::from_ref(k));
        (
            TestSet { name: k.clone(), filter: filter.clone() },
            Fold { trained: k.clone(), filter, tests: tests.clone() },
        )
    };
    Ok(kernels.iter().map(fold).unzip())
}

/// One training on everything, scored on everything.
fn together(args: &Args, all: &Filter) -> Folds {
    let name = if args.kernel.is_empty() { ALL.to_owned() } else { args.kernel.join(", ") };
    let test = TestSet { name: name.clone(), filter: all.clone() };
    (vec![test], vec![Fold { trained: name, filter: all.clone(), tests: vec![0] }])
}

/// A training on all machines, scored on each, and trainings without one, scored on that.
fn machines(args: &Args, catalog: &Catalog, all: &Filter) -> Result<Folds> {
    let there = |m: &String| catalog.entries.iter().any(|e| e.machine() == *m && all.takes(e));
    let names: Vec<_> =
        catalog.machines().into_iter().filter(|m| !m.is_empty()).filter(there).collect();
    if names.len() < 2 {
        wrong!("these recordings are of one machine: none can be left out");
    }
    let asked = |m: &&String| args.machine.is_empty() || args.machine.contains(*m);
    if let Some(unknown) = args.machine.iter().find(|m| !names.contains(m)) {
        wrong!("no recording of machine {unknown}; there are {}", names.join(", "));
    }
    let names: Vec<_> = names.iter().filter(asked).collect();
    let test = |m: &&String| TestSet {
        name: (*m).clone(),
        filter: Filter { machines: vec![(*m).clone()], ..all.clone() },
    };
    let mut folds = vec![Fold {
        trained: ALL.to_owned(),
        filter: all.clone(),
        tests: (0..names.len()).collect(),
    }];
    folds.extend(names.iter().enumerate().map(|(i, m)| {
        let filter = Filter { hold_out: vec![(*m).clone()], ..all.clone() };
        Fold { trained: without(m), filter, tests: vec![i] }
    }));
    Ok((names.iter().map(test).collect(), folds))
}

/// The kinds of networks, each once.
fn models(args: &Args) -> Result<Vec<Choice>> {
    let known: Vec<_> = Choice::all().filter(|c| c.needs_model()).collect();
    let usual: &[&str] = match args.name {
        Name::HoldOut => &["tcn", "mlp", "lstm"],
        Name::Models => &["tcn", "lstm"],
        Name::Kernels | Name::Machines | Name::Seeds => &["tcn"],
    };
    let mut kinds: Vec<Choice> = Vec::new();
    let asked = if args.models.is_empty() {
        known.iter().copied().filter(|k| usual.contains(&k.label())).collect()
    } else {
        args.models.clone()
    };
    for kind in asked {
        if !kind.needs_model() {
            wrong!("{} is not trained; it is scored beside the networks anyway", kind.label());
        }
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.sort_by_key(|k| {
        usual.iter().position(|u| *u == k.label()).filter(|_| args.models.is_empty())
    });
    Ok(kinds)
}

/// As `koracle train` would, with the folder left to the part.
fn config(args: &Args, kind: Choice, seed: u64, filter: &Filter) -> TrainConfig {
    let usual = TrainConfig::default();
    TrainConfig {
        epochs: args.epochs.map_or(usual.epochs, |n| n as usize),
        seed,
        hold_out: filter.hold_out.clone(),
        kernels: filter.kernels.clone(),
        model: kind.network().map_or(usual.model, ModelConfig::of),
        ..usual
    }
}
