"""Callbacks of durable executions: whoever was asked for something says how it went."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.engines.durable import callbacks
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.checkpoint import check_error, within
from lambdad.engines.durable.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    callback_closed,
    invalid_callback,
)
from lambdad.engines.durable.execution import Execution, callback_reference
from lambdad.invoke.durable import Step
from lambdad.services.lambda_.durable_executions import execution_id
from lambdad.services.lambda_.service import LambdaService


@operation("lambda", "SendDurableExecutionCallbackSuccess")
async def send_durable_execution_callback_success(
    service: LambdaService, call: Call, params: Params
) -> Result:
    try:
        result = (params.get("Result") or b"").decode() or None
    except UnicodeDecodeError:
        raise InvalidParameterValueException("The result of a callback is UTF-8 text.") from None

    def step(found: Execution, now_ms: int) -> Change:
        change = callbacks.succeeded(found, params["CallbackId"], result, now_ms)
        return within(change, service.limits)

    return await _answer(service, call, params, step)


@operation("lambda", "SendDurableExecutionCallbackFailure")
async def send_durable_execution_callback_failure(
    service: LambdaService, call: Call, params: Params
) -> Result:
    error = params.get("Error") or {}
    check_error(error, service.limits)

    def step(found: Execution, now_ms: int) -> Change:
        change = callbacks.failed(found, params["CallbackId"], error, now_ms)
        return within(change, service.limits)

    return await _answer(service, call, params, step)


@operation("lambda", "SendDurableExecutionCallbackHeartbeat")
async def send_durable_execution_callback_heartbeat(
    service: LambdaService, call: Call, params: Params
) -> Result:
    def step(found: Execution, now_ms: int) -> Change:
        return callbacks.beaten(found, params["CallbackId"], now_ms)

    return await _answer(service, call, params, step)


def callback_arn(callback: str) -> str:
    """The ARN of the execution that a callback id speaks of. Raises
    InvalidParameterValueException for what is no callback id."""
    reference = callback_reference(callback)
    if reference is None:
        raise invalid_callback()
    return reference.execution_arn


async def _answer(service: LambdaService, call: Call, params: Params, step: Step) -> Result:
    """A callback of another account, or of an execution that is gone, is a closed one."""
    arn = callback_arn(params["CallbackId"])
    try:
        await service.durable.change(execution_id(call, arn), step)
    except ResourceNotFoundException:
        raise callback_closed() from None
    return {}
