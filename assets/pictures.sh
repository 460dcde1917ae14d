#!/bin/sh
# Pictures of the explorer for README.md and docs/, made of the real program: runs it in tmux, presses keys, and draws what the
# terminal shows, with its colours, as SVG.
#
#   assets/pictures.sh [NAME...]        all without names; needs tmux, python3
#   assets/pictures.sh screens OUT      home, tour, help and palette in every theme at three sizes, to look at, into the folder OUT
#
# KORACLE is the binary (target/release/koracle), SIZE another size than a picture's own, OUT another folder than this one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
koracle=$(realpath "${KORACLE:-$here/../target/release/koracle}")
out=$(realpath "${OUT:-$here}")
for tool in tmux python3; do
    command -v "$tool" >/dev/null || { echo "assets/pictures.sh: $tool is missing" >&2; exit 1; }
done
[ -x "$koracle" ] || { echo "assets/pictures.sh: $koracle is not there: cargo build --release" >&2; exit 1; }
socket=koracle-pictures-$$ settings=$(mktemp -d)
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$settings"' EXIT
trap 'exit 1' INT TERM HUP

# Waits until the screen shows a text; three minutes at most, for a slow machine.
shows() {
    for _ in $(seq 900); do
        case "$(tmux -L "$socket" capture-pane -p -t "$1")" in *"$2"*) return 0 ;; esac
        sleep 0.2
    done
    echo "assets/pictures.sh: $1 never shows \"$2\"" >&2
    exit 1
}

# Waits until the screen stays as it is; half a minute at most, as what plays never does.
rests() {
    before=
    for _ in $(seq 30); do
        sleep 1
        now=$(tmux -L "$socket" capture-pane -e -p -t "$1")
        [ "$now" != "$before" ] || return 0
        before=$now
    done
}

# SESSION THEME COLUMNS LINES ARGUMENT...: the program in a terminal. Nobody's settings, sessions and recent files are in the
# picture: its home is an empty folder.
begun() {
    session=$1 theme=$2 columns=$3 lines=$4
    shift 4
    [ -z "${SIZE:-}" ] || { columns=${SIZE%x*} lines=${SIZE#*x}; }
    rm -rf "$settings/home" && mkdir -p "$settings/home/.config/koracle"
    echo "theme = \"$theme\"" >"$settings/home/.config/koracle/config.toml"
    tmux -L "$socket" -f /dev/null new-session -d -s "$session" -x "$columns" -y "$lines" -c "$settings/home" \
        env -u NO_COLOR -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME HOME="$settings/home" \
        COLORTERM=truecolor TERM=tmux-256color "$koracle" "$@"
}

# SESSION KEY...: presses them; =TEXT waits until that is shown.
pressed() {
    session=$1
    shift
    for key in "$@"; do
        case $key in
        =*) shows "$session" "${key#=}" ;;
        *) tmux -L "$socket" send-keys -t "$session" "$key" && sleep 1 ;;
        esac
    done
}

# SESSION FILE COLUMNS LINES [light]: what it shows now.
captured() {
    rests "$1"
    tmux -L "$socket" capture-pane -e -p -N -t "$1" | python3 "$here/ansi_to_svg.py" "$3" "$4" "${5:-dark}" >"$2.part"
    mv "$2.part" "$2"
    echo "$2"
}

ended() {
    tmux -L "$socket" kill-session -t "$1"
}

# NAME COLUMNS LINES RECORDING KEY...: the screen after the keys. The recording is looked at while it stands still; "-" is
# home over the first one. There are two pictures of each: NAME for a dark page, NAME-light for a light one.
picture() {
    [ -z "$wanted" ] || case " $wanted " in *" $1 "*) ;; *) return 0 ;; esac
    drawn dark "" "$@"
    drawn light -light "$@"
}

# THEME SUFFIX, then as above.
drawn() {
    theme=$1 name=$3$2 columns=$4 lines=$5 recording=$6
    shift 6
    if [ "$recording" = - ]; then
        begun "$name" "$theme" "$columns" "$lines"
        pressed "$name" "=Open a recording"
    else
        begun "$name" "$theme" "$columns" "$lines" "$here/../traces/$recording"
        sleep 6
    fi
    pressed "$name" "$@"
    captured "$name" "$out/$name.svg" "$columns" "$lines" "$theme"
    ended "$name"
}

# Home, tour, palette and help of one theme at one size, after each other in one session.
screens() {
    name=$1-$2x$3
    begun "$name" "$1" "$2" "$3"
    pressed "$name" "=Open a recording"
    captured "$name" "$out/home-$name.svg" "$2" "$3" "$1"
    pressed "$name" t "=At the playhead"
    captured "$name" "$out/tour-$name.svg" "$2" "$3" "$1"
    pressed "$name" Escape :
    captured "$name" "$out/palette-$name.svg" "$2" "$3" "$1"
    pressed "$name" Escape "?"
    captured "$name" "$out/help-$name.svg" "$2" "$3" "$1"
    ended "$name"
}

if [ "${1:-}" = screens ]; then
    [ $# -eq 2 ] || { echo "assets/pictures.sh screens OUT" >&2; exit 2; }
    mkdir -p "$2" && out=$(realpath "$2")
    for theme in dark light 16 none; do
        for size in 80x24 120x40 250x70; do
            screens "$theme" "${size%x*}" "${size#*x}"
        done
    done
    exit
fi

# The pictures of docs/screens.md, in a folder of their own.
for_screens() {
    out=${OUT:-$here/screens}
    mkdir -p "$out"
    picture home 120 40 - '=forecast, '
    picture tour 120 40 - t '=At the playhead' '=decision took'
    picture palette 120 40 - t '=At the playhead' '=decision took' Escape :
    picture help 120 40 - '?'
    [ -z "$wanted" ] || case " $wanted " in *" home "*) ;; *) return 0 ;; esac
    drawn 16 -16 home 120 40 - '=forecast, '
}

wanted=$*
picture waits 110 32 cfs/nginx-ab_run3.csv.zst 5 '=ran instead' '=woken by'
picture kernel 150 36 ../tests/data/truth/small.csv.zst t 16431018ns Enter j e '=in one queue'
picture timeline 110 32 hackbench-pipe-2g_run3.csv.zst Space 3 '=mispredicted for' Enter '=forecast, '
for_screens
