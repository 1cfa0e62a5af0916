"""Sandboxes alone, below everything that serves: how many can be made, and held."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from lambdad.core.ids import new_environment_id
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.catalog.packs import MissingPack
from lambdad.sandbox.driver import RuntimePack, Sandbox, SandboxSpec
from lambdad.sandbox.python_start import zygote_variables
from lambdad.server.config import Config, read_surroundings
from lambdad.server.packs import pack_catalog
from lambdad.server.walls import choose_walls, raise_walls

CREATIONS = 1500
AT_ONCE = 4
HANDLER = "def handler(event, context):\n    return event\n"


async def _first_request(sandbox: Sandbox) -> None:
    """The environment is initialised when it asks for its first event."""
    connection, _ = await asyncio.get_running_loop().sock_accept(sandbox.runtime_listener)
    connection.close()


async def _churn(driver, spec) -> float:
    """Environments created, initialised and ended, per second."""
    remaining = iter(range(CREATIONS))

    async def worker() -> None:
        for _ in remaining:
            sandbox = await driver.create(spec())
            await _first_request(sandbox)
            await sandbox.kill()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return CREATIONS / (time.perf_counter() - started)


async def _measure(walls, config: Config, pack: RuntimePack, code: Path) -> None:
    driver = walls.driver(config, "http://127.0.0.1:1")
    await driver.start()

    def spec() -> SandboxSpec:
        variables = {**zygote_variables(pack), "_HANDLER": "app.handler"}
        return SandboxSpec(new_environment_id(), pack, code, (), variables, 128, 512)

    try:
        await driver.prepare(pack)
        await _churn_warm(driver, spec)
        rate = await _churn(driver, spec)
        print(f"create, initialise and end   {rate:.0f}/s sustained over {CREATIONS}", flush=True)
    finally:
        await driver.close()


async def _churn_warm(driver, spec) -> None:
    for _ in range(50):
        sandbox = await driver.create(spec())
        await _first_request(sandbox)
        await sandbox.kill()


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "code").mkdir()
        (folder / "code" / "app.py").write_text(HANDLER)
        surroundings = read_surroundings()
        config = Config(data_dir=folder, surroundings=surroundings, limits=DEFAULT_LIMITS)
        pack = pack_catalog(folder, surroundings).find(f"python3.{sys.version_info.minor}")
        if isinstance(pack, MissingPack):
            raise SystemExit(pack.message)
        walls = raise_walls(choose_walls(config))
        asyncio.run(_measure(walls, config, pack, folder / "code"))
