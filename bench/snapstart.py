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
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from bench.load import latency
from lambdad.core.clock import SystemClock
from lambdad.core.ids import AccountId, Region, RequestId, new_request_id
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker, InvokeRequest
from lambdad.invoke.snapshots import Snapshots
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.server.config import Config, read_surroundings
from lambdad.server.packs import pack_catalog
from lambdad.server.walls import choose_walls, raise_walls

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
_KEYS = SimpleNamespace(
    access_key_id="ASIABENCH", secret_access_key="none", session_token="none", expires_s=2**32
)


def _version(code: Path, name: str) -> FunctionVersion:
    return FunctionVersion(
        AccountId("000000000000"), Region("us-east-1"), name, "1", name, "Active",
        f"python3.{sys.version_info.minor}", "app.handler", "arn:aws:iam::000000000000:role/r",
        512, 60, 512, {}, code, "", (), f"/aws/lambda/{name}", "Text", "INFO", "INFO",
        "PassThrough", "x86_64", "arn:aws:lambda:us-east-1::runtime:0",
    )  # fmt: skip


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


async def _measure(config: Config, walls, code: Path) -> None:
    clock, catalog = SystemClock(), Catalog()
    limits = config.limits
    driver = walls.driver(config, "http://127.0.0.1:1")
    log = SimpleNamespace(append=lambda *_: None)
    freezer = Freezer(clock, limits.environment_freeze_grace_ms)
    services = EnvironmentServices(driver, log, lambda _: _KEYS, clock, limits, freezer)
    packs = pack_catalog(config.data_dir, config.surroundings)
    fleet = MachineFleet(services, catalog)
    invoker = Invoker(fleet, packs)
    await driver.start()
    try:
        for version in (
            _version(code, "ordinary"),
            replace(_version(code, "restored"), snap_start=True),
        ):
            account, region, name = version.account, version.region, version.name
            catalog.publish(Function(account, region, name, {"1": version}, {}))
            if version.snap_start:
                key = FunctionKey(account, region, name)
                reason = await Snapshots(fleet, packs, catalog).make(key, "1")
                if reason is not None:
                    raise SystemExit(reason.text)
            await _cold_starts(fleet, invoker, version)
            await _burst(fleet, invoker, version)
    finally:
        await invoker.close()
        await driver.close()


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        code = folder / "code"
        code.mkdir()
        (code / "app.py").write_text(_SOURCE)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        subprocess.run([*pip, "--target", str(code), "numpy"], check=True)
        surroundings = read_surroundings()
        config = Config(data_dir=folder, surroundings=surroundings, limits=DEFAULT_LIMITS)
        asyncio.run(_measure(config, raise_walls(choose_walls(config)), code))
