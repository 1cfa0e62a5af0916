"""Durable executions that failed after an asynchronous invocation: each event a dead letter.

Owns that and no more: an execution is not run again as an event would be, and destinations are not
told of executions. The letter is durable before its execution is marked as reported, so a crash
between the two may send it twice, and never loses it.

Source: Lambda developer guide, "Best practices for Lambda durable functions" (error handling).
"""

from __future__ import annotations

import asyncio
import logging

from lambdad.core.errors import AwsError
from lambdad.engines.durable.execution import Execution
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import Outgoing
from lambdad.events.outcome_record import execution_attributes
from lambdad.events.outcomes import Outcomes
from lambdad.events.target import Parcel
from lambdad.functions.snapshot import Catalog

_AGAIN_S = 1.0
_log = logging.getLogger(__name__)


class FailedExecutions:
    """Told of each."""

    def __init__(self, catalog: Catalog, outcomes: Outcomes, queues: QueueEngine) -> None:
        self._catalog = catalog
        self._outcomes = outcomes
        self._queues = queues

    async def told(self, execution: Execution) -> None:
        """It failed; returns when its event is where its function's owner wants it, or lost with
        a line in the log."""
        origin = execution.origin
        function = self._catalog.get(origin.account, origin.region, origin.function)
        version = function.versions.get(origin.version) if function is not None else None
        if version is None or not version.dead_letter_arn:
            return
        body = (execution.root.input or "{}").encode()
        attributes = execution_attributes(execution)
        parcel = Parcel(body, version, origin.trace_header, attributes)
        outgoing: list[Outgoing] = []
        if not await self._outcomes.deliver(version.dead_letter_arn, parcel, outgoing):
            self._outcomes.count("DeadLetterErrors", origin.function)
        await self._send(outgoing)

    async def _send(self, outgoing: list[Outgoing]) -> None:
        while outgoing:
            try:
                await self._queues.write(lambda _: None, outgoing)
            except AwsError as error:
                _log.warning("a dead letter has to wait: %s", error)
                await asyncio.sleep(_AGAIN_S)
            else:
                return
