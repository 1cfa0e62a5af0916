"""Trying a filter pattern on sample messages."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.services.logs.errors import aws_errors
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_pattern import compile_pattern


@operation("logs", "TestMetricFilter")
async def try_metric_filter(service: LogsService, call: Call, params: Params) -> Result:
    """Events are numbered from 0 (examples of the API reference)."""
    with aws_errors():
        pattern = compile_pattern(params["filterPattern"])
    return {
        "matches": [
            {
                "eventNumber": number,
                "eventMessage": message,
                "extractedValues": pattern.extract(message),
            }
            for number, message in enumerate(params["logEventMessages"])
            if pattern.matches(message)
        ]
    }


OPERATIONS: tuple[Implementation, ...] = (try_metric_filter,)
