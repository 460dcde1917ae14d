# Makes the image of a machine from Debian's packages. POSIX sh; run with `sh -c`.
# Arguments: FOLDER NAME RELEASE MIRROR SIZE STAMP PACKAGE,...   (MIRROR may be empty)
# Standard output: `part NAME` when a part begins, `problem TEXT` before it fails.
# Standard input says that somebody is there: at its end all that this started is ended and what it made is removed.
# As root, or as somebody who has sub-ids (`newuidmap`): the same work then happens in a user namespace.
set -u
folder=$1 name=$2 release=$3 mirror=$4 size=$5 stamp=$6 packages=$7
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

[ -s "$folder/id" ] || ssh-keygen -q -t ed25519 -N '' -C "koracle-$name" -f "$folder/id" || fail 'no key could be made'
cp "$folder/id.pub" "$work/key"

# Runs in the new system before it is an image: $1 is its folder.
cat >"$work/setup" <<'SETUP'
set -eu
root=$1 key=$2 name=$3
for user in user plain; do chroot "$root" useradd -m -s /bin/bash "$user"; done
echo 'user ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/user"
chmod 440 "$root/etc/sudoers.d/user"
for user in root user plain; do
    home=$root/home/$user
    [ "$user" != root ] || home=$root/$user
    mkdir -m 700 -p "$home/.ssh"
    cp "$key" "$home/.ssh/authorized_keys"
    chmod 600 "$home/.ssh/authorized_keys"
    chroot "$root" chown -R "$user:" "${home#"$root"}/.ssh"
done
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/10.network"
echo '/dev/vda / ext4 rw,noatime 0 1' >"$root/etc/fstab"
echo "koracle-$name" >"$root/etc/hostname"
echo "127.0.0.1 localhost koracle-$name" >"$root/etc/hosts"
# Quiet: only what a workload starts runs beside it.
chroot "$root" systemctl enable systemd-networkd ssh
chroot "$root" systemctl disable nginx
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer systemd-tmpfiles-clean.timer
SETUP

# The parts, in the namespaces.
cat >"$work/parts" <<'PARTS'
set -eu
work=$1 name=$2 release=$3 mirror=$4 size=$5 packages=$6
exec 3>&1 >>"$work/log" 2>&1
part() { echo "part $1" >&3; }
export TMPDIR="$work/tmp"
part packages
# shellcheck disable=SC2086
mmdebstrap --mode=root --variant=apt --include="$packages" \
    --customize-hook="sh '$work/setup' \"\$1\" '$work/key' '$name'" "$release" "$work/root" ${mirror:+"$mirror"}
part image
mkdir "$work/new"
cp "$work"/root/boot/vmlinuz-* "$work/new/vmlinuz"
cp "$work"/root/boot/initrd.img-* "$work/new/initrd"
read -r kind key _ <"$work/root/etc/ssh/ssh_host_ed25519_key.pub"
echo "koracle-$name $kind $key" >"$work/new/known_hosts"
truncate -s "$size" "$work/new/disk.raw"
mkfs.ext4 -q -F -d "$work/root" "$work/new/disk.raw"
chmod 755 "$work/new"
chmod 644 "$work/new"/*
PARTS
: >"$work/log"
$inside sh "$work/parts" "$work" "$name" "$release" "$mirror" "$size" "$packages" 9>&- &
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
[ "$status" = 0 ] || fail "$(grep -E '^(E:|mkfs|.*[Nn]o space)' "$work/log" | tail -n 2 | tr '\n' ';' | sed 's/;$//'); more in $folder/build.log"
# No half image: it counts when `built` says so.
rm -f "$folder/built"
for file in vmlinuz initrd known_hosts disk.raw; do
    # Files of a sub-id's cannot be moved without their owner; root in its namespace owns both.
    mv -f "$work/new/$file" "$folder/$file" || fail "$folder/$file cannot be written"
done
echo "$stamp" >"$folder/built"
