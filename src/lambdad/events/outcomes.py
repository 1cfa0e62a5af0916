"""Asynchronous invocations that are over: what becomes of their outcome.

Owns who is told: the destination of success or failure, the dead-letter queue. A message to a
queue goes into the transaction that ends the event, so it is sent once, whenever a crash comes;
anything else is durable before that. What cannot be delivered is logged and counted, and lost, as
AWS does it.

Source: Lambda developer guide, "Retaining records of asynchronous invocations"; semantics §3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from lambdad.api.internal_calls import InternalAuthorizer
from lambdad.core.arn import parse_arn
from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.engines.queue.records import Outgoing
from lambdad.events.outcome_record import dead_letter_attributes, destination_record
from lambdad.events.target import Parcel, Target, Undeliverable
from lambdad.functions.names import LATEST
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion
from lambdad.iam.session import function_session_name
from lambdad.invoke.event_queue import AsyncEvent
from lambdad.invoke.lineage import RecursiveInvocationException, with_run
from lambdad.invoke.resolve import resolve
from lambdad.invoke.retry import Condition, Over
from lambdad.runtime.invocation import InvokeResult
from lambdad.telemetry.counters import Counters, Metric

_AGAIN_S = 1.0
_log = logging.getLogger(__name__)


class Outcomes:
    """Told of every event that is over."""

    def __init__(
        self,
        catalog: Catalog,
        targets: Mapping[str, Target],
        authorizer: InternalAuthorizer,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._targets = targets
        self._authorizer = authorizer
        self._counters = counters
        self._clock = clock

    async def told(
        self, event: AsyncEvent, payload: bytes, over: Over, result: InvokeResult | None
    ) -> list[Outgoing]:
        """The event is over; an `OnOver` of `invoke.asynchronous`."""
        outgoing: list[Outgoing] = []
        function = self._catalog.get(event.account, event.region, event.name)
        version = resolve(function, event.qualifier, 0.0) if function else None
        if function is None or version is None:
            return outgoing  # nobody is left who could have asked for it
        success = over.condition is Condition.SUCCESS
        config = function.event_invokes.get(event.qualifier or LATEST)
        destination = config and (config.on_success if success else config.on_failure)
        trace = _trace(event, function)
        if not success:
            self.count("AsyncEventsDropped", event.name)
        if destination:
            record = destination_record(event, payload, over, result, self._clock.wall_ms())
            parcel = Parcel(record, version, trace)
            if not await self.deliver(destination, parcel, outgoing):
                self.count("DestinationDeliveryFailures", event.name)
        if version.dead_letter_arn and not success:
            attributes = dead_letter_attributes(event, over, result)
            parcel = Parcel(payload or b"{}", version, trace, attributes)
            if not await self.deliver(version.dead_letter_arn, parcel, outgoing):
                self.count("DeadLetterErrors", event.name)
        return outgoing

    async def deliver(self, arn: str, parcel: Parcel, outgoing: list[Outgoing]) -> bool:
        """Whether the target takes it: now, or as a message that is added to `outgoing`. A refusal
        of storage is waited out."""
        while True:
            try:
                if (message := await self._attempt(arn, parcel)) is not None:
                    outgoing.append(message)
            except Undeliverable as problem:
                _log.warning("outcome of %s is lost: %s", parcel.sender.arn, problem)
                return False
            except AwsError as error:
                _log.warning("outcome of %s has to wait: %s", parcel.sender.arn, error)
                await asyncio.sleep(_AGAIN_S)
            else:
                return True

    async def _attempt(self, arn: str, parcel: Parcel) -> Outgoing | None:
        parsed = parse_arn(arn)
        target = self._targets.get(parsed.service) if parsed else None
        if target is None:
            raise Undeliverable(f"lambdad cannot send to {arn} yet")
        refusal = self._refusal(target.action, arn, parcel.sender)
        if refusal is not None:
            raise Undeliverable(refusal)
        return await target.deliver(arn, parcel)

    def _refusal(self, action: str, arn: str, sender: FunctionVersion) -> str | None:
        session = function_session_name(sender.name)
        return self._authorizer.refusal_for_role(sender.role, session, action, arn)

    def count(self, name: str, function_name: str) -> None:
        """One more of CloudWatch's AWS/Lambda."""
        self._counters.add(Metric("AWS/Lambda", name, (("FunctionName", function_name),)))


def _trace(event: AsyncEvent, function: Function) -> str:
    """With the run counted, so that a loop over a destination is one too."""
    try:
        return with_run(event.trace_header, function)
    except RecursiveInvocationException:
        return event.trace_header
