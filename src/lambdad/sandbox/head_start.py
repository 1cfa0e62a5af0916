"""Which environments may be a process that was started ahead of them (`guest/stem.py`).

One that only waits may become any command, which then starts as ever. One that is a runtime's
command already may not become every function: what acts when a process starts must be for an
environment as it was for that process: variables, libraries that the loader finds, the command
itself. Any other environment is started in the ordinary way: slower, never different.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lambdad.sandbox.driver import Ahead, SandboxSpec

_LIBRARY_FOLDERS = ("", "lib")
"""Of a package, in LD_LIBRARY_PATH: a library there takes the place of the system's."""


def may_take_stem(spec: SandboxSpec) -> bool:
    """Whether a stem can become this sandbox's process. Looks into the package."""
    ahead = spec.pack.ahead
    if spec.extensions or spec.pack.family == "python":
        return False
    return ahead is None or (
        spec.pack.argv == ahead.argv
        and not spec.layer_dirs
        and _acting(ahead, spec.variables) == _acting(ahead, ahead.variables)
        and not _brings_libraries(spec.code_dir)
    )


def _acting(ahead: Ahead, variables: Mapping[str, str]) -> dict[str, str]:
    acts = ahead.act_at_start.fullmatch
    return {name: value for name, value in variables.items() if acts(name)}


def _brings_libraries(code_dir: Path) -> bool:
    for folder in _LIBRARY_FOLDERS:
        try:
            names = os.listdir(code_dir / folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if any(".so" in name for name in names):
            return True
    return False
