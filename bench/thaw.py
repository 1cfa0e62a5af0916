"""An invocation of an environment that was idle for an hour, against one that was just used.

The hour is simulated. The clock that lambdad reads jumps by an hour once the environment is frozen,
and whatever lambdad does of its own accord has a turn; the keep-alive, which would have ended the
environment long before, is longer. The processor's caches are filled with something else, as they
would be. What the kernel may do in a real hour, write pages to swap or drop those of files, is not
simulated. Below HTTP and signatures, at the invoker, interleaved.
"""

from __future__ import annotations

import asyncio
import time

from bench.invoking import Invoking, invoking, version_of
from bench.load import latency
from lambdad.core.clock import SystemClock
from lambdad.core.ids import RequestId, new_request_id
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.functions.snapshot import Function, FunctionVersion
from lambdad.invoke.invoker import InvokeRequest

ROUNDS = 100
HOUR_S = 3600
SETTLE_S = 0.1
"""Ten times the grace after which an environment is frozen."""
PAUSE_S = 0.002
"""After which an environment has come back from the invocation before, and is not yet frozen."""
CACHES_BYTES = 64 << 20
_SOURCE = "def handler(event, context):\n    return event\n"


class JumpingClock(SystemClock):
    """The machine's clocks, and the jumps."""

    def __init__(self) -> None:
        self.ahead_s = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_s * 1000

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_s * 1_000_000_000


async def _invoke(parts: Invoking, version: FunctionVersion) -> tuple[float, bool]:
    """Seconds, and whether an environment was started for it."""
    request = InvokeRequest(RequestId(new_request_id()), b"{}", version.arn)
    started = time.perf_counter()
    result = await parts.invoker.invoke(version, request)
    took_s = time.perf_counter() - started
    if result.function_error:
        raise SystemExit(result.payload.decode())
    return took_s, result.init_ms is not None


async def _measure() -> None:
    clock = JumpingClock()
    # No environment ends for its age or its idleness however often an hour passes.
    limits = replace(DEFAULT_LIMITS, environment_keep_alive_s=2.0 * HOUR_S)
    async with invoking(_SOURCE, clock, limits) as parts:
        version = version_of(parts.code, "idle")
        function = Function(version.account, version.region, version.name, {"1": version}, {})
        parts.catalog.publish(function)
        await _invoke(parts, version)
        warm, thawed = [], []
        for _ in range(ROUNDS):
            await _invoke(parts, version)
            await asyncio.sleep(PAUSE_S)
            warm.append(await _invoke(parts, version))
            await asyncio.sleep(SETTLE_S)
            clock.ahead_s += HOUR_S
            await asyncio.sleep(SETTLE_S)
            bytearray(CACHES_BYTES).count(1)
            thawed.append(await _invoke(parts, version))
    if any(started for _, started in thawed + warm):
        raise SystemExit("an environment ended; a start is neither warm nor thawed")
    a, b = (latency([took_s for took_s, _ in times]) for times in (warm, thawed))
    print(f"warm                         {a}")
    print(f"after an hour, simulated     {b}")
    print(f"difference                   p50 {b.p50 - a.p50:.2f} ms", flush=True)


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    asyncio.run(_measure())
