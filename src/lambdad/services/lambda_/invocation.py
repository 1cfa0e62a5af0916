"""Invoke: the hot path. Nothing here touches storage, waits for a thread, or copies a payload."""

from __future__ import annotations

import asyncio
import base64
import binascii

import orjson

from lambdad.api.call import UNMODELLED_HEADERS, Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.ids import random_hex
from lambdad.functions.names import LATEST, refer
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    RequestTooLargeException,
    ResourceConflictException,
)
from lambdad.services.lambda_.jackson import complaint
from lambdad.services.lambda_.service import LambdaService, not_found

_UNPARSED = "Could not parse request body into json: Could not parse payload into json: "
_TRACE_CHARACTERS = 1024
_TRACE_HEADER = "X-Amzn-Trace-Id"
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
    if target is None:
        raise not_found(key.arn(qualifier or LATEST))
    trace = _trace_header(service, call)
    if kind == "DryRun":
        return {"StatusCode": 204, UNMODELLED_HEADERS: [(_TRACE_HEADER, trace)]}
    _check_ready(target)
    payload: bytes = params.get("Payload") or b""
    _check_size(service, kind, payload)
    if payload:
        await _check_json(payload)
    _check_modes(params)
    request = InvokeRequest(
        call.request_id,
        payload,
        key.arn(qualifier),
        _client_context(service, params),
        trace,
        kind == "RequestResponse" and params.get("LogType") == "Tail",
    )
    if kind == "Event":
        await service.async_invoker.accept(*key, qualifier, request)
        return {"StatusCode": 202, UNMODELLED_HEADERS: [(_TRACE_HEADER, trace)]}
    result = await service.invoker.invoke(target, request)
    answer: Result = {
        "StatusCode": 200,
        "Payload": result.payload,
        "ExecutedVersion": result.executed_version,
        UNMODELLED_HEADERS: [_REMAPPED, (_TRACE_HEADER, trace)],
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


def _check_ready(target: FunctionVersion) -> None:
    if target.state != "Active":
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {target.state}"
        )


def _check_size(service: LambdaService, kind: str, payload: bytes) -> None:
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


async def _check_json(payload: bytes) -> None:
    """A fast parser accepts in a microsecond what is good; only what it refuses is looked at
    again, in a thread, for what Jackson would say, which may be that it is good after all."""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        problem = await asyncio.to_thread(complaint, payload)
        if problem is not None:
            raise InvalidRequestContentException(_UNPARSED + problem) from None


def _check_modes(params: Params) -> None:
    """Durable execution and tenants come with later issues; no function asks for them yet."""
    if params.get("TenantId"):
        raise InvalidParameterValueException(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
            "from your request and try again."
        )
    if params.get("DurableExecutionName"):
        raise InvalidParameterValueException(
            "The invoked function is not a durable function. Remove the durable execution name "
            "from your request and try again."
        )


def _client_context(service: LambdaService, params: Params) -> str | None:
    """The client's JSON out of its base64."""
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


def _trace_header(service: LambdaService, call: Call) -> str:
    """The caller's trace, or a new one that nobody samples."""
    given = call.headers.get("x-amzn-trace-id", "")
    if given.startswith("Root=1-") and len(given) <= _TRACE_CHARACTERS:
        return given
    seconds = service.clock.wall_ms() // 1000
    return f"Root=1-{seconds:08x}-{random_hex()[:24]};Parent={random_hex()[:16]};Sampled=0"
