"""The AWS API over HTTP: match, authenticate, parse, validate, dispatch, serialise.

The one place where errors become answers. A fault of ours is logged once, with the request id
that the client sees, and its details go nowhere else.
"""

from __future__ import annotations

import logging
import re

from lambdad.api.call import UNMODELLED_HEADERS, Call
from lambdad.api.dispatch import Dispatcher
from lambdad.core.errors import AwsError, ClientError, InternalFailure
from lambdad.core.ids import DEFAULT_REGION, RequestId, new_request_id
from lambdad.gateway.internal import InternalPages
from lambdad.gateway.origin import refuse_web_pages
from lambdad.gateway.own_api import PREFIX
from lambdad.iam.authenticate import STRANGER, UNSIGNED_OPERATIONS, Authenticator, Caller
from lambdad.iam.errors import Dialect
from lambdad.telemetry.audit import UNAUTHENTICATED, AuditLog, AuditRecord
from lambdad.wire.http import Request, Response
from lambdad.wire.routing import Match, Router
from lambdad.wire.served import FORM_PROTOCOLS

_log = logging.getLogger(__name__)
_CREDENTIAL = re.compile(r"Credential=(?P<key>\w{1,128})/", re.ASCII)
_FAULT_TEXT = "An internal error occurred. The server's log has it under this request id."


class ServiceException(AwsError):
    """What Lambda calls an internal failure."""

    code = "ServiceException"


class BadRequest(ClientError):
    """A request that is not proper HTTP."""

    code = "BadRequest"


class RequestTimeout(ClientError):
    code = "RequestTimeout"
    status = 408


class RequestEntityTooLargeException(ClientError):
    code = "RequestEntityTooLargeException"
    status = 413


class ExpectationFailed(ClientError):
    code = "ExpectationFailed"
    status = 417


class RequestHeaderSectionTooLarge(ClientError):
    code = "RequestHeaderSectionTooLarge"
    status = 431


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailable"
    status = 503


_REFUSALS: dict[int, type[AwsError]] = {
    error.status: error
    for error in (
        BadRequest,
        RequestTimeout,
        RequestEntityTooLargeException,
        ExpectationFailed,
        RequestHeaderSectionTooLarge,
        ServiceUnavailable,
    )
}


class Api:
    """The App (gateway/app.py) that speaks AWS.

    `open_to_anyone`: signatures are not checked, so web pages must be kept out otherwise."""

    def __init__(
        self,
        router: Router,
        authenticator: Authenticator,
        dispatcher: Dispatcher,
        pages: InternalPages,
        *,
        open_to_anyone: bool,
        audit: AuditLog | None = None,
    ) -> None:
        self._router = router
        self._authenticator = authenticator
        self._dispatcher = dispatcher
        self._pages = pages
        self._open_to_anyone = open_to_anyone
        self._audit = audit

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        request_id = new_request_id()
        match: Match | None = None
        try:
            if request.path.startswith(PREFIX):
                return await self._pages.serve(request)
            if self._open_to_anyone:
                refuse_web_pages(request)
            match = self._router.match(request)
            return await self._call(match, request, request_id)
        except AwsError as error:
            return self._error(match, request, error, request_id)
        except Exception:
            name = f"{match.service}:{match.operation}" if match else request.path
            _log.exception("%s failed, request id %s", name, request_id)
            kind = ServiceException if match and match.service == "lambda" else InternalFailure
            return self._error(match, request, kind(_FAULT_TEXT), request_id)

    def refuse(self, request: Request | None, status: int, message: str) -> Response:
        """The answer to a request that HTTP or a limit rules out."""
        request_id = new_request_id()
        match: Match | None = None
        if request is not None:
            try:
                match = self._router.match(request)
            except AwsError:
                match = None
        if match is not None and status == 413:
            message = f"{message} for the {match.operation} operation"
        error = _REFUSALS[status](message)
        unknown = Request("GET", "/", "", {})
        return self._error(match, request or unknown, error, request_id)

    async def _call(self, match: Match, request: Request, request_id: RequestId) -> Response:
        try:
            caller = self._identify(match, request)
        except AwsError as error:
            self._note_stranger(match, request, request_id, error)
            raise
        params = match.parse(request)
        match.validate(params)
        call = Call(
            account=caller.principal.account,
            region=caller.region,
            principal=caller.principal,
            request_id=request_id,
            endpoint=f"{_scheme(request)}://{request.headers.get('host', '')}",
            source_ip=request.peer,
            headers=request.headers,
        )
        result = await self._dispatcher.dispatch(match.service, match.operation, call, params)
        headers = result.pop(UNMODELLED_HEADERS, ())
        response = match.serialize(result, request_id)
        response.headers.extend(headers)
        return response

    def _identify(self, match: Match, request: Request) -> Caller:
        unsigned = (match.service, match.operation) in UNSIGNED_OPERATIONS
        if unsigned and "authorization" not in request.headers:
            return Caller(STRANGER, DEFAULT_REGION)
        dialect = _dialect(match)
        return self._authenticator.authenticate(request, match.signing_name, dialect)

    def _note_stranger(
        self, match: Match, request: Request, request_id: RequestId, error: AwsError
    ) -> None:
        if self._audit is None:
            return
        claimed = _CREDENTIAL.search(request.headers.get("authorization", ""))
        key = claimed["key"] if claimed else ""
        self._audit.note(
            AuditRecord(
                request_id, "", "", key, request.peer, "", match.service, match.operation,
                UNAUTHENTICATED, f"{error.code}: {error.message}",
            )
        )  # fmt: skip

    def _error(
        self, match: Match | None, request: Request, error: AwsError, request_id: RequestId
    ) -> Response:
        if match is not None:
            return match.serialize_error(error, request_id)
        return self._router.serialize_error(request, error, request_id)


def _scheme(request: Request) -> str:
    return "https" if request.secure else "http"


def _dialect(match: Match) -> Dialect:
    """Whose names errors of identity bear."""
    if match.service == "s3":
        return Dialect.S3
    return Dialect.QUERY if match.protocol in FORM_PROTOCOLS else Dialect.JSON
