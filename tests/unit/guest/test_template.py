"""What keeps a process from being forked, and what is made anew in its children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[3] / "src"
CASES = [
    ("", None),
    ("import threading; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
     "its init started threads"),
    ("kept = socket.socket()", "its init left a socket open"),
    ("kept = os.pipe()", "its init left a pipe open"),
    ("import select; kept = select.epoll()", "its init left an object of the kernel open"),
    ("kept = open('/etc/passwd')", "its init left a file open"),
    ("import mmap; kept = mmap.mmap(-1, 4096)", "its init shares memory"),
    ("kept = os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '9')", "its init left processes behind"),
]  # fmt: skip


def ask(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(("init", "reason"), CASES)
def test_what_cannot_be_forked(init: str, reason: str | None, tmp_path: Path) -> None:
    source = (
        "import json, os, socket, time\n"
        "from lambdad.guest import template\n"
        f"template.TMP = {str(tmp_path)!r}\n"
        f"{init}\n"
        "print(json.dumps(template.obstacle(frozenset((0, 1, 2)))))\n"
    )
    assert json.loads(ask(source)) == reason


def test_files_in_tmp(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    source = (
        "import json\nfrom lambdad.guest import template\n"
        f"template.TMP = {str(tmp_path)!r}\n"
        "print(json.dumps(template.obstacle(frozenset((0, 1, 2)))))\n"
    )
    assert json.loads(ask(source)) == "its init left files in /tmp"


def test_what_is_made_anew() -> None:
    """numpy's generator is seeded, uuid1 has a node of its own, only what differs is set."""
    source = (
        "import json, os, sys, types, uuid\n"
        "from lambdad.guest import template\n"
        "seeded = []\n"
        "sys.modules['numpy.random'] = types.SimpleNamespace(seed=lambda: seeded.append(1))\n"
        "before = uuid.uuid1()\n"
        "os.environ.update(KEPT='of init', TOKEN='a', GONE='x')\n"
        "init = {'KEPT': 'k', 'TOKEN': 'a', 'GONE': 'x'}\n"
        "template.renew(init, {'KEPT': 'k', 'TOKEN': 'b'})\n"
        "after, other = uuid.uuid1(), uuid.uuid1()\n"
        "print(json.dumps([seeded, before.node != after.node, after.node == other.node,\n"
        "  [os.environ.get(name) for name in init]]))\n"
    )
    assert json.loads(ask(source)) == [[1], True, True, ["of init", "b", None]]
