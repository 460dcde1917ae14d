#!/bin/sh
# Milliseconds from starting koracle to its first paint, its first lanes and the first predictions on screen, as tmux
# shows them (polled every few ms, so each figure is an upper bound). Usage: benches/first_paint.sh KORACLE [TRACE]
set -eu
bin=$1
shift
socket="koracle-paint-$$"
cache=$(mktemp -d)
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$cache"' EXIT
tmux -L "$socket" -f /dev/null new-session -d -x 200 -y 50 sh
tmux -L "$socket" send-keys "clear" Enter
sleep 0.5 # the shell's own start is not what is measured
now() { date +%s%N; }
screen() { tmux -L "$socket" capture-pane -p; }
tmux -L "$socket" send-keys -l "XDG_CACHE_HOME=$cache exec $bin $*"
start=$(now)
tmux -L "$socket" send-keys Enter
for want in '1 Timeline' 'CPU0' 'hit [ 0-9]*[0-9]\.[0-9] %'; do
    until screen | grep -q "$want"; do
        [ $((($(now) - start) / 1000000)) -lt 30000 ] || { echo "never saw: $want" >&2; exit 1; }
    done
    case $want in 1*) what="first paint" ;; C*) what="first lanes" ;; *) what="first predictions" ;; esac
    echo "$what: $((($(now) - start) / 1000000)) ms"
done
