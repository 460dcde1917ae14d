# What runs on the recorded machine: POSIX sh, as root, read from standard input behind a `set --` line.
# Arguments: SECONDS BUFFER_KB TOOL:PACKAGE,... EVENT,... TRUTH COMMAND [ARGUMENT]...   (TRUTH: 1 or 0)
# Standard output: the line KORACLE1, then frames: a line `NAME BYTES` and so many bytes.
# Standard input after this script: `stop` ends the workload early, `beat` says every second that somebody is there;
# without a line for six seconds, or at the end of input, everything ends. `bt TEXT` is a line of the program that the frame
# `ask` asks for, `next` begins the one for where that does not start, `run` is the end.
LC_ALL=C
export LC_ALL

put() { printf '%s %s\n' "$1" "${#2}"; printf '%s' "$2"; }
fail() { put fail "$1"; exit 1; }
# A file whole, its last line end too, which $() would take away.
put_file() { [ -r "$2" ] && { text=$(cat "$2" 2>/dev/null; echo .); put "$1" "${text%.}"; }; }
# When a living process started, in clock ticks, as $started: tells a process from a later one with its pid.
start_of() {
    started=''
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086
    set -- ${line##*) }
    [ "$1" != Z ] && started=${20}
}
# Hundredths of seconds since boot, as $now.
clock() { read -r now _ </proc/uptime; now=${now%.*}${now#*.}; }

# True for a number as the kernel writes it.
number() { case $1 in '' | 0* | *[!0-9]*) return 1 ;; esac; }
# True when $1 is exactly a name that this plan gives, of this boot and pid namespace, and its process is gone. Such a
# name holds 12 digits of the boot's own random number: nobody has typed it.
orphan() {
    whole=$1 old=$IFS
    IFS=-
    set -f
    # shellcheck disable=SC2086
    set -- $1
    set +f
    IFS=$old
    number "$2" && number "$3" && [ -n "$boot" ] && number "$space" || return 1
    [ "$whole" = "koracle-$2-$3-$boot-$space" ] || return 1
    start_of "$2" && [ "$started" = "$3" ] && return 1
    return 0
}
# A temporary folder of this plan: what it puts there, and the folder if nothing else is in it.
empty() {
    for file in chunk heard log pid status status.new stop ended off mark program probe.1 probe.2 probe.err prober seen; do rm -f "$1/$file"; done
    rmdir "$1"
} 2>/dev/null
# Removes what recordings left behind that were killed with their watchdog: only real folders of this user's with exactly
# such a name, and a temporary one only with this plan's mark for that name inside.
remove_orphans() {
    for stale in "$tracefs"/instances/koracle-*; do
        [ -d "$stale" ] && [ ! -L "$stale" ] && [ -O "$stale" ] && orphan "${stale##*/}" || continue
        remove "$stale" && put note "removed ${stale##*/}, left behind by a recording that was killed"
    done
    for stale in /dev/shm/koracle-*.* "${TMPDIR:-/tmp}"/koracle-*.* /var/tmp/koracle-*.*; do
        [ -d "$stale" ] && [ ! -L "$stale" ] && [ -O "$stale" ] || continue
        [ -f "$stale/mark" ] && [ ! -L "$stale/mark" ] && [ -O "$stale/mark" ] || continue
        owner=${stale##*/}
        owner=${owner%.*}
        orphan "$owner" && read -r line <"$stale/mark" && [ "$line" = "koracle recorder $owner" ] && empty "$stale"
    done
}

# Takes a trace instance away. Whoever still reads it gets two seconds.
remove() {
    echo 0 >"$1/tracing_on"
    echo 0 >"$1/events/enable"
    tries=0
    until rmdir "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 40 ] && [ -d "$1" ] || return 1
        sleep 0.05
    done
} 2>/dev/null
# `timeout` is the leader of the workload's process group, and kills after two seconds what does not end.
stop_workload() { [ -s "$tmp/pid" ] && kill -TERM "$(cat "$tmp/pid")" 2>/dev/null; }
# Leaves this machine as it was. The main shell does it, or else its watchdog.
cleanup() {
    trap '' HUP INT TERM PIPE
    for helper in $listener $watchdog $stirrer; do kill -KILL "$helper"; done
    group=''
    [ -s "$tmp/pid" ] && group=$(cat "$tmp/pid")
    [ -n "$group" ] && { kill -TERM "$group"; kill -s TERM -- "-$group"; }
    [ -n "$runner" ] && kill "$runner"
    prober=''
    [ -s "$tmp/prober" ] && prober=$(cat "$tmp/prober")
    [ -n "$prober" ] && { kill -KILL "$prober"; kill -s KILL -- "-$prober"; }
    [ -n "$instance" ] && [ -d "$instance" ] && remove "$instance"
    [ -n "$tmp" ] && empty "$tmp"
    # Whatever of the workload is still there, its children in the background too.
    tries=0
    while [ -n "$group" ] && kill -s 0 -- "-$group"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 25 ]; then kill -s KILL -- "-$group"; break; fi
        sleep 0.1
    done
    # What waited for the workload may have told its end just now.
    tries=0
    while [ -n "$tmp" ] && [ -d "$tmp" ] && [ "$tries" -lt 20 ]; do
        tries=$((tries + 1))
        sleep 0.05
        empty "$tmp"
    done
} 2>/dev/null

# What the other side says.
listen() {
    heard=0
    while read -r word <&3; do
        heard=$((heard + 1))
        echo "$heard" >"$tmp/heard"
        case $word in
        stop)
            : >"$tmp/stop"
            stop_workload
            ;;
        'bt '*) printf '%s\n' "${word#bt }" >>"$tmp/program" ;;
        next) mv "$tmp/program" "$tmp/probe.1" ;;
        run) mv "$tmp/program" "$tmp/probe.2" ;;
        esac
    done
    kill -TERM $$
} >/dev/null 2>&1
# True while the main shell lives.
main_lives() { start_of $$ && [ "$started" = "$born" ]; }
# Ends the main shell when the other side has gone silent, and cleans when the main shell is gone.
watch() {
    trap '' HUP INT TERM PIPE
    silent=0 last='' watchdog='' runner=''
    read -r self _ </proc/self/stat
    while [ "$silent" -lt 6 ] && main_lives; do
        sleep 1
        heard=''
        read -r heard <"$tmp/heard"
        silent=$((silent + 1))
        [ "$heard" = "$last" ] || silent=0
        last=$heard
    done
    if main_lives; then
        kill -TERM $$
        sleep 1
    fi
    if main_lives; then
        # It waits for a connection that is dead: nothing of it may be left.
        for stat in /proc/[0-9]*/stat; do
            read -r line <"$stat" || continue
            # shellcheck disable=SC2086
            set -- ${line%% *} ${line##*) }
            [ "$3" != $$ ] || [ "$1" = "$self" ] || kill -KILL "$1"
        done
        kill -KILL $$
    fi
    cleanup
} >/dev/null 2>&1 3<&-

# The pages of one CPU, in frames of at most 4 MiB, at most $2 frames.
drain() {
    frames=$2
    while [ "$frames" -gt 0 ]; do
        dd if="$instance/per_cpu/cpu$1/trace_pipe_raw" of="$tmp/chunk" bs="$page" count=$((4194304 / page)) \
            iflag=nonblock 2>/dev/null
        bytes=$(wc -c <"$tmp/chunk")
        bytes=$((bytes))
        [ "$bytes" -gt 0 ] || break
        printf 'pages.%s %s\n' "$1" "$bytes"
        cat "$tmp/chunk" || exit 1
        frames=$((frames - 1))
    done
}
# The statistics of one CPU's buffer, as `cpu.N`; its bytes that wait, as $waiting.
fill() {
    entries=0 overrun=0 commit=0 waiting=0 dropped=0 taken=0
    while read -r first second third _; do
        case $first in
        entries:) entries=$second ;;
        overrun:) overrun=$second ;;
        commit) commit=$third ;;
        bytes:) waiting=$second ;;
        dropped) dropped=$third ;;
        read) taken=$third ;;
        esac
    done <"$instance/per_cpu/cpu$1/stats"
    put "cpu.$1" "$((entries + taken)) $waiting $((buffer * 1024)) $((overrun + commit + dropped))"
}

# Starts the probe that reads the kernel's own state at each switch, and waits until it does. Its program is made for the names
# that this kernel's BTF has. It keeps what it reads and prints it at its end: printing meanwhile would be recorded too.
start_probe() {
    put btf.version "$(bpftrace --version 2>/dev/null)"
    put btf.cfs_rq "$(bpftrace -lv 'struct cfs_rq' 2>/dev/null)"
    put btf.entity "$(bpftrace -lv 'struct sched_entity' 2>/dev/null)"
    put ask ''
    until [ -e "$tmp/probe.2" ]; do sleep 0.05; done
    # Room for so many switches, some 500 bytes each, in an eighth of the memory that is free.
    while read -r word free _; do [ "$word" != MemAvailable: ] || break; done </proc/meminfo
    room=$((free / 4))
    [ "$room" -lt 1048576 ] || room=1048576
    mkfifo "$tmp/seen" || fail 'no pipe can be made there'
    # What says that the probe is there are processes that begin and end: there are some from here on.
    while main_lives; do sleep 0.05; done >/dev/null 2>&1 3<&- &
    stirrer=$!
    if [ -e "$tmp/probe.1" ]; then
        try_probe "$tmp/probe.1" && return
        put next ''
    fi
    try_probe "$tmp/probe.2" || fail "the probe of bpftrace does not start there: $(tail -n 1 "$tmp/probe.err")"
}
# True when this program reads; without it nothing of it is left.
try_probe() {
    # The variable has two names, of versions before 0.20 and since.
    BPFTRACE_MAP_KEYS_MAX=$room BPFTRACE_MAX_MAP_KEYS=$room timeout $((seconds + 600)) \
        bpftrace -B line "$1" >"$tmp/seen" 2>"$tmp/probe.err" 3<&- &
    echo $! >"$tmp/prober"
    exec 5<"$tmp/seen"
    said=0
    while [ "$said" -lt 2 ]; do
        if ! read -r line <&5; then
            exec 5<&-
            rm -f "$tmp/prober"
            return 1
        fi
        [ "$line" != on ] || said=$((said + 1))
    done
    kill "$stirrer"
    stirrer=''
}
# Ends the probe. bpftrace can lose a signal: where it still catches them a while later it is asked again. Once it prints what it has, it
# catches none, and another one would end it before its time.
ask_probe() {
    asked=$(cat "$tmp/prober" 2>/dev/null)
    kill -INT "$asked" 2>/dev/null
    while sleep 3; do
        child=''
        read -r child <"/proc/$asked/task/$asked/children"
        grep -q '^SigCgt:.*[2367abef]$' "/proc/${child%% *}/status" || break
        kill -INT "${child%% *}"
    done >/dev/null 2>&1 3<&- 5<&- &
}
# What the probe has read, in frames of at most 1 MiB.
drain_probe() {
    line="@room: $room"
    printf 'truth %s\n%s\n' $((${#line} + 1)) "$line"
    while :; do
        dd of="$tmp/chunk" bs=65536 count=16 iflag=fullblock <&5 2>/dev/null
        bytes=$(wc -c <"$tmp/chunk")
        bytes=$((bytes))
        [ "$bytes" -gt 0 ] || break
        printf 'truth %s\n' "$bytes"
        cat "$tmp/chunk" || exit 1
    done
    rm -f "$tmp/prober"
}

# True while the instance traces all that was asked for. Another may switch it off, and the kernel does after an error.
traced() {
    on=0
    read -r on <"$instance/tracing_on"
    [ "$on" != 0 ] || return 1
    for event in $events; do
        on=0
        read -r on <"$instance/events/sched/$event/enable"
        case $on in 0*) return 1 ;; esac
    done
} 2>/dev/null

main() {
    # Only now: until here this shell read its script from there.
    exec 3<&0 </dev/null
    tmp='' instance='' boot='' space='' runner='' listener='' watchdog='' stirrer=''
    echo KORACLE1
    [ "$(id -u)" = 0 ] || fail 'recording needs root'
    seconds=$1 buffer=$2 needs=$3 events=$4 truth=$5
    shift 5
    put kernel "$(uname -r)"
    put machine "$(uname -m)"
    if [ "$(cat /sys/kernel/sched_ext/state 2>/dev/null)" = enabled ]; then
        put ext "$(cat /sys/kernel/sched_ext/root/ops 2>/dev/null)"
    fi
    put_file online /sys/devices/system/cpu/online
    for tool in dd timeout mktemp readlink wc tail df; do
        command -v "$tool" >/dev/null || fail "$tool is missing there (package coreutils)"
    done
    old=$IFS
    IFS=,
    for need in $needs; do
        command -v "${need%%:*}" >/dev/null || fail "${need%%:*} is missing there: install the package ${need#*:}"
    done
    # shellcheck disable=SC2086
    events=$(printf '%s ' $events)
    IFS=$old
    if [ "$truth" = 1 ]; then
        command -v bpftrace >/dev/null || fail 'bpftrace is missing there: install the package bpftrace'
        [ -r /sys/kernel/btf/vmlinux ] ||
            fail "the kernel there has no BTF (/sys/kernel/btf/vmlinux), without which bpftrace cannot read its state: use one that \
was built with CONFIG_DEBUG_INFO_BTF, such as that of Debian's package linux-image-$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')"
    fi
    command -v "$1" >/dev/null || fail "there is no command $1 there"
    for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing ''; do
        [ -d "$tracefs/instances" ] && break
    done
    [ -n "$tracefs" ] || fail 'tracefs is not mounted there: mount -t tracefs nodev /sys/kernel/tracing'
    for event in $events; do
        [ -r "$tracefs/events/sched/$event/format" ] || fail "the kernel there has no tracepoint sched:$event"
    done

    trap cleanup EXIT
    trap 'exit 1' HUP INT TERM PIPE
    # Process, start, boot and pid namespace: together they name one recording and tell whether it still runs.
    start_of $$
    born=$started
    read -r boot </proc/sys/kernel/random/boot_id
    boot=${boot##*-}
    space=$(readlink /proc/self/ns/pid)
    space=${space##*[} space=${space%]}
    own=koracle-$$-$born-$boot-$space
    remove_orphans
    # Room for a piece of the pages and the end of what the workload prints.
    for place in /dev/shm "${TMPDIR:-/tmp}" /var/tmp ''; do
        [ -d "$place" ] && [ -w "$place" ] || continue
        free=$(df -Pk "$place" 2>/dev/null | tail -n 1 | { read -r _ _ _ free _; echo "$free"; })
        [ "${free:-0}" -ge 8192 ] && tmp=$(mktemp -d "$place/$own.XXXXXX") && break
    done
    [ -d "$tmp" ] || fail 'there are no 8 MB free in a temporary folder there (/dev/shm, /tmp, /var/tmp)'
    echo "koracle recorder $own" >"$tmp/mark"

    put date "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    put_file autogroup /proc/sys/kernel/sched_autogroup_enabled
    # The slice of this shell, a fair task of no special kind, is the base slice. Only EEVDF has one.
    put_file slice /sys/kernel/debug/sched/base_slice_ns ||
        put slice "$(sed -n 's/^se\.slice *: *//p' /proc/$$/sched 2>/dev/null)"
    hz=$(zcat /proc/config.gz 2>/dev/null | sed -n 's/^CONFIG_HZ=//p')
    [ -n "$hz" ] || hz=$(sed -n 's/^CONFIG_HZ=//p' "/boot/config-$(uname -r)" 2>/dev/null)
    put hz "$hz"
    put virt "$(systemd-detect-virt --vm 2>/dev/null)"
    put_file header_page "$tracefs/events/header_page"
    put_file header_event "$tracefs/events/header_event"
    # Bytes of a page: where its data start and how much there is.
    page=$(sed -n 's/.*char data;.*offset:\([0-9]*\);.*size:\([0-9]*\);.*/\1 + \2/p' "$tracefs/events/header_page")
    page=$((${page:-4096}))

    instance=$tracefs/instances/$own
    mkdir "$instance" || { instance=''; fail 'no private trace instance can be made there'; }
    echo 0 >"$instance/tracing_on"
    [ -w "$instance/buffer_subbuf_size_kb" ] && echo $((page / 1024)) >"$instance/buffer_subbuf_size_kb"
    echo mono >"$instance/trace_clock" || fail 'the kernel there has no monotonic trace clock'
    echo "$buffer" >"$instance/buffer_size_kb" || fail "no room there for a buffer of $buffer KB per CPU"
    for event in $events; do
        put_file "format.$event" "$tracefs/events/sched/$event/format"
        echo 1 >"$instance/events/sched/$event/enable" || fail "the tracepoint sched:$event cannot be enabled there"
    done
    put clock "$(sed 's/.*\[\(.*\)\].*/\1/' "$instance/trace_clock")"
    cpus=''
    for folder in "$instance"/per_cpu/cpu*; do cpus="$cpus ${folder##*/cpu}"; done
    put cpus "$cpus"

    listen &
    listener=$!
    watch &
    watchdog=$!
    [ "$truth" != 1 ] || start_probe
    put recording ''
    clock
    began=$now
    echo 1 >"$instance/tracing_on"
    {
        {
            timeout -k 2 "$seconds" "$@" 3<&- &
            echo $! >"$tmp/pid"
            [ -e "$tmp/stop" ] && stop_workload
            wait $!
            status=$?
            traced || : >"$tmp/off"
            : >"$tmp/ended"
            echo 0 >"$instance/tracing_on"
            clock
            ended=itself
            [ $((now - began)) -lt $((seconds * 100)) ] || ended=limit
            [ ! -e "$tmp/stop" ] || ended=stopped
            echo "$status $ended" >"$tmp/status.new"
            mv "$tmp/status.new" "$tmp/status"
        } 2>&1 | tail -c 2000 >"$tmp/log"
    } 3<&- 5<&- &
    runner=$!
    # Pages are taken while the workload runs only from a buffer that is half full: reading disturbs what it records.
    while [ ! -s "$tmp/status" ]; do
        sleep 0.2
        traced || [ -e "$tmp/ended" ] || : >"$tmp/off"
        for cpu in $cpus; do
            fill "$cpu"
            [ "$waiting" -lt $((buffer * 512)) ] || drain "$cpu" $((buffer / 8192 + 1))
        done
    done
    echo 0 >"$instance/tracing_on"
    [ "$truth" != 1 ] || ask_probe
    put fetching ''
    [ ! -e "$tmp/off" ] ||
        put note 'tracing was switched off there by somebody else, or by the kernel: some of the recording is missing'
    for cpu in $cpus; do
        drain "$cpu" 1000000
        put_file "stats.$cpu" "$instance/per_cpu/cpu$cpu/stats"
    done
    [ "$truth" != 1 ] || drain_probe
    put status "$(cat "$tmp/status")"
    # Children that the workload left behind may hold the log open: it has a moment to end.
    tries=0
    while kill -0 "$runner" 2>/dev/null && [ "$tries" -lt 10 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    put_file log "$tmp/log"
    put fetched ''
    cleanup
    [ ! -d "$instance" ] || put note "the instance ${instance##*/} could not be removed"
    put end ''
    trap - EXIT
    exit 0
}
main "$@"
