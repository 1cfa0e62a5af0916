"""InvokeWithResponseStream: as Invoke, with the response as an event stream.

Owns the events: a PayloadChunk as soon as the function has written it, and InvokeComplete at the
end. What Invoke checks is checked by the same functions.
"""

from __future__ import annotations

import base64

from lambdad.api.call import UNMODELLED_HEADERS, Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions.names import LATEST, refer
from lambdad.invoke.placement import check_place
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.runtime.response_stream import ResponseStream
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.invocation import (
    TRACE_HEADER,
    check_json,
    check_ready,
    check_size,
    client_context,
    trace_header,
)
from lambdad.services.lambda_.service import LambdaService, not_found


@operation("lambda", "InvokeWithResponseStream")
async def invoke_with_response_stream(service: LambdaService, call: Call, params: Params) -> Result:
    """Answered when the response begins. A function that fails has an answer with status 200 and
    an InvokeComplete that says so (semantics §2.1)."""
    name, wanted = params["FunctionName"], params.get("Qualifier")
    key, qualifier = refer(call.account, call.region, name, wanted)
    function = service.catalog.get(*key)
    target = resolve(function, qualifier, service.draw()) if function is not None else None
    if function is None or target is None:
        raise not_found(key.arn(qualifier or LATEST))
    if target.durable is not None:
        raise InvalidParameterValueException("Durable functions do not support response streaming.")
    trace = service.loops.enter(trace_header(service, call), function)
    if params.get("InvocationType") == "DryRun":
        return {"StatusCode": 204, UNMODELLED_HEADERS: [(TRACE_HEADER, trace)]}
    check_ready(target)
    payload: bytes = params.get("Payload") or b""
    check_size(service, "RequestResponse", payload)
    if payload:
        await check_json(payload)
    tenant_id: str | None = params.get("TenantId")
    check_place(target, tenant_id)
    request = InvokeRequest(
        call.request_id,
        payload,
        key.arn(qualifier),
        client_context(service, params),
        trace,
        params.get("LogType") == "Tail",
        tenant_id,
    )
    stream = await service.invoker.stream(target, request)
    return {
        "StatusCode": 200,
        "ExecutedVersion": target.version,
        "EventStream": StreamEvents(stream),
        UNMODELLED_HEADERS: [(TRACE_HEADER, trace)],
    }


class StreamEvents:
    """The events of a response, one at a time."""

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream
        self._over = False

    def __aiter__(self) -> StreamEvents:
        return self

    async def __anext__(self) -> Result:
        if self._over:
            raise StopAsyncIteration
        async for chunk in self._stream:
            return {"PayloadChunk": {"Payload": chunk}}
        self._over = True
        outcome = self._stream.outcome
        return {"InvokeComplete": _completion(outcome) if outcome is not None else {}}

    async def aclose(self) -> None:
        """The client reads no further; the function goes on, as on AWS."""
        await self._stream.aclose()


def _completion(outcome: InvokeResult) -> Result:
    members: Result = {}
    if outcome.function_error is not None:
        members["ErrorCode"] = outcome.function_error
        members["ErrorDetails"] = outcome.payload.decode("utf-8", "replace")
    if outcome.log_tail is not None:
        members["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return members
