//! Examples at the end of each command's `--help`. `tests/cli.rs` parses every one of them.

/// The examples of a command; `None`: there is no such command.
pub fn of(command: &str) -> Option<&'static str> {
    TABLE.iter().find(|(name, _)| *name == command).map(|(_, text)| *text)
}

const TABLE: &[(&str, &str)] = &[
    (
        "info",
        "  koracle info trace.dat\n  \
         koracle info perf.data --json\n  \
         sudo cat /sys/kernel/tracing/trace | koracle info - --kernel 6.1",
    ),
    (
        "record",
        "  sudo koracle record --local --seconds 10\n  \
         sudo koracle record --local -o build.csv.zst --seconds 60 -- make -j8\n  \
         koracle record --host cfs --workload nginx-ab\n  \
         koracle record --hosts",
    ),
    ("vm", "  koracle vm up cfs\n  koracle vm list\n  koracle vm down cfs"),
    ("workloads", "  koracle workloads"),
    (
        "import",
        "  koracle import perf.data -o mine.csv.zst\n  perf script | koracle import - -o \
                mine.csv.zst",
    ),
    (
        "export",
        "  koracle export mine.csv.zst --format perfetto -o mine.pftrace\n  \
         koracle export mine.csv.zst --format ftrace -o -",
    ),
    (
        "eval",
        "  koracle eval\n  \
         koracle eval mine.csv.zst --predictors tcn,ppm,eevdf --measures top1,nll\n  \
         koracle eval --by machine --json\n  \
         koracle eval mine.csv.zst --rules eevdf,cfs,eevdf-flat",
    ),
    (
        "predict",
        "  koracle predict mine.csv.zst -o predictions.csv\n  \
         koracle predict mine.csv.zst --predictor ppm --full -o candidates.csv",
    ),
    ("features", "  koracle features mine.csv.zst -o inputs.npz"),
    (
        "score",
        "  koracle score answers.csv mine.csv.zst\n  \
         koracle predict mine.csv.zst --full -o - | koracle score - mine.csv.zst --predictors none \
         --json",
    ),
    (
        "frontier",
        "  koracle frontier\n  koracle frontier --model small.koracle --split test --json",
    ),
    (
        "mistakes",
        "  koracle mistakes mine.csv.zst --by state\n  \
         koracle mistakes mine.csv.zst --where 'prev~hackbench and state=S and p>0.9' --csv\n  \
         koracle mistakes mine.csv.zst --why 4711",
    ),
    (
        "conform",
        "  koracle conform mine.csv.zst\n  koracle conform mine.csv.zst --json --limit 100\n  \
         koracle conform recordings/",
    ),
    (
        "waits",
        "  koracle waits mine.csv.zst --top 20\n  \
         koracle waits mine.csv.zst --where 'task~nginx and wait>1ms'",
    ),
    (
        "tasks",
        "  koracle tasks mine.csv.zst\n  koracle tasks mine.csv.zst --by comm --where 'wait>1ms'",
    ),
    ("diff", "  koracle diff before.csv.zst after.csv.zst"),
    (
        "train",
        "  koracle train --model tcn -o runs/first\n  \
         koracle train --hold-out hackbench --epochs 8 --seed 1 -o runs/no-hackbench\n  \
         koracle train --config tcn-001 --seed 2\n  \
         koracle runs --config tcn-001 | koracle train --config - --lr 1e-3",
    ),
    (
        "experiment",
        "  koracle experiment hold-out --category hackbench -o runs/hold-out\n  \
         koracle experiment models --model tcn,mlp -o runs/models",
    ),
    ("runs", "  koracle runs\n  koracle runs --config tcn-001 > run.toml"),
    ("bench", "  koracle bench\n  koracle bench --json"),
    ("man", "  koracle man | man -l -\n  koracle man -o ~/.local/share/man/man1"),
    ("config", "  koracle config\n  koracle config --example"),
    (
        "completions",
        "  koracle completions bash > ~/.local/share/bash-completion/completions/koracle",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line as a shell would split them, with quotes and without what is redirected.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('\'').enumerate().flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        });
        parts.take_while(|word| word != ">").collect()
    }

    #[test]
    fn each_command_has_examples_and_they_parse() {
        let all = crate::cli::command();
        for command in
            all.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help")
        {
            assert!(of(command).is_some(), "{command}");
        }
        for (command, text) in TABLE {
            let mut of_it = 0;
            for part in text.lines().flat_map(|line| line.split(" | ")) {
                let all: Vec<String> =
                    words(part).into_iter().skip_while(|w| w != "koracle").collect();
                if all.is_empty() {
                    continue;
                }
                of_it += u32::from(all.get(1).is_some_and(|name| name == command));
                let parsed = crate::cli::command().try_get_matches_from(&all);
                assert!(parsed.is_ok(), "{part}: {}", parsed.unwrap_err());
            }
            assert!(of_it > 0, "{command}");
        }
    }
}
