#!/busybox sh
/busybox mkdir -p /proc /sys /dev /tmp /run /root /etc /var /bin
/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/busybox --install -s /bin
export PATH=/bin HOME=/root
ln -s /run /var/run
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
basic=$?
unxz /modules/*.xz 2>/dev/null
# Each waits for those that it needs.
for again in 1 2 3 4 5 6; do
	for module in /modules/*.ko; do
		insmod "$module" 2>/dev/null && rm "$module"
	done
done
for module in /modules/*.ko; do
	[ -e "$module" ] && echo "NOT LOADED $module: $(insmod "$module" 2>&1)"
done
mount -t configfs config /sys/kernel/config
/whyreset lab run -o json firewall-reject bridge-reject balancer-forgot \
	nvme-host-refused nvme-target-reset nvme-target-unread 2>/tmp/said
between=$?
[ "$between" = 0 ] || tail -n 20 /tmp/said
echo "ENDED $basic $between"
poweroff -f
