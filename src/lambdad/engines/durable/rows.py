"""Between executions and the lane's rows. Each function is the body of a lane transaction.

`timer_ms` and `ready_ms` are what the runner looks for: when time has something to do to an
execution, and when its function is to be invoked. `active` marks what a process that is gone may
have left half done: an invocation under way, chained invokes that are not over, a failure that was
not reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value
from lambdad.engines.durable.change import Change, Event
from lambdad.engines.durable.codec import (
    decode_event,
    decode_execution,
    encode_event,
    encode_execution,
    encode_operation,
)
from lambdad.engines.durable.execution import Execution
from lambdad.engines.durable.timers import ready_ms, timer_ms
from lambdad.storage.lane import Row, Transaction

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE durable_executions (
        id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        function TEXT NOT NULL,
        version TEXT NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        started_ms BIGINT NOT NULL,
        timer_ms BIGINT NOT NULL,
        ready_ms BIGINT,
        active INTEGER NOT NULL,
        document BLOB NOT NULL
    );
    CREATE UNIQUE INDEX durable_names ON durable_executions (account, region, function, name);
    CREATE INDEX durable_starts
        ON durable_executions (account, region, function, started_ms, id);
    CREATE INDEX durable_timers ON durable_executions (timer_ms);
    CREATE INDEX durable_ready ON durable_executions (ready_ms) WHERE ready_ms IS NOT NULL;
    CREATE INDEX durable_active ON durable_executions (id) WHERE active = 1;
    CREATE TABLE durable_operations (
        execution TEXT NOT NULL,
        position INTEGER NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (execution, position)
    );
    CREATE TABLE durable_events (
        execution TEXT NOT NULL,
        id INTEGER NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (execution, id)
    );
    """,
)
"""For `open_lane`, in this order, none ever changed once released."""
_AFTER_ALL = 2**62

_PUT_EXECUTION = """
    INSERT INTO durable_executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, timer_ms = excluded.timer_ms,
        ready_ms = excluded.ready_ms, active = excluded.active, document = excluded.document
"""
_PUT_OPERATION = """
    INSERT INTO durable_operations VALUES (?, ?, ?)
    ON CONFLICT (execution, position) DO UPDATE SET document = excluded.document
"""


class Due(Value):
    """What the runner has to look at, by id, and when there will be more (epoch ms)."""

    timers: tuple[str, ...]
    ready: tuple[str, ...]
    next_ms: int | None


class Query(Value):
    """Executions of one function: which, and from where on."""

    account: AccountId
    region: Region
    function: str
    versions: tuple[str, ...] | None = None
    name: str | None = None
    status: str | None = None
    after_ms: int | None = None
    before_ms: int | None = None
    oldest_first: bool = False
    past: tuple[int, str] | None = None
    """Start and id of the last execution of the page before."""


def write_change(tx: Transaction, before: int, change: Change) -> None:
    """Bring the rows up to date; `before` is the number of the last change that is in them."""
    execution = change.execution
    tx.execute(_PUT_EXECUTION, _row(execution))
    tx.executemany(
        _PUT_OPERATION,
        [
            (execution.id, operation.position, encode_operation(operation))
            for operation in execution.operations.values()
            if operation.changed > before
        ],
    )
    tx.executemany(
        "INSERT INTO durable_events VALUES (?, ?, ?)",
        [(execution.id, event.id, encode_event(event)) for event in change.events],
    )


def read(tx: Transaction, execution_id: str) -> Execution | None:
    """An execution, whole."""
    found = tx.execute("SELECT document FROM durable_executions WHERE id = ?", [execution_id])
    if not found:
        return None
    operations = tx.execute(
        "SELECT document FROM durable_operations WHERE execution = ? ORDER BY position",
        [execution_id],
    )
    return decode_execution(found[0][0], (row[0] for row in operations))


def named(tx: Transaction, execution: Execution) -> str | None:
    """The id of the execution of the same function that has the same name."""
    origin = execution.origin
    found = tx.execute(
        "SELECT id FROM durable_executions "
        "WHERE account = ? AND region = ? AND function = ? AND name = ?",
        [origin.account, origin.region, origin.function, origin.name],
    )
    return found[0][0] if found else None


def remove(tx: Transaction, execution_id: str) -> None:
    """Forget it and its history."""
    tx.execute("DELETE FROM durable_executions WHERE id = ?", [execution_id])
    tx.execute("DELETE FROM durable_operations WHERE execution = ?", [execution_id])
    tx.execute("DELETE FROM durable_events WHERE execution = ?", [execution_id])


def due(tx: Transaction, now_ms: int, timers: int, ready: int) -> Due:
    """Up to so many executions whose timers are due, and that are ready, longest due first."""
    timed = tx.execute(
        "SELECT id FROM durable_executions WHERE timer_ms <= ? ORDER BY timer_ms LIMIT ?",
        [now_ms, timers],
    )
    invoked = tx.execute(
        "SELECT id FROM durable_executions "
        "WHERE ready_ms IS NOT NULL AND ready_ms <= ? ORDER BY ready_ms LIMIT ?",
        [now_ms, ready],
    )
    following = tx.execute(
        "SELECT MIN(at) FROM (SELECT MIN(timer_ms) AS at FROM durable_executions "
        "UNION ALL SELECT MIN(ready_ms) FROM durable_executions WHERE ready_ms > ?)",
        [now_ms],
    )
    return Due(_ids(timed), _ids(invoked), following[0][0])


def active(tx: Transaction) -> tuple[str, ...]:
    """What may have been under way."""
    return _ids(tx.execute("SELECT id FROM durable_executions WHERE active = 1"))


def running(tx: Transaction) -> dict[tuple[AccountId, Region], int]:
    """How many executions are open, per account and region."""
    counted = tx.execute(
        "SELECT account, region, COUNT(*) FROM durable_executions "
        "WHERE status IN ('RUNNING', 'PAUSING', 'PAUSED') GROUP BY account, region"
    )
    return {(AccountId(row[0]), Region(row[1])): row[2] for row in counted}


class HistoryPage(Value):
    """Some events, and whether there are more."""

    events: list[Event]
    more: bool


class HistoryQuery(Value):
    """Events of one execution: from where on, and how many."""

    execution_id: str
    past: int | None
    """The last event of the page before."""
    most: int
    most_bytes: int
    newest_first: bool = False


def history(tx: Transaction, query: HistoryQuery) -> HistoryPage:
    """A page of events; one at least, if there is one."""
    comparison, order = ("<", "DESC") if query.newest_first else (">", "ASC")
    past = query.past if query.past is not None else (_AFTER_ALL if query.newest_first else 0)
    found = tx.execute(
        f"SELECT id, LENGTH(document) FROM durable_events WHERE execution = ? "  # noqa: S608
        f"AND id {comparison} ? ORDER BY id {order} LIMIT ?",
        [query.execution_id, past, query.most + 1],
    )
    sizes = accumulate(row[1] for row in found[: query.most])
    count = max(1, sum(size <= query.most_bytes for size in sizes))
    if not found:
        return HistoryPage([], False)
    first, last = sorted((found[0][0], found[:count][-1][0]))
    documents = tx.execute(
        f"SELECT document FROM durable_events WHERE execution = ? "  # noqa: S608
        f"AND id BETWEEN ? AND ? ORDER BY id {order}",
        [query.execution_id, first, last],
    )
    return HistoryPage([decode_event(row[0]) for row in documents], len(found) > count)


def page(tx: Transaction, query: Query, limit: int) -> list[Execution]:
    """A page of executions, without their operations."""
    where = ["account = ?", "region = ?", "function = ?"]
    values: list[object] = [query.account, query.region, query.function]
    for clause, value in (
        ("name = ?", query.name),
        ("status = ?", query.status),
        ("started_ms > ?", query.after_ms),
        ("started_ms < ?", query.before_ms),
    ):
        if value is not None:
            where.append(clause)
            values.append(value)
    if query.versions is not None:
        where.append(f"version IN ({', '.join('?' for _ in query.versions)})")
        values += query.versions
    comparison, order = (">", "ASC") if query.oldest_first else ("<", "DESC")
    if query.past is not None:
        where.append(f"(started_ms, id) {comparison} (?, ?)")
        values += query.past
    rows = tx.execute(
        f"SELECT document FROM durable_executions WHERE {' AND '.join(where)} "  # noqa: S608
        f"ORDER BY started_ms {order}, id {order} LIMIT ?",
        [*values, limit],
    )
    return [decode_execution(row[0], ()) for row in rows]


def _row(execution: Execution) -> Row:
    origin = execution.origin
    return (
        origin.id,
        origin.account,
        origin.region,
        origin.function,
        origin.version,
        origin.name,
        execution.status.value,
        origin.started_ms,
        timer_ms(execution),
        ready_ms(execution),
        int(_is_active(execution)),
        encode_execution(execution),
    )


def _is_active(execution: Execution) -> bool:
    if execution.invocation is not None or execution.owes_report:
        return True
    return not execution.status.closed and bool(execution.chained)


def _ids(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(row[0] for row in rows)
