# Behind `system.sh`: the system as a box for Vagrant (libvirt, and QEMU which takes the same), with a bootloader inside.
# Arguments: FILE
file=$1
size=8192 # MiB
disk=$work/disk.raw
truncate -s "${size}M" "$disk"
echo 'start=2048, type=83, bootable' | sfdisk -q --label dos "$disk"
mkfs koracle -E offset=1048576 "$disk" "$((size - 1))M"
# GRUB without an installation: its first sector loads the ones behind it, in which everything is.
cat >"$work/grub.cfg" <<'GRUB'
set root=(hd0,msdos1)
linux /vmlinuz root=LABEL=koracle ro console=tty0 console=ttyS0 net.ifnames=0 mitigations=off
initrd /initrd.img
boot
GRUB
grub-mkimage -O i386-pc -o "$work/core.img" -p '(hd0,msdos1)/boot/grub' -c "$work/grub.cfg" biosdisk part_msdos ext2 linux boot
[ "$(wc -c <"$work/core.img")" -lt 1000000 ]
dd if=/usr/lib/grub/i386-pc/boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
mkdir "$work/box"
qemu-img convert -O qcow2 "$disk" "$work/box/box.img"
rm "$disk"
echo "{\"provider\":\"libvirt\",\"format\":\"qcow2\",\"virtual_size\":$((size / 1024))}" >"$work/box/metadata.json"
echo 'Vagrant.configure("2") { |config| config.vm.synced_folder ".", "/vagrant", disabled: true }' >"$work/box/Vagrantfile"
tar -C "$work/box" -czf "$work/new.box" metadata.json Vagrantfile box.img
cp "$work/new.box" "$file.part"
mv -f "$file.part" "$file"
