#!/bin/sh
# The steps of KernelOracle (Kahu 2025), with this program behind them: nginx under ab, recorded by `perf sched record`,
# told by `perf sched map`, that text read as a recording, its dataset written as CSV, and the forecast scored beside
# KernelOracle's LSTM on the same decisions.
#
#   benches/kernel_oracle.sh [SECONDS] [FOLDER]     needs root, perf, nginx, ab; 3 seconds, into kernel-oracle-steps
#
# KORACLE is the binary (target/release/koracle).
set -eu
seconds=${1:-3} out=${2:-kernel-oracle-steps}
koracle=${KORACLE:-target/release/koracle}
for tool in perf nginx ab; do
    command -v "$tool" >/dev/null || { echo "benches/kernel_oracle.sh: $tool is missing" >&2; exit 1; }
done
mkdir "$out"
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
chmod 755 "$dir"
mkdir "$dir/html" "$dir/logs"
awk 'BEGIN { for (i = 0; i < 500; i++) print "a line of a page" }' >"$dir/html/index.html"
cat >"$dir/conf" <<END
worker_processes 2; pid $dir/pid; error_log $dir/error; daemon off; user root;
events { worker_connections 256; }
http { access_log off; server { listen 127.0.0.1:18089; root $dir/html; } }
END
nginx -p "$dir" -c "$dir/conf" &
server=$!
sleep 0.5
perf sched record -q -m 8M -o "$out/perf.data" -- ab -q -k -n 100000000 -t "$seconds" -c 16 http://127.0.0.1:18089/ >"$out/ab.txt"
kill "$server"
server=
perf sched map -i "$out/perf.data" >"$out/map.txt"
"$koracle" import "$out/map.txt" -o "$out/nginx-ab.csv.zst"
"$koracle" eval --predictors tcn,lstm,mlp,ppm,kernel-oracle "$out/map.txt"
