"""Durable executions from outside: get, list, their history; stop, pause, resume, delete."""

from __future__ import annotations

import base64
from datetime import datetime

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.engines.durable import course
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.checkpoint import check_error
from lambdad.engines.durable.errors import no_such_execution
from lambdad.engines.durable.execution import Execution, Request
from lambdad.engines.durable.rows import HistoryQuery, Query
from lambdad.services.lambda_.durable_shapes import details, history_event, summary
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.qualified import must_exist
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.shapes import instant

_PAGE_ITEMS = 100
"""Where MaxItems is not given, or 0."""


@operation("lambda", "GetDurableExecution")
async def get_durable_execution(service: LambdaService, call: Call, params: Params) -> Result:
    execution = await _find(service, call, params)
    return details(execution, params.get("IncludeExecutionData", True))


@operation("lambda", "GetDurableExecutionHistory")
async def get_durable_execution_history(
    service: LambdaService, call: Call, params: Params
) -> Result:
    execution = await _find(service, call, params)
    marker = params.get("Marker")
    query = HistoryQuery(
        execution.id,
        _number(marker) if marker else None,
        params.get("MaxItems") or _PAGE_ITEMS,
        service.limits.durable_page_bytes,
        params.get("ReverseOrder", False),
    )
    page = await service.durable.store.history(query)
    with_data = params.get("IncludeExecutionData", True)
    answer: Result = {"Events": [history_event(event, with_data) for event in page.events]}
    if page.more:
        answer["NextMarker"] = str(page.events[-1].id)
    return answer


@operation("lambda", "ListDurableExecutionsByFunction")
async def list_durable_executions_by_function(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Newest first; ReverseOrder turns that round."""
    statuses = params.get("Statuses") or ()
    if len(statuses) > 1:
        raise InvalidParameterValueException("Cannot filter by more than one status")
    reference, record, _ = service.find(call, params["FunctionName"])
    qualifier = params.get("Qualifier") or reference.qualifier
    must_exist(reference.key, record, qualifier)
    alias = record.aliases.get(qualifier) if qualifier else None
    versions = alias.targets if alias else (qualifier,) if qualifier else None
    marker = params.get("Marker")
    query = Query(
        *reference.key,
        versions,
        params.get("DurableExecutionName"),
        statuses[0] if statuses else None,
        _epoch_ms(params.get("StartedAfter")),
        _epoch_ms(params.get("StartedBefore")),
        params.get("ReverseOrder", False),
        _position(marker) if marker else None,
    )
    most = params.get("MaxItems") or _PAGE_ITEMS
    found = await service.durable.store.page(query, most + 1)
    answer: Result = {"DurableExecutions": [summary(execution) for execution in found[:most]]}
    if len(found) > most:
        answer["NextMarker"] = _marker(found[most - 1])
    return answer


@operation("lambda", "StopDurableExecution")
async def stop_durable_execution(service: LambdaService, call: Call, params: Params) -> Result:
    """Of an execution that is over nothing changes; it is answered when that was."""
    error = params.get("Error")
    check_error(error, service.limits)
    execution = await _find(service, call, params)

    def step(found: Execution, now_ms: int) -> Change:
        return course.stopped(found, error, now_ms)

    stopped = await service.durable.change(execution.id, step)
    return {"StopTimestamp": instant(stopped.ended_ms or service.clock.wall_ms())}


@operation("lambda", "PauseDurableExecution")
async def pause_durable_execution(service: LambdaService, call: Call, params: Params) -> Result:
    execution = await _find(service, call, params)
    timeout_paused = params.get("ExecutionTimeoutPaused", True)

    def step(found: Execution, now_ms: int) -> Change:
        return course.paused(found, _request(params, now_ms, timeout_paused))

    await service.durable.change(execution.id, step)
    return {}


@operation("lambda", "ResumeDurableExecution")
async def resume_durable_execution(service: LambdaService, call: Call, params: Params) -> Result:
    execution = await _find(service, call, params)

    def step(found: Execution, now_ms: int) -> Change:
        return course.resumed(found, _request(params, now_ms))

    await service.durable.change(execution.id, step)
    return {}


@operation("lambda", "DeleteDurableExecution")
async def delete_durable_execution(service: LambdaService, call: Call, params: Params) -> Result:
    execution = await _find(service, call, params)
    await service.durable.delete(execution.id)
    return {"DeletionRequestTimestamp": instant(service.clock.wall_ms())}


def execution_id(call: Call, arn: str) -> str:
    """The id in the ARN of an execution of the caller's account, in this region.

    Raises ResourceNotFoundException for any other."""
    parsed = parse_arn(arn)
    if parsed is None or (parsed.account, parsed.region) != (call.account, call.region):
        raise no_such_execution()
    return parsed.resource.rpartition("/")[2]


def is_named(execution: Execution, arn: str) -> bool:
    """Whether the whole of an ARN is the execution's, its function included; the partition may be
    another one."""
    parsed, own = parse_arn(arn), parse_arn(execution.origin.arn)
    return parsed is not None and own is not None and parsed.resource == own.resource


async def _find(service: LambdaService, call: Call, params: Params) -> Execution:
    arn = params["DurableExecutionArn"]
    execution = await service.durable.get(execution_id(call, arn))
    if not is_named(execution, arn):
        raise no_such_execution()
    return execution


def _request(params: Params, now_ms: int, timeout_paused: bool = True) -> Request:
    return Request(params.get("ClientToken"), now_ms, params.get("Reason"), timeout_paused)


def _epoch_ms(moment: datetime | None) -> int | None:
    return round(moment.timestamp() * 1000) if moment is not None else None


def _marker(last: Execution) -> str:
    return base64.b64encode(f"{last.origin.started_ms}:{last.id}".encode()).decode()


def _position(marker: str) -> tuple[int, str]:
    try:
        started, _, identifier = base64.b64decode(marker, validate=True).decode().partition(":")
    except ValueError:
        raise _invalid_marker() from None
    return _number(started), identifier


def _number(marker: str) -> int:
    if not (marker.isascii() and marker.isdecimal() and len(marker) < 19):
        raise _invalid_marker()
    return int(marker)


def _invalid_marker() -> InvalidParameterValueException:
    return InvalidParameterValueException("Invalid Marker")
