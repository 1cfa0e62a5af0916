"""The event's headers; a caller cannot write headers of its own."""

from __future__ import annotations

from lambdad.core.ids import RequestId
from lambdad.runtime.event import head_of, payload_of
from lambdad.runtime.invocation import InvokeRequest

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f:live"


def test_exact_headers() -> None:
    request = InvokeRequest(RequestId("id"), b"[1]", ARN, trace_header="Root=1-2-3;Sampled=0")
    assert head_of(request, 1234, 3) == (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: application/json\r\n"
        b"Lambda-Runtime-Aws-Request-Id: id\r\n"
        b"Lambda-Runtime-Deadline-Ms: 1234\r\n"
        b"Lambda-Runtime-Invoked-Function-Arn: " + ARN.encode() + b"\r\n"
        b"Lambda-Runtime-Trace-Id: Root=1-2-3;Sampled=0\r\n"
        b"Content-Length: 3\r\n\r\n"
    )


def test_no_payload_is_an_empty_object() -> None:
    assert payload_of(InvokeRequest(RequestId("id"), b"", ARN)) == b"{}"


def test_line_breaks_cannot_end_a_header() -> None:
    context = '{\r\n"custom":\n1}\r\n\r\nLambda-Runtime-Deadline-Ms: 9'
    request = InvokeRequest(RequestId("id"), b"", ARN, context, trace_header="x\r\nEvil: 1")
    lines = head_of(request, 1, 2).split(b"\r\n")
    names = [line.partition(b":")[0].decode() for line in lines[1:] if line]
    assert names == [
        "Content-Type",
        "Lambda-Runtime-Aws-Request-Id",
        "Lambda-Runtime-Deadline-Ms",
        "Lambda-Runtime-Invoked-Function-Arn",
        "Lambda-Runtime-Trace-Id",
        "Lambda-Runtime-Client-Context",
        "Content-Length",
    ]
    assert lines[5] == b"Lambda-Runtime-Trace-Id: x  Evil: 1"
