#!/usr/bin/env bash
# Records scheduler traces of this machine the way the bundled ones were recorded (see README.md beside this file).
#
#   traces/record.sh OUT_DIR RUN [WORKLOAD]...      without names: every workload, in the order below
#   TEXT=1 traces/record.sh ...                     also trace.txt, which `koracle import` reads (microseconds)
#
# Needs root (tracefs), rt-tests (hackbench), sysbench. Writes OUT_DIR/WORKLOAD_runRUN/ with
#   cpuN.raw    the pages of per_cpu/cpuN/trace_pipe_raw, 4 KiB each, nanosecond stamps
#   statsN      the kernel's count of that buffer's events, overruns and drops
#   format/     header_page and each event's format: what is needed to read the pages
#   meta        kernel, clock, CPUs, slice, command; log: what the workload printed
# The shared trace buffer is not touched: everything happens in a private instance that goes away on every exit.
set -euo pipefail

events=(sched_switch sched_wakeup sched_wakeup_new sched_migrate_task)
buffer_kb=60000
tracefs=/sys/kernel/tracing
[[ -d $tracefs/instances ]] || tracefs=/sys/kernel/debug/tracing
instance=$tracefs/instances/koracle-$$
load=
scratch=$(mktemp -d)

spin='BEGIN { while (1) x++ }'
short_spin='BEGIN { for (i = 0; i < 20000; i++) x += i }'

# N endless loops for SECONDS.
cpu_loops() {
    local i
    for ((i = 0; i < $1; i++)); do timeout "$2" awk "$spin" & done
    wait
}

# For SECONDS: three writers that sync, two readers that also compute, two endless loops.
io_mixed() {
    local end=$((SECONDS + $1)) i
    for i in 1 2 3; do
        while ((SECONDS < end)); do
            dd if=/dev/zero of="$scratch/$i" bs=4k count=64 conv=fsync status=none
        done &
    done
    for i in 1 2; do
        while ((SECONDS < end)); do
            dd if="$scratch/$i" of=/dev/null bs=4k status=none 2>/dev/null || true
            awk "$short_spin"
        done &
    done
    for i in 1 2; do timeout "$1" awk "$spin" & done
    wait
}

# The workload NAME. An end by `timeout` is how some of them are meant to end.
workload() {
    case $1 in
        hackbench-pipe-2g) timeout 3 hackbench --pipe -g 2 -l 2000 ;;
        hackbench-pipe-4g) timeout 3 hackbench --pipe -g 4 -l 1000 ;;
        hackbench-socket-2g) timeout 3 hackbench -g 2 -l 2000 ;;
        hackbench-socket-4g) timeout 3 hackbench -g 4 -l 1000 ;;
        sysbench-cpu-4t) sysbench cpu --threads=4 --time=8 run ;;
        sysbench-cpu-8t) sysbench cpu --threads=8 --time=8 run ;;
        sysbench-threads-8t) sysbench threads --threads=8 --time=3 run ;;
        sysbench-threads-16t) sysbench threads --threads=16 --time=3 run ;;
        sysbench-memory-4t) sysbench memory --threads=4 --time=8 --memory-total-size=1000G run ;;
        cpu-bound-4p) cpu_loops 4 10 ;;
        cpu-bound-8p) cpu_loops 8 10 ;;
        io-mixed) io_mixed 6 ;;
        *) return 2 ;;
    esac
}
all=(hackbench-pipe-2g hackbench-pipe-4g hackbench-socket-2g hackbench-socket-4g sysbench-cpu-4t sysbench-cpu-8t
    sysbench-threads-8t sysbench-threads-16t sysbench-memory-4t cpu-bound-4p cpu-bound-8p io-mixed)

# A process and all that it started, deepest first. (`timeout` leaves its caller's process group, so killing a group is
# not enough; a session of its own would give the workload another autogroup.)
tree() {
    local child
    for child in $(pgrep -P "$1"); do tree "$child"; done
    echo "$1"
}

# On every exit: the workload ends, its files and the instance go.
clean_up() {
    # shellcheck disable=SC2046 # one word per process
    if [[ -n $load ]]; then kill $(tree "$load") 2>/dev/null || true; fi
    rm -rf "$scratch"
    [[ -d $instance ]] || return 0
    echo 0 >"$instance/tracing_on" || true
    rmdir "$instance"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start_instance() {
    mkdir "$instance"
    echo 0 >"$instance/tracing_on"
    echo mono >"$instance/trace_clock"
    echo "$buffer_kb" >"$instance/buffer_size_kb"
    local event
    for event in "${events[@]}"; do echo 1 >"$instance/events/sched/$event/enable"; done
}

# Takes the pages out of one CPU's buffer, each filled up to 4 KiB. An empty buffer answers EAGAIN, which ends it.
drain() {
    local said
    said=$(LC_ALL=C dd if="$1" of="$2" bs=4096 conv=sync iflag=nonblock status=none 2>&1) && return 0
    [[ $said == *"Resource temporarily unavailable"* ]] || { echo "$1: $said" >&2; return 1; }
}

record() {
    local name=$1 dir=$out/$1_run$run cpu event status=0
    mkdir -p "$dir/format"
    sleep 1 # the workload before has gone, its last threads too
    start_instance
    {
        echo "workload=$name run=$run kernel=$(uname -r) clock=mono cpus=$(nproc) date=$(date -u +%F)"
        echo "se.slice=$(awk -F: '/se.slice/ { print $2 + 0 }' /proc/self/sched 2>/dev/null || true)"
        echo "autogroup=$(cat /proc/sys/kernel/sched_autogroup_enabled 2>/dev/null || true)"
        declare -f workload | grep -F -A1 " $name)" | tail -n 1
    } >"$dir/meta"

    set -m # its own process group: a signal for ours leaves the tree whole until clean_up has walked it
    echo 1 >"$instance/tracing_on"
    workload "$name" >"$dir/log" 2>&1 &
    load=$!
    set +m
    wait "$load" || status=$?
    echo 0 >"$instance/tracing_on"
    load=
    # 124 is `timeout`'s own: the recording is as long as it was meant to be.
    if ((status != 0 && status != 124)); then
        echo "$name ended with status $status, see $dir/log" >&2
        return 1
    fi

    cp "$tracefs/events/header_page" "$tracefs/events/header_event" "$dir/format/"
    for event in "${events[@]}"; do cp "$tracefs/events/sched/$event/format" "$dir/format/$event"; done
    if [[ -n ${TEXT:-} ]]; then cat "$instance/trace" >"$dir/trace.txt"; fi
    for cpu in "$instance"/per_cpu/cpu*; do
        cpu=${cpu##*cpu}
        cat "$instance/per_cpu/cpu$cpu/stats" >"$dir/stats$cpu"
        drain "$instance/per_cpu/cpu$cpu/trace_pipe_raw" "$dir/cpu$cpu.raw"
    done
    rmdir "$instance"
    echo "$name run $run: $(cat "$dir"/cpu*.raw | wc -c) bytes," \
        "overruns $(awk '/^overrun/ { n += $2 } END { print n + 0 }' "$dir"/stats*)"
}

if (($# < 2)); then
    sed -n '2,6p' "$0" >&2
    exit 2
fi
out=$1 run=$2
shift 2
if (($# == 0)); then set -- "${all[@]}"; fi
for name; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "unknown workload: $name" >&2; exit 2; }
done
for name; do record "$name"; done
