#!/busybox sh
/busybox mkdir -p /proc /sys /dev /tmp /run /root /etc /var /bin
/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/busybox --install -s /bin
export PATH=/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ip link set lo up
# The firmware leaves the cursor in the middle of a line.
echo
echo "BOOTED $(uname -r)"
/whyreset lab run --basic -o json
echo "ENDED $?"
poweroff -f
