"""Invoking a durable function: an execution begins, and a synchronous caller waits for its end."""

from __future__ import annotations

from lambdad.api.call import Params, Result
from lambdad.core.value import Value
from lambdad.engines.durable.execution import Execution, ExecutionStatus
from lambdad.engines.durable.output import function_error
from lambdad.functions.records import DurableSettings
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.durable_chained import UNQUALIFIED
from lambdad.invoke.durable_start import Start
from lambdad.invoke.placement import check_place
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.service import LambdaService


class Beginning(Value):
    """A call of Invoke, checked."""

    target: FunctionVersion
    payload: bytes
    synchronous: bool
    trace_header: str


def check_invocable(
    service: LambdaService, settings: DurableSettings, qualifier: str | None, kind: str
) -> None:
    """Raises InvalidParameterValueException: an execution keeps to one version, which has to be
    named, and nobody waits longer than for any other function."""
    if qualifier is None:
        raise InvalidParameterValueException(UNQUALIFIED)
    if kind == "RequestResponse" and settings.timeout_s > service.limits.durable_synchronous_s:
        raise InvalidParameterValueException(
            "You cannot synchronously invoke a durable function with an executionTimeout greater "
            f"than {service.limits.durable_synchronous_s // 60} minutes."
        )


async def invoke_durable(service: LambdaService, params: Params, beginning: Beginning) -> Result:
    """Begin the execution, or find the one of the same name, and answer as Invoke does."""
    tenant_id: str | None = params.get("TenantId")
    check_place(beginning.target, tenant_id)
    start = Start(
        beginning.target,
        beginning.payload,
        beginning.synchronous,
        beginning.trace_header,
        params.get("DurableExecutionName"),
        tenant_id=tenant_id,
    )
    execution = await service.durable.begin(start)
    answer: Result = {"DurableExecutionArn": execution.origin.arn}
    if not beginning.synchronous:
        return answer | {"StatusCode": 202}
    return answer | _end(await service.durable.closed(execution.id))


def _end(execution: Execution) -> Result:
    answer: Result = {"StatusCode": 200, "ExecutedVersion": execution.origin.version}
    if execution.status is ExecutionStatus.SUCCEEDED:
        return answer | {"Payload": (execution.result or "null").encode()}
    return answer | {
        "Payload": function_error(execution.error or {}),
        "FunctionError": "Unhandled",
    }
