"""Durable executions as AWS's response shapes. Pure. A member that AWS does not send is absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.api.call import Result
from lambdad.engines.durable.change import Event
from lambdad.engines.durable.execution import Execution, Origin
from lambdad.engines.durable.shapes import present
from lambdad.engines.durable.timers import timeout_ms
from lambdad.functions.records import DurableSettings
from lambdad.services.lambda_.shapes import durable_config, instant


def summary(execution: Execution) -> Result:
    """Execution, as lists have it."""
    origin = execution.origin
    ended_ms = execution.ended_ms
    return present(
        {
            "DurableExecutionArn": origin.arn,
            "DurableExecutionName": origin.name,
            "FunctionArn": origin.function_arn,
            "Status": execution.status.value,
            "StartTimestamp": instant(origin.started_ms),
            "EndTimestamp": instant(ended_ms) if ended_ms is not None else None,
            "KMSKeyArn": origin.kms_key_arn,
        }
    )


def details(execution: Execution, with_data: bool) -> Result:
    """GetDurableExecutionResponse."""
    origin, data = execution.origin, {}
    if with_data:
        data = {
            "InputPayload": execution.root.input,
            "Result": execution.result,
            "Error": execution.error,
        }
    timeout = None if execution.status.closed else instant(timeout_ms(execution))
    shape = summary(execution)
    shape.pop("KMSKeyArn", None)
    return shape | present(
        {
            "Version": origin.version,
            "TraceHeader": {"XAmznTraceId": origin.trace_header} if origin.trace_header else None,
            "ExecutionDataIncluded": with_data,
            "DurableConfig": durable_config(_settings(origin)),
            "PauseDetails": _pause(execution, with_data),
            "ExpectedExecutionTimeoutTimestamp": timeout,
            **data,
        }
    )


def history_event(event: Event, with_data: bool) -> Result:
    """Event."""
    return present(
        {
            "EventType": event.type,
            "EventId": event.id,
            "EventTimestamp": instant(event.at_ms),
            "Id": event.operation_id,
            "Name": event.name,
            "SubType": event.sub_type,
            "ParentId": event.parent_id,
            f"{event.type}Details": {
                name: _detail(name, value, with_data) for name, value in event.details.items()
            },
        }
    )


def _detail(name: str, value: Any, with_data: bool) -> Any:
    if name.endswith("Timestamp"):
        return instant(value)
    if isinstance(value, Mapping) and "Truncated" in value and not with_data:
        return {"Truncated": True}
    return value


def _pause(execution: Execution, with_data: bool) -> Result | None:
    pause = execution.pause
    if pause is None:
        return None
    return present(
        {
            "PauseRequestTimestamp": instant(pause.asked_ms),
            "Reason": pause.reason if with_data else None,
            "ExecutionTimeoutPaused": pause.timeout_paused,
        }
    )


def _settings(origin: Origin) -> DurableSettings:
    return DurableSettings(origin.timeout_s, origin.retention_days, origin.kms_key_arn)
