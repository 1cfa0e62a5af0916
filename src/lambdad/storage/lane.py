"""The storage seam: one lane is one ordered, durable stream of transactions.

Every engine passes the kit in tests/conformance/storage, crash and reopen included. SQL stays
within what SQLite and PostgreSQL both understand; parameters are `?`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class Transaction(Protocol):
    """What a unit of work may do. Valid only while the work runs."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement; its rows, all of them."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> None:
        """Run one statement once per parameter row."""
        ...


Work = Callable[[Transaction], T]


class Lane(Protocol):
    """A database with one writer. Work runs in a thread of the lane's, never on the event loop."""

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; return its value after the commit is on disk. If it
        raises, nothing of it stays and the error reaches the caller alone. Raises LaneFull when
        the lane's queue is at its bound, CommitFailed when the disk refuses, LaneClosed after
        `close` (storage/errors.py)."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a read snapshot; sees every acknowledged write."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, then close."""
        ...
