#!/bin/sh
# How fast perf.data, trace.dat and ftrace text are read, beside perf and trace-cmd themselves. Records hackbench here (root), then runs each reader in turn, ROUNDS times, and prints medians.
#
#   benches/readers.sh [ROUNDS]        5 rounds without; needs root, perf, trace-cmd, hackbench, /usr/bin/time, python3
#
# KORACLE is the binary (target/release/koracle), LOOPS the length of the recorded load.
set -eu
rounds=${1:-5}
koracle=${KORACLE:-target/release/koracle}
for tool in perf trace-cmd hackbench /usr/bin/time python3; do
    command -v "$tool" >/dev/null || { echo "benches/readers.sh: $tool is missing" >&2; exit 1; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
load="hackbench -p -g 2 -l ${LOOPS:-10000}"
perf sched record -o "$dir/perf.data" -m 8M -- $load >/dev/null 2>&1
# trace-cmd makes its file of the kernel's own pages: not every kernel lets it record.
tracing=/sys/kernel/tracing/instances/koracle-readers-$$
mkdir "$tracing"
trap 'rmdir "$tracing" 2>/dev/null || true; rm -rf "$dir"' EXIT
echo mono >"$tracing/trace_clock"
echo 200000 >"$tracing/buffer_size_kb"
for event in sched_switch sched_wakeup sched_wakeup_new sched_migrate_task; do
    echo 1 >"$tracing/events/sched/$event/enable"
done
$load >/dev/null
echo 0 >"$tracing/tracing_on"
pages=
for cpu in "$tracing"/per_cpu/cpu*; do
    n=${cpu##*cpu}
    dd "if=$cpu/trace_pipe_raw" "of=$dir/$(printf %04d "$n").raw" bs=4096 iflag=nonblock 2>/dev/null || true
    pages="$pages $dir/$(printf %04d "$n").raw"
done
rmdir "$tracing"
# The names are in order of the CPUs.
# shellcheck disable=SC2086
trace-cmd restore -o "$dir/trace.dat" $(printf '%s\n' $pages | sort) >/dev/null 2>&1
"$koracle" export --format ftrace "$dir/trace.dat" -o "$dir/text.txt" 2>/dev/null

# One timed run: name, seconds of wall time, seconds of CPU time, peak kB.
one() {
    name=$1; shift
    /usr/bin/time -f "$name %e %U %S %M" -o "$dir/time" "$@" >/dev/null 2>"$dir/err" || { cat "$dir/err" >&2; exit 1; }
    cat "$dir/time"
}
round=0
while [ "$round" -lt "$rounds" ]; do
    one koracle-perf taskset -c 0 "$koracle" info "$dir/perf.data"
    one perf-script perf script -i "$dir/perf.data" --no-inline
    one perf-timehist perf sched timehist -i "$dir/perf.data"
    one koracle-dat taskset -c 0 "$koracle" info "$dir/trace.dat"
    one trace-cmd trace-cmd report -i "$dir/trace.dat"
    one koracle-text "$koracle" info "$dir/text.txt"
    one koracle-text-one taskset -c 0 "$koracle" info "$dir/text.txt"
    round=$((round + 1))
done >"$dir/all"
for file in perf.data trace.dat text.txt; do
    "$koracle" info --json "$dir/$file" >"$dir/$file.json" 2>/dev/null
done
python3 - "$dir" <<'END'
import json, os, statistics, sys
folder = sys.argv[1]
rows = {}
for line in open(f"{folder}/all"):
    name, wall, user, system, peak = line.split()
    rows.setdefault(name, []).append((float(wall), float(user) + float(system), int(peak)))
def median(name, i): return statistics.median(row[i] for row in rows[name])
for name, file, rivals in [
    ("koracle-perf", "perf.data", ["perf-script", "perf-timehist"]),
    ("koracle-dat", "trace.dat", ["trace-cmd"]),
    ("koracle-text", "text.txt", []),
    ("koracle-text-one", "text.txt", []),
]:
    events = json.load(open(f"{folder}/{file}.json"))["events"]
    size = os.path.getsize(f"{folder}/{file}")
    wall, cpu, peak = (median(name, i) for i in range(3))
    line = f"{name:17} {events} events, {size / 1e6:.0f} MB: {wall:.2f} s, {events / wall / 1e6:.2f} M events/s, "
    line += f"{size / wall / 1e6:.0f} MB/s; CPU {cpu:.2f} s, {events / cpu / 1e6:.2f} M events/s; "
    line += f"peak {peak / 1e3:.0f} MB, {peak * 1024 / events:.0f} B an event"
    for rival in rivals:
        pairs = [b[0] / a[0] for a, b in zip(rows[name], rows[rival])]
        line += f"; {rival} takes {statistics.median(pairs):.1f} times ({min(pairs):.1f}-{max(pairs):.1f}), peak {median(rival, 2) / 1e3:.0f} MB"
    print(line)
END
