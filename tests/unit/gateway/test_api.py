"""gateway/api.py, code.py, internal.py: a request's way to its operation, and errors on it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from lambdad.api.call import Call, Params, Result
from lambdad.api.dispatch import Dispatcher
from lambdad.api.operation import Handler, OperationName
from lambdad.core.clock import ManualClock
from lambdad.core.errors import AccessDeniedException, AwsError
from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.gateway.api import Api
from lambdad.gateway.code import CodeLinks
from lambdad.gateway.internal import InternalPages
from lambdad.iam.authenticate import (
    AccessKey,
    AnyCredentialsAuthenticator,
    SignatureAuthenticator,
    root_principal,
)
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.session import SessionCredentials, SessionIssuer
from lambdad.wire.http import Request, Response
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.routing import Router
from lambdad.wire.signing import Signer, SigningCredentials

ACCOUNT = AccountId("123456789012")
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SETTINGS = OperationName("lambda", "GetAccountSettings")
GET_SETTINGS = "/2016-08-19/account-settings/"


class RootOnly:
    """An Authorizer without policies."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        if call.principal.kind is not PrincipalKind.ROOT:
            raise AccessDeniedException(f"{call.principal.arn}: {name.service}:{name.operation}")
        return call


class Anyone:
    """An Authorizer that lets everybody in."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        return call


class Bench:
    """An Api over lambda and logs with scripted operations."""

    def __init__(self, folder: Path, *, open_to_anyone: bool = False) -> None:
        self.clock = ManualClock()
        self.sessions = SessionIssuer(bytes(32))
        self.links = CodeLinks(lambda digest: (folder / digest).open("rb"), self.clock)
        self.calls: list[tuple[Call, Params]] = []
        self.dispatcher = Dispatcher(Anyone() if open_to_anyone else RootOnly())
        keys = {KEY: AccessKey(SECRET, root_principal(ACCOUNT, KEY))}
        self.api = Api(
            Router(ServiceCatalog(), ["lambda", "logs"]),
            AnyCredentialsAuthenticator(self.sessions)
            if open_to_anyone
            else SignatureAuthenticator(keys, self.sessions, self.clock),
            self.dispatcher,
            InternalPages(self.links),
            open_to_anyone=open_to_anyone,
        )

    def serve(self, name: OperationName, answer: Result | Exception) -> None:
        async def operation(call: Call, params: Params) -> Result:
            self.calls.append((call, params))
            if isinstance(answer, Exception):
                raise answer
            return answer

        handlers: Mapping[OperationName, Handler] = {name: operation}
        self.dispatcher.serve(handlers)

    def ask(self, request: Request) -> Response:
        return asyncio.run(self.api.handle(request))

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        service: str = "lambda",
        headers: Mapping[str, str] = MappingProxyType({}),
        session: SessionCredentials | None = None,
    ) -> Request:
        request = Request(method, path, "", {"host": "localhost:4566", **headers}, body, "1.2.3.4")
        credentials = SigningCredentials(KEY, SECRET)
        if session is not None:
            credentials = SigningCredentials(
                session.access_key_id, session.secret_access_key, session.session_token
            )
        signer = Signer(credentials, "eu-west-1", service)
        request.headers |= signer.sign(request, self.clock.wall_ms() / 1000)
        return request


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def headers_of(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


def body_of(response: Response) -> dict[str, object]:
    assert isinstance(response.body, bytes)
    document: dict[str, object] = json.loads(response.body)
    return document


def test_a_signed_call_reaches_its_operation(bench: Bench) -> None:
    bench.serve(SETTINGS, {"AccountUsage": {"FunctionCount": 7}})
    response = bench.ask(bench.signed("GET", GET_SETTINGS))
    assert response.status == 200
    assert body_of(response) == {"AccountUsage": {"FunctionCount": 7}}
    call, params = bench.calls[0]
    assert params == {}
    assert (call.account, call.region) == (ACCOUNT, "eu-west-1")
    assert (call.endpoint, call.source_ip) == ("http://localhost:4566", "1.2.3.4")
    assert headers_of(response)["x-amzn-requestid"] == call.request_id


def test_identity_comes_before_the_operation(bench: Bench) -> None:
    bench.serve(SETTINGS, {})
    response = bench.ask(Request("GET", GET_SETTINGS, "", {"host": "h"}))
    assert response.status == 403
    assert headers_of(response)["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert bench.calls == []


def test_input_is_validated_before_the_operation(bench: Bench) -> None:
    bench.serve(OperationName("lambda", "CreateFunction"), {})
    response = bench.ask(bench.signed("POST", "/2015-03-31/functions", b"{}"))
    assert response.status == 400
    assert headers_of(response)["x-amzn-errortype"] == "ValidationException"
    assert bench.calls == []


def test_a_fault_is_logged_once_and_told_to_nobody(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.serve(SETTINGS, RuntimeError("the password is hunter2"))
    with caplog.at_level(logging.INFO):
        response = bench.ask(bench.signed("GET", GET_SETTINGS))
    assert response.status == 500
    headers = headers_of(response)
    assert headers["x-amzn-errortype"] == "ServiceException"
    assert b"hunter2" not in (response.body if isinstance(response.body, bytes) else b"")
    assert len(caplog.records) == 1
    assert headers["x-amzn-requestid"] in caplog.text
    assert "hunter2" in caplog.text


def test_faults_of_other_services_are_internal_failures(bench: Bench) -> None:
    bench.serve(OperationName("logs", "DescribeLogGroups"), RuntimeError("x"))
    request = bench.signed(
        "POST", "/", b"{}", service="logs",
        headers={"x-amz-target": "Logs_20140328.DescribeLogGroups"},
    )  # fmt: skip
    response = bench.ask(request)
    assert response.status == 500
    assert "InternalFailure" in str(headers_of(response)) + str(body_of(response))


def test_an_unservable_answer_is_a_fault_too(bench: Bench) -> None:
    bench.serve(SETTINGS, {"NoSuchMember": 1})
    assert bench.ask(bench.signed("GET", GET_SETTINGS)).status == 500


def test_operations_that_are_not_served_say_so(bench: Bench) -> None:
    response = bench.ask(bench.signed("GET", GET_SETTINGS))
    assert response.status == 404
    assert headers_of(response)["x-amzn-errortype"] == "UnknownOperationException"
    assert "GetAccountSettings" in str(body_of(response))
    assert bench.ask(bench.signed("GET", "/no/such/path")).status == 404


def test_who_is_known_may_still_be_denied(bench: Bench) -> None:
    bench.serve(OperationName("lambda", "GetFunction"), {})
    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    session = bench.sessions.issue(ACCOUNT, role, "fn", bench.clock.wall_ms() // 1000 + 60)
    response = bench.ask(bench.signed("GET", "/2015-03-31/functions/other", session=session))
    assert response.status == 403
    assert headers_of(response)["x-amzn-errortype"] == "AccessDeniedException"
    message = body_of(response)
    assert (message.get("Message") or message.get("message")) == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/fn: lambda:GetFunction"
    )
    assert bench.calls == []


def test_open_to_anyone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, open_to_anyone=True)
    bench.serve(SETTINGS, {})
    request = bench.signed("GET", GET_SETTINGS)
    request.headers["authorization"] = request.headers["authorization"][:-64] + "0" * 64
    assert bench.ask(request).status == 200
    request.headers["origin"] = "https://evil.example"
    assert bench.ask(request).status == 403
    del request.headers["origin"]
    request.headers["host"] = "evil.example"
    assert bench.ask(request).status == 403
    assert len(bench.calls) == 1


def test_too_large_a_body_is_refused_in_the_operations_words(bench: Bench) -> None:
    head = Request("POST", "/2015-03-31/functions", "", {"host": "h"})
    response = bench.api.refuse(head, 413, "Request must be smaller than 70167211 bytes")
    assert response.status == 413
    assert headers_of(response)["x-amzn-errortype"] == "RequestEntityTooLargeException"
    assert "Request must be smaller than 70167211 bytes for the CreateFunction operation" in str(
        body_of(response)
    )


@pytest.mark.parametrize("status", [400, 408, 413, 417, 431, 503])
def test_every_refusal_has_an_answer(bench: Bench, status: int) -> None:
    response = bench.api.refuse(None, status, "No.")
    assert response.status == status
    assert isinstance(response.body, bytes)
    assert "x-amzn-requestid" in headers_of(response)


def test_health(bench: Bench) -> None:
    response = bench.ask(Request("GET", "/_lambdad/health", "", {}))
    assert (response.status, body_of(response)) == (200, {"status": "ready"})
    assert bench.ask(Request("GET", "/_lambdad/other", "", {})).status == 404
    assert bench.ask(Request("POST", "/_lambdad/health", "", {})).status == 405


# Code downloads.


def call(endpoint: str = "http://h") -> Call:
    principal = root_principal(ACCOUNT, KEY)
    assert principal.kind is PrincipalKind.ROOT
    return Call(ACCOUNT, Region("eu-west-1"), principal, RequestId("r"), endpoint, "", {})


def download(bench: Bench, url: str) -> tuple[int, bytes]:
    path, _, query = url.removeprefix("http://h").partition("?")

    async def read() -> tuple[int, bytes]:
        response = await bench.api.handle(Request("GET", path, query, {}))
        if isinstance(response.body, bytes):
            return response.status, response.body
        body = b"".join([part async for part in response.body])
        assert headers_of(response)["content-length"] == str(len(body))
        return response.status, body

    return asyncio.run(read())


def test_code_is_downloaded_by_a_signed_url_for_ten_minutes(bench: Bench, tmp_path: Path) -> None:
    content = b"PK" + bytes(3_000_000)
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / digest).write_bytes(content)
    url = bench.links.url(digest, call())
    assert download(bench, url) == (200, content)
    bench.clock.advance(601)
    status, body = download(bench, url)
    assert status == 403
    assert b"Request has expired" in body


def test_no_other_url_opens_anything(bench: Bench, tmp_path: Path) -> None:
    (tmp_path.parent / "secret").write_text("secret")
    digest, other = "a" * 64, "b" * 64
    for name in (digest, other):
        (tmp_path / name).write_bytes(b"code")
    url = bench.links.url(digest, call())
    foreign = CodeLinks(lambda name: (tmp_path / name).open("rb"), bench.clock).url(digest, call())
    for forged in (
        url.replace(digest, other),
        url.replace(digest, "../secret"),
        url.replace(digest, "..%2Fsecret"),
        url.replace("Expires=1", "Expires=2"),
        url[:-1],
        url + "0",
        url.partition("?")[0],
        url.replace("Signature=", "Signature=%C3%A9"),
        foreign,
    ):
        assert download(bench, forged)[0] == 403, forged
    assert download(bench, url)[0] == 200


def test_deleted_code_is_not_found(bench: Bench) -> None:
    assert download(bench, bench.links.url("c" * 64, call()))[0] == 404


def test_an_aws_error_of_an_operation_is_its_answer(bench: Bench) -> None:
    class Teapot(AwsError):
        code = "Teapot"
        status = 418

    bench.serve(SETTINGS, Teapot("short and stout"))
    response = bench.ask(bench.signed("GET", GET_SETTINGS))
    assert response.status == 418
    assert headers_of(response)["x-amzn-errortype"] == "Teapot"
