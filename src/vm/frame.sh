# The frame in which an image is made: one at a time, in namespaces of its own, with nothing left when it ends early.
# POSIX sh; run with `sh -c`. Arguments: FOLDER NAME SETUP WORK [ARGUMENT]...
# SETUP is the script that `system.sh` runs in the new system, WORK the one that does the work.
# Standard output: `part NAME` when a part begins, `problem TEXT` before it fails.
# Standard input says that somebody is there: at its end all that this started is ended and what it made is removed.
# As root, or as somebody who has sub-ids (`newuidmap`): the same work then happens in a user namespace.
set -u
folder=$1 name=$2 setup=$3 script=$4
shift 4
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

fail() { echo "problem $1"; exit 1; }
user=''
[ "$(id -u)" = 0 ] || user='--map-root-user --map-auto'
# Processes and mounts of their own: when the first of them ends, however, the kernel ends all.
# No function: in the background that would be another process in between.
inside="unshare $user --pid --mount --fork --kill-child=KILL"
# What belongs to a sub-id only that namespace can remove.
remove() { for made in "$@"; do [ ! -d "$made" ] || $inside rm -rf --one-file-system "$made"; done; }

exec 3<&0 </dev/null 9>"$folder/lock"
flock -n 9 || fail "$name is being built already"
# Whoever made these is gone: the lock was free.
remove "$folder"/build.[0-9]*
free=$(df -Pk "$folder" | { read -r _; read -r _ _ _ free _; echo "$free"; })
[ "$free" -gt 4000000 ] || fail "there are no 4 GB free in $folder"
work=$folder/build.$$
mkdir -m 755 "$work" && mkdir -m 1777 "$work/tmp" || fail "no folder can be made in $folder"
child='' watch=''
clean() {
    trap '' HUP INT TERM PIPE
    [ -z "$child" ] || { kill -KILL "$child"; wait "$child"; }
    [ -z "$watch" ] || kill "$watch"
    remove "$work"
} 2>/dev/null
trap clean EXIT
trap 'exit 1' HUP INT TERM PIPE

printf '%s\n' "$setup" >"$work/setup"
: >"$work/log"
$inside sh -eu -c "$script" work "$work" "$name" "$@" 9>&- &
child=$!
{
    cat <&3
    kill -KILL "$child"
} >/dev/null 2>&1 9>&- &
watch=$!
exec 3<&-
wait "$child"
status=$?
child=''
cp "$work/log" "$folder/build.log"
[ "$status" != 0 ] || exit 0
said=$(grep -E '^(E:|mkfs|cp:|mv:)|error:|[Nn]o space' "$work/log" | tail -n 2 | tr '\n' ';')
fail "${said:-$(tail -n 1 "$work/log");} more in $folder/build.log"
