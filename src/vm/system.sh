# The beginning of the work on an image: a Debian system from packages. POSIX sh, in the namespaces of `frame.sh`.
# Arguments: WORK NAME KEY USERS RELEASE MIRROR PACKAGE,... [ARGUMENT]...   (KEY opens all USERS; MIRROR may be empty)
work=$1 name=$2 key=$3 users=$4 release=$5 mirror=$6 packages=$7
shift 7
exec 3>&1 >>"$work/log" 2>&1
part() { echo "part $1" >&3; }
export TMPDIR="$work/tmp"
part packages
printf '%s\n' "$key" >"$work/key"
mmdebstrap --mode=root --variant=apt --include="$packages" \
    --customize-hook="sh '$work/setup' \"\$1\" '$work/key' '$name' $users" "$release" "$work/system" ${mirror:+"$mirror"}
part image
# mkfs LABEL FILE [ARGUMENT]...: the system as a file system.
mkfs() {
    mkfs_label=$1
    shift
    mkfs.ext4 -q -F -L "$mkfs_label" -O ^metadata_csum_seed -d "$work/system" "$@"
}
