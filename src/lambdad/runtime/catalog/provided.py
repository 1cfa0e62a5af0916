"""Packs for functions that bring their own runtime: a `bootstrap` and nothing else.

Which bootstrap it is depends on the function; runtime/entry.py finds it.
"""

from __future__ import annotations

from pathlib import Path

from lambdad.runtime.catalog.packs import MissingPack
from lambdad.runtime.catalog.registries import Registries
from lambdad.sandbox.driver import RuntimePack


class ProvidedFamily:
    """`provided.al2023`, `provided.al2`, `provided`: always there."""

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        return RuntimePack(runtime=runtime, family="provided", argv=(), mounts=())

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        """Nothing is ever missing."""
