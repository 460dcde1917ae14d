#!/usr/bin/env bash
# Records the whole corpus at full length: every workload of `koracle workloads`, four runs of each.
#
#   traces/record.sh OUT_DIR                                   this machine, as root
#   traces/record.sh OUT_DIR --host cfs [-F SSH_CONFIG]        another one; the options go to `koracle record`
#   WORKLOADS='nginx-ab io-mixed' RUNS='0 1' traces/record.sh ...
#
# Needs the packages that `koracle workloads` names, on the recorded machine. KORACLE names the program (default: koracle
# in the PATH). A recording that is already there is kept, so that an interrupted round goes on where it stopped.
# Nothing else should run meanwhile: whatever does is in the recording.
set -euo pipefail

out=${1:?usage: traces/record.sh OUT_DIR [OPTIONS OF koracle record]}
shift
where=("$@")
if ((${#where[@]} == 0)); then where=(--local); fi
koracle=${KORACLE:-koracle}
buffer_kb=${BUFFER_KB:-131072}
mkdir -p "$out"

names=${WORKLOADS:-$("$koracle" workloads | awk '/^[^ ]/ { print $1 }')}
for run in ${RUNS:-0 1 2 3}; do
    for name in $names; do
        case $name in
            # These decide seldom: a longer recording for as much to learn from.
            sysbench-cpu* | sysbench-memory* | sysbench-mutex* | cpu-bound* | compile* | priorities*) seconds=8 ;;
            *) seconds=3 ;;
        esac
        file=$out/${name}_run$run.csv.zst
        [[ -e $file ]] && continue
        "$koracle" record "${where[@]}" --workload "$name" --seconds "$seconds" --buffer "$buffer_kb" -o "$file"
    done
done
