//! `koracle completions`: the script of a shell. Options that take a predictor, a run or a file
//! complete all three: the words are in the script, the names of runs are asked for when they are
//! needed.

use super::output;
use clap_complete::Shell;
use color_eyre::eyre::Result;

/// Stands in a list of words for the names of the kept runs, and for files.
pub const RUNS: &str = "@runs";

/// What the shell asks for the names of the kept runs.
const ASK: &str = "(koracle runs --names 2>/dev/null)";

/// Prints the script.
pub fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "koracle", &mut script);
    output::stdout(with_runs(shell, &String::from_utf8(script)?).as_bytes())
}

/// The script with what [`RUNS`] stands for, in the lines that have it.
fn with_runs(shell: Shell, script: &str) -> String {
    // In fish a list of words is one string over several lines, the options stand in its first.
    let parts: Vec<&str> = match shell {
        Shell::Fish => script.split_inclusive("''\"\n").collect(),
        _ => script.split_inclusive('\n').collect(),
    };
    let mut whole = String::with_capacity(script.len());
    for part in parts {
        match (part.contains(RUNS), shell) {
            (false, _) => whole.push_str(part),
            (true, Shell::Bash) => whole.push_str(&bash(part)),
            (true, Shell::Zsh) => whole.push_str(&zsh(part)),
            (true, Shell::Fish) => whole.push_str(&fish(part)),
            // The others have no list of words.
            (true, _) => whole.push_str(&part.replace(RUNS, "")),
        }
    }
    whole
}

/// `compgen -W "WORDS @runs" --`
fn bash(line: &str) -> String {
    line.replace(&format!("{RUNS}\""), &format!("${ASK}\" -f"))
}

/// `:NAME:(WORDS @runs)` in a specification of `_arguments`.
fn zsh(line: &str) -> String {
    let Some((before, after)) = line.split_once(&format!(" {RUNS})")) else { return line.into() };
    let Some((before, words)) = before.rsplit_once('(') else { return line.into() };
    format!(
        "{before}{{_alternative \"predictors\\:predictor\\:({words})\" \"runs\\:run\\:(${ASK})\" \
         \"files\\:file\\:_files\"}}{after}"
    )
}

/// `-r -f -a "WORD\t''`, a line for each word, the last one `@runs\t''"`.
fn fish(part: &str) -> String {
    let Some((lines, options)) = part.rsplit_once(" -r -f -a \"") else { return part.into() };
    format!("{lines} -r -a \"{}", options.replace(&format!("{RUNS}\\t''"), ASK))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    fn script(shell: Shell) -> String {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut crate::cli::command(), "koracle", &mut script);
        let plain = String::from_utf8(script).unwrap();
        let whole = with_runs(shell, &plain);
        assert!(!whole.contains(RUNS), "{shell}");
        whole
    }

    #[test]
    fn whoever_takes_a_run_is_offered_runs_and_files() {
        for (shell, says) in [
            (
                Shell::Bash,
                "random eevdf-alone eevdf-flat-alone cfs-alone cfs-flat-alone $(koracle runs --names 2>/dev/null)\" -f -- ",
            ),
            (Shell::Zsh, ":PREDICTOR:{_alternative \"predictors\\:predictor\\:(tcn lstm "),
            (
                Shell::Zsh,
                " \"runs\\:run\\:($(koracle runs --names 2>/dev/null))\" \"files\\:file\\:_files\"}' \\\n",
            ),
            (
                Shell::Fish,
                " -l compare -d 'A second predictor on the same decisions: the name of a predictor, a model file or a run' -r -a \"tcn\\t''\n",
            ),
            (Shell::Fish, "\n(koracle runs --names 2>/dev/null)\"\n"),
        ] {
            let script = script(shell);
            assert!(script.contains(says), "{shell}: {says}");
        }
        for shell in [Shell::Elvish, Shell::PowerShell] {
            script(shell);
        }
    }
}
