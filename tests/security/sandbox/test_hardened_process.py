"""A hostile function in tier C: what Landlock, the system call filter and the limits hold back."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lambdad.sandbox import landlock
from lambdad.sandbox.driver import Tier
from lambdad.sandbox.seccomp.filters import numbers
from support.real_sandboxes import Workbench, tier_id

pytestmark = [
    pytest.mark.parametrize("bench", [Tier.HARDENED_PROCESS], ids=tier_id, indirect=True),
    pytest.mark.skipif(landlock.version() == 0, reason="the kernel has no Landlock"),
]

ATTEMPT = """
import errno
def attempt(action):
    try:
        return repr(action())
    except OSError as error:
        return errno.errorcode[error.errno]
"""


def test_the_process_has_no_rights(bench: Workbench) -> None:
    seen = bench.look("seen = dict(line.split(':\\t') for line in open('/proc/self/status'))")
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(seen[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(seen["CapBnd"], 16) == 0
    assert seen["NoNewPrivs"].strip() == "1"
    assert seen["Seccomp"].strip() == "2"


def test_files_of_the_machine_are_out_of_reach(bench: Workbench) -> None:
    paths = ["/etc/shadow", "/etc", "/root", "/home", "/var/lib", "/var/log", "/"]
    seen = bench.look(
        f"{ATTEMPT}\nimport os\n"
        f"look_at = lambda path: os.listdir(path) if os.path.isdir(path) else open(path).read()\n"
        f"seen = [attempt(lambda: look_at(path)) for path in {paths}]"
    )
    assert seen == ["EACCES"] * len(paths)


def test_nothing_but_tmp_can_be_written(bench: Workbench) -> None:
    seen = bench.look(
        f"{ATTEMPT}\nimport os\n"
        f"paths = ['/usr/x', '/etc/x', '/var/x', os.environ['TMPDIR'] + '/x', '/tmp/x-c']\n"
        "seen = [attempt(lambda: open(path, 'w').close()) for path in paths]\n"
        "os.unlink('/tmp/x-c')"
    )
    assert seen == ["EACCES", "EACCES", "EACCES", "None", "None"]


def test_lambdad_can_be_neither_traced_nor_read(bench: Workbench) -> None:
    seen = bench.look(
        f"{ATTEMPT}\nimport os\n"
        f"paths = ['/proc/{os.getpid()}/' + name for name in ('environ', 'maps', 'mem')]\n"
        "seen = [attempt(lambda: open(path).read()) for path in paths]"
    )
    assert all(answer in ("EACCES", "EPERM") for answer in seen), seen


def test_lambdad_cannot_be_signalled(bench: Workbench) -> None:
    if os.geteuid() != 0 and landlock.version() < landlock.SCOPE_VERSION:
        pytest.skip("the kernel's Landlock does not hold signals back")
    seen = bench.look(f"{ATTEMPT}\nimport os\nseen = attempt(lambda: os.kill({os.getpid()}, 0))")
    assert seen == "EPERM"


def test_no_port_but_the_platforms_is_reachable(bench: Workbench) -> None:
    if landlock.version() < landlock.NETWORK_VERSION:
        pytest.skip("the kernel's Landlock does not hold connections back")
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        seen = bench.look(
            f"{ATTEMPT}\nimport os, socket\n"
            "own = int(os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')[2])\n"
            f"places = [('127.0.0.1', {port}), ('127.0.0.1', own), ('169.254.169.254', 80)]\n"
            "seen = [attempt(lambda: socket.create_connection(place, 2).close()) "
            "for place in places]"
        )
    assert seen == ["EACCES", "None", "EACCES"]


@pytest.mark.parametrize("name", ["mount", "unshare", "ptrace", "bpf", "io_uring_setup", "keyctl"])
def test_the_system_call_filter_is_in_force(bench: Workbench, name: str) -> None:
    number = numbers(os.uname().machine)[name]
    seen = bench.look(
        "import ctypes, errno\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"libc.syscall({number}, 0, 0, 0, 0)\n"
        "seen = errno.errorcode[ctypes.get_errno()]"
    )
    assert seen in ("EPERM", "ENOSYS")


def test_memory_beyond_the_limit_is_refused(bench: Workbench) -> None:
    source = (
        "try:\n    seen = len(bytearray(300 * 1024 * 1024))\n"
        "except MemoryError:\n    seen = 'refused'"
    )
    assert bench.look(source, memory_mib=256) == "refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives users")
def test_each_environment_has_a_user_of_its_own_when_root_can_give_one(bench: Workbench) -> None:
    """Not where the interpreter is closed to other users: then it is 0, without any right."""
    interpreter = Path(os.path.realpath("/proc/self/exe"))
    open_to_all = all(folder.stat().st_mode & 0o001 for folder in interpreter.parents)
    seen = [bench.look("import os\nseen = os.getuid()") for _ in range(2)]
    assert (seen[0] != seen[1] and 0 not in seen) if open_to_all else seen == [0, 0]
