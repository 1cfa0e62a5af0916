"""Functions for tests: packages on disk, versions of them, and a daemon's inside to run them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from lambdad.core.clock import Clock, SystemClock
from lambdad.core.ids import AccountId, Region, RequestId, new_request_id
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import replace
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion
from lambdad.invoke.archiving import Archivist
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker, InvokeRequest, InvokeResult
from lambdad.invoke.machine import ReadMachine, unbounded
from lambdad.invoke.provisioning import Provisioner
from lambdad.runtime.archives import ArchiveStore
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import Driver
from lambdad.sandbox.drivers.process import ProcessDriver
from lambdad.server.config import Surroundings
from lambdad.server.packs import pack_catalog
from lambdad.telemetry.log_records import StreamKey
from support.patience import PATIENCE_S

ACCOUNT = AccountId("000000000000")
REGION = Region("us-east-1")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Keys:
    """Session credentials of nobody."""

    access_key_id: str = "ASIAEXAMPLE"
    secret_access_key: str = "secret-of-the-role"
    session_token: str = "token-of-the-session"
    expires_s: int = 4_102_444_800


@dataclass(frozen=True)
class LogEvent:
    stream: str
    timestamp_ms: int
    message: str


class MemoryLog:
    """A LogSink that keeps everything."""

    def __init__(self) -> None:
        self.events: list[tuple[str, LogEvent]] = []

    def append(self, stream: StreamKey, timestamp_ms: int, message: str) -> None:
        self.events.append((stream.group.name, LogEvent(stream.name, timestamp_ms, message)))

    def messages(self, name: str) -> list[str]:
        group = f"/aws/lambda/{name}"
        return [event.message for where, event in self.events if where == group]

    def text(self, name: str) -> str:
        return "".join(self.messages(name))


def make_version(code_dir: Path, **changes: Any) -> FunctionVersion:
    """A version with AWS's defaults; `changes` are fields."""
    number = next(_numbers)
    name = changes.pop("name", f"function-{number}")
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "region": REGION,
        "name": name,
        "version": "$LATEST",
        "deployment_id": f"deployment-{number}",
        "state": "Active",
        "runtime": "python3.11",
        "handler": "app.handler",
        "role": "arn:aws:iam::000000000000:role/lambda",
        "memory_mib": 128,
        "timeout_s": 3,
        "tmp_mib": 512,
        "environment": {},
        "code_dir": code_dir,
        "code_sha256": "",
        "layer_dirs": (),
        "log_group": f"/aws/lambda/{name}",
        "log_format": "Text",
        "application_log_level": "INFO",
        "system_log_level": "INFO",
        "tracing_mode": "PassThrough",
        "architecture": "x86_64",
        "runtime_version_arn": f"arn:aws:lambda:{REGION}::runtime:0123",
    }
    return FunctionVersion(**(fields | changes))


def make_function(version: FunctionVersion, **changes: Any) -> Function:
    """A function whose only version this is."""
    fields: dict[str, Any] = {
        "account": version.account,
        "region": version.region,
        "name": version.name,
        "versions": {version.version: version},
        "aliases": {},
    }
    return Function(**(fields | changes))


def make_packs(data_dir: Path) -> PackCatalog:
    """The catalog as wiring makes it, over a data directory."""
    return pack_catalog(data_dir, Surroundings({"HOME": str(Path.home())}))


@dataclass
class Bench:
    """The parts of a daemon that run functions."""

    folder: Path
    catalog: Catalog
    invoker: Invoker
    fleet: MachineFleet
    log: MemoryLog
    driver: Driver
    limits: Limits
    provisioner: Provisioner
    archives: ArchiveStore
    archivist: Archivist

    def write(self, files: Mapping[str, str], **changes: Any) -> FunctionVersion:
        """A version made of these files, published in the catalog."""
        code_dir = self.folder / f"code-{next(_numbers)}"
        for name, text in files.items():
            path = code_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        version = make_version(code_dir, **changes)
        self.catalog.publish(make_function(version))
        return version

    def python(self, source: str, **changes: Any) -> FunctionVersion:
        return self.write({"app.py": source}, **changes)

    def node(self, source: str, name: str = "index.js", **changes: Any) -> FunctionVersion:
        defaults = {"runtime": "nodejs20.x", "handler": "index.handler"}
        return self.write({name: source}, **(defaults | changes))

    async def invoke(
        self, version: FunctionVersion, event: object = None, **changes: Any
    ) -> InvokeResult:
        """With what follows in the same turn of the loop: the log is written after the answer."""
        result = await self.invoker.invoke(version, make_request(version, event, **changes))
        await asyncio.sleep(0)
        return result

    async def answer(self, version: FunctionVersion, event: object = None) -> Any:
        """The decoded result of a run that has to succeed."""
        result = await self.invoke(version, event)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)


def make_request(version: FunctionVersion, event: object = None, **changes: Any) -> InvokeRequest:
    fields: dict[str, Any] = {
        "request_id": RequestId(new_request_id()),
        "payload": json.dumps(event).encode(),
        "invoked_arn": version.arn,
    }
    return InvokeRequest(**(fields | changes))


def process_driver(limits: Limits) -> Driver:
    return ProcessDriver("http://127.0.0.1:4566", limits)


DRIVERS: dict[str, Callable[[Limits], Driver]] = {"process": process_driver}
"""The drivers that run on this machine, by name."""


@contextlib.asynccontextmanager
async def running(
    driver: str | Driver = "process",
    clock: Clock | None = None,
    read_machine: ReadMachine = unbounded,
    packs: PackCatalog | None = None,
    **limits: Any,
) -> AsyncIterator[Bench]:
    """A bench over a driver, given or by its name; closed and checked to be empty at the end."""
    clock = clock or SystemClock()
    with tempfile.TemporaryDirectory(prefix="lambdad-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        bounds = replace(DEFAULT_LIMITS, **limits)
        if isinstance(driver, str):
            driver = DRIVERS[driver](bounds)
        await driver.start()
        log, catalog = MemoryLog(), Catalog()
        freezer = Freezer(clock, bounds.environment_freeze_grace_ms)
        archives = ArchiveStore(folder / "archives", bounds)
        services = EnvironmentServices(
            driver, log, lambda _: Keys(), clock, bounds, freezer, archives=archives
        )
        fleet = MachineFleet(services, catalog, read_machine)
        packs = packs or make_packs(folder)
        provisioner = Provisioner(fleet, packs, catalog)
        invoker = Invoker(fleet, packs)
        archivist = Archivist(fleet, packs, catalog, archives)
        try:
            yield Bench(
                *(folder, catalog, invoker, fleet, log, driver, bounds, provisioner),
                *(archives, archivist),
            )
        finally:
            await archivist.close()
            await invoker.close()
            await driver.close()
        assert fleet.environments == 0


def run(coroutine: Any, timeout_s: float = 2 * PATIENCE_S) -> Any:
    """Run on the event loop that the daemon has, to the end or to the time limit."""
    return uvloop.run(asyncio.wait_for(coroutine, timeout_s))
