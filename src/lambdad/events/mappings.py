"""Every event source mapping of the server: the record of truth, its states, its poller.

Owns the way from one state to the next. A change is durable before it is answered; then the
mapping's poller is brought in line with it and the mapping comes to rest. What a crash interrupted
comes to rest at the next start. Who may make a mapping, and out of what, is the service's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from lambdad.core.arn import parse_arn
from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import Limits
from lambdad.events.delivery import Delivery, Plane
from lambdad.events.filter import compile_filters
from lambdad.events.mapping import (
    RESTING,
    EventSourceMapping,
    State,
    changed,
    leaving,
    settled,
)
from lambdad.events.poller import Poller, Slots
from lambdad.events.source import Source
from lambdad.functions.resources import ResourceStore
from lambdad.functions.snapshot import Function

_Key = tuple[AccountId, Region, str]


class EventSourceMappings:
    """Single-threaded: the event loop's."""

    def __init__(
        self, resources: ResourceStore, sources: Mapping[str, Source], plane: Plane, limits: Limits
    ) -> None:
        self._resources = resources
        self._sources = sources
        self._plane = plane
        self._clock: Clock = plane.clock
        self._limits = limits
        self._pollers: dict[_Key, Poller] = {}
        self._slots: dict[_Key, Slots] = {}
        self._moves: dict[_Key, asyncio.Task[None]] = {}
        """What brings a mapping to rest: the latest for each."""
        plane.catalog.subscribe(self._function_changed)

    async def start(self) -> None:
        """Poll for every mapping that is enabled, and finish what a crash interrupted."""
        for account, region, mapping in list(self._resources.everywhere(EventSourceMapping)):
            if mapping.state in RESTING:
                self._poll((account, region, mapping.id), mapping)
            else:
                self._move((account, region, mapping.id))

    async def close(self) -> None:
        """Read nothing any more. Records in flight come back to whoever reads next."""
        for task in self._moves.values():
            task.cancel()
        await asyncio.gather(*self._moves.values(), return_exceptions=True)
        await asyncio.gather(*(poller.close() for poller in self._pollers.values()))

    def source_of(self, arn: str) -> Source | None:
        """The kind of source that an ARN names; None for one that is not served."""
        parsed = parse_arn(arn)
        return self._sources.get(parsed.service) if parsed else None

    def get(self, account: AccountId, region: Region, mapping_id: str) -> EventSourceMapping | None:
        return self._resources.get(EventSourceMapping, account, region, mapping_id)

    def every(
        self, account: AccountId, region: Region, start: str = ""
    ) -> Iterator[EventSourceMapping]:
        """By id, from `start` on."""
        return self._resources.every(EventSourceMapping, account, region, start)

    # -- changes: whoever calls holds the resources' turn ----------------------------------------

    async def add(self, account: AccountId, region: Region, mapping: EventSourceMapping) -> None:
        """A new one, in state Creating."""
        await self._put((account, region, mapping.id), mapping)

    async def change(
        self,
        account: AccountId,
        region: Region,
        current: EventSourceMapping,
        wanted: EventSourceMapping,
    ) -> EventSourceMapping:
        """Other settings; the mapping on its way to them."""
        mapping = changed(current, wanted, self._clock.wall_ms())
        await self._put((account, region, mapping.id), mapping)
        return mapping

    async def remove(
        self, account: AccountId, region: Region, current: EventSourceMapping
    ) -> EventSourceMapping:
        """Begin to delete it; it is gone when its poller has finished."""
        mapping = leaving(current, self._clock.wall_ms())
        await self._put((account, region, mapping.id), mapping)
        return mapping

    async def _put(self, key: _Key, mapping: EventSourceMapping) -> None:
        await self._resources.put(key[0], key[1], mapping)
        self._move(key)

    # -- coming to rest --------------------------------------------------------------------------

    def _move(self, key: _Key) -> None:
        task = asyncio.get_running_loop().create_task(self._come_to_rest(key))
        self._moves[key] = task
        task.add_done_callback(lambda done: self._moved(key, done))

    def _moved(self, key: _Key, task: asyncio.Task[None]) -> None:
        if self._moves.get(key) is task:
            del self._moves[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": f"event source mapping {key[2]} is stuck", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    async def _come_to_rest(self, key: _Key) -> None:
        """Bring the poller in line with what is stored, then store that it is so. A mapping that
        was changed again meanwhile is left to the later task."""
        poller = self._pollers.pop(key, None)
        mapping = self._resources.get(EventSourceMapping, *key)
        if mapping is not None:
            self._poll(key, mapping)
        if poller is not None:
            await poller.drain()
        async with self._resources.turn:
            mapping = self._resources.get(EventSourceMapping, *key)
            if mapping is None or self._moves.get(key) is not asyncio.current_task():
                return
            if mapping.state == State.DELETING:
                await self._resources.delete(key[0], key[1], mapping)
                self._slots.pop(key, None)
            else:
                rested = settled(mapping, self._clock.wall_ms())
                await self._resources.put(key[0], key[1], rested)

    def _poll(self, key: _Key, mapping: EventSourceMapping) -> None:
        """Begin to poll, where the mapping is enabled."""
        source = self.source_of(mapping.source_arn)
        if source is None or not mapping.enabled:
            return
        filters = compile_filters(mapping.filters or (), source.data)
        delivery = Delivery(mapping, source, filters, self._plane)
        slots = self._slots.setdefault(key, Slots())
        poller = Poller(delivery, source.open(mapping), slots, self._clock, self._limits)
        self._pollers[key] = poller
        poller.start()

    def _function_changed(
        self, key: tuple[AccountId, Region, str], function: Function | None
    ) -> None:
        """A poller that waits for a function that was not there looks again."""
        for (account, region, _), poller in self._pollers.items():
            if (account, region) == key[:2]:
                poller.wake()
