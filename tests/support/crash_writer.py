"""The process that the crash test kills: it writes without end and reports what was acknowledged.

    python crash_writer.py lane ENGINE FILE SEED      one line "client step" per acknowledged write
    python crash_writer.py blobs FOLDER SEED          one line with the digest per stored blob

A report is one small write to a pipe, which arrives whole or not at all.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import threading
from pathlib import Path

from lambdad.storage.blobs import BlobStore
from lambdad.storage.lane import Lane, Transaction
from support.lanes import ENGINES

CLIENTS = 24
SCHEMA = (
    "CREATE TABLE heads (client INTEGER, step INTEGER, PRIMARY KEY (client, step));"
    "CREATE TABLE tails (client INTEGER, step INTEGER, filling BLOB, PRIMARY KEY (client, step))",
)


def report(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def write_both(tx: Transaction, client: int, step: int, filling: bytes) -> None:
    tx.execute("INSERT INTO heads VALUES (?, ?)", (client, step))
    tx.execute("INSERT INTO tails VALUES (?, ?, ?)", (client, step, filling))


async def client(lane: Lane, number: int, first: int, chance: random.Random) -> None:
    for step in itertools.count(first):
        filling = bytes(chance.choice((10, 300, 20_000)))
        await lane.write(lambda tx, s=step, f=filling: write_both(tx, number, s, f))
        report(f"{number} {step}")


async def write_lane(engine: str, path: Path, seed: int) -> None:
    lane = ENGINES[engine](path, SCHEMA)
    ((first,),) = await lane.read(lambda tx: tx.execute("SELECT count(*) FROM heads"))
    chance = random.Random(seed)
    await asyncio.gather(*(client(lane, number, first, chance) for number in range(CLIENTS)))


def write_blobs(folder: Path, seed: int) -> None:
    store = BlobStore(folder, bytes(32))

    def put_forever(number: int) -> None:
        chance = random.Random(seed * 100 + number)
        while True:
            report(store.put(chance.randbytes(chance.choice((100, 5_000, 300_000)))))

    for number in range(4):
        threading.Thread(target=put_forever, args=(number,)).start()


if __name__ == "__main__":
    if sys.argv[1] == "lane":
        asyncio.run(write_lane(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
    else:
        write_blobs(Path(sys.argv[2]), int(sys.argv[3]))
