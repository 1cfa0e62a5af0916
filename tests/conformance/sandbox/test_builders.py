"""A shell that could not be built to the end leaves nothing, and its builder where it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BUILD = """
import os, sys, time
from pathlib import Path
from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer import assembly
from lambdad.sandbox.jailer.cgroups import Cgroups
from lambdad.sandbox.jailer.hierarchies import ASIDE, find_hierarchies
from lambdad.sandbox.jailer.instance import Instance
from lambdad.sandbox.jailer.programs import load_program

stage = sys.argv[1]
real_bring_up, real_open = assembly.network.bring_up, os.open

def bring_up():
    if stage == "in the namespaces":
        raise OSError(28, "made to fail")
    real_bring_up()

def open_(path, *arguments, **named):
    if stage == "first process runs" and path == "/proc":
        raise OSError(24, "made to fail")
    return real_open(path, *arguments, **named)

def namespaces():
    kinds = ("mnt", "ipc", "uts", "net", "cgroup", "pid_for_children")
    return [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]

def running():
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    texts = [Path(f"/proc/{pid}/stat").read_text() for pid in children]
    return [text for text in texts if text.rpartition(")")[2].split()[0] != "Z"]

syscalls.unshare(syscalls.CLONE_NEWNS)
syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
instance = Instance.claim()
cgroups = Cgroups(find_hierarchies(os.getpid()), instance.number)
cgroups.make()
slot, pid1 = cgroups.group("slot-0"), cgroups.group("pid1")
slot.make()
homes = [tree.home / ASIDE for tree, _ in slot._places]
homes = [home if home.exists() else home.parent for home in homes]
back = [real_open(home / "cgroup.procs", os.O_WRONLY) for home in homes]
try:
    tools = assembly.Tools(None, load_program("init"), pid1.open_entries())
    builder = assembly._Builder(tools)
    home, fds = namespaces(), len(os.listdir("/proc/self/fd"))
    os.open, assembly._furnish = open_, lambda *a, **k: None
    assembly.network.bring_up = bring_up
    given = [real_open("/proc/self/ns/mnt", os.O_RDONLY), *os.pipe()]
    order = {"uid": os.getuid(), "passwd": False, "platform": True, "way_out": False}
    answer, parts = builder.build(order, given[:2])
    channel.close_all(given)
    assert "made to fail" in answer["failed"], answer
    assert parts == []
    assert namespaces() == home
    assert len(os.listdir("/proc/self/fd")) == fds
    deadline = time.monotonic() + 10
    while running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running() == []
    assert slot.remove()
finally:
    for fd in back:
        os.write(fd, b"0")
    cgroups.clear()
    instance.release()
print("nothing left")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="control groups of its own need root")
@pytest.mark.parametrize("stage", ["in the namespaces", "first process runs"])
def test_a_build_that_fails_half_way_leaves_nothing(stage: str) -> None:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", BUILD, stage]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert done.stdout == "nothing left\n", done.stderr
