"""Event source mappings: Create, Get, Update, Delete, List.

Owns what a mapping's answer looks like and in which order AWS checks (semantics §4.1). What a
mapping is and does lives in `events/`. Mappings of streams, Kafka and MQ are refused until there
is a source of their kind; a new kind is one more entry of the sources that wiring hands over.
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import PARTITION
from lambdad.core.ids import new_uuid
from lambdad.core.value import replace
from lambdad.events.filter import DataKey
from lambdad.events.mapping import KIND, SQS_BATCH_SIZE, EventSourceMapping, State
from lambdad.events.source import SourceUnavailable
from lambdad.functions.names import refer
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.resolve import resolve
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
)
from lambdad.services.lambda_.event_source_rules import (
    SETTINGS,
    STREAMS,
    check_batching,
    check_parameters,
    filter_patterns,
    source_service,
    wanted,
)
from lambdad.services.lambda_.paging import page, page_items
from lambdad.services.lambda_.qualified import no_such_resource
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import check_tags
from lambdad.services.lambda_.shapes import instant

_ANY_DATA = DataKey("data")
"""By whose rules a pattern is checked where the source's own are not known."""


@operation("lambda", "CreateEventSourceMapping")
async def create_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    kind, arn = source_service(params), params.get("EventSourceArn") or ""
    check_parameters(params, kind, arn)
    source = service.mappings.source_of(arn)
    new = EventSourceMapping(
        id=new_uuid(),
        source_arn=arn,
        function_arn="",
        batch_size=SQS_BATCH_SIZE,
        window_s=0,
        enabled=True,
        state=State.CREATING,
        modified_ms=service.clock.wall_ms(),
        tags=params.get("Tags") or {},
    )
    new = replace(new, **wanted(params, SETTINGS))
    if kind == "sqs":
        check_batching(new.batch_size, new.window_s, arn)
    data = source.data if source else _ANY_DATA
    new = replace(new, filters=filter_patterns(params, data, service.limits))
    check_tags(new.tags, service.limits)
    new, target = _bound(service, call, new, params["FunctionName"])
    if source is None:
        raise _not_served(kind, arn)
    _check_source(service, new, target)
    async with service.resources.turn:
        _check_unique(service, call, new)
        await service.mappings.add(call.account, call.region, new)
    return _shape(call, new)


@operation("lambda", "GetEventSourceMapping")
async def get_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    return _shape(call, existing_mapping(service, call, params["UUID"]))


@operation("lambda", "UpdateEventSourceMapping")
async def update_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    """What is absent stays; what is given empty is cleared."""
    async with service.resources.turn:
        current = _changeable(service, call, params, "update")
        arn = current.source_arn
        source = service.mappings.source_of(arn)
        assert source is not None
        check_parameters(params, "sqs", arn)
        new = replace(current, **wanted(params, SETTINGS))
        check_batching(new.batch_size, new.window_s, arn)
        if params.get("FilterCriteria") is not None:
            new = replace(new, filters=filter_patterns(params, source.data, service.limits))
        if params.get("FunctionName"):
            new, target = _bound(service, call, new, params["FunctionName"])
            _check_source(service, new, target)
            _check_unique(service, call, new)
        return _shape(call, await service.mappings.change(call.account, call.region, current, new))


@operation("lambda", "DeleteEventSourceMapping")
async def delete_event_source_mapping(service: LambdaService, call: Call, params: Params) -> Result:
    async with service.resources.turn:
        current = _changeable(service, call, params, "delete")
        return _shape(call, await service.mappings.remove(call.account, call.region, current))


@operation("lambda", "ListEventSourceMappings")
async def list_event_source_mappings(service: LambdaService, call: Call, params: Params) -> Result:
    source, function = params.get("EventSourceArn"), None
    if params.get("FunctionName"):
        function = refer(call.account, call.region, params["FunctionName"]).arn
    return page(
        "EventSourceMappings",
        (
            mapping
            for mapping in service.mappings.every(
                call.account, call.region, params.get("Marker") or ""
            )
            if (not source or mapping.source_arn == source)
            and (function is None or mapping.function_arn == function)
        ),
        lambda mapping: mapping.id,
        lambda mapping: _shape(call, mapping),
        page_items(params, service.limits.mapping_list_items),
    )


def existing_mapping(service: LambdaService, call: Call, mapping_id: str) -> EventSourceMapping:
    """Raises ResourceNotFoundException."""
    mapping = service.mappings.get(call.account, call.region, mapping_id)
    if mapping is None:
        raise no_such_resource()
    return mapping


def _changeable(
    service: LambdaService, call: Call, params: Params, verb: str
) -> EventSourceMapping:
    """A mapping that is there to stay. A change under way is no obstacle: the new one follows."""
    mapping = existing_mapping(service, call, params["UUID"])
    if mapping.state == State.DELETING:
        raise ResourceInUseException(
            f"Cannot {verb} the event source mapping because it is in use."
        )
    return mapping


def _bound(
    service: LambdaService, call: Call, mapping: EventSourceMapping, function_name: str
) -> tuple[EventSourceMapping, FunctionVersion]:
    """The mapping to a function, named as the caller named it, and what it means now."""
    key, qualifier = refer(call.account, call.region, function_name)
    function = service.catalog.get(*key)
    target = resolve(function, qualifier, service.draw()) if function else None
    if target is None:
        raise InvalidParameterValueException("Function does not exist")
    return replace(mapping, function_arn=key.arn(qualifier)), target


def _check_source(
    service: LambdaService, mapping: EventSourceMapping, target: FunctionVersion
) -> None:
    if target.tenant_isolation:  # documented to be unsupported; the text is ours
        raise InvalidParameterValueException(
            "Event source mappings are not supported for functions with tenant isolation."
        )
    source = service.mappings.source_of(mapping.source_arn)
    assert source is not None
    try:
        source.check(mapping.source_arn, target)
    except SourceUnavailable as error:
        raise InvalidParameterValueException(error.message) from None


def _check_unique(service: LambdaService, call: Call, new: EventSourceMapping) -> None:
    """One mapping for a queue and a function, and not more mappings than this server takes."""
    count = 0
    for other in service.mappings.every(call.account, call.region):
        count += 1
        same = (other.source_arn, other.function_arn) == (new.source_arn, new.function_arn)
        if same and other.id != new.id:
            name = new.function[2]
            raise ResourceConflictException(
                f'An event source mapping with SQS arn (" {new.source_arn} ") and function '
                f'(" {name} ") already exists. Please update or delete the existing mapping with '
                f"UUID {other.id}"
            )
    if count > service.limits.event_source_mappings:
        raise InvalidParameterValueException(
            f"This account has {service.limits.event_source_mappings} event source mappings in "
            f"{call.region}, the most that this server takes."
        )


def _not_served(kind: str, arn: str) -> InvalidParameterValueException:
    if kind in STREAMS:
        return InvalidParameterValueException(f"Stream not found: {arn}")
    return InvalidParameterValueException(
        f"Event sources of the service {kind} are not supported: lambdad cannot read from them yet."
    )


def _shape(call: Call, mapping: EventSourceMapping) -> Result:
    """As AWS shows the mapping of a queue; optional parts only where they were set (recorded)."""
    answer: Result = {
        "UUID": mapping.id,
        "EventSourceMappingArn": (
            f"arn:{PARTITION}:lambda:{call.region}:{call.account}:{KIND}:{mapping.id}"
        ),
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": mapping.function_arn,
        "FunctionResponseTypes": list(mapping.response_types),
        "LastModified": instant(mapping.modified_ms),
        "State": mapping.state,
        "StateTransitionReason": mapping.reason,
        "KMSKeyArn": mapping.kms_key_arn,
    }
    if mapping.filters is not None:
        answer["FilterCriteria"] = {"Filters": [{"Pattern": each} for each in mapping.filters]}
    if mapping.maximum_concurrency is not None:
        answer["ScalingConfig"] = {"MaximumConcurrency": mapping.maximum_concurrency}
    if mapping.metrics is not None:
        answer["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    if mapping.pollers is not None:
        answer["ProvisionedPollerConfig"] = dict(mapping.pollers)
    if mapping.log_level is not None:
        answer["LoggingConfig"] = {"SystemLogLevel": mapping.log_level}
    return answer
