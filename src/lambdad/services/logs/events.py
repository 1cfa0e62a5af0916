"""Log events: writing them, reading a stream's, searching a group's."""

from __future__ import annotations

import re
from itertools import pairwise

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.limits import Limits
from lambdad.services.logs.errors import InvalidParameterException, aws_errors
from lambdad.services.logs.names import (
    chosen_group,
    invalid_token,
    parts_of,
    stream_key,
    token_of,
)
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_admission import DAY_MS, Admission, admit
from lambdad.telemetry.log_pattern import compile_pattern
from lambdad.telemetry.log_records import (
    EVENT_OVERHEAD_BYTES,
    MAX_INTEGER,
    Position,
    StreamKey,
    TimeRange,
    position_of,
)
from lambdad.telemetry.log_search import Search

PAGE_EVENTS = 10_000
NEWEST_FIRST_SINCE_MS = 1_704_067_200_000
"""2024-01-01: FilterLogEvents runs backwards only from here on (API reference)."""
_STREAM_TOKEN = re.compile(r"([fb])/(\d{56})/s", re.ASCII)
_NOWHERE = Position(0, 0, 0).event_id()


@operation("logs", "PutLogEvents")
async def put_log_events(service: LogsService, call: Call, params: Params) -> Result:
    """Durable when it returns. `sequenceToken` is ignored, as AWS does."""
    events = [(event["timestamp"], event["message"]) for event in params["logEvents"]]
    _check_batch(events, service.clock.wall_ms(), service.limits)
    with aws_errors():
        put = await service.store.put_events(stream_key(call, params), events)
    return {
        "nextSequenceToken": put.next_token,
        "rejectedLogEventsInfo": _rejections(put.admission),
    }


def _check_batch(events: list[tuple[int, str]], now_ms: int, limits: Limits) -> None:
    """The rules for a whole batch (semantics §7.3). Raises InvalidParameterException."""
    times = [time_ms for time_ms, _ in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    sizes = [len(message.encode()) + EVENT_OVERHEAD_BYTES for _, message in events]
    if max(sizes) > limits.log_event_bytes:
        raise InvalidParameterException(
            f"Log event too large: {max(sizes)} bytes exceeds limit of {limits.log_event_bytes}"
        )
    if sum(sizes) > limits.log_batch_bytes:
        raise InvalidParameterException(
            f"Upload too large: {sum(sizes)} bytes exceeds limit of {limits.log_batch_bytes}"
        )
    admission = admit(times, now_ms, None)
    taken = times[admission.start : admission.stop]
    if taken and taken[-1] - taken[0] > DAY_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )


def _rejections(admission: Admission) -> Result | None:
    info = {
        "tooNewLogEventStartIndex": admission.too_new_start,
        "tooOldLogEventEndIndex": admission.too_old_end,
        "expiredLogEventEndIndex": admission.expired_end,
    }
    return info if any(index is not None for index in info.values()) else None


@operation("logs", "GetLogEvents")
async def get_log_events(service: LogsService, call: Call, params: Params) -> Result:
    """Pages lead in both directions; at an end, its token leads to itself."""
    backwards, after = not params.get("startFromHead", False), None
    if "nextToken" in params:
        token = _STREAM_TOKEN.fullmatch(params["nextToken"])
        if token is None:
            raise invalid_token()
        backwards, after = token[1] == "b", position_of(token[2])
    key = StreamKey(chosen_group(call, params), params["logStreamName"])
    with aws_errors():
        page = await service.store.read_stream(
            key, Search(_times(params, 0), backwards, after), params.get("limit", PAGE_EVENTS)
        )
    events = page.events[::-1] if backwards else page.events
    here = _NOWHERE if after is None else after.event_id()
    first, last = (events[0], events[-1]) if events else (None, None)
    return {
        "events": [
            {
                "timestamp": event.position.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingestion_ms,
            }
            for event in events
        ],
        "nextForwardToken": f"f/{last.position.event_id() if last else here}/s",
        "nextBackwardToken": f"b/{first.position.event_id() if first else here}/s",
    }


@operation("logs", "FilterLogEvents")
async def filter_log_events(service: LogsService, call: Call, params: Params) -> Result:
    """A page may be short or even empty while there is a token: so much and no more is compared
    with the pattern in one call."""
    key = chosen_group(call, params)
    names, prefix = params.get("logStreamNames", []), params.get("logStreamNamePrefix", "")
    if names and prefix:
        raise InvalidParameterException(
            "Log stream names and log stream name prefix are mutually exclusive parameters."
        )
    with aws_errors():
        page = await service.store.search(
            key, names, prefix, _wanted(params), params.get("limit", PAGE_EVENTS)
        )
    result: Result = {
        "events": [
            {
                "logStreamName": event.stream,
                "timestamp": event.position.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingestion_ms,
                "eventId": event.position.event_id(),
            }
            for event in page.events
        ],
        "searchedLogStreams": [],
    }
    if page.end is not None:
        result["nextToken"] = token_of(_direction(params), page.end.event_id())
    return result


def _direction(params: Params) -> str:
    """`f` or `b`: a token keeps the direction of the first request."""
    if "nextToken" in params:
        direction, _ = parts_of(params["nextToken"], str, str)
        if direction not in ("f", "b"):
            raise invalid_token()
        return str(direction)
    return "f" if params.get("startFromHead", True) else "b"


def _wanted(params: Params) -> Search:
    """What FilterLogEvents looks for; unlike GetLogEvents' its end time is included."""
    times = _times(params, 1)
    backwards = _direction(params) == "b"
    if backwards and times.start_ms < NEWEST_FIRST_SINCE_MS:
        raise InvalidParameterException(
            "startFromHead can be false only with a startTime on or after Jan 1, 2024 00:00:00 UTC."
        )
    after = None
    if "nextToken" in params:
        after = position_of(str(parts_of(params["nextToken"], str, str)[1]))
        if after is None:
            raise invalid_token()
    pattern = params.get("filterPattern", "").strip()
    return Search(times, backwards, after, compile_pattern(pattern) if pattern else None)


def _times(params: Params, end_offset_ms: int) -> TimeRange:
    start_ms, end_ms = params.get("startTime", 0), params.get("endTime", MAX_INTEGER)
    return TimeRange(min(start_ms, MAX_INTEGER), min(end_ms + end_offset_ms, MAX_INTEGER))


OPERATIONS: tuple[Implementation, ...] = (put_log_events, get_log_events, filter_log_events)
