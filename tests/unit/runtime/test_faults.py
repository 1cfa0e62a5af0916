"""What callers are told of failures, to the byte (semantics §2.2)."""

from __future__ import annotations

import pytest

from lambdad.runtime import faults
from lambdad.sandbox.driver import Exit


@pytest.mark.parametrize(
    ("end", "error_type", "text"),
    [
        (Exit(0, None), "Runtime.ExitError", "Runtime exited without providing a reason"),
        (Exit(1, None), "Runtime.ExitError", "Runtime exited with error: exit status 1"),
        (Exit(127, None), "Runtime.ExitError", "Runtime exited with error: exit status 127"),
        (Exit(None, 9), "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        (
            Exit(None, 11),
            "Runtime.ExitError",
            "Runtime exited with error: signal: segmentation fault",
        ),
        (
            Exit(None, 9, oom=True),
            "Runtime.OutOfMemory",
            "Runtime exited with error: signal: killed",
        ),
        (
            Exit(1, None, oom=True),
            "Runtime.OutOfMemory",
            "Runtime exited with error: signal: killed",
        ),
    ],
)
def test_exits(end: Exit, error_type: str, text: str) -> None:
    fault = faults.exited("id", end)
    expected = f'{{"errorType":"{error_type}","errorMessage":"RequestId: id Error: {text}"}}'
    assert fault.payload.decode() == expected
    assert (fault.error_type, fault.status) == (error_type, "error")


def test_timeout() -> None:
    fault = faults.timed_out("id", 1)
    assert fault.payload == (
        b'{"errorType":"Sandbox.Timedout",'
        b'"errorMessage":"RequestId: id Error: Task timed out after 1.00 seconds"}'
    )
    assert fault.status == "timeout"


def test_response_too_large() -> None:
    assert faults.response_too_large(6291556).payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size '
        b'(6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}'
    )


@pytest.mark.parametrize(
    ("posted", "logged"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.Unknown", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
        ("Runtime.X\nREPORT RequestId: forged", "Runtime.Unknown"),
    ],
)
def test_only_types_of_aws_reach_the_platform_log(posted: str, logged: str) -> None:
    assert faults.platform_error_type(posted) == logged


def test_an_error_of_the_handler_is_no_fault_of_the_platform() -> None:
    fault = faults.reported("ValueError", b"{}")
    assert (fault.status, fault.payload) == (None, b"{}")
