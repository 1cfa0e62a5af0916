"""Control groups without control groups: which files get which values."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.sandbox.jailer import cgroups
from lambdad.sandbox.jailer.cgroups import Cgroups, Group, Hierarchy, cpu_share, find_hierarchies

ALL = frozenset({"memory", "cpu", "pids", "freezer"})


def v2_tree(root: Path, controllers: str) -> str:
    root.mkdir(exist_ok=True)
    (root / "cgroup.controllers").write_text(controllers)
    return f"cgroup2 {root} cgroup2 rw,nosuid 0 0\n"


def test_a_modern_machine(tmp_path: Path) -> None:
    mounts = v2_tree(tmp_path / "cg", "cpuset cpu io memory hugetlb pids")
    assert find_hierarchies(mounts) == [Hierarchy(tmp_path / "cg", 2, ALL)]


def test_an_old_machine(tmp_path: Path) -> None:
    mounts = (
        "cgroup /cg/cpu cgroup rw,cpu,cpuacct 0 0\ncgroup /cg/memory cgroup rw,memory 0 0\n"
        "cgroup /cg/freezer cgroup rw,freezer 0 0\ncgroup /cg/systemd cgroup rw,name=systemd 0 0\n"
        "tmpfs /cg tmpfs rw 0 0\n"
    )
    assert find_hierarchies(mounts) == [
        Hierarchy(Path("/cg/cpu"), 1, frozenset({"cpu"})),
        Hierarchy(Path("/cg/memory"), 1, frozenset({"memory"})),
        Hierarchy(Path("/cg/freezer"), 1, frozenset({"freezer"})),
    ]


def test_a_hybrid_machine_freezes_by_version_2(tmp_path: Path) -> None:
    mounts = "cgroup /cg/memory cgroup rw,memory 0 0\ncgroup /cg/freezer cgroup rw,freezer 0 0\n"
    mounts += v2_tree(tmp_path / "unified", "hugetlb")
    assert find_hierarchies(mounts) == [
        Hierarchy(tmp_path / "unified", 2, frozenset({"freezer"})),
        Hierarchy(Path("/cg/memory"), 1, frozenset({"memory"})),
    ]


def test_a_machine_without(tmp_path: Path) -> None:
    assert find_hierarchies("tmpfs /tmp tmpfs rw 0 0\n") == []


@pytest.mark.parametrize(
    ("memory_mib", "weight", "vcpus"),
    [(128, 74, 1), (1769, 1024, 1), (1770, 1024, 2), (3538, 2048, 2), (10_240, 5927, 6)],
)
def test_processors_go_by_memory(memory_mib: int, weight: int, vcpus: int) -> None:
    assert cpu_share(memory_mib) == (weight, vcpus)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What was written, by file name."""
    values: dict[str, str] = {}

    def note(path: str, value: object) -> None:
        values[Path(path).name] = str(value)

    monkeypatch.setattr(cgroups, "_write", note)
    return values


def test_limits_of_version_1(tmp_path: Path, written: dict[str, str]) -> None:
    Group([(Hierarchy(tmp_path, 1, ALL), str(tmp_path))]).limit(256, 1024)
    assert written == {
        "memory.limit_in_bytes": str(256 << 20),
        "cpu.shares": "148",
        "cpu.cfs_quota_us": "100000",
        "pids.max": "1024",
    }


def test_in_the_background_the_share_of_the_cpu_is_the_least(
    tmp_path: Path, written: dict[str, str]
) -> None:
    for version, name, least in ((1, "cpu.shares", "2"), (2, "cpu.weight", "1")):
        group = Group([(Hierarchy(tmp_path, version, ALL), str(tmp_path))])
        group.limit(3538, 1024, background=True)
        assert written[name] == least


def test_limits_of_version_2(tmp_path: Path, written: dict[str, str]) -> None:
    (tmp_path / "memory.swap.max").touch()
    Group([(Hierarchy(tmp_path, 2, ALL), str(tmp_path))]).limit(3538, 1024)
    assert written == {
        "memory.max": str(3538 << 20),
        "memory.oom.group": "1",
        "memory.swap.max": "0",
        "cpu.weight": "200",
        "cpu.max": "200000 100000",
        "pids.max": "1024",
    }


def test_freezing_by_version(tmp_path: Path) -> None:
    by_one = Group([(Hierarchy(tmp_path, 1, ALL), str(tmp_path))])
    by_two = Group([(Hierarchy(tmp_path, 2, ALL), str(tmp_path))])
    none = Group([(Hierarchy(tmp_path, 1, frozenset({"cpu"})), str(tmp_path))])
    assert by_one.freezer() == (f"{tmp_path}/freezer.state", "FROZEN", "THAWED")
    assert by_two.freezer() == (f"{tmp_path}/cgroup.freeze", "1", "0")
    assert none.freezer() is None


@pytest.mark.parametrize(("version", "name"), [(1, "memory.oom_control"), (2, "memory.events")])
def test_who_was_killed_for_memory(tmp_path: Path, version: int, name: str) -> None:
    group = Group([(Hierarchy(tmp_path, version, ALL), str(tmp_path))])
    (tmp_path / name).write_text("under_oom 0\noom_kill 0\n")
    assert not group.oom_killed()
    (tmp_path / name).write_text("low 3\noom_kill 1\noom_group_kill 1\n")
    assert group.oom_killed()


def test_version_2_hands_controllers_down_and_leaves_out_what_it_may_not(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "lambdad", tmp_path / "lambdad" / "7"):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").touch()
    groups = Cgroups([Hierarchy(tmp_path, 2, ALL), Hierarchy(Path("/no/such"), 1, ALL)], 7)
    groups.clear = lambda: None  # type: ignore[method-assign]
    groups.make()
    assert groups.controllers == ALL
    assert (tmp_path / "lambdad" / "7" / "pid1").is_dir()
    (tmp_path / "lambdad" / "7" / "cgroup.subtree_control").unlink()
    groups.make()
    assert groups.controllers == {"freezer"}
