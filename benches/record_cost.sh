#!/usr/bin/env bash
# What recording costs: wall time of the same hackbench with and without a recording of it, in pairs whose order
# alternates, as a ratio (median of the pairs); and the bytes that an event takes on the wire. As root, on a machine that
# has nothing else to do.
#
#   benches/record_cost.sh [PAIRS] [LOOPS] [OPTION...]    with koracle in PATH or as KORACLE; options of record, such as --truth
set -euo pipefail
pairs=${1:-11} loops=${2:-4000}
shift $(($# < 2 ? $# : 2))
options=("$@")
koracle=${KORACLE:-koracle}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

load='exec hackbench --pipe -g 2 -l "$1"'
# hackbench says itself how long it took: what surrounds it is not counted.
took() { grep '^Time: ' "$1" | sed 's/^Time: *//'; }
bare() { sh -c "$load" sh "$loops" >"$folder/out"; took "$folder/out"; }
recorded() {
    rm -f "$folder/out"
    "$koracle" record --local --force --seconds 600 --buffer 65536 "${options[@]}" -o "$folder/r.csv.zst" -- \
        sh -c "$load >\"\$2\"" sh "$loops" "$folder/out" 2>"$folder/said"
    took "$folder/out"
}

bare >/dev/null # The first one warms up.
for pair in $(seq "$pairs"); do
    if ((pair % 2)); then
        a=$(bare)
        b=$(recorded)
    else
        b=$(recorded)
        a=$(bare)
    fi
    echo "$a $b $(awk "BEGIN { print $b / $a }")"
done | tee "$folder/pairs" | awk '{ printf "%2d  bare %.3f s  recorded %.3f s  ratio %.3f\n", NR, $1, $2, $3 }'
sort -n -k3 "$folder/pairs" | awk '{ r[NR] = $3 } END {
    m = NR % 2 ? r[(NR + 1) / 2] : (r[NR / 2] + r[NR / 2 + 1]) / 2
    printf "median ratio of %d pairs: %.3f (%.3f to %.3f)\n", NR, m, r[1], r[NR] }'
# The last recording's own words: events, pages, bytes an event.
cat "$folder/said"
