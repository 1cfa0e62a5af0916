"""The tables of recorded events: SQL and rows, in a lane's transactions."""

from __future__ import annotations

from typing import NamedTuple

from lambdad.functions.names import FunctionKey
from lambdad.storage.lane import Transaction

MIGRATIONS = (
    """
    CREATE TABLE recorded_functions (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (account, region, name)
    );
    CREATE TABLE recorded_events (
        number INTEGER PRIMARY KEY,
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        request_id TEXT NOT NULL, received_ms INTEGER NOT NULL, invoked_arn TEXT NOT NULL,
        client_context BLOB, payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX recorded_events_by_function
        ON recorded_events (account, region, name, request_id);
    """,
)
_OF = "account = ? AND region = ? AND name = ?"
_EVENT = "request_id, received_ms, invoked_arn, client_context, payload"


class EventRow(NamedTuple):
    """A stored event; the last two are sealed."""

    request_id: str
    received_ms: int
    invoked_arn: str
    client_context: bytes | None
    payload: bytes


def read_recorded(tx: Transaction) -> list[FunctionKey]:
    """The functions that are recorded."""
    return [FunctionKey(*row) for row in tx.execute("SELECT * FROM recorded_functions")]


def start(tx: Transaction, key: FunctionKey) -> None:
    tx.execute("INSERT INTO recorded_functions VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key)


def forget(tx: Transaction, key: FunctionKey) -> None:
    """The function is not recorded, and its events are gone."""
    tx.execute(f"DELETE FROM recorded_functions WHERE {_OF}", key)  # noqa: S608
    tx.execute(f"DELETE FROM recorded_events WHERE {_OF}", key)  # noqa: S608


def add(tx: Transaction, key: FunctionKey, row: EventRow) -> None:
    """A retry of an asynchronous event is the same event."""
    tx.execute(
        f"INSERT INTO recorded_events (account, region, name, {_EVENT}) "  # noqa: S608
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (*key, *row),
    )


def trim(tx: Transaction, key: FunctionKey, events: int, size_bytes: int) -> None:
    """Keep the newest, within a number and a size; always one."""
    newest = tx.execute(
        f"SELECT number, length(payload) FROM recorded_events WHERE {_OF} "  # noqa: S608
        "ORDER BY number DESC",
        key,
    )
    kept_bytes = 0
    for place, (number, payload_bytes) in enumerate(newest):
        kept_bytes += payload_bytes
        if place and (place >= events or kept_bytes > size_bytes):
            tx.execute(
                f"DELETE FROM recorded_events WHERE {_OF} AND number <= ?",  # noqa: S608
                (*key, number),
            )
            return


def read_events(tx: Transaction, key: FunctionKey) -> list[EventRow]:
    """Newest first."""
    found = tx.execute(
        f"SELECT {_EVENT} FROM recorded_events WHERE {_OF} ORDER BY number DESC",  # noqa: S608
        key,
    )
    return [EventRow(*row) for row in found]
