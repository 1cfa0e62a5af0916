"""The answer to a runtime's request for its next event (semantics §6.4). Pure."""

from __future__ import annotations

from lambdad.runtime.invocation import InvokeRequest

_EMPTY_EVENT = b"{}"
_NO_LINE_BREAKS = str.maketrans("\r\n", "  ")


def payload_of(request: InvokeRequest) -> bytes:
    """What the runtime gets as the event: the caller's bytes, or `{}` for none."""
    return request.payload or _EMPTY_EVENT


def head_of(request: InvokeRequest, deadline_ms: int, payload_bytes: int) -> bytes:
    """Status line and headers, blank line included. The caller chose some of the values: they
    cannot end a header."""
    optional = ""
    if request.trace_header:
        optional = f"Lambda-Runtime-Trace-Id: {_one_line(request.trace_header)}\r\n"
    if request.client_context:
        optional += f"Lambda-Runtime-Client-Context: {_one_line(request.client_context)}\r\n"
    if request.tenant_id:
        optional += f"Lambda-Runtime-Aws-Tenant-Id: {_one_line(request.tenant_id)}\r\n"
    return (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {request.invoked_arn}\r\n"
        f"{optional}Content-Length: {payload_bytes}\r\n\r\n"
    ).encode()


def _one_line(value: str) -> str:
    """The same, nearly always."""
    return value.translate(_NO_LINE_BREAKS) if "\n" in value or "\r" in value else value
