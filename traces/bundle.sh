#!/usr/bin/env bash
# Makes the bundled recordings out of full-length ones (record.sh, tests/vm/corpus.sh): cuts each to its first events, and
# lists all that are here in catalog.toml. What is here already and not in DIR stays.
#
#   traces/bundle.sh FOLDER=DIR...         e.g.  .=OUT  cfs=OUT/6.1  6.1x4=OUT/6.1x4  6.12=OUT/6.12  6.12x8=OUT/6.12x8
#
# Runs 0 and 1 train, run 2 validates, run 3 tests. EVENTS says how many events are kept (default 20000).
set -euo pipefail

(($# > 0)) || { sed -n 5p "$0" >&2; exit 2; }
koracle=${KORACLE:-koracle}
events=${EVENTS:-20000}
here=$(cd "$(dirname "$0")" && pwd)

entry() { # FILE
    local toml=$here/${1%.csv.zst}.toml run
    run=${1##*_run}
    run=${run%%.*}
    local split=train
    case $run in 2) split=validation ;; 3) split=test ;; esac
    printf '\n[[trace]]\nfile = "%s"\n' "$1"
    grep -E '^(workload|category) = ' "$toml"
    printf 'run = %s\n' "$run"
    grep -E '^(kernel|cpus) = ' "$toml"
    printf 'split = "%s"\n' "$split"
}

for one in "$@"; do
    to=$here/${one%%=*} from=${one#*=}
    mkdir -p "$to"
    for file in "$from"/*_run[0-3].csv.zst; do
        [[ -e $file ]] || continue
        "$koracle" import "$file" --events "$events" --force -o "$to/${file##*/}"
    done
done

first=hackbench-pipe-2g_run3.csv.zst
{
    echo '# The bundled recordings. The split is by run: 0 and 1 train, 2 validation, 3 test. The first is the one that'
    echo '# opens when none is named. Made by bundle.sh.'
    entry "$first"
    cd "$here"
    for file in *_run*.csv.zst */*_run*.csv.zst; do
        if [[ -e $file && $file != "$first" ]]; then entry "$file"; fi
    done
} >"$here/catalog.toml.new"
mv "$here/catalog.toml.new" "$here/catalog.toml"
