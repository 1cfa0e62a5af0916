"""A hostile function inside the walls of tiers A and B: every line of the security requirements
that applies now (docs/threat-model.md), tried from inside: in a process that was forked for it,
and in one that was started ahead."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
from pathlib import Path

import pytest

from lambdad.sandbox.driver import Tier
from lambdad.sandbox.seccomp.filters import X32_BIT, numbers
from support.old_door import door_of_32_bits
from support.packs import python_pack
from support.real_sandboxes import NAMESPACE_TIERS, Workbench, first_line, tier_id
from support.stems import StemWorkbench

KINDS = {"forked": Workbench, "stem": StemWorkbench}
pytestmark = pytest.mark.parametrize(
    "bench",
    [
        pytest.param((tier, kind), id=f"{tier_id(tier)}-{name}")
        for tier in NAMESPACE_TIERS
        for name, kind in KINDS.items()
    ],
    indirect=True,
)

CALL = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return 'done' if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""
NUMBERS = numbers(os.uname().machine)

REFUSED = [
    *("mount", "umount2", "unshare", "setns", "pivot_root", "chroot", "open_tree", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    *("bpf", "userfaultfd", "perf_event_open", "modify_ldt", "fanotify_init"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("add_key", "keyctl", "request_key"),
    *("name_to_handle_at", "open_by_handle_at"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("reboot", "swapon", "swapoff", "sethostname", "setdomainname", "syslog", "acct"),
    *("settimeofday", "clock_settime", "adjtimex", "iopl", "ioperm", "quotactl", "vhangup"),
    *("sync", "syncfs", "io_setup", "mbind", "set_mempolicy", "move_pages"),
]


def test_the_process_has_no_rights(bench: Workbench) -> None:
    seen = bench.look("seen = dict(line.split(':\\t') for line in open('/proc/self/status'))")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen[name], 16) == 0, name
    assert seen["NoNewPrivs"].strip() == "1"
    assert seen["Seccomp"].strip() == "2"


def test_the_user_is_nobody(bench: Workbench) -> None:
    source = "import os, pwd\nseen = [os.getresuid(), os.getresgid(), os.getgroups(), "
    source += "pwd.getpwuid(os.getuid()).pw_name]"

    async def two() -> list[int]:
        sandboxes = [await bench.shell("id -u; sleep 60") for _ in range(2)]
        uids = [int(await first_line(sandbox)) for sandbox in sandboxes]
        for sandbox in sandboxes:
            await sandbox.kill()
        return uids

    uids, gids, groups, name = bench.look(source)
    assert len(set(uids)) == len(set(gids)) == 1
    assert uids[0] != 0
    assert gids[0] != 0
    assert groups in ([], [gids[0]])
    assert name == "sbx_user1051"
    first, second = bench.run(two())
    if bench.driver.tier is Tier.NAMESPACES:
        assert first != second
        assert first >= 210_000_000


def test_namespaces_are_its_own(bench: Workbench) -> None:
    names = ["cgroup", "ipc", "mnt", "net", "pid", "uts"]
    source = f"import os\nseen = {{n: os.readlink('/proc/self/ns/' + n) for n in {names}}}"
    first, second = bench.look(source), bench.look(source)
    for name in names:
        assert first[name] != os.readlink(f"/proc/self/ns/{name}"), name
        assert first[name] != second[name], name


def test_other_processes_are_invisible(bench: Workbench) -> None:
    source = "import os\nseen = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())"
    assert bench.look(source) == [1, 2]


def test_the_first_process_gives_nothing_away(bench: Workbench) -> None:
    source = (
        "import os\nseen = {}\n"
        "for name in ('environ', 'mem', 'maps', 'fd', 'exe', 'root', 'cwd', 'ns/mnt', 'stack'):\n"
        "    path = '/proc/1/' + name\n"
        "    try: seen[name] = repr(os.listdir(path) if name in ('fd', 'root') else\n"
        "                           os.readlink(path) if name in ('exe', 'cwd', 'ns/mnt') else\n"
        "                           open(path, 'rb').read(1))\n"
        "    except OSError as error: seen[name] = type(error).__name__\n"
    )
    assert set(bench.look(source).values()) <= {"PermissionError", "FileNotFoundError"}


def test_the_first_process_cannot_be_killed_or_stopped(bench: Workbench) -> None:
    source = (
        "import os, signal, time\n"
        "for number in range(1, 65):\n"
        "    try: os.kill(1, number)\n"
        "    except OSError: pass\n"
        "time.sleep(0.05)\n"
        "seen = open('/proc/1/status').read().split('State:')[1].split()[0]\n"
    )
    assert bench.look(source) == "S"


def test_the_host_is_invisible(bench: Workbench) -> None:
    source = (
        "import os\n"
        "seen = {'root': sorted(os.listdir('/')), 'etc': sorted(os.listdir('/etc')),\n"
        "        'empty': [p for p in ('/root', '/home', '/run', '/opt', '/tmp', '/var/empty')\n"
        "                  if os.listdir(p)],\n"
        "        'var': sorted(os.listdir('/var')), 'there': [p for p in PATHS\n"
        "                                                     if os.path.exists(p)]}\n"
    )
    paths = [
        str(Path(__file__).parents[3]),
        "/sys",
        "/boot",
        "/srv",
        "/mnt",
        "/media",
        "/etc/shadow",
    ]
    paths += [str(bench.folder), "/var/lib", "/var/log", "/dev/shm", "/dev/kvm", "/dev/mem"]
    paths += ["/dev/loop0", "/dev/loop-control", "/dev/tty", "/dev/ptmx", "/dev/vsock"]
    seen = bench.look(f"PATHS = {paths!r}\n{source}")
    merged = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"}
    everything = {"dev", "etc", "home", "opt", "proc", "root", "run", "tmp", "usr", "var"}
    assert set(seen["root"]) - merged == everything
    assert {"group", "hosts", "nsswitch.conf", "passwd", "resolv.conf"} <= set(seen["etc"])
    own = {"group", "hosts", "nsswitch.conf", "passwd", "resolv.conf"}
    shared = {"alternatives", "ca-certificates", "ld.so.cache", "ld.so.conf.d", "pki", "ssl"}
    assert set(seen["etc"]) - shared == own
    assert set(seen["var"]) == {"empty", "lambdad", "lang", "runtime", "task"}
    assert seen["empty"] == []
    assert seen["there"] == []


def test_devices_are_the_harmless_five(bench: Workbench) -> None:
    source = "import os\nseen = sorted(os.listdir('/dev'))"
    names = ["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"]
    assert bench.look(source) == names


def test_mounts_are_read_only_and_without_privileges(bench: Workbench) -> None:
    source = "seen = [line.split() for line in open('/proc/self/mountinfo')]"
    for fields in bench.look(source):
        target, options = fields[4], set(fields[5].split(","))
        assert "nosuid" in options, target
        assert "nodev" in options or target.startswith("/dev/"), target
        writable = target in ("/tmp", "/proc") or target.startswith("/dev/")
        assert "ro" in options or writable, target


def test_only_the_intended_fds_are_open(bench: Workbench) -> None:
    source = (
        "import os\nseen = {}\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try: seen[name] = os.readlink('/proc/self/fd/' + name).split(':')[0]\n"
        "    except FileNotFoundError: pass\n"
    )
    assert bench.look(source) == {"0": "/dev/null", "1": "pipe", "2": "pipe", "62": "pipe"}


@pytest.mark.parametrize("name", [name for name in REFUSED if name in NUMBERS])
def test_a_refused_call_is_refused(bench: Workbench, name: str) -> None:
    assert bench.look(f"{CALL}\nseen = call({NUMBERS[name]}, 0, 0, 0, 0, 0, 0)") == "EPERM"


def test_calls_that_do_not_exist_here(bench: Workbench) -> None:
    ours = [NUMBERS["clone3"], NUMBERS["memfd_secret"], 600, 100_000]
    if os.uname().machine == "x86_64":
        ours += [X32_BIT | NUMBERS["getpid"], X32_BIT | 512, -1]
    seen = bench.look(f"{CALL}\nseen = [call(number) for number in {ours}]")
    assert seen == ["ENOSYS"] * len(ours)


@pytest.mark.parametrize(
    "flag",
    [
        0x00000080,
        0x00020000,
        0x02000000,
        0x04000000,
        0x08000000,
        0x10000000,
        0x20000000,
        0x40000000,
    ],
    ids=["time", "mnt", "cgroup", "uts", "ipc", "user", "pid", "net"],
)
def test_no_new_namespace_by_clone(bench: Workbench, flag: int) -> None:
    assert bench.look(f"{CALL}\nseen = call({NUMBERS['clone']}, {flag | 17}, 0)") == "EPERM"


def test_no_32_bit_door(bench: Workbench) -> None:
    door = door_of_32_bits()
    if door is None:
        pytest.skip("this processor runs no programs of 32 bits")
    end, text = bench.ends(bench.python(door))
    assert (end.signal, text) == (31, "")


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "answer"),
    [
        (1, 1, 0, "done"),  # unix stream
        (2, 1, 0, "done"),  # inet stream
        (2, 2, 0, "done"),  # inet datagram
        (10, 1, 0, "done"),  # inet6
        (16, 3, 0, "done"),  # netlink route
        (16, 2, 9, "EPERM"),  # netlink audit
        (16, 3, 15, "EPERM"),  # netlink uevents
        (16, 3, 12, "EPERM"),  # netlink netfilter
        (2, 3, 1, "EPERM"),  # raw icmp
        (2, 3 | 0o2000000, 255, "EPERM"),  # raw, close-on-exec
        (10, 3, 58, "EPERM"),  # raw icmp6
        (2, 10, 0, "EPERM"),  # SOCK_PACKET
        (17, 3, 0, "EPERM"),  # packet
        (40, 1, 0, "EPERM"),  # vsock
        (38, 5, 0, "EPERM"),  # kernel crypto
        (31, 3, 1, "EPERM"),  # bluetooth
        (15, 3, 2, "EPERM"),  # key management
        (44, 3, 0, "EPERM"),  # express data path
    ],
)
def test_sockets(bench: Workbench, family: int, kind: int, protocol: int, answer: str) -> None:
    source = f"{CALL}\nseen = call({NUMBERS['socket']}, {family}, {kind}, {protocol})"
    assert bench.look(source) == answer


def test_devices_cannot_be_made(bench: Workbench) -> None:
    source = (
        "import os, stat\nseen = []\n"
        "for kind in (stat.S_IFCHR, stat.S_IFBLK):\n"
        "    try: os.mknod('/tmp/device', kind | 0o666, os.makedev(1, 1))\n"
        "    except OSError as error: seen.append(type(error).__name__)\n"
    )
    assert bench.look(source) == ["PermissionError"] * 2


def test_kernel_settings_cannot_be_written(bench: Workbench) -> None:
    source = (
        "import os\nseen = []\n"
        "for path in ('sysrq-trigger', 'sys/kernel/core_pattern', 'sys/vm/drop_caches',\n"
        "             'sys/kernel/hostname', 'sys/net/ipv4/ip_forward', 'irq/0/smp_affinity',\n"
        "             'self/uid_map', 'self/setgroups', 'kcore', 'kmsg'):\n"
        "    mode = os.O_RDONLY if path in ('kcore', 'kmsg') else os.O_WRONLY\n"
        "    try:\n"
        "        fd = os.open('/proc/' + path, mode)\n"
        "        if mode == os.O_WRONLY: os.write(fd, b'0')\n"
        "    except OSError: continue\n"
        "    seen.append(path)\n"
    )
    assert bench.look(source) == []


def test_setuid_programs_give_no_rights(bench: Workbench) -> None:
    source = (
        "import os, shutil, subprocess\n"
        "seen = [os.statvfs(p).f_flag & os.ST_NOSUID for p in ('/usr', '/tmp')]\n"
        "shutil.copy('/usr/bin/id', '/tmp/id')\nos.chmod('/tmp/id', 0o6755)\n"
        "done = subprocess.run(['/tmp/id', '-u'], capture_output=True, text=True)\n"
        "seen.append(done.stdout.strip() == str(os.getuid()))\n"
    )
    assert bench.look(source) == [2, 2, True]


def test_nothing_but_loopback(bench: Workbench) -> None:
    source = (
        "import socket\n"
        "seen = [name for _, name in socket.if_nameindex()]\n"
        "for address in ('8.8.8.8', '169.254.169.254', '169.254.170.2', '10.0.0.1', '192.0.2.1'):\n"
        "    s = socket.socket(); s.settimeout(2)\n"
        "    try: s.connect((address, 80)); seen.append(address)\n"
        "    except OSError as error: seen.append(error.errno)\n"
    )
    assert bench.look(source) == ["lo", 101, 101, 101, 101, 101]  # ENETUNREACH


def test_services_of_the_host_are_out_of_reach(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, contextlib.ExitStack() as stack:
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"lambdad-test-{os.getpid()}-{secrets.token_hex(4)}"
        abstract.bind(b"\0" + name.encode())
        abstract.listen()
        source = (
            "import socket\nseen = []\n"
            f"for family, address in ((2, ('127.0.0.1', {tcp.getsockname()[1]})),\n"
            f"                        (1, b'\\0{name}')):\n"
            "    try: socket.socket(family).connect(address); seen.append('reached')\n"
            "    except ConnectionRefusedError: seen.append('refused')\n"
        )
        assert bench.look(source) == ["refused", "refused"]


def test_limits_of_the_process(bench: Workbench) -> None:
    source = (
        "import resource as r\n"
        "seen = [r.getrlimit(what) for what in (r.RLIMIT_NOFILE, r.RLIMIT_CORE, r.RLIMIT_NPROC)]"
    )
    files, core, processes = bench.look(source)
    assert files == [1024, 1024]
    assert core == [0, 0]
    assert processes == ([1024] * 2 if bench.driver.tier is Tier.NAMESPACES else [4096] * 2)


def test_how_much_memory_is_kept_from_being_reclaimed_is_bounded(bench: Workbench) -> None:
    source = (
        "import ctypes, mmap\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "area = mmap.mmap(-1, 65 << 20)\n"
        "at = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area)))\n"
        "seen = []\n"
        "for size in (4096, 65 << 20):\n"
        "    seen.append(libc.mlock(at, ctypes.c_size_t(size)) and ctypes.get_errno())\n"
        "seen.append(libc.mlockall(3))\n"
    )
    assert bench.look(source) == [0, errno.ENOMEM, -1]


def test_processes_are_bounded(bench: Workbench) -> None:
    source = (
        "import os, signal\nmade = 0\n"
        "while made < 5000:\n"
        "    try: pid = os.fork()\n"
        "    except OSError: break\n"
        "    if pid == 0: signal.pause()\n"
        "    made += 1\n"
        "print(made, flush=True)\nos._exit(0)\n"
    )
    end, text = bench.ends(bench.python(source, memory_mib=3008))
    if bench.driver.tier is Tier.NAMESPACES:
        assert (end.code, 900 < int(text) <= 1024) == (0, True)
    else:  # one count for all environments; what is watched is their memory
        assert end.oom or int(text) <= 4096


def test_tmp_is_not_shared(bench: Workbench) -> None:
    assert bench.look("import os\nopen('/tmp/secret', 'w').write('x')\nseen = os.listdir('/tmp')")
    assert bench.look("import os\nseen = os.listdir('/tmp')") == []


def test_the_variables_of_others_are_not_in_memory(bench: Workbench) -> None:
    """Searches all of its own memory for what was in the environment of the one before."""
    secret = secrets.token_hex(24)
    variables = bench.spec(python_pack(), Path()).variables
    for _ in range(8):  # through every spare shell, and into what is forked after it
        assert bench.look("seen = 1", variables={**variables, "SECRET": secret}) == 1
    source = (
        f"backwards = {secret[::-1]!r}\nneedle = backwards[::-1].encode()\nseen = 0\n"
        "for line in open('/proc/self/maps'):\n"
        "    span, rights = line.split()[:2]\n"
        "    start, end = (int(part, 16) for part in span.split('-'))\n"
        "    if rights[0] != 'r' or 'vvar' in line or 'vsyscall' in line: continue\n"
        "    with open('/proc/self/mem', 'rb') as memory:\n"
        "        memory.seek(start)\n"
        "        try: data = memory.read(end - start)\n"
        "        except OSError: continue\n"
        "    at = -1\n"
        "    while (at := data.find(needle, at + 1)) >= 0:\n"
        "        if data[at:at + 48] == needle: seen += 1\n"
        "    del data\n"
    )
    # The one copy is the needle itself; with the secret in the variables there are more.
    alone = bench.look(source, memory_mib=1024)
    with_it = bench.look(source, memory_mib=1024, variables={**variables, "SECRET": secret})
    assert alone <= 2 < with_it, (alone, with_it)


def test_one_runtime_api_is_not_anothers(bench: Workbench) -> None:
    source = (
        "import socket, time\n"
        "s = socket.create_connection(('169.254.100.1', 9001))\n"
        "s.sendall(b'I am number %d')\ntime.sleep(30)\n"
    )

    async def work() -> list[bytes]:
        loop = asyncio.get_running_loop()
        sandboxes = [await bench.python(source % number) for number in range(3)]
        heard = []
        for sandbox in sandboxes:
            connection, _ = await loop.sock_accept(sandbox.runtime_listener)
            connection.setblocking(False)
            heard.append(await loop.sock_recv(connection, 100))
            connection.close()
        for sandbox in sandboxes:
            await sandbox.kill()
        return heard

    assert bench.run(work()) == [b"I am number 0", b"I am number 1", b"I am number 2"]


def test_control_groups_are_out_of_reach(bench: Workbench) -> None:
    source = (
        "import os\n"
        "seen = [{line.strip().split(':')[2] for line in open('/proc/self/cgroup')} <= {'/'},\n"
        "        os.path.exists('/sys/fs/cgroup')]\n"
        "seen[0] = [line.strip().split(':') for line in open('/proc/self/cgroup')]\n"
    )
    groups, there = bench.look(source)
    assert there is False
    if bench.driver.tier is Tier.NAMESPACES:
        ours = {"memory", "cpu", "pids", ""}  # version 2 names none
        for _, controllers, path in groups:
            assert path == "/" or not set(controllers.split(",")) & ours


def test_a_function_that_closes_and_detaches_everything_still_ends(bench: Workbench) -> None:
    async def work() -> list[int]:
        script = "(setsid sh -c 'trap \"\" TERM HUP INT; sleep 74' &) ; echo up; sleep 74"
        sandbox = await bench.shell(script)
        await first_line(sandbox)
        await sandbox.kill()
        pids = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes() == b"sleep\x0074\x00":
                    pids.append(int(path.parent.name))
        return pids

    assert bench.run(work()) == []
