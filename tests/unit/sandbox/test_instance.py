"""Numbers of instances: unique among the living, free after the dead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.sandbox.jailer import instance
from lambdad.sandbox.jailer.instance import UIDS_PER_INSTANCE, Instance, clear_dead


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of our own for the locks."""
    monkeypatch.setattr(instance, "RUN_DIR", tmp_path)
    return tmp_path


def test_the_living_have_different_numbers_and_uids() -> None:
    first, second = Instance.claim(), Instance.claim()
    assert (first.number, second.number) == (0, 1)
    first_uids = {first.uid(slot) for slot in (0, UIDS_PER_INSTANCE - 1)}
    assert max(first_uids) < second.uid(0)
    first.release()
    assert Instance.claim().number == 0
    second.release()


def test_the_dead_are_cleared_and_the_living_are_not(run_dir: Path) -> None:
    living, dead = Instance.claim(), Instance.claim()
    os.close(dead._lock_fd)  # as the kernel does for a killed process
    cleared: list[int] = []
    clear_dead(cleared.append)
    assert cleared == [1]
    assert living.folder.exists()
    assert not dead.folder.exists()


def test_nobody_takes_the_number_that_is_being_cleared() -> None:
    os.close(Instance.claim()._lock_fd)
    meanwhile: list[int] = []
    clear_dead(lambda number: meanwhile.append(Instance.claim().number))
    assert meanwhile == [1]


def test_every_uid_has_its_name() -> None:
    own = Instance.claim()
    text = own.passwd(3).read_text()
    assert f"sbx_user1051:x:{own.uid(3)}:{own.uid(3)}:" in text
    own.release()
    assert not own.folder.exists()
