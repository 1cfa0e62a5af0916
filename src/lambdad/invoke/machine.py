"""What the machine has left: memory and processes, and whether one more environment fits.

`read_linux` looks at /proc and at lambdad's own cgroup; `Room` decides, from readings that are
given to it, and is pure. May not: know pools; whom to evict is the fleet's business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from lambdad.core.limits import MIB, Limits
from lambdad.core.value import Value

_KIB = 1024
_UNBOUNDED = 1 << 62


class Reading(Value):
    """The machine at one moment."""

    total_bytes: int
    available_bytes: int
    """What can be used without swapping."""
    free_processes: int
    """Processes and threads that can still be made."""
    stalled_percent: float = 0.0
    """Share of the last ten seconds in which something waited for memory (PSI)."""


ReadMachine = Callable[[], Reading | None]
"""None where the machine does not tell."""


class Room:
    """The room for environments on this machine."""

    def __init__(self, read: ReadMachine, limits: Limits) -> None:
        self._read = read
        self._limits = limits
        self._reading: Reading | None = None
        self._read_ns: int | None = None
        self._promised_mib = 0
        """To environments that are starting: they hold less than they will."""
        self._starting = 0
        self._promised_since_mib = 0
        """Since the reading, whatever has become of it."""
        self._started_since = 0

    def fits(self, size_mib: int, now_ns: int) -> bool:
        """Whether there is room for an environment that will hold so much. Looking at the machine
        takes longer than the rest of an admission: an older reading will do where it showed more
        than twice the reserve."""
        limits = self._limits
        older = self._recent(now_ns, int(limits.fleet_turn_s * 1e9))
        if older is None or self._holds(older, size_mib, reserves=2):
            return True
        reading = self._recent(now_ns, limits.machine_reading_ms * 1_000_000)
        return reading is None or self._holds(reading, size_mib, reserves=1)

    def _holds(self, reading: Reading, size_mib: int, reserves: int) -> bool:
        """Whether so many reserves are still left with one more."""
        limits = self._limits
        promised_mib, starting = self._promised_mib, self._starting
        if reserves > 1:
            promised_mib += self._promised_since_mib
            starting += self._started_since
        left = reading.available_bytes - (promised_mib + size_mib) * MIB
        processes = (starting + 1) * limits.environment_processes_guess
        return (
            left >= reserves * self._reserve_bytes(reading)
            and reading.free_processes - processes >= reserves * limits.machine_processes_reserve
        )

    def promise(self, size_mib: int) -> None:
        """An environment starts."""
        self._promised_mib += size_mib
        self._starting += 1
        self._promised_since_mib += size_mib
        self._started_since += 1

    def settle(self, size_mib: int) -> None:
        """It has started, or has not: what it holds can be read from now on."""
        self._promised_mib -= size_mib
        self._starting -= 1

    def shortage_mib(self, now_ns: int) -> int:
        """How much idle environments should give back now."""
        reading = self._recent(now_ns, self._limits.machine_reading_ms * 1_000_000)
        if reading is None:
            return 0
        reserve = self._reserve_bytes(reading)
        missing = max(0, reserve - reading.available_bytes)
        if reading.stalled_percent > self._limits.machine_stalled_percent:
            missing = max(missing, reserve // 4)
        return -(-missing // MIB)

    def _reserve_bytes(self, reading: Reading) -> int:
        return reading.total_bytes * self._limits.machine_memory_reserve_percent // 100

    def _recent(self, now_ns: int, oldest_ns: int) -> Reading | None:
        """A reading that is no older than that."""
        if self._read_ns is None or now_ns - self._read_ns > oldest_ns:
            self._reading, self._read_ns = self._read(), now_ns
            self._promised_since_mib = self._started_since = 0
        return self._reading


def unbounded() -> Reading | None:
    """A machine that does not tell what it has."""
    return None


def linux_reader(root: Path = Path("/")) -> ReadMachine:
    """Reads this machine, bounded by the cgroups that lambdad itself is in. Where there is no
    /proc it is a machine that does not tell."""
    memory_files, process_files = _cgroup_files(root)

    def read() -> Reading | None:
        try:
            memory = _fields(root / "proc/meminfo")
            total, available = memory["MemTotal"] * _KIB, memory["MemAvailable"] * _KIB
        except (OSError, KeyError, ValueError):
            return None
        for limit_file, usage_file, stat_file in memory_files:
            limit = _number(limit_file, _UNBOUNDED)
            if limit < total:
                cached = _fields(stat_file).get("inactive_file", 0) if stat_file.exists() else 0
                available = min(available, limit - _number(usage_file, 0) + cached)
                total = limit
        processes = _number(root / "proc/sys/kernel/pid_max", _UNBOUNDED) - _tasks(root)
        for limit_file, usage_file in process_files:
            processes = min(processes, _number(limit_file, _UNBOUNDED) - _number(usage_file, 0))
        return Reading(total, max(0, available), max(0, processes), _stalled_percent(root))

    return read


def _cgroup_files(
    root: Path,
) -> tuple[list[tuple[Path, Path, Path]], list[tuple[Path, Path]]]:
    """(limit, usage, statistics) of memory and (limit, usage) of processes for every cgroup from
    lambdad's own up to the root, in both versions of the interface."""
    memory: list[tuple[Path, Path, Path]] = []
    processes: list[tuple[Path, Path]] = []
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            mounted = root / "sys/fs/cgroup" / controllers
            own = mounted / path.lstrip("/")
            for folder in (own, *own.parents):
                if not folder.is_relative_to(mounted):
                    break
                if (folder / "memory.max").exists():
                    names = ("memory.max", "memory.current", "memory.stat")
                    memory.append((folder / names[0], folder / names[1], folder / names[2]))
                if (folder / "memory.limit_in_bytes").exists():
                    names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
                    memory.append((folder / names[0], folder / names[1], folder / names[2]))
                if (folder / "pids.max").exists():
                    processes.append((folder / "pids.max", folder / "pids.current"))
    return memory, processes


def _fields(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    found = {}
    for line in path.read_text().splitlines():
        name, *rest = line.split()
        if rest and rest[0].isdecimal():
            found[name.rstrip(":")] = int(rest[0])
    return found


def _number(path: Path, otherwise: int) -> int:
    """The file's number; `otherwise` where it says "max" or is not there."""
    try:
        text = path.read_text().strip()
    except OSError:
        return otherwise
    return int(text) if text.isdecimal() else otherwise


def _tasks(root: Path) -> int:
    """Processes and threads there are: the fourth field of /proc/loadavg, after its slash."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int((root / "proc/loadavg").read_text().split()[3].partition("/")[2])
    return 0


def _stalled_percent(root: Path) -> float:
    """`some avg10` of the memory's pressure; 0 where the kernel does not measure it."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        some = (root / "proc/pressure/memory").read_text().splitlines()[0]
        return float(some.split()[1].removeprefix("avg10="))
    return 0.0
