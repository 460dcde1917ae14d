# Behind `system.sh`: the system as a disk without a bootloader, beside it the kernel that QEMU starts.
# Arguments: FOLDER SIZE STAMP
folder=$1 size=$2 stamp=$3
mkdir "$work/new"
cp "$work"/system/boot/vmlinuz-* "$work/new/vmlinuz"
cp "$work"/system/boot/initrd.img-* "$work/new/initrd"
read -r kind key _ <"$work/system/etc/ssh/ssh_host_ed25519_key.pub"
echo "koracle-$name $kind $key" >"$work/new/known_hosts"
truncate -s "$size" "$work/new/disk.raw"
mkfs koracle "$work/new/disk.raw"
chmod 644 "$work/new"/*
# No half image: it counts when `built` says so.
rm -f "$folder/built"
for file in vmlinuz initrd known_hosts disk.raw; do mv -f "$work/new/$file" "$folder/$file"; done
echo "$stamp" >"$folder/built"
