"""The store of archives: whose they are, how large, and that none is there in part."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.archives import ArchiveStore, name_of
from lambdad.sandbox.driver import RuntimePack, Training
from support.functions import make_version

TRAINING = Training(("make", "one"), "a build")
PACK = RuntimePack("java17", "java", ("run",), (), training=TRAINING)


def store(tmp_path: Path, **limits: int) -> ArchiveStore:
    return ArchiveStore(tmp_path / "archives", replace(DEFAULT_LIMITS, **limits))


def version(**changes: Any) -> FunctionVersion:
    fields = {"name": "mine", "runtime": "java17", "layer_dirs": (Path("/l/one"), Path("/l/two"))}
    return make_version(Path("/code/digest"), **(fields | changes))


def put(archives: ArchiveStore, owner: FunctionVersion, data: bytes = b"archive") -> Path:
    read, write = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(write, data), os.close(write)))
    writer.start()
    staging = archives.receive(read)
    writer.join()
    os.close(read)
    assert staging is not None
    archives.keep(name_of(owner, TRAINING), staging)
    found = archives.find(owner, PACK)
    assert found is not None
    return found


def key_of(one: FunctionVersion) -> tuple[Any, Any, str]:
    return one.account, one.region, one.name


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"version": "7", "memory_mib": 1024, "timeout_s": 9, "role": "another"}, True),
        ({"environment": {"SECRET": "x"}, "deployment_id": "another"}, True),
        ({"account": "111111111111"}, False),
        ({"region": "eu-west-1"}, False),
        ({"name": "yours"}, False),
        ({"handler": "another.Handler"}, False),
        ({"runtime": "java21"}, False),
        ({"layer_dirs": (Path("/l/two"), Path("/l/one"))}, False),
    ],
    ids=str,
)
def test_it_serves_one_function_code_and_runtime(
    tmp_path: Path, change: dict[str, Any], same: bool
) -> None:
    archives = store(tmp_path)
    missing: list[FunctionVersion] = []
    archives.on_missing = missing.append
    kept = put(archives, version())
    other = version(**change)
    assert archives.find(other, PACK) == (kept if same else None)
    assert missing == ([] if same else [other])


def test_code_and_build_count_too(tmp_path: Path) -> None:
    archives = store(tmp_path)
    put(archives, version())
    changed = replace(version(), code_dir=Path("/code/other"))
    upgraded = replace(PACK, training=Training(("make", "one"), "another build"))
    assert archives.find(changed, PACK) is None
    assert archives.find(version(), upgraded) is None
    assert archives.find(version(), replace(PACK, training=None)) is None


def test_what_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    archives = store(tmp_path, class_archive_bytes=1000)
    read, write = os.pipe()
    os.write(write, bytes(1001))  # and its writer does not end
    assert archives.receive(read) is None
    assert not list((tmp_path / "archives").iterdir())
    os.close(write)
    assert put(archives, version(), bytes(1000)).stat().st_size == 1000


def test_the_oldest_make_room(tmp_path: Path) -> None:
    archives = store(tmp_path, class_archives_bytes=250)
    owners = [version(name=name) for name in "abc"]
    paths = [put(archives, owner, bytes(100)) for owner in owners]
    assert [path.exists() for path in paths] == [False, True, True]
    assert archives.find(owners[0], PACK) is None


def test_a_start_finds_what_is_whole_and_removes_the_rest(tmp_path: Path) -> None:
    archives = store(tmp_path)
    kept, other = put(archives, version()), version(name="deleted")
    gone = put(archives, other)
    read, write = os.pipe()
    os.write(write, b"half")
    os.close(write)
    half = archives.receive(read)  # and lambdad is killed
    assert half is not None
    again = store(tmp_path)
    again.keep_functions([key_of(version())])
    assert again.find(version(), PACK) == kept
    assert again.find(other, PACK) is None
    assert not gone.exists()
    assert list((tmp_path / "archives").iterdir()) == [kept]
    assert kept.stat().st_mode & 0o777 == 0o444


def test_what_a_function_does_not_need_goes(tmp_path: Path) -> None:
    archives = store(tmp_path)
    mine, older = version(), version(handler="older")
    paths = [put(archives, one) for one in (mine, older, version(name="yours"))]
    archives.keep_only(key_of(mine), {name_of(mine, TRAINING)})
    assert [path.exists() for path in paths] == [True, False, True]
    archives.keep_only(key_of(mine), ())
    assert [path.exists() for path in paths] == [False, False, True]


def test_a_distrusted_one_is_gone_and_known_until_its_code_is(tmp_path: Path) -> None:
    archives = store(tmp_path)
    path = put(archives, version())
    archives.distrust(path)
    assert not path.exists()
    assert archives.find(version(), PACK) is None
    assert archives.distrusted == {path.name}
    archives.keep_only(key_of(version()), ())
    assert archives.distrusted == set()
