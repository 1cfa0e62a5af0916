"""Answers at function URLs: from a request to an invocation and back, and every way it can end.

Owns the order of things: which function, CORS, may they, is it small enough, invoke, answer. What
each of them means is its own module's. As on the path of Invoke there is no SQL and no thread
here; the event is made once, and a buffered result read once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import RequestId, new_request_id
from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.functions.snapshot import FunctionVersion
from lambdad.functions.url_addresses import UrlAddress, domain_of
from lambdad.gateway.function_urls import refusals
from lambdad.gateway.function_urls.authorization import Doorkeeper
from lambdad.gateway.function_urls.confinement import confine, keep_to_host
from lambdad.gateway.function_urls.cors import CORS_PREFIX, CorsRules, is_preflight
from lambdad.gateway.function_urls.event import Circumstances, event_of
from lambdad.gateway.function_urls.index import Endpoint, UrlIndex
from lambdad.gateway.function_urls.response import InvalidResult, response_of
from lambdad.gateway.function_urls.streaming import Stream, streamed_response
from lambdad.iam.principal import Principal
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.lineage import is_trace, new_trace
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.wire.http import Request, Response

_log = logging.getLogger(__name__)
_TRACE = "x-amzn-trace-id"


class Invoker(Protocol):
    """Runs versions, durable ones too (`invoke/durable_invoker.py`)."""

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult: ...

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> Stream: ...


class Runs(Value):
    """How functions are run."""

    invoker: Invoker
    loops: LoopGuard
    draw: Callable[[], float]
    """A random number in [0, 1): which version a weighted alias means this time."""


class FunctionUrls:
    """Everything behind function URLs."""

    def __init__(
        self, index: UrlIndex, doorkeeper: Doorkeeper, runs: Runs, clock: Clock, limits: Limits
    ) -> None:
        self._index = index
        self._doorkeeper = doorkeeper
        self._runs = runs
        self._clock = clock
        self._limits = limits

    async def handle(self, request: Request, address: UrlAddress) -> Response:
        """Answer one request at `address`. Never raises."""
        request_id = new_request_id()
        trace = self._trace(request)
        endpoint = self._index.find(address)
        try:
            if endpoint is None:
                response = refusals.refused(refusals.UnknownUrl())
            elif endpoint.cors is not None and is_preflight(request):
                response = Response(200, endpoint.cors.preflight(request))
            else:
                response = await self._invoke(endpoint, request, address, request_id, trace)
        except TooManyRequestsException:
            response = refusals.throttled()
        except AwsError as error:
            response = refusals.refused(error) if error.fault == "client" else refusals.failed()
        except Exception:
            _log.exception("function URL %s failed, request id %s", address.url_id, request_id)
            response = refusals.failed()
        if endpoint is not None and endpoint.cors is not None and not is_preflight(request):
            _apply_cors(response, endpoint.cors, request)
        if address.prefix:
            confine(response, address.prefix)
        response.headers += [("x-amzn-RequestId", request_id), ("X-Amzn-Trace-Id", trace)]
        return response

    async def _invoke(
        self,
        endpoint: Endpoint,
        request: Request,
        address: UrlAddress,
        request_id: RequestId,
        trace: str,
    ) -> Response:
        """Raises AwsError."""
        caller = self._doorkeeper.admit(endpoint, request, request_id)
        runs = self._runs
        target = resolve(endpoint.function, endpoint.qualifier or None, runs.draw())
        if target is None:
            raise refusals.Forbidden  # Its alias is gone (semantics, quirk 22).
        if target.state != "Active":
            return refusals.failed()
        event = self._event(endpoint, request, address, caller, (request_id, trace))
        if len(event) > self._limits.request_payload_bytes:
            raise refusals.TooLarge(self._limits.request_payload_bytes)
        run = runs.loops.enter(trace, endpoint.function)
        asked = InvokeRequest(request_id, event, endpoint.arn, trace_header=run)
        try:
            # A durable execution has no stream, and its result is an answer as any other.
            if endpoint.url.invoke_mode == "RESPONSE_STREAM" and target.durable is None:
                stream = await runs.invoker.stream(target, asked)
                response = await streamed_response(stream, self._limits)
            else:
                result = await runs.invoker.invoke(target, asked)
                if result.function_error is not None:
                    return refusals.failed()
                response = response_of(result.payload)
        except InvalidResult as error:
            _log.info("%s: %s, request id %s", endpoint.arn, error, request_id)
            return refusals.failed()
        if not address.prefix:
            keep_to_host(response, request.headers["host"].partition(":")[0].lower())
        return response

    def _event(
        self,
        endpoint: Endpoint,
        request: Request,
        address: UrlAddress,
        caller: Principal | None,
        ids: tuple[RequestId, str],
    ) -> bytes:
        url_id = address.url_id
        host = request.headers.get("host", "")
        domain = domain_of(host, url_id, endpoint.region, by_host=not address.prefix)
        request_id, trace = ids
        return event_of(
            request,
            Circumstances(
                url_id, domain, address.path, request_id, trace, self._clock.wall_ms(), caller
            ),
        )

    def refuse(self, status: int, message: str) -> Response:
        """The answer to a request that HTTP or a limit of the server rules out."""
        if status == 413:
            return refusals.refused(refusals.TooLarge(self._limits.request_payload_bytes))
        return refusals.plain(status, message)

    def _trace(self, request: Request) -> str:
        """The caller's trace, or a new one that nobody samples."""
        given = request.headers.get(_TRACE, "")
        return given if is_trace(given) else new_trace(self._clock.wall_ms() // 1000)


def _apply_cors(response: Response, rules: CorsRules, request: Request) -> None:
    """The setting's headers instead of the function's own."""
    kept = [pair for pair in response.headers if not pair[0].lower().startswith(CORS_PREFIX)]
    response.headers = kept + rules.actual(request)
