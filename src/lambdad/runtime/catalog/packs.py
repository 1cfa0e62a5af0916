"""The catalog: which pack serves a runtime identifier on this machine.

Owns the lookup and its answers. Nothing is looked for before the first function asks, and what
was found is kept; a pack that is missing is looked for again, for it may have been installed
since. Lookups touch the disk and may run `node --version`: call them off the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from lambdad.core.value import Value
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.catalog.registries import Registries
from lambdad.sandbox.driver import RuntimePack


class MissingPack(Value):
    """No pack on this machine serves the runtime."""

    runtime: str
    reason: str
    """What was looked for, for the operator."""
    command: str | None
    """What installs it, ours or somebody else's; None where nothing does."""

    @property
    def message(self) -> str:
        """What an invoke answers: the runtime, and the way out."""
        remedy = f" Run: {self.command}" if self.command else ""
        return f"The runtime {self.runtime} is not installed on this machine: {self.reason}{remedy}"


class Family(Protocol):
    """One family of runtimes, such as all Pythons."""

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        """The pack for one of the family's identifiers."""
        ...

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        """Put what this machine lacks for a runtime into an empty folder, which becomes the pack's
        when this returns. Raises OperatorError."""
        ...


class PackCatalog:
    """All families, by name."""

    def __init__(self, families: Mapping[str, Family]) -> None:
        self._families = families
        self._found: dict[str, RuntimePack] = {}
        self._looking = threading.Lock()

    def known(self, runtime: str) -> RuntimePack | None:
        """The pack if an earlier `find` found it. Never touches the disk."""
        return self._found.get(runtime)

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        """The pack that serves exactly this runtime, never a neighbouring version. Thread-safe;
        one look at a time, for a look may put links in place."""
        with self._looking:
            return self._found.get(runtime) or self._look(runtime)

    def _look(self, runtime: str) -> RuntimePack | MissingPack:
        family = family_of(runtime)
        if family is None:
            return MissingPack(runtime, "AWS Lambda has no such runtime.", None)
        if family not in self._families:
            return MissingPack(runtime, f"lambdad does not serve {family} runtimes.", None)
        answer = self._families[family].find(runtime)
        if isinstance(answer, RuntimePack):
            self._found[runtime] = answer
        return answer

    def family(self, runtime: str) -> Family | None:
        """The family that serves a runtime, None where lambdad has none."""
        return self._families.get(family_of(runtime) or "")

    def forget(self) -> None:
        """Look for everything anew: packs were installed or removed."""
        self._found.clear()


def install_command(runtime: str) -> str:
    """What an operator types to install the pack."""
    return f"lambdad runtimes install {runtime}"


RunCommand = Callable[[list[str]], str]
"""Runs a short host command and returns its standard output; empty if it fails."""


def is_program(path: Path) -> bool:
    """An executable file that is a binary, not a script: a pyenv shim must never run."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False
