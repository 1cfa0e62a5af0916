"""What CreateEventSourceMapping and UpdateEventSourceMapping may say: AWS's checks, in its order.

Pure. The service model's own constraints were checked before (`wire/`); whether the source can be
read is the source's to say (`events/sources/`). Texts: recorded, except those marked "ours" (AWS
refuses these too, in words that are not known).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdad.api.call import Params
from lambdad.core.arn import parse_arn
from lambdad.core.limits import Limits
from lambdad.events.delivery import EVENT_COUNT
from lambdad.events.filter import DataKey, InvalidPattern, compile_filters
from lambdad.services.lambda_.errors import InvalidParameterValueException

SQS = "sqs"
STREAMS = ("kinesis", "dynamodb")
_SINGLE_BATCH = 10
"""An SQS batch up to this size needs no batching window."""
_NOT_OF_QUEUES = (
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "DestinationConfig",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
)
"""Parameters that say something about other kinds of sources."""


def source_service(params: Params) -> str:
    """The service that events come from, as the ARN names it. Raises
    InvalidParameterValueException."""
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


def check_parameters(params: Params, service: str, source_arn: str) -> None:
    """Those that make sense for a mapping of this source. Raises
    InvalidParameterValueException."""
    if (params.get("DestinationConfig") or {}).get("OnSuccess"):  # only failures go anywhere
        raise _unsupported("DestinationConfig")
    if service in STREAMS:
        _check_stream(params, service, source_arn)
    if service == SQS:
        _check_queue(params, source_arn)


def check_batching(batch_size: int, window_s: int, source_arn: str) -> None:
    """Of a queue: large batches need time to gather, and a FIFO queue does not wait. Raises
    InvalidParameterValueException."""
    if batch_size <= _SINGLE_BATCH and not window_s:
        return
    if not window_s:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    if source_arn.endswith(".fifo"):
        raise InvalidParameterValueException(
            "Batching window is not supported for FIFO queues, and their batches have at most "
            f"{_SINGLE_BATCH} messages."  # ours
        )


def filter_patterns(params: Params, data: DataKey, limits: Limits) -> Sequence[str] | None:
    """FilterCriteria's patterns; None where there are no criteria. Raises
    InvalidParameterValueException."""
    criteria = params.get("FilterCriteria")
    if not criteria:
        return None
    patterns = [each.get("Pattern") or "" for each in criteria.get("Filters") or ()]
    if len(patterns) > limits.mapping_filters:
        raise InvalidParameterValueException(
            f"An event source mapping has at most {limits.mapping_filters} filters."  # ours
        )
    try:
        if any(len(pattern) > limits.mapping_filter_characters for pattern in patterns):
            raise InvalidPattern("too long")
        compile_filters(patterns, data)
    except InvalidPattern:
        raise InvalidParameterValueException("Invalid filter pattern definition.") from None
    return patterns


def wanted(params: Params, names: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    """The fields of a mapping that the parameters set: each parameter's name with its field and
    how its value is read."""
    return {
        field: read(params[parameter])
        for parameter, (field, read) in names.items()
        if params.get(parameter) is not None
    }


SETTINGS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "BatchSize": ("batch_size", int),
    "MaximumBatchingWindowInSeconds": ("window_s", int),
    "Enabled": ("enabled", bool),
    "FunctionResponseTypes": ("response_types", list),
    "ScalingConfig": ("maximum_concurrency", lambda given: given.get("MaximumConcurrency")),
    "MetricsConfig": ("metrics", lambda given: given.get("Metrics") or None),
    "ProvisionedPollerConfig": ("pollers", lambda given: given or None),
    "LoggingConfig": ("log_level", lambda given: given.get("SystemLogLevel")),
    "KMSKeyArn": ("kms_key_arn", lambda given: given or None),
}
"""What both operations can set on a mapping of a queue; empty values clear."""


def _check_stream(params: Params, service: str, source_arn: str) -> None:
    start = params.get("StartingPosition")
    if start is None:
        raise InvalidParameterValueException(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    if service == "dynamodb" and start == "AT_TIMESTAMP":
        raise _wrong_start(source_arn)


def _check_queue(params: Params, source_arn: str) -> None:
    if params.get("StartingPosition") or params.get("StartingPositionTimestamp"):
        raise _wrong_start(source_arn)
    for name in _NOT_OF_QUEUES:
        if params.get(name):
            raise _unsupported(name)
    other = [
        each
        for each in (params.get("MetricsConfig") or {}).get("Metrics") or ()
        if each != EVENT_COUNT
    ]
    if other:
        raise InvalidParameterValueException(
            f"Unsupported metric {other[0]} for given event source mapping type."  # ours
        )
    if params.get("ScalingConfig") and params.get("ProvisionedPollerConfig"):
        raise InvalidParameterValueException(
            "ScalingConfig and ProvisionedPollerConfig cannot be set together."  # ours
        )


def _unsupported(parameter: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(
        f"Unsupported {parameter} parameter for given event source mapping type."
    )


def _wrong_start(source_arn: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(
        f"Unsupported starting position for arn type: {source_arn}"
    )
