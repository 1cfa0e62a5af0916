"""Log streams: creating, listing, deleting."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.services.logs.errors import InvalidParameterException, aws_errors
from lambdad.services.logs.names import chosen_group, group_arn, parts_of, stream_key, token_of
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_records import GroupKey, LogStream, Position
from lambdad.telemetry.log_streams import StreamListing

PAGE_ITEMS = 50


@operation("logs", "CreateLogStream")
async def create_log_stream(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.create_stream(stream_key(call, params))
    return {}


@operation("logs", "DeleteLogStream")
async def delete_log_stream(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.delete_stream(stream_key(call, params))
    return {}


@operation("logs", "DescribeLogStreams")
async def describe_log_streams(service: LogsService, call: Call, params: Params) -> Result:
    group = chosen_group(call, params)
    by_time = params.get("orderBy") == "LastEventTime"
    prefix = params.get("logStreamNamePrefix", "")
    if by_time and prefix:
        raise InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
    after = None
    if "nextToken" in params:
        time_ms, name = parts_of(params["nextToken"], int, str)
        after = (int(time_ms), str(name))
    limit = params.get("limit", PAGE_ITEMS)
    listing = StreamListing(
        prefix=prefix,
        by_time=by_time,
        descending=params.get("descending", False),
        after=after,
        limit=limit + 1,
    )
    with aws_errors():
        streams = await service.store.list_streams(group, listing)
    shown = streams[:limit]
    result: Result = {"logStreams": [_described(group, stream) for stream in shown]}
    if len(streams) > limit:
        result["nextToken"] = token_of(shown[-1].last_event_ms or 0, shown[-1].name)
    return result


def _described(group: GroupKey, stream: LogStream) -> Result:
    """A stream as DescribeLogStreams shows it; AWS has not counted a stream's bytes since 2019."""
    token = None
    if stream.last_ingestion_ms is not None:
        token = Position(stream.last_ingestion_ms, stream.id, stream.next_seq).event_id()
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.first_event_ms,
        "lastEventTimestamp": stream.last_event_ms,
        "lastIngestionTime": stream.last_ingestion_ms,
        "uploadSequenceToken": token,
        "arn": f"{group_arn(group)}:log-stream:{stream.name}",
        "storedBytes": 0,
    }


OPERATIONS: tuple[Implementation, ...] = (
    create_log_stream,
    delete_log_stream,
    describe_log_streams,
)
