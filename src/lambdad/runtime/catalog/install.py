"""Installs a runtime pack from the package registries: what `lambdad runtimes install` does.

Owns that a pack is there whole or not at all. What it consists of is its family's to say.
Blocking, so call it off the event loop.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.catalog.registries import Progress, Registries, Run
from lambdad.sandbox.driver import RuntimePack


def install(runtime: str, packs_dir: Path, catalog: PackCatalog, run: Run, tell: Progress) -> None:
    """Install the pack for `runtime` under `packs_dir`.

    Raises OperatorError where there is nothing to install or the installation failed; then nothing
    of it is left."""
    missing = catalog.find(runtime)
    if isinstance(missing, RuntimePack):
        tell(f"{runtime} is installed already.")
        return
    family = catalog.family(runtime)
    if family is None:
        raise OperatorError(missing.message)
    staging = packs_dir / f".installing-{runtime}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        family.fetch(runtime, staging, Registries(run, tell))
        _put_in_place(staging, packs_dir / runtime)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    answer = catalog.find(runtime)
    if not isinstance(answer, RuntimePack):
        raise OperatorError(answer.message)
    tell(f"{runtime} is ready.")


def _put_in_place(staging: Path, target: Path) -> None:
    """Environments run as users of their own: they have to be able to read it."""
    staging.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
