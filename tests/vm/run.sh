#!/usr/bin/env bash
# run.sh [DIR]: the recorder against another machine. Builds the guest of build.sh if it is not there yet (DIR, as
# there), boots it with 1 CPU and with 2, records hackbench in it over ssh, and checks the recording and what it left
# behind. KORACLE: the program, by default the release build here, which it makes.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/koracle-vm}
if [[ -z ${KORACLE:-} ]]; then
    cargo build --release --manifest-path "$here/../../Cargo.toml"
    KORACLE=$here/../../target/release/koracle
fi

"$here/build.sh" "$dir"
dir=$(realpath "$dir")
work=$(mktemp -d)
# `kill` is enough: the guest's disk forgets everything.
stop() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    rm -f "$dir/pid"
}
trap 'stop; rm -rf "$work"' EXIT

guest() { ssh -F "$dir/ssh_config" koracle-vm "$@"; }
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
    "$here/boot.sh" "$dir" "$cpus"
    emulated=true
    [[ $(cat "$dir/accel") != kvm* ]] || emulated=false
    before=$(tracing)
    for host in koracle-vm koracle-vm-user; do
        "$KORACLE" record --host "$host" -F "$dir/ssh_config" --workload hackbench-pipe-2g --seconds 4 --buffer 65536 \
            -o "$work/h$cpus.csv.zst"
        echo "$host, $cpus CPUs:"
        zeros=$(printf '0, %.0s' $(seq "$cpus"))
        check lost "$(meta lost)" "[${zeros%, }]"
        check kernel "$(meta kernel | cut -d. -f1,2)" 6.1
        check scheduler "$(meta scheduler)" CFS
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
    said=$("$KORACLE" record --host koracle-vm-plain -F "$dir/ssh_config" --workload hackbench-pipe-2g --seconds 1 \
        -o "$work/no.csv.zst" 2>&1) && fail 'recorded without the right to'
    echo "  without sudo: ${said##*$'\n'}"
    [[ $(tracing) == "$before" ]] || fail "the guest's tracing is not as it was: $(tracing)"
    stop
done
echo 'all passed'
