# What runs on the recorded machine: POSIX sh, as root, read from standard input behind a `set --` line.
# Arguments: SECONDS BUFFER_KB TOOL:PACKAGE,... COMMAND [ARGUMENT]...
# Standard output: the line KORACLE1, then frames: a line `NAME BYTES` and so many bytes.
# Standard input after this script: a line ends the workload early, the end of input ends everything.
LC_ALL=C
export LC_ALL

put() { printf '%s %s\n' "$1" "${#2}"; printf '%s' "$2"; }
fail() { put fail "$1"; exit 1; }
# A file whole, its last line end too, which $() would take away.
put_file() { [ -r "$2" ] && { text=$(cat "$2" 2>/dev/null; echo .); put "$1" "${text%.}"; }; }
# When a process started, in clock ticks: tells a process from a later one with its pid.
start_of() {
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086
    set -- ${line##*) }
    echo "${20}"
}
remove() {
    echo 0 >"$1/tracing_on"
    echo 0 >"$1/events/enable"
    tries=0
    until rmdir "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 40 ] || return 1
        sleep 0.05
    done
}
stop_workload() { [ -s "$tmp/pid" ] && kill -TERM "$(cat "$tmp/pid")" 2>/dev/null; }

cleanup() {
    trap '' HUP INT TERM PIPE
    stop_workload
    [ -n "$runner" ] && kill "$runner" 2>/dev/null
    [ -n "$watchdog" ] && kill "$watchdog" 2>/dev/null
    [ -n "$instance" ] && [ -d "$instance" ] && remove "$instance"
    [ -n "$tmp" ] && rm -rf "$tmp"
}

# The pages of one CPU, at most $2 in a frame; with a third argument one frame alone.
drain() {
    while :; do
        dd if="$instance/per_cpu/cpu$1/trace_pipe_raw" of="$tmp/chunk" bs="$page" count="$2" iflag=nonblock 2>/dev/null
        bytes=$(wc -c <"$tmp/chunk")
        bytes=$((bytes))
        [ "$bytes" -gt 0 ] || break
        printf 'pages.%s %s\n' "$1" "$bytes"
        cat "$tmp/chunk"
        [ -z "$3" ] || break
    done
}

main() {
    # Only now: until here this shell read its script from there.
    exec 3<&0 </dev/null
    tmp='' instance='' runner='' watchdog=''
    echo KORACLE1
    [ "$(id -u)" = 0 ] || fail 'recording needs root'
    seconds=$1 buffer=$2 needs=$3
    shift 3
    for tool in dd timeout mktemp wc tail; do
        command -v "$tool" >/dev/null || fail "$tool is missing there (package coreutils)"
    done
    old=$IFS
    IFS=,
    for need in $needs; do
        command -v "${need%%:*}" >/dev/null || fail "${need%%:*} is missing there: install the package ${need#*:}"
    done
    IFS=$old
    command -v "$1" >/dev/null || fail "there is no command $1 there"
    for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing ''; do
        [ -d "$tracefs/instances" ] && break
    done
    [ -n "$tracefs" ] || fail 'tracefs is not mounted there: mount -t tracefs nodev /sys/kernel/tracing'
    for event in sched_switch sched_wakeup sched_wakeup_new sched_migrate_task; do
        [ -d "$tracefs/events/sched/$event" ] || fail "the kernel there has no tracepoint sched:$event"
    done

    trap cleanup EXIT
    trap 'exit 1' HUP INT TERM PIPE
    for stale in "$tracefs"/instances/koracle-*-*; do
        [ -d "$stale" ] || continue
        owner=${stale##*/koracle-}
        [ "$(start_of "${owner%-*}")" = "${owner#*-}" ] && continue
        remove "$stale" && put note "removed ${stale##*/}, left behind by a recording that was killed"
    done
    if [ -w /dev/shm ]; then tmp=$(mktemp -d /dev/shm/koracle.XXXXXX); else tmp=$(mktemp -d); fi
    [ -d "$tmp" ] || fail 'no temporary folder can be made there'

    put kernel "$(uname -r)"
    put machine "$(uname -m)"
    put date "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    put_file autogroup /proc/sys/kernel/sched_autogroup_enabled
    put_file slice /sys/kernel/debug/sched/base_slice_ns || put_file slice /sys/kernel/debug/sched/min_granularity_ns
    hz=$(zcat /proc/config.gz 2>/dev/null | sed -n 's/^CONFIG_HZ=//p')
    [ -n "$hz" ] || hz=$(sed -n 's/^CONFIG_HZ=//p' "/boot/config-$(uname -r)" 2>/dev/null)
    put hz "$hz"
    put virt "$(systemd-detect-virt --vm 2>/dev/null)"
    put_file header_page "$tracefs/events/header_page"
    put_file header_event "$tracefs/events/header_event"
    # Bytes of a page: where its data start and how much there is.
    page=$(sed -n 's/.*char data;.*offset:\([0-9]*\);.*size:\([0-9]*\);.*/\1 + \2/p' "$tracefs/events/header_page")
    page=$((${page:-4096}))

    instance=$tracefs/instances/koracle-$$-$(start_of $$)
    mkdir "$instance" || { instance=''; fail 'no private trace instance can be made there'; }
    echo 0 >"$instance/tracing_on"
    [ -w "$instance/buffer_subbuf_size_kb" ] && echo $((page / 1024)) >"$instance/buffer_subbuf_size_kb"
    echo mono >"$instance/trace_clock" || fail 'the kernel there has no monotonic trace clock'
    echo "$buffer" >"$instance/buffer_size_kb" || fail "no room there for a buffer of $buffer KB per CPU"
    for event in sched_switch sched_wakeup sched_wakeup_new sched_migrate_task; do
        put_file "format.$event" "$tracefs/events/sched/$event/format"
        echo 1 >"$instance/events/sched/$event/enable" || fail "the tracepoint sched:$event cannot be enabled there"
    done
    clock=$(sed 's/.*\[\(.*\)\].*/\1/' "$instance/trace_clock")
    put clock "$clock"
    cpus=''
    for folder in "$instance"/per_cpu/cpu*; do cpus="$cpus ${folder##*/cpu}"; done
    put cpus "$cpus"

    {
        # The first line of input ends the workload; the end of input (a dead connection too) ends this script.
        if read -r _ <&3; then
            stop_workload
            read -r _ <&3
        fi
        kill -TERM $$
    } >/dev/null 2>&1 &
    watchdog=$!
    echo 1 >"$instance/tracing_on"
    {
        {
            timeout -k 2 "$seconds" "$@" 3<&- &
            echo $! >"$tmp/pid"
            wait $!
            status=$?
            echo 0 >"$instance/tracing_on"
            echo "$status" >"$tmp/status.new"
            mv "$tmp/status.new" "$tmp/status"
        } 2>&1 | tail -c 2000 >"$tmp/log"
    } 3<&- &
    runner=$!
    # Pages are taken while the workload runs only from a buffer that is half full: reading disturbs what it records.
    while [ ! -s "$tmp/status" ]; do
        sleep 0.2
        for cpu in $cpus; do
            while read -r key value; do
                [ "$key" = bytes: ] && break
            done <"$instance/per_cpu/cpu$cpu/stats"
            put "fill.$cpu" "$value"
            [ "$value" -lt $((buffer * 512)) ] || drain "$cpu" $((buffer * 512 / page)) live
        done
    done
    echo 0 >"$instance/tracing_on"
    for cpu in $cpus; do
        drain "$cpu" $((4194304 / page))
        put_file "stats.$cpu" "$instance/per_cpu/cpu$cpu/stats"
    done
    put status "$(cat "$tmp/status")"
    # Children that the workload left behind may hold the log open: it has a moment to end.
    tries=0
    while kill -0 "$runner" 2>/dev/null && [ "$tries" -lt 10 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    put_file log "$tmp/log"
    cleanup
    if [ -d "$instance" ]; then put note "the instance ${instance##*/} could not be removed"; fi
    put end ''
    trap - EXIT
    exit 0
}
main "$@"
