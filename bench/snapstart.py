"""Cold starts of a function that imports numpy and boto3: ordinary, restored, and many at once.

Below HTTP and signatures, at the invoker, in the strongest tier of this machine and on its own
Python, whichever AWS offers SnapStart for. boto3 is the runtime's; numpy is what pip installs into
the function's package.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time

from bench.invoking import invoking, version_of
from bench.load import latency
from lambdad.core.ids import RequestId, new_request_id
from lambdad.core.value import replace
from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import Function, FunctionVersion
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker, InvokeRequest
from lambdad.invoke.snapshots import Snapshots

STARTS = 20
BURST = 20
_HOLD_S = 1.0
"""So long each of a burst keeps its environment, so that every one needs its own."""
_SOURCE = (
    "import time\n"
    "import boto3, numpy.random\n"
    "client = boto3.client('s3')\n"
    "def handler(event, context):\n"
    "    time.sleep(event.get('hold', 0))\n"
    "    return float(numpy.random.rand())\n"
)


async def _cold_starts(fleet: MachineFleet, invoker: Invoker, version: FunctionVersion) -> None:
    times = []
    for number in itertools.count():
        if number:
            pool = fleet.pools[version.deployment_id]
            pool.reap(time.monotonic_ns())
            while version.snap_start and not pool.standing.idle:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # a quiet machine, with the prepared one frozen
        if number > STARTS:
            break
        request = InvokeRequest(RequestId(new_request_id()), b"{}", version.arn)
        started = time.perf_counter()
        result = await invoker.invoke(version, request)
        times.append(time.perf_counter() - started)
        if result.function_error:
            raise SystemExit(result.payload.decode())
    print(f"cold start, {version.name:<22} {latency(times[1:])}", flush=True)


async def _burst(fleet: MachineFleet, invoker: Invoker, version: FunctionVersion) -> None:
    if pool := fleet.pools.get(version.deployment_id):
        pool.reap(time.monotonic_ns())
    await asyncio.sleep(1.0)
    payload = b'{"hold": %g}' % _HOLD_S

    async def one() -> float:
        request = InvokeRequest(RequestId(new_request_id()), payload, version.arn)
        started = time.perf_counter()
        result = await invoker.invoke(version, request)
        if result.function_error:
            raise SystemExit(result.payload.decode())
        return time.perf_counter() - started - _HOLD_S

    times = await asyncio.gather(*(one() for _ in range(BURST)))
    print(f"{BURST} at once,  {version.name:<22} {latency(list(times))}", flush=True)


async def _measure() -> None:
    async with invoking(_SOURCE) as parts:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        subprocess.run([*pip, "--target", str(parts.code), "numpy"], check=True)
        for version in (
            version_of(parts.code, "ordinary"),
            replace(version_of(parts.code, "restored"), snap_start=True),
        ):
            account, region, name = version.account, version.region, version.name
            parts.catalog.publish(Function(account, region, name, {"1": version}, {}))
            if version.snap_start:
                key = FunctionKey(account, region, name)
                snapshots = Snapshots(parts.fleet, parts.packs, parts.catalog)
                reason = await snapshots.make(key, "1")
                if reason is not None:
                    raise SystemExit(reason.text)
            await _cold_starts(parts.fleet, parts.invoker, version)
            await _burst(parts.fleet, parts.invoker, version)


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    asyncio.run(_measure())
