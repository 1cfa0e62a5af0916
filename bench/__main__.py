"""`make bench`: every number of docs/SPECIFICATION.md, each beside the plain baseline.

    python -m bench [NAME ...]      of BENCHMARKS below; all without a name

Runs interleave the two servers, so that a drift of the machine's speed hits both. Quote the
ratios first: a noisy machine moves the absolute figures.
"""

from __future__ import annotations

import sys
import time

from bench import (
    authorize,
    control,
    events,
    idle,
    java,
    path,
    runtimes,
    sandboxes,
    snapstart,
    thaw,
    urls,
)
from bench.load import latency, sequential, throughput
from bench.memory import memory_mib
from bench.servers import Server, baseline, create_functions, lambdad

WARM_REQUESTS = 5000
ROUNDS = 5
CLIENTS = 16
COLD_FUNCTIONS = 200
STARTS = 7
IDLE_ENVIRONMENTS = 50


def show(what: str, ours: str, plain: str, ratio: float | None = None) -> None:
    tail = f"   ratio {ratio:.2f}" if ratio is not None else ""
    print(f"{what:<28} lambdad {ours:<44} baseline {plain}{tail}", flush=True)


def bench_warm() -> None:
    """Sequential no-op invokes, then 16 clients."""
    with lambdad() as ours, baseline() as plain:
        create_functions(ours, ["warm"])
        requests = {id(server): server.invoke_bytes("warm") for server in (ours, plain)}
        for server in (ours, plain):
            sequential(server, [requests[id(server)]] * 300)
        times: dict[int, list[float]] = {id(ours): [], id(plain): []}
        rates: dict[int, list[float]] = {id(ours): [], id(plain): []}
        for _ in range(ROUNDS):
            for server in (ours, plain):
                request = requests[id(server)]
                times[id(server)] += sequential(server, [request] * (WARM_REQUESTS // ROUNDS))
        for _ in range(ROUNDS):
            for server in (ours, plain):
                rates[id(server)].append(
                    throughput(server, requests[id(server)], CLIENTS, seconds=2)
                )
        a, b = latency(times[id(ours)]), latency(times[id(plain)])
        show("warm invoke", str(a), str(b), a.p50 / b.p50)
        x, y = max(rates[id(ours)]), max(rates[id(plain)])
        middle = sorted(rates[id(ours)])[ROUNDS // 2]
        other = sorted(rates[id(plain)])[ROUNDS // 2]
        show(
            f"throughput, {CLIENTS} clients",
            f"{middle:.0f}/s (best {x:.0f})",
            f"{other:.0f}/s (best {y:.0f})",
            middle / other,
        )


def bench_cold() -> None:
    """The first invoke of many different functions, one after the other."""
    names = [f"cold-{number}" for number in range(COLD_FUNCTIONS)]
    with lambdad() as ours, baseline() as plain:
        create_functions(ours, names)
        first, second = [], []
        for name in names:
            first += sequential(ours, [ours.invoke_bytes(name)])
            second += sequential(plain, [plain.invoke_bytes(name)])
        a, b = latency(first), latency(second)
        show("cold invoke", str(a), str(b), a.p50 / b.p50)


def bench_start() -> None:
    """Process start to the ready line."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(STARTS):
        with lambdad() as ours:
            times[0].append(ours.ready_s)
        with baseline() as plain:
            times[1].append(plain.ready_s)
    a, b = latency(times[0]), latency(times[1])
    show("start to ready", f"p50 {a.p50:.0f} ms", f"p50 {b.p50:.0f} ms", a.p50 / b.p50)


def idle_cost(server: Server, names: list[str]) -> float:
    """MiB per idle environment."""
    sequential(server, [server.invoke_bytes(names[0])])
    time.sleep(3)
    before = memory_mib(server)
    for name in names[1:]:
        sequential(server, [server.invoke_bytes(name)])
    time.sleep(3)
    return (memory_mib(server) - before) / (len(names) - 1)


def bench_memory() -> None:
    """An idle server, and each idle environment."""
    names = [f"idle-{number}" for number in range(IDLE_ENVIRONMENTS + 1)]
    with lambdad() as ours, baseline() as plain:
        time.sleep(3)
        a, b = memory_mib(ours), memory_mib(plain)
        show("idle server", f"{a:.0f} MiB", f"{b:.0f} MiB")
        create_functions(ours, names)
        a, b = idle_cost(ours, names), idle_cost(plain, names)
        show("idle environment", f"{a:.1f} MiB", f"{b:.1f} MiB", a / b)


BENCHMARKS = {
    "warm": bench_warm,
    "cold": bench_cold,
    "start": bench_start,
    "memory": bench_memory,
    "path": path.main,
    "authorize": authorize.main,
    "control": control.main,
    "urls": urls.main,
    "sandboxes": sandboxes.main,
    "idle": idle.main,
    "snapstart": snapstart.main,
    "runtimes": runtimes.main,
    "java": java.main,
    "thaw": thaw.main,
    "events": events.main,
}


def main() -> int:
    chosen = sys.argv[1:] or list(BENCHMARKS)
    for name in chosen:
        if name not in BENCHMARKS:
            print(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
            return 2
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
