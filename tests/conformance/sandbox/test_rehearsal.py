"""The rehearsal of a Python zygote: it gets to its end, and children have the pages it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

REHEARSE = """
import json, mmap, os, sys
from lambdad.guest import channel, entering, rehearsal, syscalls, working_set, zygote
from lambdad.guest.python import bootstrap, runtime_client
from lambdad.sandbox.seccomp.filters import filter_of

sys.modules["runtime_client"] = runtime_client
syscalls.unshare(syscalls.CLONE_NEWNS)
syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
entering.TASK_ROOT = "/mnt"
path = bootstrap.bare_path("/var/runtime")
mother = zygote.Zygote(channel.pair()[0], lambda start: zygote._run(start, path))
mother._seccomp, mother._processes, mother._python = filter_of("python"), 1024, True
syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
bootstrap.import_client()
ranges = rehearsal.rehearse(mother._become_stem, mother._run)
memory = [tuple(one) for one in ranges]

def own_pages_of_a_child():
    read, write = os.pipe()
    if os.fork() == 0:
        own = working_set.own_pages(memory)
        os.write(write, str(sum(length for _, length in own)).encode())
        os._exit(0)
    os.wait()
    return int(os.read(read, 64)) // mmap.PAGESIZE

before = own_pages_of_a_child()
working_set.copy_in_children(ranges)
after = own_pages_of_a_child()
found = sum(length for _, length in ranges) // mmap.PAGESIZE
print(json.dumps({"found": found, "before": before, "after": after}))
"""
HANG = """
import time
from lambdad.guest import rehearsal, syscalls

syscalls.unshare(syscalls.CLONE_NEWNS)
syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
rehearsal.entering.TASK_ROOT = "/mnt"
rehearsal._LONGEST_S = 1
print(rehearsal.rehearse(lambda *_: time.sleep(600), print))
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces of its own need root")


def _run(script: str) -> str:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_that_hangs_holds_nobody_up() -> None:
    assert _run(HANG) == "[]\n"


def test_children_begin_with_the_pages_that_the_rehearsal_wrote_to() -> None:
    pages = json.loads(_run(REHEARSE))
    assert pages["found"] > 100, pages
    # What the mother writes to meanwhile is a child's own as well, copied or not.
    assert pages["before"] < pages["found"] // 2, pages
    assert pages["after"] == pages["found"], pages
