#!/usr/bin/env bash
# build.sh [DIR]: a bootable Debian 12 guest (Linux 6.1, Debian's last kernel with CFS) in DIR, by default
# $XDG_CACHE_HOME/koracle-vm, from Debian's packages. A guest that this very script has built is kept.
# Needs root and the packages mmdebstrap, e2fsprogs, openssh-client and qemu-system-x86.
# Leaves vmlinuz, initrd, disk.raw, a key (id) and the guest's host key (known_hosts). Users: root, `user` who may use
# sudo without a password, and `plain` who may not; the key opens all three.
set -euo pipefail
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/koracle-vm}
release=bookworm
size=4G

# What boots and answers; what the workloads of `koracle workloads` need; what a recording needs.
packages=(
    linux-image-cloud-amd64 systemd-sysv udev dbus iproute2 openssh-server sudo
    rt-tests sysbench stress-ng fio nginx-light apache2-utils python3-minimal xz-utils gcc libc6-dev make
    findutils util-linux tar gzip mawk coreutils
)

mkdir -p "$dir"
dir=$(realpath "$dir")
exec 9>"$dir/lock"
flock 9
stamp=$(sha256sum <"$0")
if [[ $(cat "$dir/built" 2>/dev/null) == "$stamp" ]]; then
    echo "kept: the guest in $dir"
    exit 0
fi
[[ $(id -u) == 0 ]] || {
    echo "building a guest needs root (its files belong to root); booting it does not" >&2
    exit 1
}
for tool in mmdebstrap:mmdebstrap mkfs.ext4:e2fsprogs ssh-keygen:openssh-client; do
    command -v "${tool%%:*}" >/dev/null || {
        echo "${tool%%:*} is missing: install the package ${tool#*:}" >&2
        exit 1
    }
done

work=$(mktemp -d "$dir/build.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
rm -f "$dir/built"
[[ -f $dir/id ]] || ssh-keygen -q -t ed25519 -N '' -C koracle-vm -f "$dir/id"

# Runs in the new system before it is an image: $1 is its folder.
cat >"$work/setup" <<'SETUP'
#!/bin/sh
set -eu
root=$1 key=$2
chroot "$root" useradd -m -s /bin/bash user
chroot "$root" useradd -m -s /bin/bash plain
echo 'user ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/user"
chmod 440 "$root/etc/sudoers.d/user"
for home in root home/user home/plain; do
    install -d -m 700 "$root/$home/.ssh"
    install -m 600 "$key" "$root/$home/.ssh/authorized_keys"
done
for user in user plain; do
    chroot "$root" chown -R "$user": "/home/$user/.ssh"
done
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/10.network"
echo '/dev/vda / ext4 rw,noatime 0 1' >"$root/etc/fstab"
echo koracle-vm >"$root/etc/hostname"
echo '127.0.0.1 localhost koracle-vm' >"$root/etc/hosts"
# Quiet: only what a workload starts runs beside it.
chroot "$root" systemctl enable systemd-networkd ssh
chroot "$root" systemctl disable nginx
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer systemd-tmpfiles-clean.timer
SETUP
chmod +x "$work/setup"

mmdebstrap --variant=apt --include="$(IFS=,; echo "${packages[*]}")" \
    --customize-hook="$(printf '%q "$1" %q' "$work/setup" "$dir/id.pub")" "$release" "$work/root"
cp "$work/root"/boot/vmlinuz-* "$work/vmlinuz"
cp "$work/root"/boot/initrd.img-* "$work/initrd"
printf 'koracle-vm %s\n' "$(cut -d' ' -f1,2 "$work/root/etc/ssh/ssh_host_ed25519_key.pub")" >"$work/known_hosts"
truncate -s "$size" "$work/disk.raw"
mkfs.ext4 -q -F -d "$work/root" "$work/disk.raw"
mv -f "$work"/{vmlinuz,initrd,known_hosts,disk.raw} "$dir/"
echo "$stamp" >"$dir/built"
echo "built: the guest in $dir"
