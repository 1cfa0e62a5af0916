"""Installs a runtime pack from the package registries: what `lambdad runtimes install` does.

Owns: what has to be installed for a runtime, and where. Runs pip of lambdad's own environment;
blocking, so call it off the event loop.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.catalog.nodejs import WHEEL
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.catalog.python import client_requirements
from lambdad.sandbox.driver import RuntimePack

Progress = Callable[[str], None]
"""Told each line of what is going on."""
Run = Callable[[Sequence[str], Progress], int]
"""Runs a host command, its output line by line to a Progress; the exit code."""


def install(runtime: str, packs_dir: Path, catalog: PackCatalog, run: Run, tell: Progress) -> None:
    """Install the pack for `runtime` under `packs_dir`, whole or not at all.

    Raises OperatorError where there is nothing to install or the installation failed."""
    if isinstance(catalog.find(runtime), RuntimePack):
        tell(f"{runtime} is installed already.")
        return
    target = packs_dir / runtime
    staging = packs_dir / f".installing-{runtime}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        arguments = _pip_arguments(runtime, staging)
        if run([sys.executable, "-m", "pip", *arguments], tell) != 0:
            raise OperatorError(
                f"pip could not install the pack for {runtime}; see the lines above."
            )
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    answer = catalog.find(runtime)
    if not isinstance(answer, RuntimePack):
        raise OperatorError(answer.message)
    tell(f"{runtime} is ready.")


def _pip_arguments(runtime: str, target: Path) -> list[str]:
    shared = ["install", "--no-input", "--disable-pip-version-check", "--target", str(target)]
    shared += ["--only-binary=:all:", "--no-warn-conflicts"]
    family = family_of(runtime)
    if family == "python":
        number = runtime.removeprefix("python")
        return [*shared, "--python-version", number, *client_requirements(number)]
    if family == "nodejs":
        major = runtime.removeprefix("nodejs").removesuffix(".x")
        return [*shared, f"{WHEEL}=={major}.*"]
    raise OperatorError(f"There is no pack for {runtime} that lambdad could install.")
