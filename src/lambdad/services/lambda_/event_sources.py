"""Event source mappings: Create, Get, Update, Delete, List.

There is nothing yet that a mapping could read from: every queue and stream that is named does not
exist, and that is what Create says, after AWS's other checks in AWS's order (semantics §4.1). So
there is never a mapping to get, change or list. Pollers and their record come with the events.
"""

from __future__ import annotations

import orjson

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.functions.names import refer
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.qualified import exists, no_such_resource
from lambdad.services.lambda_.service import LambdaService

_STREAMS = ("kinesis", "dynamodb")
_SINGLE_BATCH = 10
"""An SQS batch up to this size needs no batching window."""


@operation("lambda", "CreateEventSourceMapping")
async def create_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    source = _source(params)
    _check_destination(params)
    _check_stream(params, source)
    _check_batch(params, source)
    _check_filters(params)
    key, qualifier = refer(call.account, call.region, params["FunctionName"])
    if not exists(service.functions.get(key), qualifier):
        raise InvalidParameterValueException("Function does not exist")
    raise _unreachable(params, source)


@operation("lambda", "GetEventSourceMapping")
async def get_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    raise no_such_resource()


@operation("lambda", "UpdateEventSourceMapping")
async def update_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    raise no_such_resource()


@operation("lambda", "DeleteEventSourceMapping")
async def delete_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    raise no_such_resource()


@operation("lambda", "ListEventSourceMappings")
async def list_event_source_mappings(service: LambdaService, call: Call, params: Params) -> Result:
    return {"EventSourceMappings": []}


def _source(params: Params) -> str:
    """The service that events come from."""
    if params.get("SelfManagedEventSource"):
        if not params.get("SourceAccessConfigurations"):
            raise InvalidParameterValueException(
                "Required 'sourceAccessConfigurations' parameter is missing."
            )
        return "kafka"
    arn = parse_arn(params.get("EventSourceArn") or "")
    if arn is None:
        raise InvalidParameterValueException("Unrecognized event source.")
    return arn.service


def _check_destination(params: Params) -> None:
    """Only failures go anywhere (recorded)."""
    if (params.get("DestinationConfig") or {}).get("OnSuccess"):
        raise InvalidParameterValueException(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )


def _check_stream(params: Params, source: str) -> None:
    if source not in _STREAMS:
        return
    start = params.get("StartingPosition")
    if start is None:
        raise InvalidParameterValueException(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    if source == "dynamodb" and start == "AT_TIMESTAMP":
        raise InvalidParameterValueException(
            f"Unsupported starting position for arn type: {params['EventSourceArn']}"
        )


def _check_batch(params: Params, source: str) -> None:
    large = (params.get("BatchSize") or 0) > _SINGLE_BATCH
    if source == "sqs" and large and not params.get("MaximumBatchingWindowInSeconds"):
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )


def _check_filters(params: Params) -> None:
    """A pattern is a JSON object; what it may say is checked with the first source that filters."""
    for each in (params.get("FilterCriteria") or {}).get("Filters") or ():
        try:
            pattern = orjson.loads(each.get("Pattern") or "{}")
        except orjson.JSONDecodeError:
            pattern = None
        if not isinstance(pattern, dict):
            raise InvalidParameterValueException("Invalid filter pattern definition.")


def _unreachable(params: Params, source: str) -> InvalidParameterValueException:
    if source == "sqs":
        return InvalidParameterValueException(
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
            "not exist."
        )
    if source in _STREAMS:
        return InvalidParameterValueException(f"Stream not found: {params['EventSourceArn']}")
    return InvalidParameterValueException(
        f"Event sources of the service {source} are not supported: lambdad cannot read from them "
        "yet."
    )
