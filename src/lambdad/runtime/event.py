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
        trace = request.trace_header.translate(_NO_LINE_BREAKS)
        optional = f"Lambda-Runtime-Trace-Id: {trace}\r\n"
    if request.client_context:
        context = request.client_context.translate(_NO_LINE_BREAKS)
        optional += f"Lambda-Runtime-Client-Context: {context}\r\n"
    if request.tenant_id:
        tenant = request.tenant_id.translate(_NO_LINE_BREAKS)
        optional += f"Lambda-Runtime-Aws-Tenant-Id: {tenant}\r\n"
    return (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {request.invoked_arn}\r\n"
        f"{optional}Content-Length: {payload_bytes}\r\n\r\n"
    ).encode()
