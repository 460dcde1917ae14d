//! The catalog of workloads: real loads, each for one kind of scheduling. A script gets the seconds
//! as `$1` and is ended by the time limit if it does not end by itself. Nothing here runs anything.

/// One workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// The family it belongs to.
    pub category: &'static str,
    /// What it exercises.
    pub about: &'static str,
    /// POSIX sh; `$1` is the number of seconds.
    pub script: &'static str,
    /// Programs it needs, and the Debian package of each.
    pub needs: &'static [(&'static str, &'static str)],
}

type Needs = &'static [(&'static str, &'static str)];
const HACKBENCH: Needs = &[("hackbench", "rt-tests")];
const SYSBENCH: Needs = &[("sysbench", "sysbench")];
const STRESS: Needs = &[("stress-ng", "stress-ng")];
const NOTHING: Needs = &[];

const fn workload(
    name: &'static str,
    category: &'static str,
    about: &'static str,
    needs: Needs,
    script: &'static str,
) -> Workload {
    Workload { name, category, about, script, needs }
}

/// All of them.
pub const ALL: &[Workload] = &[
    workload(
        "hackbench-pipe-2g",
        "hackbench",
        "80 processes that wake each other through pipes",
        HACKBENCH,
        "while hackbench --pipe -g 2 -l 2000; do :; done",
    ),
    workload(
        "hackbench-pipe-4g",
        "hackbench",
        "160 processes that wake each other through pipes",
        HACKBENCH,
        "while hackbench --pipe -g 4 -l 1000; do :; done",
    ),
    workload(
        "hackbench-socket-2g",
        "hackbench",
        "80 processes that wake each other through sockets",
        HACKBENCH,
        "while hackbench -g 2 -l 2000; do :; done",
    ),
    workload(
        "hackbench-socket-4g",
        "hackbench",
        "160 processes that wake each other through sockets",
        HACKBENCH,
        "while hackbench -g 4 -l 1000; do :; done",
    ),
    workload(
        "sysbench-cpu-4t",
        "sysbench_cpu",
        "4 threads that count primes",
        SYSBENCH,
        "exec sysbench cpu --threads=4 --time=\"$1\" run",
    ),
    workload(
        "sysbench-cpu-8t",
        "sysbench_cpu",
        "8 threads that count primes",
        SYSBENCH,
        "exec sysbench cpu --threads=8 --time=\"$1\" run",
    ),
    workload(
        "sysbench-threads-8t",
        "sysbench_threads",
        "8 threads that yield under locks",
        SYSBENCH,
        "exec sysbench threads --threads=8 --time=\"$1\" run",
    ),
    workload(
        "sysbench-threads-16t",
        "sysbench_threads",
        "16 threads that yield under locks",
        SYSBENCH,
        "exec sysbench threads --threads=16 --time=\"$1\" run",
    ),
    workload(
        "sysbench-memory-4t",
        "sysbench_memory",
        "4 threads that write memory",
        SYSBENCH,
        "exec sysbench memory --threads=4 --time=\"$1\" --memory-total-size=1000G run",
    ),
    workload(
        "sysbench-mutex-16t",
        "sysbench_mutex",
        "16 threads that queue for a few mutexes (futex sleeps and wake-ups)",
        SYSBENCH,
        "while sysbench mutex --threads=16 --mutex-num=8 --mutex-locks=20000 --mutex-loops=500 \
         run; do :; done",
    ),
    workload(
        "cpu-bound-4p",
        "cpu_bound",
        "4 processes that never sleep: only the tick and fairness switch",
        NOTHING,
        "for i in 1 2 3 4; do awk 'BEGIN{while(1)x++}' & done; wait",
    ),
    workload(
        "cpu-bound-8p",
        "cpu_bound",
        "8 processes that never sleep: only the tick and fairness switch",
        NOTHING,
        "for i in 1 2 3 4 5 6 7 8; do awk 'BEGIN{while(1)x++}' & done; wait",
    ),
    workload(
        "io-mixed",
        "io_mixed",
        "writers with fsync, readers that compute, two CPU loops",
        NOTHING,
        IO_MIXED,
    ),
    workload(
        "nginx-ab",
        "nginx_ab",
        "a web server with 2 workers under 16 connections (KernelOracle's own load)",
        &[("nginx", "nginx-light"), ("ab", "apache2-utils")],
        NGINX,
    ),
    workload(
        "fio-randrw-fsync",
        "fio",
        "4 jobs of random reads and writes of 4 KiB, an fsync after 8 writes",
        &[("fio", "fio")],
        FIO,
    ),
    workload(
        "compile-parallel",
        "compile",
        "8 compilers at a time on generated C files",
        &[("gcc", "gcc"), ("xargs", "findutils")],
        COMPILE,
    ),
    workload(
        "xz-parallel",
        "compress",
        "4 compressors fed through pipes",
        &[("xz", "xz-utils")],
        "for i in 1 2 3 4; do ( while :; do seq 1 400000 | xz -3 -c >/dev/null; done ) & done; \
         wait",
    ),
    workload(
        "tar-gzip-pipes",
        "pipeline",
        "3 pipelines of a reader, a compressor, a decompressor and a counter",
        &[("tar", "tar"), ("gzip", "gzip")],
        "for i in 1 2 3; do ( while :; do tar -cf - /usr/share/doc /usr/bin 2>/dev/null | gzip -1 \
         | gzip -d | wc -c; done ) & done; wait",
    ),
    workload(
        "stress-switch-4",
        "stress_ng",
        "4 pairs of processes that switch as fast as they can",
        STRESS,
        "exec stress-ng --switch 4 --timeout \"$1\"",
    ),
    workload(
        "stress-futex-4",
        "stress_ng",
        "4 pairs of processes that wait and wake by futex",
        STRESS,
        "exec stress-ng --futex 4 --timeout \"$1\"",
    ),
    workload(
        "timers-cyclic",
        "timers",
        "4 real-time threads that wake every millisecond, beside two CPU loops",
        &[("cyclictest", "rt-tests")],
        "for i in 1 2; do awk 'BEGIN{while(1)x++}' & done; exec cyclictest -q -t 4 -p 20 -i 1000 \
         -D \"$1\"",
    ),
    workload(
        "priorities-mix",
        "priorities",
        "CPU loops at nice 0, 5, 10 and 19 and a round-robin task that comes and goes",
        &[("chrt", "util-linux"), ("nice", "coreutils")],
        PRIORITIES,
    ),
    workload(
        "python-queue",
        "interpreter",
        "a producer and 4 consumers in one interpreter: a lock that all want",
        &[("python3", "python3-minimal")],
        PYTHON,
    ),
    workload(
        "desktop-idle",
        "interactive",
        "a nearly idle desktop: many sleepers with short bursts of work",
        NOTHING,
        DESKTOP,
    ),
    workload(
        "fork-storm",
        "fork",
        "short-lived processes, 8 at a time: new tasks and their placement",
        NOTHING,
        "while :; do for i in 1 2 3 4 5 6 7 8; do awk 'BEGIN{for(i=0;i<5000;i++)x+=i}' & done; \
         wait; done",
    ),
    workload(
        "sqlite-writers",
        "database",
        "4 writers and 2 readers of one database: each transaction is one fsync, under one lock",
        &[("sqlite3", "sqlite3")],
        SQLITE,
    ),
    workload(
        "redis-benchmark",
        "key_value",
        "a key-value server under 16 connections from 2 threads",
        &[("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")],
        REDIS,
    ),
    workload(
        "cgroup-quota",
        "cpu_limit",
        "a group that may use 40 % of a CPU (cgroup v2 cpu.max), beside one CPU loop and sleepers \
         outside of it",
        NOTHING,
        QUOTA,
    ),
    workload(
        "batch-idle-mix",
        "policies",
        "CPU loops of the policies batch, idle and other, one of them nice, and sleepers that want \
         little",
        &[("chrt", "util-linux"), ("nice", "coreutils")],
        POLICIES,
    ),
];

// What writes does it below /var/tmp: /tmp is often memory.
const IO_MIXED: &str = r#"d=$(mktemp -d -p /var/tmp) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
for j in 1 2 3; do ( while :; do dd if=/dev/zero of="$d/w$j" bs=4k count=64 conv=fsync 2>/dev/null; done ) & done
for j in 1 2; do ( while :; do dd if="$d/w$j" of=/dev/null bs=4k 2>/dev/null; awk 'BEGIN{for(i=0;i<20000;i++)x+=i}'; done ) & done
for j in 1 2; do awk 'BEGIN{while(1)x++}' & done
wait"#;

const NGINX: &str = r#"d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
chmod 755 "$d"; mkdir "$d/html" "$d/logs"; awk 'BEGIN{for(i=0;i<500;i++)print "a line of a page"}' >"$d/html/index.html"
printf '%s' "worker_processes 2; pid $d/pid; error_log $d/error; daemon off; user root;
events { worker_connections 256; }
http { access_log off; server { listen 127.0.0.1:18089; root $d/html; } }" >"$d/conf"
nginx -p "$d" -c "$d/conf" &
sleep 0.3
ab -q -k -n 100000000 -t "$1" -c 16 http://127.0.0.1:18089/"#;

const FIO: &str = r#"d=$(mktemp -d -p /var/tmp) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
fio --name=koracle --directory="$d" --rw=randrw --bs=4k --size=32m --fsync=8 --numjobs=4 --time_based --runtime="$1""#;

const COMPILE: &str = r#"d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    awk -v f="$i" 'BEGIN{for(i=0;i<200;i++)printf "int f%d_%d(int a,int b){int s=0;for(int i=0;i<a;i++)s+=i*b^%d;return s;}\n",f,i,i}' >"$d/$i.c"
done
while :; do for f in "$d"/*.c; do echo "$f"; done | xargs -P 8 -I F gcc -O2 -c F -o F.o; done"#;

const PRIORITIES: &str = r"for n in 0 5 10 19; do nice -n $n awk 'BEGIN{while(1)x++}' & done
while :; do chrt -r 10 awk 'BEGIN{for(i=0;i<30000;i++)x+=i}'; sleep 0.01; done";

const PYTHON: &str = r"exec python3 -c '
import threading, queue
q = queue.Queue(16)
def consume():
    while True:
        sum(range(q.get()))
for _ in range(4):
    threading.Thread(target=consume, daemon=True).start()
n = 0
while True:
    q.put(200 + n % 800)
    n += 1
'";

const DESKTOP: &str = r"for t in 0.005 0.01 0.016 0.016 0.05 0.1 0.25 0.5; do
    ( while :; do sleep $t; awk 'BEGIN{for(i=0;i<3000;i++)x+=i}'; done ) &
done
wait";

const SQLITE: &str = r#"d=$(mktemp -d -p /var/tmp) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
echo 'PRAGMA journal_mode=WAL; CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT);' | sqlite3 "$d/db" >/dev/null
for j in 1 2 3 4; do
    awk -v j="$j" 'BEGIN{srand(j);while(1)printf "INSERT OR REPLACE INTO t VALUES(%d,hex(randomblob(40)));\n",rand()*10000}' |
        sqlite3 -cmd '.timeout 5000' "$d/db" &
done
for j in 1 2; do
    awk 'BEGIN{while(1)print "SELECT count(*),max(v) FROM t WHERE k%7=3;"}' | sqlite3 -cmd '.timeout 5000' "$d/db" >/dev/null &
done
wait"#;

const REDIS: &str = r#"d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && trap 'exit 0' TERM
redis-server --port 18090 --bind 127.0.0.1 --save '' --appendonly no --dir "$d" >/dev/null &
until redis-cli -p 18090 ping >/dev/null 2>&1; do sleep 0.1; done
redis-benchmark -q -p 18090 --threads 2 -c 16 -n 100000000 -t set,get"#;

// Leaves the machine's groups as they were: the controller is taken away again only where this
// brought it.
const QUOTA: &str = r#"g=/sys/fs/cgroup c=$g/koracle-$$ added=''
[ -f "$g/cgroup.controllers" ] || { echo "cgroup v2 is not mounted on $g" >&2; exit 1; }
grep -qw cpu "$g/cgroup.controllers" || { echo 'cgroup v2 has no cpu controller here' >&2; exit 1; }
grep -qw cpu "$g/cgroup.subtree_control" || { echo +cpu >"$g/cgroup.subtree_control" && added=yes; }
leave() {
    echo 1 >"$c/cgroup.kill"
    for i in 1 2 3 4 5 6 7 8 9 10; do rmdir "$c" 2>/dev/null && break; sleep 0.05; done
    [ -z "$added" ] || echo -cpu >"$g/cgroup.subtree_control"
}
mkdir "$c" && trap leave EXIT && trap 'exit 0' TERM && echo '40000 100000' >"$c/cpu.max" || exit 1
for i in 1 2; do ( echo 0 >"$c/cgroup.procs" && exec awk 'BEGIN{while(1)x++}' ) & done
( echo 0 >"$c/cgroup.procs" && while :; do seq 1 20000 | gzip -1 | wc -c >/dev/null; sleep 0.005; done ) &
awk 'BEGIN{while(1)x++}' &
for t in 0.002 0.01 0.05; do ( while :; do sleep $t; awk 'BEGIN{for(i=0;i<3000;i++)x+=i}'; done ) & done
wait"#;

const POLICIES: &str = r"for i in 1 2; do chrt --batch 0 awk 'BEGIN{while(1)x++}' & done
chrt --idle 0 awk 'BEGIN{while(1)x++}' & nice -n 10 awk 'BEGIN{while(1)x++}' &
for t in 0.002 0.01 0.05; do ( while :; do sleep $t; awk 'BEGIN{for(i=0;i<3000;i++)x+=i}'; done ) & done
wait";

/// The workload of this name.
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|w| w.name == name)
}

impl Workload {
    /// As program and arguments.
    pub fn command(&self, seconds: u32) -> Vec<String> {
        let words = ["sh", "-c", self.script, "koracle-workload"];
        words.into_iter().map(str::to_owned).chain([seconds.to_string()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::process::Command;

    #[test]
    fn at_least_twenty_in_ten_categories_each_with_a_name_of_its_own() {
        let names: BTreeSet<_> = ALL.iter().map(|w| w.name).collect();
        let categories: BTreeSet<_> = ALL.iter().map(|w| w.category).collect();
        assert!(
            ALL.len() >= 20 && names.len() == ALL.len() && categories.len() >= 10,
            "{categories:?}"
        );
        // The plan takes needs as one word with commas and colons.
        let words = ALL.iter().flat_map(|w| w.needs).flat_map(|(tool, package)| [tool, package]);
        assert!(words.into_iter().all(|w| !w.is_empty() && !w.contains([',', ':', ' '])));
    }

    #[test]
    fn every_script_is_one_to_a_shell() {
        for w in ALL {
            let checked = Command::new("sh").args(["-n", "-c", w.script]).output().unwrap();
            assert!(
                checked.status.success(),
                "{}: {}",
                w.name,
                String::from_utf8_lossy(&checked.stderr)
            );
        }
    }
}
