"""Control groups without control groups: which files get which values."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from lambdad.sandbox.jailer import cgroups, hierarchies
from lambdad.sandbox.jailer.cgroups import Cgroups, Group, clear_ended, cpu_share
from lambdad.sandbox.jailer.hierarchies import ASIDE, Hierarchy, find_hierarchies, why_no_groups

ALL = frozenset({"memory", "cpu", "pids", "freezer"})


def v2_tree(root: Path, controllers: str) -> str:
    root.mkdir(exist_ok=True)
    (root / "cgroup.controllers").write_text(controllers)
    return f"cgroup2 {root} cgroup2 rw,nosuid 0 0\n"


def test_a_modern_machine(tmp_path: Path) -> None:
    mounts = v2_tree(tmp_path / "cg", "cpuset cpu io memory hugetlb pids")
    assert find_hierarchies(1, mounts) == [Hierarchy(tmp_path / "cg", 2, ALL)]


def test_an_old_machine(tmp_path: Path) -> None:
    mounts = (
        "cgroup /cg/cpu cgroup rw,cpu,cpuacct 0 0\ncgroup /cg/memory cgroup rw,memory 0 0\n"
        "cgroup /cg/freezer cgroup rw,freezer 0 0\ncgroup /cg/systemd cgroup rw,name=systemd 0 0\n"
        "tmpfs /cg tmpfs rw 0 0\n"
    )
    assert find_hierarchies(1, mounts) == [
        Hierarchy(Path("/cg/cpu"), 1, frozenset({"cpu"})),
        Hierarchy(Path("/cg/memory"), 1, frozenset({"memory"})),
        Hierarchy(Path("/cg/freezer"), 1, frozenset({"freezer"})),
    ]


def test_a_hybrid_machine_freezes_by_version_2(tmp_path: Path) -> None:
    mounts = "cgroup /cg/memory cgroup rw,memory 0 0\ncgroup /cg/freezer cgroup rw,freezer 0 0\n"
    mounts += v2_tree(tmp_path / "unified", "hugetlb")
    assert find_hierarchies(1, mounts) == [
        Hierarchy(tmp_path / "unified", 2, frozenset({"freezer"})),
        Hierarchy(Path("/cg/memory"), 1, frozenset({"memory"})),
    ]


def test_a_machine_without(tmp_path: Path) -> None:
    assert find_hierarchies(1, "tmpfs /tmp tmpfs rw 0 0\n") == []


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


def test_only_what_changes_is_written_and_in_an_order_that_the_kernel_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 1 refuses a limit with swap that is below the one without."""
    (tmp_path / "memory.memsw.limit_in_bytes").touch()
    written: list[str] = []
    monkeypatch.setattr(cgroups, "_write", lambda path, _: written.append(Path(path).name))
    group = Group([(Hierarchy(tmp_path, 1, ALL), str(tmp_path))])

    def limited(memory_mib: int) -> list[str]:
        written.clear()
        group.limit(memory_mib, 1024)
        return list(written)

    memory = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    assert limited(128) == [*memory, "cpu.shares", "cpu.cfs_quota_us", "pids.max"]
    assert limited(128) == []
    assert limited(512) == [*reversed(memory), "cpu.shares"]


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


def test_a_tmp_that_is_memory_comes_on_top(tmp_path: Path, written: dict[str, str]) -> None:
    Group([(Hierarchy(tmp_path, 2, ALL), str(tmp_path))]).limit(1769, 1024, tmp_mib=512)
    assert written["memory.max"] == str((1769 + 512) << 20)
    assert written["cpu.max"] == "100000 100000"


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


def delegate(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Mark these as systemd marks what it delegates, where files cannot have marks."""

    def getxattr(folder: Path, name: str) -> bytes:
        if folder in folders and name == "user.delegate":
            return b"1"
        raise OSError(errno.ENODATA, name)

    monkeypatch.setattr(hierarchies.os, "getxattr", getxattr)


@pytest.mark.parametrize("group", ["unit", f"unit/{ASIDE}", "unit/subgroup"])
def test_a_delegated_group_is_home_from_the_group_below_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    mounts = v2_tree(tmp_path, "cpu memory pids")
    (tmp_path / group).mkdir(parents=True)
    (tmp_path / "unit" / "cgroup.controllers").write_text("memory pids")
    delegate(monkeypatch, tmp_path / "unit")
    controllers = frozenset({"memory", "pids", "freezer"})
    found = find_hierarchies(1, mounts, f"1:name=systemd:/elsewhere\n0::/{group}\n")
    assert found == [Hierarchy(tmp_path / "unit", 2, controllers)]


def test_what_was_delegated_to_somebody_above_is_not_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's own systemd was given user@1.service, and lambdad only sits in there."""
    mounts = v2_tree(tmp_path, "cpu memory pids")
    (tmp_path / "user@1.service" / "app.slice" / "terminal.scope").mkdir(parents=True)
    delegate(monkeypatch, tmp_path / "user@1.service")
    found = find_hierarchies(1, mounts, "0::/user@1.service/app.slice/terminal.scope\n")
    assert found == [Hierarchy(tmp_path, 2, ALL)]


@pytest.mark.parametrize(("around", "home"), [(0, "service"), (1000, ".")])
def test_older_systemds_only_make_the_user_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: int, home: str
) -> None:
    mounts = v2_tree(tmp_path, "memory")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "cgroup.controllers").write_text("memory")
    owners = {tmp_path: around, tmp_path / "service": 1000}
    monkeypatch.setattr(hierarchies.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        Path, "stat", lambda self: os.stat_result((0o40755, 1, 1, 1, owners[self], 0, 0, 0, 0, 0))
    )
    (tree,) = find_hierarchies(1, mounts, "0::/service\n")
    assert tree.home == tmp_path / home


@pytest.mark.parametrize("alone", [True, False])
def test_a_group_that_lambdad_has_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """What a user's older systemd delegates has no mark; in a terminal's group the shell sits."""
    mounts = v2_tree(tmp_path, "memory")
    (tmp_path / "run.scope").mkdir()
    (tmp_path / "run.scope" / "cgroup.controllers").write_text("memory")
    (tmp_path / "run.scope" / "cgroup.procs").write_text(f"{os.getpid()}\n")
    monkeypatch.setattr(hierarchies.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        Path, "stat", lambda self: os.stat_result((0o40755, 1, 1, 1, 1000, 0, 0, 0, 0, 0))
    )
    main = os.getppid() if alone else 999_999_999
    (tree,) = find_hierarchies(main, mounts, "0::/run.scope\n")
    assert tree.home == (tmp_path / "run.scope" if alone else tmp_path)
    (tree,) = find_hierarchies(main, mounts, f"0::/{ASIDE}\n")
    assert tree.home == tmp_path


class Kernel:
    """The rule of version 2: no controller goes to the groups of a folder with processes."""

    def __init__(self, folder: Path, pids: str) -> None:
        self.folder = folder
        (folder / "cgroup.type").write_text("domain")
        (folder / "cgroup.procs").write_text(pids)
        self.moved: list[tuple[str, str]] = []
        self.handed_down: list[str] = []

    def write(self, path: str, value: object) -> None:
        target = Path(path)
        if target.name == "cgroup.procs":
            left = (self.folder / "cgroup.procs").read_text().split()
            left.remove(str(value))
            (self.folder / "cgroup.procs").write_text("\n".join(left))
            self.moved.append((str(value), target.parent.name))
        elif (self.folder / "cgroup.procs").read_text():
            # Of memory it says EBUSY; with pids or cpu it would not say no, and break the groups.
            raise AssertionError(f"{value} with processes in the group")
        else:
            self.handed_down.append(f"{target.parent.name} {value}")


def test_processes_step_aside_where_controllers_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(tmp_path, "10\n11\n")
    monkeypatch.setattr(cgroups, "_write", kernel.write)
    groups = Cgroups([Hierarchy(tmp_path, 2, frozenset({"memory", "freezer"}))], 7)
    groups.make()
    assert kernel.moved == [("10", ASIDE), ("11", ASIDE)]
    assert kernel.handed_down == [f"{tmp_path.name} +memory", "lambdad +memory", "7 +memory"]
    assert groups.controllers == {"memory", "freezer"}
    assert groups.folders == [str(tmp_path / "lambdad" / "7")]


def test_processes_that_stay_cost_the_controllers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(tmp_path, "10\n")

    def write(path: str, value: object) -> None:
        if Path(path).name != "cgroup.procs":  # the kernel says yes, and another takes its place
            kernel.write(path, value)

    monkeypatch.setattr(cgroups, "_write", write)
    groups = Cgroups([Hierarchy(tmp_path, 2, frozenset({"memory", "freezer"}))], 7)
    groups.make()
    assert groups.controllers == {"freezer"}


def test_groups_called_after_a_dead_process_go(tmp_path: Path) -> None:
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    for name in (str(dead.pid), str(os.getpid()), ASIDE):
        (tmp_path / "lambdad" / name).mkdir(parents=True)
    clear_ended([Hierarchy(tmp_path, 2, ALL)])
    assert {path.name for path in (tmp_path / "lambdad").iterdir()} == {str(os.getpid()), ASIDE}


def test_why_groups_are_missing_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Hierarchy(tmp_path, 2, ALL)
    without_memory = Hierarchy(tmp_path, 2, ALL - {"memory"})
    assert why_no_groups([tree]) is None
    assert "mount -t cgroup2" in str(why_no_groups([]))
    for user, words in ((0, "cgroup_enable=memory"), (1000, "Delegate=memory")):
        monkeypatch.setattr(hierarchies.os, "geteuid", lambda user=user: user)
        assert words in str(why_no_groups([without_memory]))
    monkeypatch.setattr(Hierarchy, "writable", False)
    for user, words in ((0, "read-only"), (1000, "systemd-run --user --scope -p Delegate=yes")):
        monkeypatch.setattr(hierarchies.os, "geteuid", lambda user=user: user)
        assert words in str(why_no_groups([tree]))


def test_the_version_that_limits_memory() -> None:
    first = Hierarchy(Path("/cg/memory"), 1, frozenset({"memory"}))
    second = Hierarchy(Path("/cg"), 2, frozenset({"freezer"}))
    assert Cgroups([second, first], 7).memory_version == 1
    assert Cgroups([Hierarchy(Path("/cg"), 2, ALL)], 7).memory_version == 2
    assert Cgroups([second], 7).memory_version is None
