#!/usr/bin/env bash
# run.sh [NAME]: the recorder against another machine, `cfs` or `eevdf` of `koracle vm`. Builds it if it is not there yet,
# starts it with 1 CPU and with 2, records hackbench in it over ssh, and checks the recording and what it left behind.
# KORACLE: the program, by default the release build here, which it makes.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
name=${1:-cfs}
case $name in
    cfs) kernel=6.1 class=CFS ;;
    eevdf) kernel=6.12 class=EEVDF ;;
    *)
        echo "usage: run.sh [cfs|eevdf]" >&2
        exit 2
        ;;
esac
if [[ -z ${KORACLE:-} ]]; then
    cargo build --release --manifest-path "$here/../../Cargo.toml"
    KORACLE=$here/../../target/release/koracle
fi
KORACLE=$(realpath "$KORACLE")
config=${XDG_CACHE_HOME:-$HOME/.cache}/koracle/vm/$name/ssh_config
state() { "$KORACLE" vm list | grep "^$name "; }
if [[ $(state) == *running* ]]; then
    echo "$name runs already: koracle vm down $name" >&2
    exit 1
fi

work=$(mktemp -d)
trap '"$KORACLE" vm down "$name"; rm -rf "$work"' EXIT

guest() { ssh -F "$config" "$name" "$@"; }
# Of the buffer's size its number alone: that it is still to grow to its first real size, which Linux 6.1 adds to it,
# ends there with the first instance that anyone makes.
tracing() {
    guest 'cd /sys/kernel/tracing && ls instances && cat tracing_on set_event current_tracer trace_clock &&
        cut -d" " -f1 buffer_size_kb'
}
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
# check WHAT VALUE WANTED
check() {
    [[ $2 == "$3" ]] || fail "$1: $2 instead of $3"
    echo "  $1: $2"
}
# The value of a key: of the metadata, of `koracle info --json`.
meta() { sed -n "s/^$1 = //p" "$work/h$cpus.toml" | tr -d '"'; }
info() { "$KORACLE" info --json "$work/h$cpus.csv.zst" | sed -n "s/^  \"$1\": \(.*[^,]\),\{0,1\}$/\1/p"; }

for cpus in 1 2; do
    "$KORACLE" vm up "$name" --cpus "$cpus"
    emulated=true
    [[ $(state) != *'with KVM'* ]] || emulated=false
    before=$(tracing)
    for host in "$name" "$name-user"; do
        "$KORACLE" record --host "$host" -F "$config" --workload hackbench-pipe-2g --seconds 4 --buffer 65536 \
            -o "$work/h$cpus.csv.zst" --force
        echo "$host, $cpus CPUs:"
        zeros=$(printf '0, %.0s' $(seq "$cpus"))
        check lost "$(meta lost)" "[${zeros%, }]"
        check kernel "$(meta kernel | cut -d. -f1,2)" "$kernel"
        check scheduler "$(meta scheduler)" "$class"
        check cpus "$(meta cpus)" "$cpus"
        check emulated "$(meta emulated)" "$emulated"
        # Stamps count from the first event of the recording, which is at start_ns on the guest's clock.
        "$KORACLE" export "$work/h$cpus.csv.zst" --format csv -o - >"$work/rows"
        fine=$(awk -F, -v start="$(meta start_ns)" \
            'NR > 1 { n++; if ((substr(start, length(start) - 2) + $1) % 1000) fine++ } END { print (n > 1000 && fine > 0.9 * n) }' "$work/rows")
        check '>90 % of stamps finer than 1 us' "$fine" 1
        check 'coverage >= 99 %' "$(awk -v c="$(info coverage)" 'BEGIN { print (c >= 0.99) }')" 1
        echo "  events: $(info events), switches: $(info switches), coverage: $(info coverage)"
        [[ $(tracing) == "$before" ]] || fail "the guest's tracing is not as it was: $(tracing)"
        echo "  the guest's tracing is as it was"
    done
    # Somebody who may not record is told why.
    said=$("$KORACLE" record --host "$name-plain" -F "$config" --workload hackbench-pipe-2g --seconds 1 \
        -o "$work/no.csv.zst" 2>&1) && fail 'recorded without the right to'
    echo "  without sudo: ${said##*$'\n'}"
    [[ $(tracing) == "$before" ]] || fail "the guest's tracing is not as it was: $(tracing)"
    "$KORACLE" vm down "$name"
done
echo 'all passed'
