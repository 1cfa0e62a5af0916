"""Whether those who write to a disk-backed /tmp are made to wait for the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.sandbox.jailer import scratch
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch
from support.real_sandboxes import KERNEL

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks"),
    pytest.mark.skipif(not os.access("/dev/loop-control", os.W_OK), reason="no loop devices"),
]


@pytest.mark.skipif(KERNEL < (6, 2), reason="Linux before 6.2 has no such limit")
def test_what_may_wait_goes_by_the_disk(tmp_path: Path) -> None:
    maker = Scratch(tmp_path / "scratch", paced=True)
    maker.prepare(DEFAULT_MIB)
    tree = maker.make(DEFAULT_MIB)
    device = os.fstat(tree).st_dev
    limits = Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}")
    try:
        assert (limits / "strict_limit").read_text() == "1\n"
    finally:
        (limits / "strict_limit").write_text("0")
        os.close(tree)


@pytest.mark.parametrize("paced", [True, False])
def test_only_where_it_is_wanted(
    paced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(scratch, "_pace", seen.append)
    maker = Scratch(tmp_path / "scratch", paced)
    maker.prepare(DEFAULT_MIB)
    os.close(maker.make(DEFAULT_MIB))
    assert len(seen) == (2 if paced else 0)


def test_it_may_be_impossible() -> None:
    scratch._pace("/dev/no-such-device")
