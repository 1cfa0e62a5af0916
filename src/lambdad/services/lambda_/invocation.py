"""Invoke: the hot path. Nothing here touches storage, waits for a thread, or copies a payload."""

from __future__ import annotations

import asyncio
import base64
import binascii

import orjson

from lambdad.api.call import UNMODELLED_HEADERS, Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions.names import LATEST, refer
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.lineage import is_trace, new_trace
from lambdad.invoke.placement import check_place
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest
from lambdad.services.lambda_.durable_invocation import (
    Beginning,
    check_invocable,
    invoke_durable,
)
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    RequestTooLargeException,
    ResourceConflictException,
)
from lambdad.services.lambda_.jackson import complaint
from lambdad.services.lambda_.service import LambdaService, not_found

_UNPARSED = "Could not parse request body into json: Could not parse payload into json: "
TRACE_HEADER = "X-Amzn-Trace-Id"
_REMAPPED = ("x-amzn-Remapped-Content-Length", "0")


@operation("lambda", "Invoke")
async def invoke(service: LambdaService, call: Call, params: Params) -> Result:
    """Run a function and answer with what it returns, or accept an event for it, or only say
    that it could be called. Semantics §2.1."""
    kind = params.get("InvocationType", "RequestResponse")
    key, qualifier = refer(
        call.account, call.region, params["FunctionName"], params.get("Qualifier")
    )
    function = service.catalog.get(*key)
    target = resolve(function, qualifier, service.draw()) if function is not None else None
    if function is None or target is None:
        raise not_found(key.arn(qualifier or LATEST))
    durable = target.durable
    if durable is not None:
        check_invocable(service, durable, qualifier, kind)
    trace = trace_header(service, call)
    if kind == "RequestResponse" or (durable is not None and kind == "Event"):
        # Other events are counted when they run.
        trace = service.loops.enter(trace, function)
    if kind == "DryRun":
        return {"StatusCode": 204, UNMODELLED_HEADERS: [(TRACE_HEADER, trace)]}
    check_ready(target)
    payload: bytes = params.get("Payload") or b""
    check_size(service, kind, payload)
    if payload:
        await check_json(payload)
    if durable is not None:
        beginning = Beginning(target, payload, kind == "RequestResponse", trace)
        answer = await invoke_durable(service, params, beginning)
        headers = [(TRACE_HEADER, trace)]
        return answer | {UNMODELLED_HEADERS: headers if kind == "Event" else [_REMAPPED, *headers]}
    tenant_id: str | None = params.get("TenantId")
    if tenant_id is not None or target.tenant_isolation or target.capacity_provider is not None:
        check_place(target, tenant_id)
    _check_modes(params)
    request = InvokeRequest(
        call.request_id,
        payload,
        key.arn(qualifier),
        client_context(service, params),
        trace,
        kind == "RequestResponse" and params.get("LogType") == "Tail",
        tenant_id,
    )
    if kind == "Event":
        await service.async_invoker.accept(*key, qualifier, request)
        return {"StatusCode": 202, UNMODELLED_HEADERS: [(TRACE_HEADER, trace)]}
    result = await service.invoker.invoke(target, request)
    answer = {
        "StatusCode": 200,
        "Payload": result.payload,
        "ExecutedVersion": result.executed_version,
        UNMODELLED_HEADERS: [_REMAPPED, (TRACE_HEADER, trace)],
    }
    if result.function_error is not None:
        answer["FunctionError"] = result.function_error
    if result.log_tail is not None:
        answer["LogResult"] = base64.b64encode(result.log_tail).decode()
    return answer


@operation("lambda", "InvokeAsync")
async def invoke_async(service: LambdaService, call: Call, params: Params) -> Result:
    """The way to send events before there was an invocation type; what it takes is the same."""
    event = {
        "FunctionName": params["FunctionName"],
        "InvocationType": "Event",
        "Payload": params["InvokeArgs"],
    }
    answer = await invoke(service, call, event)
    return {"Status": answer["StatusCode"]}


def check_ready(target: FunctionVersion) -> None:
    """Raises ResourceConflictException."""
    if target.state != "Active":
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {target.state}"
        )


def check_size(service: LambdaService, kind: str, payload: bytes) -> None:
    """Raises RequestTooLargeException."""
    if kind == "Event":
        limit = service.limits.async_payload_bytes
        if len(payload) > limit:
            raise RequestTooLargeException(
                f"{len(payload)} byte payload is too large for the Event invocation type "
                f"(limit {limit} bytes)"
            )
    elif len(payload) > service.limits.request_payload_bytes:
        raise RequestTooLargeException(
            f"Request must be smaller than {service.limits.request_payload_bytes} bytes for the "
            "InvokeFunction operation"
        )


async def check_json(payload: bytes) -> None:
    """A fast parser accepts in a microsecond what is good; only what it refuses is looked at
    again, in a thread, for what Jackson would say, which may be that it is good after all. Raises
    InvalidRequestContentException."""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        problem = await asyncio.to_thread(complaint, payload)
        if problem is not None:
            raise InvalidRequestContentException(_UNPARSED + problem) from None


def _check_modes(params: Params) -> None:
    if params.get("DurableExecutionName"):
        raise InvalidParameterValueException(
            "The invoked function is not a durable function. Remove the durable execution name "
            "from your request and try again."
        )


def client_context(service: LambdaService, params: Params) -> str | None:
    """The client's JSON out of its base64. Raises InvalidRequestContentException."""
    encoded: str | None = params.get("ClientContext")
    if not encoded:
        return None
    try:
        if len(encoded) > service.limits.client_context_bytes:
            raise ValueError("too long")
        decoded = base64.b64decode(encoded, validate=True)
        if not isinstance(orjson.loads(decoded), dict):
            raise TypeError("no object")
    except (ValueError, TypeError, binascii.Error):
        raise InvalidRequestContentException(
            "Client context must be a valid Base64-encoded JSON object."
        ) from None
    return decoded.decode()


def trace_header(service: LambdaService, call: Call) -> str:
    """The caller's trace, or a new one."""
    given = call.headers.get("x-amzn-trace-id", "")
    return given if is_trace(given) else new_trace(service.clock.wall_ms() // 1000)
