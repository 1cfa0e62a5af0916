"""kill -9 in the middle of real traffic, again and again over the same files.

No acknowledged message is lost, none comes back whose delete was acknowledged, what is in flight
comes back when its visibility timeout ends and not before, and groups keep their order.
LAMBDAD_TEST_SEED repeats the moments of the kills; LAMBDAD_SOAK_S makes it longer (`make soak`).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from lambdad.core.clock import SystemClock
from support import crash_queues
from support.crash_queues import QUEUES, VISIBILITY_S
from support.functions import run
from support.queues import engine, key

TESTS = Path(crash_queues.__file__).parents[1]
SECONDS = float(os.environ.get("LAMBDAD_SOAK_S", "60"))
LONGEST_LIFE_S = 1.5


def live_and_be_killed(folder: Path, chance: random.Random) -> list[str]:
    """What the process had said when it was killed."""
    command = [sys.executable, "-m", "support.crash_queues", str(folder), str(chance.random())[2:]]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        killer = threading.Timer(chance.uniform(0.05, LONGEST_LIFE_S), process.kill)
        killer.start()
        *lines, _partial = (first + process.stdout.read()).split(b"\n")
        killer.join()
    assert process.returncode == -9
    return [line.decode() for line in lines]


class Ledger:
    """What was said, checked line by line."""

    def __init__(self) -> None:
        self.sent: set[tuple[str, str]] = set()
        self.deleting: set[tuple[str, str]] = set()
        self.deleted: set[tuple[str, str]] = set()
        self.received_ms: dict[tuple[str, str], int] = {}
        self.latest: dict[str, str] = defaultdict(str)
        """FIFO: per group, the last message that was received for the first time."""
        self.redelivered = 0

    def read(self, lines: list[str]) -> None:
        for line in lines:
            verb, name, body, *rest = line.split()
            if verb == "got":
                self.got(name, body, *rest)
            else:
                {"sent": self.sent, "deleting": self.deleting, "deleted": self.deleted}[verb].add(
                    (name, body)
                )

    def got(self, name: str, body: str, group: str, count: str, began_ms: str) -> None:
        message = (name, body)
        assert message not in self.deleted, "delivered after its delete was acknowledged"
        if message in self.received_ms:
            assert int(count) > 1
            self.redelivered += 1
        elif name == "fifo":
            run_id = body.split("-")[0]
            assert body > self.latest[f"{group} {run_id}"], "out of order in its group"
            self.latest[f"{group} {run_id}"] = body
        self.received_ms[message] = int(began_ms)

    def unsettled(self) -> set[tuple[str, str]]:
        """Accepted, and nobody ever tried to delete it."""
        return self.sent - self.deleting


async def drain(folder: Path, ledger: Ledger) -> set[tuple[str, str]]:
    """Everything that is left, received in order by a last process."""
    found: set[tuple[str, str]] = set()
    clock = SystemClock()
    async with engine(folder, clock) as (queues, _):
        for name in QUEUES:
            while True:
                began_ms = clock.wall_ms()
                messages = await queues.receive(key(name), 10, wait_s=VISIBILITY_S + 0.5)
                if not messages:
                    break
                for message in messages:
                    body = message.body.decode()
                    count = str(message.receive_count)
                    ledger.got(name, body, message.group or "-", count, str(began_ms))
                    found.add((name, body))
                await queues.delete_messages(key(name), [m.receipt_handle for m in messages])
            counts = await queues.counts(key(name))
            assert (counts.visible, counts.in_flight, counts.delayed) == (0, 0, 0)
    return found


async def early(folder: Path, ledger: Ledger) -> list[tuple[str, str]]:
    """Messages that came back before their visibility timeout was over, seen at once after a
    crash."""
    clock = SystemClock()
    async with engine(folder, clock) as (queues, _):
        messages = await queues.receive(key("standard"), 10, visibility_s=0, wait_s=0)
        now_ms = clock.wall_ms()
    return [
        ("standard", m.body.decode())
        for m in messages
        if now_ms < ledger.received_ms.get(("standard", m.body.decode()), 0) + VISIBILITY_S * 1000
    ]


def test_nothing_is_lost_and_nothing_comes_back(tmp_path: Path) -> None:
    seed = int(os.environ.get("LAMBDAD_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LAMBDAD_TEST_SEED={seed}")
    chance, ledger, lives = random.Random(seed), Ledger(), 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ledger.read(live_and_be_killed(tmp_path, chance))
        assert run(early(tmp_path, ledger)) == []
        lives += 1
    found = run(drain(tmp_path, ledger))
    print(f"{lives} lives, {len(ledger.sent)} sent, {len(ledger.deleted)} deleted,", end=" ")
    print(f"{ledger.redelivered} redelivered, {len(found)} left")
    assert ledger.unsettled() - found == set()
    assert len(ledger.deleted) > 100
    assert found
    assert ledger.redelivered
