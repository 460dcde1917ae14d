#!/usr/bin/env bash
# vagrant.sh [NAME]...: the Vagrantfile for real, with libvirt, from boxes of `koracle vm box`; without a name both machines.
# Each is brought up, provisioned twice, listed, recorded (three workloads), scored, halted, brought up again and destroyed;
# then nothing may be left. Everything happens in namespaces of its own (network, processes, mounts): bridges, addresses,
# firewall rules and forwarding exist nowhere else, and all daemons end with it.
#
# Needs root and the packages vagrant, vagrant-libvirt, libvirt-daemon-system, dnsmasq-base, iptables, and those that
# `koracle vm box` names. Takes some 20 minutes for each machine where it is emulated (KORACLE_ACCEL=tcg; without KVM always).
# KORACLE: the program, by default the release build here. KORACLE_BOX_CFS, KORACLE_BOX_EEVDF: boxes that are there
# already; else they are made into the user's cache folder, once.
set -euo pipefail
self=$(realpath "$0")
here=$(dirname "$self")
repository=$(realpath "$here/../..")
KORACLE=$(realpath "${KORACLE:-$repository/target/release/koracle}")
export KORACLE
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
step() { echo "==> $* ($((SECONDS / 60)) min $((SECONDS % 60)) s)"; }

# What must be the same before and after: links, firewall rules, forwarding, daemons.
outside() {
    ip -o link | cut -d: -f2
    iptables-save 2>/dev/null | grep -v '^#' || true
    cat /proc/sys/net/ipv4/ip_forward
    ps -eo stat=,comm= | awk '$1 !~ /^Z/ && $2 ~ /^(libvirtd|dnsmasq|virtlogd|qemu-system)/ { print $2 }' | sort
}

if [[ ${KORACLE_VAGRANT_INSIDE:-} == '' ]]; then
    [[ $(id -u) == 0 ]] || fail 'this needs root, for namespaces and libvirtd'
    missing=()
    for need in vagrant:vagrant libvirtd:libvirt-daemon-system dnsmasq:dnsmasq-base iptables:iptables virsh:libvirt-clients; do
        command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
    done
    ((${#missing[@]} == 0)) || fail "install the packages ${missing[*]}"
    names=("$@")
    ((${#names[@]})) || names=(cfs eevdf)
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/koracle/boxes
    mkdir -p "$cache"
    for name in "${names[@]}"; do
        variable=KORACLE_BOX_${name^^}
        if [[ -z ${!variable:-} ]]; then
            box=$cache/koracle-$name.box
            [[ -f $box ]] || "$KORACLE" vm box "$name" -o "$box"
            export "$variable=$box"
        fi
    done
    work=$(mktemp -d "$cache/run.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    before=$(outside)
    KORACLE_VAGRANT_INSIDE=$work unshare --net --mount --pid --fork --kill-child=KILL --mount-proc "$self" "${names[@]}"
    step 'outside is as it was'
    [[ $(outside) == "$before" ]] || fail "something is left: $(diff <(echo "$before") <(outside))"
    echo 'all passed'
    exit 0
fi

# Inside: libvirtd with folders of its own.
work=$KORACLE_VAGRANT_INSIDE
ip link set lo up
mkdir -p "$work"/{etc,lib,cache,log,project,home,user}
cp -a /etc/libvirt/. "$work/etc/"
rm -rf "$work"/etc/qemu/networks "$work"/etc/storage
mount --bind "$work/etc" /etc/libvirt
mount --bind "$work/lib" /var/lib/libvirt
mkdir -p /var/cache/libvirt /var/log/libvirt
mount --bind "$work/cache" /var/cache/libvirt
mount --bind "$work/log" /var/log/libvirt
# /run is shared with outside: sockets and numbers of processes are not to be seen there.
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
{
    echo 'user = "root"'
    echo 'group = "root"'
    echo 'security_driver = "none"'
    echo 'cgroup_controllers = []'
    echo 'namespaces = []'
    echo 'stdio_handler = "file"'
    echo 'remember_owner = 0'
} >>/etc/libvirt/qemu.conf
{
    echo 'auth_unix_rw = "none"'
    echo 'auth_unix_ro = "none"'
} >>/etc/libvirt/libvirtd.conf
libvirtd --daemon
for _ in $(seq 50); do
    virsh -q list --all >/dev/null 2>&1 && break
    sleep 0.2
done
virsh -q list --all >/dev/null || fail 'libvirtd does not answer'

cp "$repository/Vagrantfile" "$work/project/"
cd "$work/project"
# A user without machines, boxes and ssh configuration.
export HOME=$work/user VAGRANT_HOME=$work/home XDG_CACHE_HOME=$work/user/cache VAGRANT_CHECKPOINT_DISABLE=1
export VAGRANT_DEFAULT_PROVIDER=libvirt

record() { "$KORACLE" record --host "$name" --workload "$1" --seconds 3 --buffer 65536 -o "$work/$name-$1.csv.zst"; }
# says WORDS COMMAND...: the command fails with exit code 1 and says so.
says() {
    local words=$1 code=0 said
    shift
    said=$("$@" 2>&1) || code=$?
    [[ $code == 1 && $said == *"$words"* ]] || fail "$*: exit code $code, said: $said"
    echo "  said: ${said##*$'\n'}"
}
hosts() { "$KORACLE" record --hosts | awk -v name="$name" '$1 == name && $2 == "vagrant"'; }

for name in "$@"; do
    step "$name: not made"
    says "\`vagrant up $name\` starts that of the Vagrantfile here" record hackbench-pipe-2g
    step "$name: up"
    vagrant up "$name"
    step "$name: provision twice"
    vagrant provision "$name"
    vagrant provision "$name"
    step "$name: hosts"
    [[ $(hosts) == *running* ]] || fail "not listed as running: $(hosts)"
    for workload in hackbench-pipe-2g nginx-ab cpu-bound-4p; do
        step "$name: record $workload"
        record "$workload"
    done
    step "$name: eval"
    "$KORACLE" eval --predictors tcn,followed "$work/$name"-*.csv.zst
    step "$name: halt"
    vagrant halt "$name"
    [[ $(hosts) == *'not running'* ]] || fail "listed as running: $(hosts)"
    rm -f "$work/$name"-*
    says "\`vagrant up $name\` starts that of the Vagrantfile here" record hackbench-pipe-2g
    step "$name: up again"
    vagrant up "$name"
    record hackbench-pipe-2g
    step "$name: destroy"
    vagrant destroy -f "$name"
    [[ -z $(virsh -q list --all --name) ]] || fail "machines are left: $(virsh -q list --all --name)"
    # The box's own image stays for the next one.
    left=$(find /var/lib/libvirt/images -name "*_$name.*" 2>/dev/null)
    [[ -z $left ]] || fail "images are left: $left"
    rm -f "$work/$name"-*
done
step 'done inside'
