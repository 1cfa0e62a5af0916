"""Live Tail: a session is an event stream that reports new events once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import new_uuid
from lambdad.services.logs.errors import (
    InvalidParameterException,
    LimitExceededException,
    SessionTimeoutException,
    aws_errors,
)
from lambdad.services.logs.names import identified_group
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_pattern import compile_pattern
from lambdad.telemetry.log_records import GroupKey
from lambdad.telemetry.log_tail import TailEvent, TailFilter, thinned

UPDATE_EVENTS = 500
"""In one update; more are thinned out (API reference, like the following)."""
SESSION_NS = 3 * 3600 * 1_000_000_000
"""Three hours, then a session ends."""


@operation("logs", "StartLiveTail")
async def start_live_tail(service: LogsService, call: Call, params: Params) -> Result:
    """`responseStream` yields one dict per event of the stream, keyed by the event's name."""
    groups = [_group(call, arn) for arn in params["logGroupIdentifiers"]]
    names, prefixes = params.get("logStreamNames", []), params.get("logStreamNamePrefixes", [])
    if names and prefixes:
        raise InvalidParameterException(
            "logStreamNames and logStreamNamePrefixes are mutually exclusive parameters."
        )
    if (names or prefixes) and len(groups) > 1:
        raise InvalidParameterException(
            "Log streams can be specified only with a single log group."
        )
    pattern = params.get("logEventFilterPattern", "").strip()
    with aws_errors():
        wanted = TailFilter(
            groups=frozenset(groups),
            streams=frozenset(names),
            stream_prefixes=tuple(prefixes),
            pattern=compile_pattern(pattern) if pattern else None,
        )
        for group in groups:
            await service.store.find_group(group)
    if len(service.store.tail) >= service.limits.live_tail_sessions:
        raise LimitExceededException(
            f"There are {service.limits.live_tail_sessions} Live Tail sessions already."
        )
    start = {
        "requestId": call.request_id,
        "sessionId": new_uuid(),
        "logGroupIdentifiers": params["logGroupIdentifiers"],
        "logStreamNames": names,
        "logStreamNamePrefixes": prefixes,
        "logEventFilterPattern": params.get("logEventFilterPattern", ""),
    }
    return {"responseStream": _session(service, start, wanted)}


async def _session(
    service: LogsService, start: Result, wanted: TailFilter
) -> AsyncIterator[Result]:
    """The session's events. Listening begins with the first one and ends with the iterator.
    Raises SessionTimeoutException, which ends the stream as AWS ends it."""
    began_ns = service.clock.monotonic_ns()
    listener = service.store.tail.listen(wanted)
    try:
        yield {"sessionStart": start}
        while service.clock.monotonic_ns() - began_ns < SESSION_NS:
            await asyncio.sleep(service.live_tail_interval_s)
            waiting, lost = listener.drain()
            events = await asyncio.to_thread(wanted.chosen, waiting)
            yield {
                "sessionUpdate": {
                    "sessionMetadata": {"sampled": lost or len(events) > UPDATE_EVENTS},
                    "sessionResults": [
                        _reported(event) for event in thinned(events, UPDATE_EVENTS)
                    ],
                }
            }
        raise SessionTimeoutException("The Live Tail session has timed out.")
    finally:
        service.store.tail.leave(listener)


def _group(call: Call, arn: str) -> GroupKey:
    if not arn.startswith("arn:") or arn.endswith("*"):
        raise InvalidParameterException(
            f"Log groups must be specified by an ARN that does not end with an asterisk: {arn}"
        )
    return identified_group(call, arn)


def _reported(event: TailEvent) -> Result:
    group = event.stream.group
    return {
        "logStreamName": event.stream.name,
        "logGroupIdentifier": f"{group.account}:{group.name}",
        "message": event.message,
        "timestamp": event.timestamp_ms,
        "ingestionTime": event.ingestion_ms,
    }


OPERATIONS: tuple[Implementation, ...] = (start_live_tail,)
