#!/usr/bin/env bash
# boot.sh DIR [CPUS [MIB]]: starts the guest of build.sh in the background and waits until ssh answers.
# Then `ssh -F DIR/ssh_config koracle-vm` (or koracle-vm-user, koracle-vm-plain); stop it with `kill "$(cat DIR/pid)"`.
# Its disk forgets everything at the end: each boot finds the guest as it was built. It reaches no network, only the
# host's loopback reaches it. With KVM where that works, else emulated, which stretches times: DIR/accel says which
# (KORACLE_VM_ACCEL=tcg takes the second at once). KORACLE_VM_ALONE=1, as root: at real-time priority, so that what
# else this machine does stretches nothing.
set -euo pipefail
dir=$(realpath "${1:?usage: boot.sh DIR [CPUS [MIB]]}")
cpus=${2:-2}
mib=${3:-2048}
[[ -f $dir/built ]] || {
    echo "$dir holds no guest: build.sh $dir makes one" >&2
    exit 1
}
if [[ -s $dir/pid ]] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
    echo "the guest in $dir runs already, as process $(cat "$dir/pid")" >&2
    exit 1
fi
command -v qemu-system-x86_64 >/dev/null || {
    echo "qemu-system-x86_64 is missing: install the package qemu-system-x86" >&2
    exit 1
}

port=22022
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
{
    for user in root user plain; do
        host=koracle-vm-$user
        [[ $user != root ]] || host=koracle-vm
        printf 'Host %s\n  User %s\n' "$host" "$user"
    done
    cat <<CONFIG
Host *
  HostName 127.0.0.1
  Port $port
  IdentityFile "$dir/id"
  IdentitiesOnly yes
  IdentityAgent none
  HostKeyAlias koracle-vm
  StrictHostKeyChecking yes
  UserKnownHostsFile "$dir/known_hosts"
  LogLevel ERROR
  ControlMaster auto
  ControlPath "$dir/ctl-%r"
  ControlPersist 600
CONFIG
} >"$dir/ssh_config"

priority=(env)
if [[ -n ${KORACLE_VM_ALONE:-} ]]; then priority=(chrt -r 5); fi

stop() {
    [[ -s $dir/pid ]] && kill "$(cat "$dir/pid")" 2>/dev/null
    rm -f "$dir/pid"
}

# True when the guest answers within so many seconds with this accelerator and CPU.
start() {
    local accel=$1 cpu=$2 limit=$3
    # Some hosts open /dev/kvm and then cannot give a guest this CPU: found out in no time, without the guest.
    (printf 'cont\nquit\n' | timeout 20 qemu-system-x86_64 -accel "$accel" -cpu "$cpu" -m 64 -nodefaults -display none \
        -monitor stdio -S) >/dev/null 2>&1 || return 1
    "${priority[@]}" qemu-system-x86_64 -name koracle-vm -accel "$accel" -cpu "$cpu" -smp "$cpus" -m "$mib" -nodefaults -display none \
        -serial "file:$dir/console.log" -no-reboot -kernel "$dir/vmlinuz" -initrd "$dir/initrd" \
        -append 'root=/dev/vda rw console=ttyS0 tsc=reliable mitigations=off' -device virtio-rng-pci \
        -drive "file=$dir/disk.raw,format=raw,if=virtio,snapshot=on" \
        -netdev "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=n0 \
        -daemonize -pidfile "$dir/pid" 2>"$dir/qemu.log" || return 1
    # The thread of the timers before those of the CPUs: else a tick waits for the end of a real-time slice.
    if ((${#priority[@]} > 1)); then chrt -r -p 20 "$(cat "$dir/pid")"; fi
    local end=$((SECONDS + limit))
    while ((SECONDS < end)); do
        if ssh -F "$dir/ssh_config" -o BatchMode=yes -o ConnectTimeout=3 koracle-vm true 2>/dev/null; then return 0; fi
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 1
    done
    stop
    return 1
}

rm -f "$dir/accel" "$dir/pid" "$dir"/ctl-*
for accel in ${KORACLE_VM_ACCEL:-kvm tcg}; do
    case $accel in
        kvm) cpu=host limit=60 ;;
        *) cpu=max limit=600 ;;
    esac
    if start "$accel" "$cpu" "$limit"; then
        echo "$accel $cpu" >"$dir/accel"
        break
    fi
done
[[ -f $dir/accel ]] || {
    echo "the guest did not answer, neither with KVM nor emulated; see $dir/console.log" >&2
    exit 1
}
truth='at the speed of this machine'
[[ $accel == kvm ]] || truth='emulated: its times are stretched'
echo "up in $SECONDS s: Linux $(ssh -F "$dir/ssh_config" koracle-vm uname -r), $cpus CPUs ($accel, CPU $cpu; $truth)"
