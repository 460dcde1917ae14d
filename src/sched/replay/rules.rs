//! The rules that a replay can follow: one entry for each. What a rule does at each step is in
//! `eevdf` and `cfs`; which of the two, and over which queues, is told here and nowhere else.

use crate::trace::{Machine, SchedClass};

/// What orders a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Virtual deadlines, among those whose lag is not negative.
    Deadlines,
    /// Virtual times.
    Times,
}

/// How a fair scheduler chooses, and what a replay makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// As on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The scheduling class whose rules they are.
    pub class: SchedClass,
    /// The threads of all groups are in one queue per CPU.
    pub flat: bool,
    pub(super) order: Order,
    /// Switches are charged at their own time and a pick corrects the winner's own queue only.
    pub(super) plain: bool,
}

const EEVDF: Rules = Rules {
    name: "eevdf",
    about: "EEVDF (6.6 and later), a queue for each group",
    class: SchedClass::Eevdf,
    flat: false,
    order: Order::Deadlines,
    plain: false,
};

const CFS: Rules = Rules {
    name: "cfs",
    about: "CFS (before 6.6), a queue for each group",
    class: SchedClass::Cfs,
    flat: false,
    order: Order::Times,
    plain: false,
};

impl Rules {
    /// All.
    pub const ALL: [Self; 4] = [
        EEVDF,
        Self {
            name: "eevdf-flat",
            about: "EEVDF, one queue for the threads of all groups",
            flat: true,
            ..EEVDF
        },
        CFS,
        Self {
            name: "cfs-flat",
            about: "CFS, one queue for the threads of all groups",
            flat: true,
            ..CFS
        },
    ];

    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rules| rules.name == name)
    }

    /// The rules of a scheduling class; those of EEVDF where it is not known.
    pub fn of_class(class: SchedClass) -> Self {
        if class == SchedClass::Cfs { CFS } else { EEVDF }
    }

    /// The rules by which the kernel of a machine chose, as far as a replay knows: EEVDF is
    /// replayed in groups whatever is said of autogroup.
    pub fn of(machine: &Machine) -> Self {
        Self::in_groups(machine.class.value, machine.autogroup.value)
    }

    fn in_groups(class: SchedClass, autogroup: bool) -> Self {
        let rules = Self::of_class(class);
        let flat = rules.order == Order::Times && !autogroup;
        Self::ALL.into_iter().find(|r| r.class == rules.class && r.flat == flat).unwrap_or(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::TraceMeta;

    #[test]
    fn each_rule_has_a_name_and_a_machine_has_a_rule() {
        for rules in Rules::ALL {
            assert_eq!(Rules::named(rules.name), Some(rules));
        }
        assert_eq!(Rules::named("lottery"), None);
        let of = |kernel: &str, autogroup: bool| {
            let meta = TraceMeta { kernel: kernel.into(), ..TraceMeta::default() };
            let mut machine = Machine::of(&meta, 2);
            machine.autogroup.value = autogroup;
            Rules::of(&machine).name
        };
        assert_eq!(
            [of("6.1.0", true), of("6.1.0", false), of("6.18.1", false)],
            ["cfs", "cfs-flat", "eevdf"]
        );
    }
}
