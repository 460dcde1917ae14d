#!/usr/bin/env bash
# corpus.sh OUT [DIR]: records every workload of `koracle workloads` four times in the guest of build.sh (DIR, as there)
# with 2 CPUs, as OUT/WORKLOAD_runN.csv.zst: the CFS half of the corpus at full length. About 20 minutes; recordings that
# are there are kept, so that it goes on where it ended. KORACLE: the program, by default the release build here.
# As root the guest's CPUs run at real-time priority: what else this machine does must not stretch their times.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
mkdir -p "${1:?usage: corpus.sh OUT [DIR]}"
out=$(realpath "$1")
dir=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/koracle-vm}
koracle=$(realpath "${KORACLE:-$here/../../target/release/koracle}")

"$here/build.sh" "$dir"
dir=$(realpath "$dir")
if [[ $(id -u) == 0 ]]; then export KORACLE_VM_ALONE=1; fi

# `kill` is enough: the guest's disk forgets everything.
stop() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    rm -f "$dir/pid"
}
trap stop EXIT
"$here/boot.sh" "$dir" 2 4096

# Seconds that give some thousand switches on emulated CPUs.
seconds() {
    case $1 in
        hackbench-* | sysbench-threads-* | stress-*) echo 3 ;;
        *) echo 6 ;;
    esac
}

cd "$out"
for run in 0 1 2 3; do
    while read -r workload; do
        [[ ! -e ${workload}_run$run.csv.zst ]] || continue
        seconds=$(seconds "$workload")
        # Without -o it takes the first number that is free: this one.
        record=("$koracle" record --host koracle-vm -F "$dir/ssh_config" --workload "$workload" --seconds "$seconds" --buffer 98304)
        # Emulated CPUs now and then lose an interrupt for good and the guest hangs: a fresh one then, three times at most.
        for try in 1 2 3; do
            timeout -k 5 $((seconds + 40)) "${record[@]}" </dev/null && break
            echo "$workload, run $run: failed or hung, try $try" >&2
            stop
            "$here/boot.sh" "$dir" 2 4096
        done
    done < <("$koracle" workloads | awk '/^[^ ]/ { print $1 }')
done
