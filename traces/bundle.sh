#!/usr/bin/env bash
# Makes the bundled recordings out of full-length ones (record.sh): cuts each to its first events and lists all in
# catalog.toml. Replaces what is there.
#
#   traces/bundle.sh EEVDF_DIR CFS_DIR          recordings of a kernel with EEVDF, and of one with CFS
#
# Runs 0 and 1 train, run 2 validates, run 3 tests. EVENTS says how many events are kept (default 20000).
set -euo pipefail

eevdf=${1:?usage: traces/bundle.sh EEVDF_DIR CFS_DIR}
cfs=${2:?usage: traces/bundle.sh EEVDF_DIR CFS_DIR}
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
    grep -E '^kernel = ' "$toml"
    printf 'split = "%s"\n' "$split"
}

rm -f "$here"/*_run*.csv.zst "$here"/*_run*.toml "$here"/cfs/*_run*.csv.zst "$here"/cfs/*_run*.toml
mkdir -p "$here/cfs"
for from in "$eevdf" "$cfs"; do
    to=$here
    if [[ $from == "$cfs" ]]; then to=$here/cfs; fi
    for file in "$from"/*_run[0-3].csv.zst; do
        [[ -e $file ]] || continue
        "$koracle" import "$file" --events "$events" -o "$to/${file##*/}"
    done
done

first=hackbench-pipe-2g_run3.csv.zst
{
    echo '# The bundled recordings. The split is by run: 0 and 1 train, 2 validation, 3 test. The first is the one that'
    echo '# opens when none is named. Made by bundle.sh.'
    entry "$first"
    cd "$here"
    for file in *_run*.csv.zst cfs/*_run*.csv.zst; do
        if [[ -e $file && $file != "$first" ]]; then entry "$file"; fi
    done
} >"$here/catalog.toml.new"
mv "$here/catalog.toml.new" "$here/catalog.toml"
