"""Calling function URLs: by plain HTTP on a connection of one's own, host and path as one says."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from support.lambda_client import make_code
from support.server import LambdadServer

ECHO = "def handler(event, context):\n    return event\n"
"""Answers with its event."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    """Without Date, Connection and the two of every invocation."""
    body: bytes
    request_id: str
    trace: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(server: LambdadServer) -> http.client.HTTPConnection:
    """To the server, whatever its URLs are called."""
    return http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=60)


def ask(
    server: LambdadServer,
    url: str,
    target: str = "/",
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request to a function URL, in the form in which the URL is given."""
    parts = urlsplit(url)
    connection = connect(server)
    sent = {"Host": parts.netloc, **(headers or {})}
    try:
        connection.request(method, parts.path.rstrip("/") + target, body, sent)
        response = connection.getresponse()
        received = response.read()
    finally:
        connection.close()
    every = response.getheaders()
    named = dict(every)
    ours = ("Date", "Connection", "x-amzn-RequestId", "X-Amzn-Trace-Id")
    return Answer(
        response.status,
        [pair for pair in every if pair[0] not in ours],
        received,
        named.get("x-amzn-RequestId", ""),
        named.get("X-Amzn-Trace-Id", ""),
    )


def allow_everyone(client: Any, name: str, qualifier: str | None = None) -> None:
    """What a URL of AuthType NONE needs since October 2025."""
    more = {"Qualifier": qualifier} if qualifier else {}
    client.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
        FunctionUrlAuthType="NONE", **more,
    )  # fmt: skip
    client.add_permission(
        FunctionName=name, StatementId="url-invoke", Action="lambda:InvokeFunction",
        Principal="*", InvokedViaFunctionUrl=True, **more,
    )  # fmt: skip


def public_url(client: Any, source: str = ECHO, **changes: Any) -> tuple[str, str]:
    """A Python function that everybody may call: its name and its URL. `changes` are parameters
    of CreateFunction, and of CreateFunctionUrlConfig (Cors, InvokeMode)."""
    setting = {each: changes.pop(each) for each in ("Cors", "InvokeMode") if each in changes}
    name = make_code(client, source, **changes)
    allow_everyone(client, name)
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE", **setting)
    return name, made["FunctionUrl"]


def path_form(server: LambdadServer, url: str) -> str:
    """The same URL for clients that cannot resolve its name."""
    url_id = urlsplit(url).netloc.partition(".")[0]
    return f"{server.endpoint}/_lambdad/url/{url_id}/"
