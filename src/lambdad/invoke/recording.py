"""The last events of the functions somebody wants to watch: recorded, kept sealed, given back.

Owns which functions are recorded, and their events: a bounded number of bounded size each, newest
kept. An event is what its function received, secrets included, so it is encrypted at rest with
the account's key. Nothing is recorded unless it is asked for: then, and only then, an Invoker has
an observer. Recording never delays an invocation; what storage cannot follow is left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, RequestId
from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion, Key
from lambdad.invoke import recording_rows as rows
from lambdad.invoke.invoker import Invoker
from lambdad.runtime.invocation import InvokeRequest
from lambdad.storage.errors import StorageError
from lambdad.storage.lane import Lane, Transaction
from lambdad.storage.sealing import Sealer

_log = logging.getLogger(__name__)


class RecordedEvent(Value):
    """One event, as its function received it."""

    request_id: RequestId
    received_ms: int
    """Wall clock."""
    invoked_arn: str
    """With the qualifier that the caller used."""
    client_context: str | None
    payload: bytes


class EventRecorder:
    """Watches an Invoker for the functions that are recorded. For one event loop."""

    def __init__(
        self,
        lane: Lane,
        sealer_of: Callable[[AccountId], Sealer],
        invoker: Invoker,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._lane = lane
        self._sealer_of = sealer_of
        self._invoker = invoker
        self._clock = clock
        self._limits = limits
        self._recorded: set[FunctionKey] = set()
        self._waiting: deque[tuple[FunctionKey, RecordedEvent]] = deque()
        self._waiting_bytes = 0
        self._storing: asyncio.Task[None] | None = None
        self._forgetting: set[asyncio.Task[None]] = set()

    async def load(self, catalog: Catalog) -> None:
        """Go on with what was recorded before, and follow the functions' ends. Once."""
        self._recorded = set(await self._lane.read(rows.read_recorded))
        self._watch()
        catalog.subscribe(self._follow)
        for key in self._recorded:
            if catalog.get(*key) is None:
                self._follow(key, None)

    async def start(self, key: FunctionKey) -> None:
        """Record the function's events from now on. Idempotent."""
        await self._settled()
        await self._lane.write(lambda tx: rows.start(tx, key))
        self._recorded.add(key)
        self._watch()

    async def stop(self, key: FunctionKey) -> None:
        """Record no more, and forget what there is. Idempotent."""
        self._recorded.discard(key)
        self._watch()
        await self._settled()
        await self._forget(key)

    def is_recorded(self, key: FunctionKey) -> bool:
        return key in self._recorded

    async def events(self, key: FunctionKey) -> list[RecordedEvent]:
        """What there is, newest first."""
        await self._settled()
        sealer = self._sealer_of(key.account)
        found = await self._lane.read(lambda tx: rows.read_events(tx, key))
        return [
            RecordedEvent(
                RequestId(row.request_id),
                row.received_ms,
                row.invoked_arn,
                None if row.client_context is None else _open(sealer, row, "client context"),
                sealer.open(row.payload, _context(row.request_id, "payload")),
            )
            for row in found
        ]

    def seen(self, target: FunctionVersion, request: InvokeRequest) -> None:
        """The Invoker is about to run this."""
        key = FunctionKey(target.account, target.region, target.name)
        if key not in self._recorded:
            return
        if self._waiting_bytes + len(request.payload) > self._limits.recorded_waiting_bytes:
            return
        event = RecordedEvent(
            request.request_id,
            self._clock.wall_ms(),
            request.invoked_arn,
            request.client_context,
            request.payload,
        )
        self._waiting.append((key, event))
        self._waiting_bytes += len(request.payload)
        if self._storing is None:
            self._storing = asyncio.get_running_loop().create_task(self._store())

    async def close(self) -> None:
        """Store what waits, then end."""
        self._invoker.observer = None
        await self._settled()

    def _watch(self) -> None:
        self._invoker.observer = self if self._recorded else None

    def _follow(self, key: Key, function: Function | None) -> None:
        """A function that is deleted takes its recorded events along."""
        gone = FunctionKey(*key)
        if function is None and gone in self._recorded:
            self._recorded.discard(gone)
            self._watch()
            task = asyncio.get_running_loop().create_task(self._forget(gone))
            self._forgetting.add(task)
            task.add_done_callback(self._forgot)

    async def _forget(self, key: FunctionKey) -> None:
        if self._storing is not None:
            await asyncio.shield(self._storing)
        await self._lane.write(lambda tx: rows.forget(tx, key))

    def _forgot(self, task: asyncio.Task[None]) -> None:
        self._forgetting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("recorded events of a deleted function were not removed: %s", error)

    async def _settled(self) -> None:
        """Until everything that was begun is done: the next write comes after it."""
        if self._storing is not None:
            await asyncio.shield(self._storing)
        if self._forgetting:
            await asyncio.wait(self._forgetting)

    async def _store(self) -> None:
        """Everything that waits, batch by batch; what came meanwhile goes into the next one."""
        try:
            while self._waiting:
                batch, self._waiting = list(self._waiting), deque()
                self._waiting_bytes = 0
                await self._lane.write(partial(self._write, batch))
        except (AwsError, StorageError) as error:
            _log.warning("recorded events were not stored: %s", error)
        finally:
            self._storing = None

    def _write(self, batch: list[tuple[FunctionKey, RecordedEvent]], tx: Transaction) -> None:
        """In the lane's thread: encryption is not the event loop's work."""
        for key, event in batch:
            seal, of = self._sealer_of(key.account).seal, event.request_id
            context = event.client_context
            row = rows.EventRow(
                of,
                event.received_ms,
                event.invoked_arn,
                None if context is None else seal(context.encode(), _context(of, "client context")),
                seal(event.payload, _context(of, "payload")),
            )
            rows.add(tx, key, row)
        for key in {key for key, _ in batch}:
            rows.trim(tx, key, self._limits.recorded_events, self._limits.recorded_bytes)


def _context(request_id: str, part: str) -> str:
    return f"recorded event {request_id}: {part}"


def _open(sealer: Sealer, row: rows.EventRow, part: str) -> str:
    assert row.client_context is not None
    return sealer.open(row.client_context, _context(row.request_id, part)).decode()
