"""Storage engines under test: the conformance kit runs over each of ENGINES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.storage.lane import Lane
from lambdad.storage.sqlite import open_lane

OpenLane = Callable[..., Lane]
"""(path, migrations, **limits) → Lane"""

NOTES = ("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",)


def open_sqlite(path: Path, migrations: Sequence[str] = NOTES, **limits: int) -> Lane:
    return open_lane(path, migrations, limits=replace(DEFAULT_LIMITS, **limits))


ENGINES: dict[str, OpenLane] = {"sqlite": open_sqlite}
