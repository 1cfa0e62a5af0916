"""What the jailer reads of a template's child. What real children look like:
tests/security/sandbox/test_template.py."""

from __future__ import annotations

import os

import pytest

from lambdad.sandbox.jailer import exits
from lambdad.sandbox.jailer.inspection import Intruder, inspect_maps, inspect_status

STATUS = (
    "Name:\tpython3.11\nTracerPid:\t0\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\nGroups:\t \n"
    "Threads:\t1\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
    "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\n"
)
CHANGES = [
    ("Uid:\t7\t7\t7\t7", "Uid:\t7\t7\t0\t7"),
    ("Gid:\t7\t7\t7\t7", "Gid:\t8\t8\t8\t8"),
    ("Groups:\t ", "Groups:\t7 "),
    ("Threads:\t1", "Threads:\t2"),
    ("TracerPid:\t0", "TracerPid:\t3"),
    ("CapEff:\t0000000000000000", "CapEff:\t0000000000200000"),
    ("CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff"),
    ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
    ("Seccomp:\t2", "Seccomp:\t0"),
    ("Seccomp_filters:\t2", "Seccomp_filters:\t1"),
    ("Seccomp_filters:\t2\n", ""),
]
PRIVATE = b"55d0-55d1 r-xp 00001000 08:01 42 /var/lang/bin/python3.11\n55d2-55d3 rw-p 0 00:00 0 \n"


def test_a_child_as_it_has_to_be() -> None:
    inspect_status(STATUS, 7)


@pytest.mark.parametrize(("right", "wrong"), CHANGES)
def test_each_field_counts(right: str, wrong: str) -> None:
    assert right in STATUS
    with pytest.raises(Intruder):
        inspect_status(STATUS.replace(right, wrong), 7)


def test_another_id_is_noticed() -> None:
    with pytest.raises(Intruder, match="Uid is 7 7 7 7"):
        inspect_status(STATUS, 8)


@pytest.mark.parametrize(
    "line",
    [
        b"7f00-7f01 rw-s 00000000 00:01 5 /dev/zero (deleted)\n",
        b"7f00-7f01 r--s 00000000 00:01 5 /memfd:x (deleted)\n",
        b"7f00-7f01 r--s 00000000 00:01 5 /tmp/usr/lib/x\n",
        b"7f00-7f01 rw-s 00000000 08:01 5 /usr/lib/x\n",
        b"7f00-7f01 ---s 00000000 00:01 5 /SYSV00000000 (deleted)\n",
    ],
)
def test_shared_memory_is_noticed(line: bytes) -> None:
    with pytest.raises(Intruder, match="shares memory"):
        inspect_maps(PRIVATE + line + PRIVATE)


def test_private_memory_and_read_only_files_are_fine() -> None:
    inspect_maps(PRIVATE + b"7f00-7f01 r--s 00000000 08:01 5 /usr/lib/gconv/gconv-modules.cache\n")


@pytest.mark.skipif(not exits.can_tell(), reason="the kernel cannot tell how processes end")
def test_the_end_of_a_process_is_remembered() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(9)
    pidfd = os.pidfd_open(pid)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert exits.wait_status(pidfd) is None, "its parent has not taken note of it"
        _, status = os.waitpid(pid, 0)
        assert exits.wait_status(pidfd) == status
    finally:
        os.close(pidfd)
