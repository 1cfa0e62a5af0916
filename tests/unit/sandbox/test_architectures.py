"""What depends on the processor's architecture: the numbers of the kernel's calls, wherever they
are written, and the policy, which has to mean the same on each."""

from __future__ import annotations

import platform
import re
import runpy
import struct
from pathlib import Path

import pytest

import lambdad.guest.syscalls
from lambdad.sandbox import landlock, probe
from lambdad.sandbox.seccomp.filters import ARCHITECTURES, load_policy, numbers

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
"""Of Debian's linux-libc-dev; arm64 is the generic table."""
OTHER_NAMES = {"fstatat": "newfstatat", "sync_file_range2": "sync_file_range"}
"""What the generic table calls differently for processors of 32 bits."""
NO_CALL = re.compile(r"syscalls|arch_specific_syscall|\w+time64|(clock|timer|timerfd)_\w+64")
"""The generic table's marks, and calls of processors of 32 bits."""
FAMILIES = ("python", "nodejs", "java", "ruby", "provided", "of no page")
SOURCES = Path(lambdad.guest.syscalls.__file__).parent / "init"

PAIRS = """
  open/openat creat/openat access/faccessat stat/newfstatat lstat/newfstatat
  readlink/readlinkat getdents/getdents64 mkdir/mkdirat mknod/mknodat rmdir/unlinkat
  unlink/unlinkat link/linkat symlink/symlinkat rename/renameat chmod/fchmodat chown/fchownat
  lchown/fchownat utime/utimensat utimes/utimensat futimesat/utimensat
  dup2/dup3 pipe/pipe2 eventfd/eventfd2 signalfd/signalfd4 inotify_init/inotify_init1
  epoll_create/epoll_create1 epoll_wait/epoll_pwait poll/ppoll select/pselect6 pause/ppoll
  fork/clone vfork/clone getpgrp/getpgid time/clock_gettime alarm/setitimer
"""
COUNTERPARTS = dict(pair.split("/") for pair in PAIRS.split())
"""Calls that aarch64 never had, and by which C libraries do the same there."""
OF_THE_PROCESSOR = {"arch_prctl", "get_thread_area", "set_thread_area", "uretprobe"}
"""What is for the registers and the code of x86 processors only."""


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_table_has_the_numbers_of_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("needs the kernel's headers (linux-libc-dev)")
    text = HEADERS[machine].read_text()
    lines = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE)
    theirs = {OTHER_NAMES.get(name, name): int(number) for name, number in lines}
    theirs = {name: number for name, number in theirs.items() if not NO_CALL.fullmatch(name)}
    ours = numbers(machine)
    assert len(theirs) > 300
    known = {name: number for name, number in theirs.items() if name in ours}
    assert known == {name: ours[name] for name in known}
    # Either of the two may be younger than the other, and then has what the other lacks.
    assert all(number > max(ours.values()) for name, number in theirs.items() if name not in ours)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_no_two_calls_have_one_number(machine: str) -> None:
    assert len(set(numbers(machine).values())) == len(numbers(machine))


def test_what_aarch64_has_x86_64_has() -> None:
    assert numbers("aarch64").keys() <= numbers("x86_64").keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_each_rule_has_its_counterpart_on_aarch64(family: str) -> None:
    policy, there = load_policy(family), numbers("aarch64")
    may = policy["openat"]
    without = {name for name, verdict in policy.items() if verdict == may and name not in there}
    assert without - OF_THE_PROCESSOR == COUNTERPARTS.keys()
    for name in without - OF_THE_PROCESSOR:
        other = COUNTERPARTS[name]
        assert other in there, name
        assert policy[other] == may or other == "clone", name
    # Checks of arguments know the arguments' places: they are for calls that both have.
    assert {name for name, verdict in policy.items() if verdict.clauses} <= there.keys()


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_our_own_calls_have_the_kernels_numbers(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    module = runpy.run_path(lambdad.guest.syscalls.__file__)
    names = ["open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "pidfd_open"]
    names += ["process_madvise", "mount_setattr", "pivot_root"]
    written = {name: module[f"_{name.upper()}"] for name in names}
    assert written == {name: numbers(machine)[name] for name in names}
    ruleset = [landlock._CREATE_RULESET, landlock._ADD_RULE, landlock._RESTRICT_SELF]
    theirs = ["create_ruleset", "add_rule", "restrict_self"]
    assert ruleset == [numbers(machine)[f"landlock_{name}"] for name in theirs]
    assert ruleset[0] == probe._LANDLOCK_CREATE_RULESET


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("name", ["init", "wait"])
def test_the_static_programs_have_the_kernels_numbers(name: str, machine: str) -> None:
    source = (SOURCES / f"{name}.c").read_text()
    (listed,) = re.findall(rf"if defined\(__{machine}__\)\nenum {{([^}}]+)}}", source)
    written = {
        call.strip().lower().replace("sigprocmask", "rt_sigprocmask"): int(number)
        for call, number in (entry.split("=") for entry in listed.split(","))
    }
    assert len(written) >= 6
    assert written == {call: numbers(machine)[call] for call in written}


def test_a_python_of_32_bits_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    real = struct.calcsize
    assert probe._seccomp() is None
    monkeypatch.setattr(struct, "calcsize", lambda kind: 4 if kind == "P" else real(kind))
    assert "32 bits" in (probe._seccomp() or "")


def test_another_architecture_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "riscv64" in (probe._seccomp() or "")
