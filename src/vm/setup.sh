# Runs beside a new system before it is an image. Arguments: ROOT KEYFILE NAME USER... Each of the users takes the key; all
# but `plain` and root may use sudo without a password.
set -eu
root=$1 key=$2 name=$3
shift 3
for user in "$@"; do
    home=$root/home/$user
    if [ "$user" = root ]; then home=$root/$user; else chroot "$root" useradd -m -s /bin/bash "$user"; fi
    case $user in
    root | plain) ;;
    *)
        echo "$user ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$user"
        chmod 440 "$root/etc/sudoers.d/$user"
        ;;
    esac
    mkdir -m 700 -p "$home/.ssh"
    cp "$key" "$home/.ssh/authorized_keys"
    chmod 600 "$home/.ssh/authorized_keys"
    chroot "$root" chown -R "$user:" "${home#"$root"}/.ssh"
done
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/10.network"
echo 'LABEL=koracle / ext4 rw,noatime 0 1' >"$root/etc/fstab"
echo "koracle-$name" >"$root/etc/hostname"
echo "127.0.0.1 localhost koracle-$name" >"$root/etc/hosts"
echo 'UseDNS no' >>"$root/etc/ssh/sshd_config"
# Quiet: only what a workload starts runs beside it.
chroot "$root" systemctl enable systemd-networkd ssh
chroot "$root" systemctl disable nginx redis-server
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer systemd-tmpfiles-clean.timer
