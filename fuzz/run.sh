#!/bin/sh
# Fuzzes every target for so many seconds: `fuzz/run.sh SECONDS [TARGET...]`. Prints executions and faults, and fails when
# there is a fault; its input is then in fuzz/artifacts/TARGET (`cargo fuzz tmin` makes it small). A small one that is mended
# belongs into fuzz/corpus/TARGET, which `cargo test --test fuzz_corpus` replays; what else is found stays out of git.
#
# Needs `cargo install cargo-fuzz`, and no nightly: RUSTC_BOOTSTRAP lets the stable compiler take the sanitizer's flags.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 SECONDS [TARGET...]" >&2; exit 2; }
seconds=$1
shift
cd "$(dirname "$0")/.."
# The versions that the program itself is built with.
[ -f fuzz/Cargo.lock ] || cp Cargo.lock fuzz/Cargo.lock
export RUSTC_BOOTSTRAP=1
cargo fuzz build
host=$(rustc -vV | sed -n 's/^host: //p')
[ $# -ge 1 ] || set -- $(ls fuzz/corpus)

# Some targets write small files: in memory, where there is such a place.
scratch=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR="$scratch" ASAN_OPTIONS=detect_leaks=0

# The inputs that faults left; what was only slow (`slow-unit-*`) is none.
inputs() { find "fuzz/artifacts/$target" -name 'crash-*' -o -name 'timeout-*' -o -name 'oom-*' | wc -l; }

runs=0 faults=0
for target; do
    found=fuzz/artifacts/found/$target
    mkdir -p "$found" "fuzz/artifacts/$target"
    log=fuzz/artifacts/$target.log
    before=$(inputs)
    # A child process for each stretch: after a fault the next one goes on.
    "fuzz/target/$host/release/$target" "$found" "fuzz/corpus/$target" -fork=1 \
        -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 -max_total_time="$seconds" -timeout=60 -rss_limit_mb=3072 \
        -max_len=16384 -artifact_prefix="fuzz/artifacts/$target/" >"$log" 2>&1 || true
    # "#1234: cov: ... time: 9s ..."; each fault leaves its input.
    n=$(sed -n 's/^#\([0-9]*\): cov:.*/\1/p' "$log" | tail -n 1)
    bad=$(($(inputs) - before))
    [ -n "$n" ] || { n=0 bad=1; echo "$target: did not run, see $log" >&2; }
    printf '%-12s %10d executions %4d faults\n' "$target" "$n" "$bad"
    runs=$((runs + n)) faults=$((faults + bad))
done
printf '%-12s %10d executions %4d faults\n' all "$runs" "$faults"
[ "$faults" -eq 0 ]
