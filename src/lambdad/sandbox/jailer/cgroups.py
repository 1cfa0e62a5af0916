"""Control groups, version 1 (also hybrid) and version 2, behind one face.

Owns the layout `<hierarchy>/lambdad/<instance>/<environment>` and every file in it. Where a
hierarchy begins is `hierarchies`'. May not know what an environment is.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lambdad.sandbox.jailer.hierarchies import ASIDE, Hierarchy
from lambdad.sandbox.memory_peak import without_cache

MIB = 1024 * 1024
MIB_PER_CPU = 1769
"""Memory that comes with one vCPU (AWS: "1,769 MB = the equivalent of one vCPU")."""
PERIOD_US = 100_000
_LEAST_WEIGHT = 2
_ENTRIES = {1: "tasks", 2: "cgroup.procs"}
"""A process that moves as a whole must not fork meanwhile: to be sure, the kernel waits for an RCU
grace period, 10 ms and more, and whoever freezes another group waits for it. A thread that moves
itself does not (`cgroup_procs_write_start`), which version 2 has for threaded groups only."""


def cpu_share(memory_mib: int) -> tuple[int, int]:
    """(weight in 1024ths of a vCPU, ceiling in vCPUs).

    Under contention environments share the processors by memory, as on AWS. An idle machine lends
    more, up to the whole vCPUs that AWS shows for that memory: a 128 MiB function is not held to
    7 % of a processor that nobody else wants.
    """
    weight = max(_LEAST_WEIGHT, memory_mib * 1024 // MIB_PER_CPU)
    return weight, max(1, math.ceil(memory_mib / MIB_PER_CPU))


def _write(path: str, value: object) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def _read(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read().decode()


class Group:
    """One environment's group in every hierarchy. Paths are plain text: a dozen are made for
    every environment, and Path objects cost more than the calls."""

    def __init__(self, places: Sequence[tuple[Hierarchy, str]]) -> None:
        self._places = places
        self._paths = {name: path for tree, path in places for name in tree.controllers}
        self._versions = {name: tree.version for tree, _ in places for name in tree.controllers}
        self._limits: dict[str, object] = {}
        """What was written, by file: setting a limit is not free, even to what it is."""

    def make(self) -> None:
        """Create the folders."""
        for _, path in self._places:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)

    def open_entries(self) -> list[int]:
        """Fds through which a process of one thread, without rights, moves itself in with "0"."""
        names = [f"{path}/{_ENTRIES[tree.version]}" for tree, path in self._places]
        return [os.open(name, os.O_WRONLY | os.O_CLOEXEC) for name in names]

    def limit(
        self, memory_mib: int, processes: int, tmp_mib: int = 0, *, background: bool = False
    ) -> None:
        """Set the limits. `tmp_mib` is the size of a /tmp that is memory: the kernel counts what is
        in it for the group. In the background, the share of the CPU is the least there is."""
        if memory := self._paths.get("memory"):
            limit_bytes = (memory_mib + tmp_mib) * MIB
            if self._versions["memory"] == 1:
                files = [f"{memory}/memory.limit_in_bytes"]
                if os.path.exists(swap := f"{memory}/memory.memsw.limit_in_bytes"):
                    # Never below the other: the last to be set, the first to be raised.
                    files.insert(0 if files[0] in self._limits else 1, swap)
                for file in files:
                    self._set(file, limit_bytes)
            else:
                self._set(f"{memory}/memory.max", limit_bytes)
                self._set(f"{memory}/memory.oom.group", 1)
                if os.path.exists(swap := f"{memory}/memory.swap.max"):
                    self._set(swap, 0)
        if cpu := self._paths.get("cpu"):
            weight, ceiling = cpu_share(memory_mib)
            if background:
                weight = _LEAST_WEIGHT
            if self._versions["cpu"] == 1:
                self._set(f"{cpu}/cpu.shares", weight)
                self._set(f"{cpu}/cpu.cfs_quota_us", ceiling * PERIOD_US)
            else:
                self._set(f"{cpu}/cpu.weight", min(10_000, max(1, weight * 100 // 1024)))
                self._set(f"{cpu}/cpu.max", f"{ceiling * PERIOD_US} {PERIOD_US}")
        if pids := self._paths.get("pids"):
            self._set(f"{pids}/pids.max", processes)

    def _set(self, path: str, value: object) -> None:
        if self._limits.get(path) != value:
            _write(path, value)
            self._limits[path] = value

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel holds the group to its memory limit."""
        return "memory" in self._paths

    def oom_event(self) -> int | None:
        """An eventfd for when the memory limit is hit, where the kernel ends one process only
        (version 1); version 2 ends the whole group by itself."""
        memory = self._paths.get("memory")
        if memory is None or self._versions["memory"] != 1:
            return None
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        control = os.open(f"{memory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _write(f"{memory}/cgroup.event_control", f"{event} {control}")
        finally:
            os.close(control)
        return event

    def oom_killed(self) -> bool:
        """Whether the kernel ended one of the processes at the memory limit."""
        memory = self._paths.get("memory")
        if memory is None:
            return False
        name = "memory.oom_control" if self._versions["memory"] == 1 else "memory.events"
        counts = (line.split() for line in _read(f"{memory}/{name}").splitlines())
        return any(key == "oom_kill" and int(value) > 0 for key, value in counts)

    def usage_files(self) -> dict[str, str] | None:
        """World-readable files: `peak`, the highest usage with page cache, and `stat`, what
        usage consists of now. None where memory is not controlled or the peak not kept."""
        memory = self._paths.get("memory")
        if memory is None:
            return None
        peak = "memory.max_usage_in_bytes" if self._versions["memory"] == 1 else "memory.peak"
        if not os.path.exists(f"{memory}/{peak}"):
            return None
        return {"peak": f"{memory}/{peak}", "stat": f"{memory}/memory.stat"}

    def memory_peak(self) -> int:
        """The highest usage in bytes, without page cache; 0 where that is not kept."""
        files = self.usage_files()
        if files is None:
            return 0
        return without_cache(int(_read(files["peak"])), files["stat"])

    def freezer(self) -> tuple[str, str, str] | None:
        """(file, word that freezes, word that thaws)."""
        path = self._paths.get("freezer")
        if path is None:
            return None
        if self._versions["freezer"] == 1:
            return f"{path}/freezer.state", "FROZEN", "THAWED"
        return f"{path}/cgroup.freeze", "1", "0"

    def pids(self) -> set[int]:
        """Its processes, all of them: nobody leaves a group by themselves."""
        _, path = self._places[0]
        return {int(pid) for pid in _read(f"{path}/cgroup.procs").split()}

    def take(self, pid: int) -> None:
        """Move a process in."""
        for _, path in self._places:
            _write(f"{path}/cgroup.procs", pid)

    def freeze(self) -> None:
        """Stop its processes."""
        if freezer := self.freezer():
            _write(freezer[0], freezer[1])

    def thaw(self) -> None:
        """Let a frozen group run (and die)."""
        if freezer := self.freezer():
            with contextlib.suppress(FileNotFoundError):
                _write(freezer[0], freezer[2])

    def remove(self) -> bool:
        """Remove the folders; False while the kernel still sees a process in one."""
        for _, path in self._places:
            try:
                os.rmdir(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                return False
        return True


class Cgroups:
    """The groups of one instance. `make` before use: it keeps the hierarchies that we may use."""

    def __init__(self, hierarchies: Sequence[Hierarchy], instance: int) -> None:
        self._hierarchies = list(hierarchies)
        self._instance = str(instance)

    @property
    def controllers(self) -> frozenset[str]:
        """What is controlled: of `memory`, `cpu`, `pids`, `freezer`."""
        return frozenset(name for tree in self._hierarchies for name in tree.controllers)

    @property
    def memory_version(self) -> int | None:
        """The version of the hierarchy that limits memory; None where none does."""
        trees = (tree for tree in self._hierarchies if "memory" in tree.controllers)
        return next((tree.version for tree in trees), None)

    def make(self) -> None:
        """Create the instance's own folder, after removing what a dead one left there.
        Hierarchies that are read-only or not ours are left out."""
        self.clear()
        usable = []
        for tree in self._hierarchies:
            with contextlib.suppress(OSError):
                usable.append(self._make_in(tree))
        self._hierarchies = usable
        self.group("pid1").make()

    def _make_in(self, tree: Hierarchy) -> Hierarchy:
        """The hierarchy with the controllers that can be had in our folder of it."""
        own = Path(self._folder(tree))
        _make_folder(own)
        if tree.version == 1:
            return tree
        granted = {"freezer"}  # part of every version 2 group
        wanted = tree.controllers - granted if _step_aside(tree.home) else ()
        for controller in wanted:
            with contextlib.suppress(OSError):
                for folder in (tree.home, own.parent, own):
                    _write(f"{folder}/cgroup.subtree_control", f"+{controller}")
                granted.add(controller)
        return replace(tree, controllers=frozenset(granted))

    def group(self, name: str) -> Group:
        """The group called `name`; `pid1` holds the first processes of all shells."""
        return Group([(tree, f"{self._folder(tree)}/{name}") for tree in self._hierarchies])

    @property
    def folders(self) -> list[str]:
        """Where the groups are, one folder for each hierarchy."""
        return [self._folder(tree) for tree in self._hierarchies]

    def _folder(self, tree: Hierarchy) -> str:
        return f"{tree.home}/lambdad/{self._instance}"

    def clear(self) -> None:
        """Kill what runs in the instance's groups and remove them. Blocks, for 2 s at most."""
        deadline = time.monotonic() + 2
        for tree in self._hierarchies:
            folder = Path(self._folder(tree))
            if not folder.exists():
                continue
            groups = [path for path in folder.iterdir() if path.is_dir()]
            while groups and time.monotonic() < deadline:
                groups = [path for path in groups if not _end(tree, path)]
                if groups:
                    time.sleep(0.005)
            with contextlib.suppress(OSError):
                folder.rmdir()
            # The folder of all instances goes with the last one, whoever that is.
            with contextlib.suppress(OSError):
                folder.parent.rmdir()


def clear_ended(hierarchies: Sequence[Hierarchy]) -> None:
    """Clear the groups of instances that are called after a process, where that is no more."""
    for tree in hierarchies:
        for folder in (tree.home / "lambdad").glob("[0-9]*"):
            if not os.path.exists(f"/proc/{folder.name}"):
                Cgroups([tree], int(folder.name)).clear()


def _make_folder(own: Path) -> None:
    """Its parent goes with the last instance that ends: perhaps between two steps of ours."""
    for _ in range(16):
        own.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            own.mkdir(exist_ok=True)
            return
    raise FileNotFoundError(own)


def _step_aside(home: Path) -> bool:
    """Version 2 gives no controllers to the groups of one in which processes sit: in a group that
    was given to us, and at the root of a container, they step aside. False where some stay.

    Before the first controller: with cpu or pids alone the kernel takes the group for one that
    divides threads, and lets no process into those below it."""
    if not (home / "cgroup.type").exists():  # the machine's root is free of that rule
        return True
    for _ in range(16):  # what is there may fork meanwhile
        pids = (home / "cgroup.procs").read_text().split()
        if not pids:
            return True
        (home / ASIDE).mkdir(exist_ok=True)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                _write(f"{home}/{ASIDE}/cgroup.procs", pid)
    return False


def _end(tree: Hierarchy, path: Path) -> bool:
    group = Group([(tree, str(path))])
    group.thaw()
    for pid in (path / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    return group.remove()
