#!/bin/sh
# Pictures of the explorer for README.md and docs/, made of the real program: runs it in tmux, presses keys, and draws what the
# terminal shows, with its colours, as SVG.
#
#   assets/pictures.sh [NAME...]        all without names; needs tmux, python3
#
# KORACLE is the binary (target/release/koracle), SIZE another size than a picture's own, OUT another folder than this one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
koracle=${KORACLE:-$here/../target/release/koracle}
out=${OUT:-$here}
for tool in tmux python3; do
    command -v "$tool" >/dev/null || { echo "assets/pictures.sh: $tool is missing" >&2; exit 1; }
done
[ -x "$koracle" ] || { echo "assets/pictures.sh: $koracle is not there: cargo build --release" >&2; exit 1; }
socket=koracle-pictures-$$ settings=$(mktemp -d)
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$settings"' EXIT
trap 'exit 1' INT TERM HUP

# Waits until the screen shows a text; three minutes at most, for a slow machine.
shows() {
    for _ in $(seq 180); do
        case "$(tmux -L "$socket" capture-pane -p -t "$1")" in *"$2"*) return 0 ;; esac
        sleep 1
    done
    echo "assets/pictures.sh: $1 never shows \"$2\"" >&2
    exit 1
}

# NAME COLUMNS LINES RECORDING KEY...: the screen after the keys; =TEXT waits until that is shown. The recording is looked
# at while it stands still. There are two pictures of each: NAME for a dark page, NAME-light for a light one.
picture() {
    [ -z "$wanted" ] || case " $wanted " in *" $1 "*) ;; *) return 0 ;; esac
    drawn dark "" "$@"
    drawn light -light "$@"
}

# THEME SUFFIX, then as above.
drawn() {
    theme=$1 name=$3$2 columns=$4 lines=$5 recording=$6
    shift 6
    mkdir -p "$settings/koracle" && echo "theme = \"$theme\"" >"$settings/koracle/config.toml"
    [ -z "${SIZE:-}" ] || { columns=${SIZE%x*} lines=${SIZE#*x}; }
    tmux -L "$socket" -f /dev/null new-session -d -s "$name" -x "$columns" -y "$lines" \
        "env XDG_CONFIG_HOME='$settings' COLORTERM=truecolor TERM=tmux-256color '$koracle' '$here/../traces/$recording'"
    sleep 6
    for key in "$@"; do
        case $key in
        =*) shows "$name" "${key#=}" ;;
        *) tmux -L "$socket" send-keys -t "$name" "$key" && sleep 1 ;;
        esac
    done
    sleep 3
    tmux -L "$socket" capture-pane -e -p -N -t "$name" | python3 "$here/ansi_to_svg.py" "$columns" "$lines" "$theme" >"$out/$name.svg.part"
    mv "$out/$name.svg.part" "$out/$name.svg"
    tmux -L "$socket" kill-session -t "$name"
    echo "$out/$name.svg"
}

wanted=$*
picture waits 110 32 cfs/nginx-ab_run3.csv.zst 5 '=ran instead' '=woken by'
picture kernel 150 36 ../tests/data/truth/small.csv.zst t 16431018ns Enter j e '=in one queue'
picture timeline 110 32 hackbench-pipe-2g_run3.csv.zst Space 3 '=mispredicted for' Enter '=forecast, '
