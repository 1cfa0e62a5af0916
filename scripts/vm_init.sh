#!/bin/sh
# The first process of the machines that test_vm.py boots. $1: the host's modules, where the machine
# can see its files.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -e /dev/null ] || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /lib/modules
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
[ -z "${1:-}" ] || mount -t hostfs none /lib/modules -o "$1"
modprobe -a loop overlay tun veth
ip link set lo up

cd /lambdad
. ./.vm-job
echo "lambdad-vm: Linux $(uname -r), control groups: $(cat /sys/fs/cgroup/cgroup.controllers)," \
    "as $user: $*"
if [ "$user" = user ]; then
    # As systemd delegates: a group that belongs to the user, below one that does not.
    group=/sys/fs/cgroup/delegated
    echo "+memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control
    mkdir $group
    chown 64123 $group $group/cgroup.procs $group/cgroup.subtree_control
    mkdir -m 700 /run/home
    chown 64123:64123 /run/home
    export HOME=/run/home PYTHONDONTWRITEBYTECODE=1
    echo 1 >$group/cgroup.procs
    set -- setpriv --reuid 64123 --regid 64123 --clear-groups "$@"
fi
"$@"
echo "lambdad-vm: status $?"
sync
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)'
