"""What the machine has left, read from files, and who fits into it."""

from __future__ import annotations

from pathlib import Path

from lambdad.core.limits import DEFAULT_LIMITS, MIB
from lambdad.core.value import replace
from lambdad.invoke.machine import Reading, Room, linux_reader

LIMITS = replace(
    DEFAULT_LIMITS,
    machine_memory_reserve_percent=10,
    machine_processes_reserve=100,
    environment_processes_guess=10,
    machine_stalled_percent=10.0,
    machine_reading_ms=50,
)
READING = Reading(1000 * MIB, 300 * MIB, 1000)


class Machine:
    """Says what it is told to say, and how often it was asked."""

    def __init__(self, reading: Reading | None) -> None:
        self.reading = reading
        self.asked = 0

    def __call__(self) -> Reading | None:
        self.asked += 1
        return self.reading


def test_starting_environments_count_with_what_they_will_hold() -> None:
    room = Room(Machine(READING), LIMITS)
    admitted = 0
    while room.fits(50, 0):
        room.promise(50)
        admitted += 1
    assert admitted == 4, "300 MiB available, 100 of them are the reserve"
    room.settle(50)
    assert room.fits(50, 0)
    assert not room.fits(51, 0)


def test_processes_bound_too() -> None:
    room = Room(Machine(replace(READING, free_processes=120)), LIMITS)
    room.promise(1)
    assert room.fits(1, 0)
    room.promise(1)
    assert not room.fits(1, 0)


def test_a_reading_serves_for_a_moment() -> None:
    machine = Machine(replace(READING, available_bytes=190 * MIB))
    room = Room(machine, LIMITS)
    for now_ms in (0, 10, 50):
        assert room.fits(1, now_ms * 1_000_000)
    assert machine.asked == 1
    machine.reading = replace(READING, available_bytes=0)
    assert not room.fits(1, 51_000_000)


def test_a_reading_of_twice_the_reserve_serves_for_a_turn() -> None:
    machine = Machine(READING)
    room = Room(machine, LIMITS)
    turn_ms = int(LIMITS.fleet_turn_s * 1000)
    for now_ms in (0, 51, turn_ms):
        assert room.fits(100, now_ms * 1_000_000)
    assert machine.asked == 1
    assert room.fits(100, (turn_ms + 1) * 1_000_000)
    assert machine.asked == 2


def test_what_has_started_since_an_older_reading_is_not_forgotten() -> None:
    machine = Machine(READING)
    room = Room(machine, LIMITS)
    assert room.fits(60, 0)
    room.promise(60)
    room.settle(60)  # it holds them now, which the reading does not show
    machine.reading = replace(READING, available_bytes=240 * MIB)
    assert room.fits(40, 51_000_000)
    assert machine.asked == 1
    assert room.fits(41, 51_000_000)
    assert machine.asked == 2


def test_processes_left_decide_about_an_older_reading_too() -> None:
    machine = Machine(replace(READING, free_processes=200))
    room = Room(machine, LIMITS)
    assert room.fits(1, 0)
    machine.reading = replace(READING, free_processes=0)
    assert not room.fits(1, 51_000_000)


def test_what_is_missing_is_asked_back() -> None:
    for available, stalled, missing in (
        (300, 0.0, 0), (100, 0.0, 0), (60, 0.0, 40), (0, 0.0, 100), (300, 10.5, 25), (60, 99.0, 40),
    ):  # fmt: skip
        reading = Reading(1000 * MIB, available * MIB, 1000, stalled)
        assert Room(Machine(reading), LIMITS).shortage_mib(0) == missing


def test_a_machine_that_does_not_tell_refuses_nothing() -> None:
    room = Room(Machine(None), LIMITS)
    assert room.fits(10**6, 0)
    assert room.shortage_mib(0) == 0


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def bare(root: Path) -> None:
    write(
        root,
        proc__meminfo="MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  600 kB\n",
        proc__loadavg="0.1 0.2 0.3 2/345 999\n",
        proc__sys__kernel__pid_max="4345\n",
        proc__pressure__memory="some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.0\n",
    )


def test_a_machine_without_bounds_is_read(tmp_path: Path) -> None:
    bare(tmp_path)
    write(tmp_path, proc__self__cgroup="0::/\n")
    assert linux_reader(tmp_path)() == Reading(1000 * 1024, 600 * 1024, 4000, 1.5)


def test_the_bounds_of_every_cgroup_above_hold(tmp_path: Path) -> None:
    bare(tmp_path)
    write(
        tmp_path,
        proc__self__cgroup="0::/outer/inner\n",
        sys__fs__cgroup__outer__memoryDOTmax="512000\n",
        sys__fs__cgroup__outer__memoryDOTcurrent="400000\n",
        sys__fs__cgroup__outer__memoryDOTstat="anon 1\ninactive_file 50000\n",
        sys__fs__cgroup__outer__inner__memoryDOTmax="max\n",
        sys__fs__cgroup__outer__inner__memoryDOTcurrent="300000\n",
        sys__fs__cgroup__outer__inner__memoryDOTstat="anon 1\n",
        sys__fs__cgroup__outer__inner__pidsDOTmax="100\n",
        sys__fs__cgroup__outer__inner__pidsDOTcurrent="40\n",
    )
    assert linux_reader(tmp_path)() == Reading(512_000, 162_000, 60, 1.5)


def test_the_older_cgroups_are_read_too(tmp_path: Path) -> None:
    bare(tmp_path)
    write(
        tmp_path,
        proc__self__cgroup="9:memory:/a\n5:pids:/a\n0::/\n",
        sys__fs__cgroup__memory__a__memoryDOTlimit_in_bytes="512000\n",
        sys__fs__cgroup__memory__a__memoryDOTusage_in_bytes="500000\n",
        sys__fs__cgroup__memory__a__memoryDOTstat="inactive_file 1000\n",
        sys__fs__cgroup__pids__a__pidsDOTmax="max\n",
        sys__fs__cgroup__pids__a__pidsDOTcurrent="40\n",
    )
    assert linux_reader(tmp_path)() == Reading(512_000, 13_000, 4000, 1.5)


def test_without_proc_nothing_is_told(tmp_path: Path) -> None:
    assert linux_reader(tmp_path)() is None


def test_this_machine_can_be_read() -> None:
    reading = linux_reader()()
    if Path("/proc/meminfo").exists():
        assert reading is not None
        assert 0 < reading.available_bytes <= reading.total_bytes
        assert reading.free_processes > 0
