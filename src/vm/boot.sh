# Starts a machine, and ends it unless it is told to keep it. POSIX sh; run with `sh -c`.
# Arguments: FOLDER PRIORITY COMMAND [ARGUMENT]...   (PRIORITY: a real-time priority, or 0)
# Standard output: `pid N` of the machine. Standard input: the word `keep` lets it go on when this ends; without it, at the
# end of input, the machine ends too. So whoever is killed while it starts leaves nothing.
folder=$1 priority=$2
shift 2
if [ "$priority" != 0 ]; then set -- chrt -r "$priority" "$@"; fi
# A session of its own: the end of a terminal is not the end of the machine. In the background of a shell without job
# control `setsid` does not fork, so that this is its number.
setsid "$@" </dev/null >"$folder/qemu.log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null; exit 1' HUP INT TERM PIPE
echo "pid $pid"
word=''
read -r word || word=''
if [ "$word" = keep ]; then
    # The thread of the timers before those of the CPUs: else a tick waits for the end of a real-time slice.
    [ "$priority" = 0 ] || chrt -r -p $((priority + 15)) "$pid"
    exit 0
fi
kill "$pid" 2>/dev/null
wait "$pid"
