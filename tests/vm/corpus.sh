#!/usr/bin/env bash
# corpus.sh OUT: records every workload of `koracle workloads` four times in the machine `cfs` of `koracle vm` with 2 CPUs,
# as OUT/WORKLOAD_runN.csv.zst: the CFS half of the corpus at full length. About 20 minutes; recordings that are there are
# kept, so that it goes on where it ended. KORACLE: the program, by default the release build here.
# As root the machine's CPUs run at real-time priority: what else this machine does must not stretch their times.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
mkdir -p "${1:?usage: corpus.sh OUT}"
out=$(realpath "$1")
koracle=$(realpath "${KORACLE:-$here/../../target/release/koracle}")

alone=()
if [[ $(id -u) == 0 ]]; then alone=(--alone); fi
up() { "$koracle" vm up cfs --cpus 2 --memory 4096 "${alone[@]}"; }
# Its disk forgets everything: there is nothing to be careful with.
stop() { "$koracle" vm down cfs; }
stop
trap stop EXIT
up

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
        record=("$koracle" record --host cfs --workload "$workload" --seconds "$seconds" --buffer 98304)
        # Emulated CPUs now and then lose an interrupt for good and the guest hangs: a fresh one then, three times at most.
        for try in 1 2 3; do
            timeout -k 5 $((seconds + 40)) "${record[@]}" </dev/null && break
            echo "$workload, run $run: failed or hung, try $try" >&2
            stop
            up
        done
    done < <("$koracle" workloads | awk '/^[^ ]/ { print $1 }')
done
