"""How an invocation can fail, and what its caller is told: error types and payloads.

Owns the texts of semantics §2.2, field order as recorded. Pure.
"""

from __future__ import annotations

import json
import re
import signal

from lambdad.core.value import Value
from lambdad.sandbox.driver import Exit

UNHANDLED = "Unhandled"
"""The one value of X-Amz-Function-Error that AWS sends today."""
OUT_OF_MEMORY = "Runtime.OutOfMemory"

_KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function|Sandbox)\.[A-Z][a-zA-Z]+")


class Fault(Value):
    """A failed run. `status` is the word of the log: `error` or `timeout`; None where the
    function itself reported the error, which AWS logs as a success of the platform."""

    error_type: str
    payload: bytes
    status: str | None


def reported(error_type: str, payload: bytes) -> Fault:
    """An error that the runtime posted for an invocation: its payload goes out unchanged."""
    return Fault(error_type, payload, None)


def init_reported(error_type: str, payload: bytes) -> Fault:
    """An error that the runtime posted for its init."""
    return Fault(platform_error_type(error_type), payload, "error")


def exited(request_id: str, end: Exit) -> Fault:
    """The runtime's process ended on its own."""
    if end.oom:
        return _fault(OUT_OF_MEMORY, request_id, _exit_text(Exit(None, signal.SIGKILL)))
    return _fault("Runtime.ExitError", request_id, _exit_text(end))


def timed_out(request_id: str, timeout_s: float) -> Fault:
    """The function used up its time."""
    fault = _fault("Sandbox.Timedout", request_id, f"Task timed out after {timeout_s:.2f} seconds")
    return Fault(fault.error_type, fault.payload, "timeout")


def response_too_large(limit_bytes: int) -> Fault:
    """The function returned more than a response may hold."""
    text = f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes)."
    error_type = "Function.ResponseSizeTooLarge"
    return Fault(error_type, _json(errorMessage=text, errorType=error_type), "error")


def extension_failed(error_type: str, request_id: str, reason: str) -> Fault:
    """An extension could not go on, and the environment cannot without it."""
    return _fault(error_type, request_id, reason)


def truncated(request_id: str) -> Fault:
    """The runtime hung up before the end of its response (type: AWS's runtime interface
    emulator)."""
    return _fault("Runtime.TruncatedResponse", request_id, "Response was truncated")


def invalid_response_mode(request_id: str) -> Fault:
    """The runtime asked for a response mode that does not exist."""
    return _fault("Runtime.InvalidResponseModeHeader", request_id, "Invalid function response mode")


def invalid_entrypoint(request_id: str, why: str) -> Fault:
    """There is nothing to start in the deployment package."""
    return _fault("Runtime.InvalidEntrypoint", request_id, why)


def platform_error_type(error_type: str) -> str:
    """The type as platform logs show it: one of AWS's, or Runtime.Unknown."""
    return error_type if _KNOWN_ERROR_TYPE.fullmatch(error_type) else "Runtime.Unknown"


def _exit_text(end: Exit) -> str:
    if end.signal is not None:
        name = (signal.strsignal(end.signal) or f"signal {end.signal}").lower()
        return f"Runtime exited with error: signal: {name}"
    if end.code:
        return f"Runtime exited with error: exit status {end.code}"
    return "Runtime exited without providing a reason"


def _fault(error_type: str, request_id: str, text: str) -> Fault:
    message = f"RequestId: {request_id} Error: {text}"
    return Fault(error_type, _json(errorType=error_type, errorMessage=message), "error")


def _json(**members: str) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
