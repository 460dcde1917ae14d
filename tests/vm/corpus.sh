#!/usr/bin/env bash
# corpus.sh OUT [MACHINE]...: records every workload of `koracle workloads` at full length in the guests of `koracle vm`, as
# OUT/MACHINE/WORKLOAD_runN.csv.zst. A machine is a kernel, and its CPUs when they are not two: 6.1, 6.1x4, 6.12, 6.12x8,
# by default all of them. RUNS: numbers of the runs (default 0 2 3: training, validation, test); WORKLOADS: only these.
# Recordings that are there are kept, so that it goes on where it ended. Emulated, a recording takes some 10 s.
# KORACLE: the program, by default the release build here.
# As root the guest's CPUs run at real-time priority: what else this machine does must not stretch their times. Not those
# of a guest with more CPUs than this machine has: they would wait for each other.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
mkdir -p "${1:?usage: corpus.sh OUT [MACHINE]...}"
out=$(realpath "$1")
shift
koracle=$(realpath "${KORACLE:-$here/../../target/release/koracle}")
machines=("$@")
if ((${#machines[@]} == 0)); then machines=(6.1 6.1x4 6.12 6.12x8); fi
workloads=${WORKLOADS:-$("$koracle" workloads | awk '/^[^ ]/ { print $1 }')}

# machine NAME: its guest, CPUs, and how it is started.
machine() {
    case ${1%x*} in
        6.1) guest=cfs ;;
        6.12) guest=eevdf ;;
        *)
            echo "$1: no machine of koracle vm; there are 6.1, 6.1x4, 6.12, 6.12x8" >&2
            exit 2
            ;;
    esac
    cpus=2
    if [[ $1 == *x* ]]; then cpus=${1#*x}; fi
    alone=()
    if [[ $(id -u) == 0 ]] && ((cpus <= $(nproc))); then alone=(--alone); fi
}
up() { "$koracle" vm up "$guest" --cpus "$cpus" --memory 4096 "${alone[@]}"; }
# Its disk forgets everything: there is nothing to be careful with.
stop() { "$koracle" vm down "$guest"; }

# Seconds that give some thousand switches on emulated CPUs.
seconds() {
    case $1 in
        hackbench-* | sysbench-threads-* | stress-*) echo 3 ;;
        *) echo 6 ;;
    esac
}

# record FILE WORKLOAD: emulated CPUs now and then lose an interrupt for good and the guest hangs: a fresh one then, three
# times at most.
record() {
    local seconds try
    seconds=$(seconds "$2")
    for try in 1 2 3; do
        timeout -k 5 $((seconds + 60)) "$koracle" record --host "$guest" --workload "$2" --seconds "$seconds" \
            --buffer 98304 --force -o "$1" </dev/null && return
        echo "${1##*/}: failed or hung, try $try" >&2
        stop
        up
    done
    return 1
}

failed=()
for name in "${machines[@]}"; do
    machine "$name"
    mkdir -p "$out/$name"
    wanted=()
    for run in ${RUNS:-0 2 3}; do
        for workload in $workloads; do
            [[ -e $out/$name/${workload}_run$run.csv.zst ]] || wanted+=("$workload $run")
        done
    done
    ((${#wanted[@]} > 0)) || continue
    stop
    trap stop EXIT
    up
    for one in "${wanted[@]}"; do
        read -r workload run <<<"$one"
        record "$out/$name/${workload}_run$run.csv.zst" "$workload" || failed+=("$name/$workload run $run")
    done
    stop
    trap - EXIT
done
if ((${#failed[@]} > 0)); then
    printf 'not recorded: %s\n' "${failed[@]}" >&2
    exit 1
fi
