"""SQS over plain HTTP, as no SDK speaks it any more and many programs still do: the query protocol,
and JSON with everything that boto3 hides. Requests are signed with botocore's signer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.server import REGION, LambdadServer

FORM = "application/x-www-form-urlencoded; charset=utf-8"
NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def xml(self) -> Any:
        """As nested lists of (tag, text or list), the request id left out."""
        root = ElementTree.fromstring(self.body)
        assert root.tag.startswith(NAMESPACE), root.tag
        return _plain(root)

    def error(self) -> tuple[int, str, str, str]:
        """Status, type, code and message of an XML error of the exact form that AWS sends."""
        tag, parts = self.xml()
        assert tag == "ErrorResponse"
        assert [name for name, _ in parts] == ["Error", "RequestId"]
        fields = dict(parts[0][1])
        assert list(fields) == ["Type", "Code", "Message", "Detail"]
        return self.status, fields["Type"], fields["Code"], fields["Message"]


def _plain(element: ElementTree.Element) -> tuple[str, Any]:
    tag = element.tag.removeprefix(NAMESPACE)
    children = [_plain(child) for child in element if child.tag != f"{NAMESPACE}ResponseMetadata"]
    return tag, children if len(element) else (element.text or "")


class Sqs:
    """Calls of one server with its root key, or with another one."""

    def __init__(self, server: LambdadServer, key: tuple[str, str] | None = None) -> None:
        self.endpoint = server.endpoint
        self._credentials = Credentials(*(key or server.root_key))

    def url(self, name: str, account: str = "000000000000") -> str:
        return f"{self.endpoint}/{account}/{name}"

    def query(
        self, action: str, fields: Mapping[str, str] | None = None, *,
        path: str = "/", host: str | None = None, method: str = "POST",
    ) -> Reply:  # fmt: skip
        """A call in the query protocol: a form, or with GET a query string."""
        form = urlencode({"Action": action, "Version": "2012-11-05", **(fields or {})})
        if method == "GET":
            return self._send("GET", f"{path}?{form}", b"", {}, host)
        return self._send("POST", path, form.encode(), {"content-type": FORM}, host)

    def json(self, operation: str, params: Mapping[str, Any], path: str = "/") -> Reply:
        """A call in awsJson 1.0."""
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{operation}",
        }
        return self._send("POST", path, json.dumps(params).encode(), headers, None)

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], host: str | None
    ) -> Reply:
        authority = urlsplit(self.endpoint).netloc
        named = {"Host": host or authority, **headers}
        request = AWSRequest(method, f"http://{named['Host']}{path}", named, body)
        SigV4Auth(self._credentials, "sqs", REGION).add_auth(request)
        connection = http.client.HTTPConnection(authority, timeout=30)
        try:
            connection.request(method, path, body, dict(request.headers.items()))
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, lower, response.read())
        finally:
            connection.close()
