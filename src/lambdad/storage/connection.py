"""SQLite connections as a lane needs them, and the Transaction that work is given.

Owns the pragmas. synchronous=FULL with WAL means that a COMMIT has been synced to disk when it
returns (sqlite.org/pragma.html#pragma_synchronous): the ground of every acknowledgement.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from lambdad.storage.errors import Unreadable
from lambdad.storage.lane import Row

BUSY_TIMEOUT_MS = 5_000
"""How long a checkpoint waits for readers, and a reader for WAL recovery."""
WAL_KEPT_BYTES = 16 * 1024 * 1024
"""The WAL file is cut back to this after a checkpoint has emptied it."""


def open_writer(path: Path) -> apsw.Connection:
    """The one writing connection; creates the file. Raises Unreadable."""
    created = not path.exists()
    if created:
        # SQLite gives its side files the mode of the main one: nobody else reads them either.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    connection = None
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={WAL_KEPT_BYTES}")
        connection.execute("PRAGMA wal_autocheckpoint=0")  # the writer does it after acknowledging
    except (apsw.NotADBError, apsw.CorruptError) as error:
        if connection is not None:
            connection.close()
        raise Unreadable(path, str(error)) from error
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """A connection that cannot write, for snapshots beside the writer."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return connection


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: creating, renaming and removing files needs it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SqliteTransaction:
    """A `lane.Transaction` over a connection, until `end`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection: apsw.Connection | None = connection

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        cursor: Any = self._open().execute(sql, parameters)
        rows: list[Row] = cursor.fetchall()
        return rows

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> None:
        for _ in self._open().executemany(sql, parameters):
            pass

    def end(self) -> None:
        """From here on the transaction refuses: what it was lent for is over."""
        self._connection = None

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            raise RuntimeError("a Transaction is valid only while its work runs")
        return self._connection
