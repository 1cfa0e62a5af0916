"""The invoker without HTTP and signatures, in the strongest tier of this machine."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from lambdad.core.clock import Clock, SystemClock
from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.server.config import Config, read_surroundings
from lambdad.server.packs import pack_catalog
from lambdad.server.walls import choose_walls, raise_walls

_KEYS = SimpleNamespace(
    access_key_id="ASIABENCH", secret_access_key="none", session_token="none", expires_s=2**32
)


@dataclass(frozen=True)
class Invoking:
    """The parts."""

    catalog: Catalog
    packs: PackCatalog
    fleet: MachineFleet
    invoker: Invoker
    code: Path
    """The package of its functions, `app.py`."""


def version_of(code: Path, name: str) -> FunctionVersion:
    """A function of this machine's own Python."""
    return FunctionVersion(
        AccountId("000000000000"), Region("us-east-1"), name, "1", name, "Active",
        f"python3.{sys.version_info.minor}", "app.handler", "arn:aws:iam::000000000000:role/r",
        512, 60, 512, {}, code, "", (), f"/aws/lambda/{name}", "Text", "INFO", "INFO",
        "PassThrough", "x86_64", "arn:aws:lambda:us-east-1::runtime:0",
    )  # fmt: skip


@asynccontextmanager
async def invoking(
    source: str, clock: Clock | None = None, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[Invoking]:
    """Everything that is needed to invoke functions of this source. The keeper is forked by this,
    so the process must not have threads yet."""
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        code = folder / "code"
        code.mkdir()
        (code / "app.py").write_text(source)
        config = Config(data_dir=folder, surroundings=read_surroundings(), limits=limits)
        walls, clock, catalog = raise_walls(choose_walls(config)), clock or SystemClock(), Catalog()
        driver = walls.driver(config, "http://127.0.0.1:1")
        log = SimpleNamespace(append=lambda *_: None)
        freezer = Freezer(clock, limits.environment_freeze_grace_ms)
        services = EnvironmentServices(driver, log, lambda _: _KEYS, clock, limits, freezer)
        packs = pack_catalog(config.data_dir, config.surroundings)
        fleet = MachineFleet(services, catalog)
        invoker = Invoker(fleet, packs)
        await driver.start()
        try:
            yield Invoking(catalog, packs, fleet, invoker, code)
        finally:
            await invoker.close()
            await driver.close()
