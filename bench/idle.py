"""Many idle environments at once: all the memory that they cost the machine, and whether every one
still answers, from the environment that it was."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.control import creation, exchange, signed
from bench.load import connect
from bench.servers import Server, lambdad

ENVIRONMENTS = 2000
CLIENTS = 8
SETTLE_S = 10
HANDLER = "import uuid\nWHO = str(uuid.uuid4())\ndef handler(event, context):\n    return WHO\n"


def available_mib() -> float:
    """What the machine could still give: the kernel's own memory counts too."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024


def _each(server: Server, request_of) -> list[bytes]:
    """One request for every function, with some connections; the answers in order."""

    def work(client: int) -> list[tuple[int, bytes]]:
        with connect(server) as connection:
            return [
                (number, exchange(connection, request_of(number)))
                for number in range(client, ENVIRONMENTS, CLIENTS)
            ]

    with ThreadPoolExecutor(CLIENTS) as clients:
        parts = list(clients.map(work, range(CLIENTS)))
    return [answer for _, answer in sorted(pair for part in parts for pair in part)]


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    with lambdad() as server:
        _each(server, lambda number: creation(server, f"idle-{number}", 0, HANDLER))
        time.sleep(SETTLE_S)
        before = available_mib()

        def invoke(number: int) -> bytes:
            path = f"/2015-03-31/functions/idle-{number}/invocations"
            return signed(server, "POST", path, b"{}")

        started = time.perf_counter()
        first = _each(server, invoke)
        took_s = time.perf_counter() - started
        time.sleep(SETTLE_S)
        each_mib = (before - available_mib()) / ENVIRONMENTS
        again = _each(server, invoke)
        same = sum(one == two for one, two in zip(first, again, strict=True))
        print(f"idle environments            {len(set(first))} made in {took_s:.0f} s", flush=True)
        print(f"memory of the machine        {each_mib:.1f} MiB each", flush=True)
        print(f"answered by the same one     {same} of {ENVIRONMENTS}", flush=True)
