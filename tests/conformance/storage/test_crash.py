"""kill -9 at random points: every acknowledged write is there, and nothing half done.

The writer is a process of its own that is killed again and again over the same files, so that
recovery of a recovered file is tried too. LAMBDAD_TEST_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lambdad.storage.blobs import BlobStore
from lambdad.storage.lane import Transaction
from support.crash_writer import SCHEMA
from support.lanes import ENGINES

ROUNDS = 15
SECONDS = 0.4
TESTS = Path(__file__).parents[2]


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("LAMBDAD_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LAMBDAD_TEST_SEED={seed}")
    return random.Random(seed)


def killed_writer(chance: random.Random, *arguments: object) -> list[str]:
    """Run the writer, kill it at a random moment after its first report; all its reports."""
    program = TESTS / "support" / "crash_writer.py"
    process = subprocess.Popen(
        [sys.executable, str(program), *map(str, arguments), str(chance.randrange(10**6))],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert process.stdout is not None
    with process.stdout as reports:
        first = reports.readline()
        killer = threading.Timer(chance.uniform(0, SECONDS), process.kill)
        killer.start()
        lines = [first, *reports]
    killer.join()
    assert process.wait() == -9
    assert all(line.endswith(b"\n") for line in lines)
    return [line.decode().strip() for line in lines]


def everything(tx: Transaction) -> tuple[set[str], set[str]]:
    heads = tx.execute("SELECT client, step FROM heads")
    tails = tx.execute("SELECT client, step FROM tails")
    return {f"{c} {s}" for c, s in heads}, {f"{c} {s}" for c, s in tails}


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_acknowledged_write_survives(
    engine: str, tmp_path: Path, chance: random.Random
) -> None:
    path = tmp_path / "notes.db"
    acknowledged: set[str] = set()
    for _ in range(ROUNDS):
        acknowledged.update(killed_writer(chance, "lane", engine, path))

        async def look() -> tuple[set[str], set[str]]:
            lane = ENGINES[engine](path, SCHEMA)
            try:
                return await lane.read(everything)
            finally:
                await lane.close()

        heads, tails = asyncio.run(look())
        assert heads == tails  # each unit of work whole
        assert acknowledged - heads == set()
    print(f"{len(acknowledged)} acknowledged, {len(heads)} found")


def test_every_acknowledged_blob_survives(tmp_path: Path, chance: random.Random) -> None:
    acknowledged: set[str] = set()
    for _ in range(ROUNDS // 2):
        acknowledged.update(killed_writer(chance, "blobs", tmp_path / "blobs"))
        store = BlobStore(tmp_path / "blobs", bytes(32))
        found = set(store.digests())
        assert acknowledged - found == set()
        for digest in found:
            store.verify(digest)  # nothing half written under a final name
        assert list((tmp_path / "blobs" / "tmp").iterdir()) == []
        store.close()
