"""What every runtime does alike, in real environments through the invoker.

Each case sends the same events to a program of each family (`tests/support/runtimes`). Expected
answers are AWS's; where families differ, `tests/support/runtimes_under_test.py` says how.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.invoker import InvokeResult
from support.functions import make_request
from support.runtimes_under_test import NOT_TRIED

from .conftest import Subject

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
RESPONSE_LIMIT_BYTES = 6_291_556


@pytest.mark.parametrize("name", NOT_TRIED)
def test_what_this_run_leaves_out(name: str) -> None:
    pytest.skip(NOT_TRIED[name])


def error_of(result: InvokeResult) -> dict[str, Any]:
    """The payload of a run that failed."""
    assert result.function_error == "Unhandled", result.payload
    error: dict[str, Any] = json.loads(result.payload)
    return error


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1.5, 2**53, "", "häuser 🏠", 'quoted "text" \\ / \n'),
        *([], {}, {"a": [{"b": 1}, [None, 2.5]], "ü": {"": ""}}, "x" * 100_000),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_event_comes_back(subject: Subject, standing: FunctionVersion, value: object) -> None:
    assert subject.answer(standing, "echo", value=value) == value


def test_the_context(subject: Subject, standing: FunctionVersion) -> None:
    request = make_request(
        standing,
        {"do": "context"},
        invoked_arn=f"{standing.arn}:live",
        client_context='{"custom": {"k": "v"}}',
        trace_header=TRACE,
    )
    result = subject.send(standing, request)
    seen = json.loads(result.payload)
    stream, left_ms = seen.pop("stream"), seen.pop("left")
    assert seen == {
        "requestId": request.request_id,
        "arn": f"{standing.arn}:live",
        "name": standing.name,
        "version": "$LATEST",
        "memory": str(subject.runtime.memory_mib),
        "group": f"/aws/lambda/{standing.name}",
        "trace": TRACE,
        "client": "v",
    }
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    assert 0 < left_ms <= 20_000


def test_where_it_runs(subject: Subject, standing: FunctionVersion) -> None:
    variables = {
        "LAMBDA_TASK_ROOT": "/var/task",
        "_HANDLER": subject.runtime.handler,
        "MINE": "häuser",
    }
    if not subject.runtime.runtime.startswith("provided"):
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{subject.runtime.runtime}"
    assert subject.answer(standing, "place") == {
        "cwd": "/var/task",
        "writable": False,
        "variables": variables,
    }


def test_its_process_was_started_ahead_where_that_is_tried(subject: Subject) -> None:
    if not subject.runtime.runtime.startswith("nodejs"):
        pytest.skip("only Node.js can be started ahead")
    version = subject.version()
    assert subject.answer(version, "began") is not bool(subject.runtime.stems)
    subject.end(version)


def test_what_it_prints_is_in_the_log(subject: Subject) -> None:
    version = subject.version()
    assert subject.answer(version, "log") is None
    text = subject.bench.log.text(version.name)
    parts = [text.index(part) for part in ("START ", "a line of the function", "END ", "REPORT ")]
    assert parts == sorted(parts)
    subject.end(version)


def test_an_error_of_the_function(subject: Subject) -> None:
    version = subject.version()
    error_type, members = subject.runtime.error
    for cold in (True, False):
        result = subject.invoke(version, "fail")
        error = error_of(result)
        assert tuple(error) == members
        assert (error["errorType"], error["errorMessage"]) == (error_type, "on purpose")
        assert (result.init_ms is not None) is cold
    assert subject.answer(version, "echo", value=1) == 1
    subject.end(version)


def test_an_error_in_init(subject: Subject) -> None:
    version = subject.version(environment={"INIT": "fail"})
    error = error_of(subject.invoke(version, "echo", value=1))
    error_type, message = subject.runtime.init_error
    assert error["errorType"] == error_type
    assert error["errorMessage"].endswith(message)
    subject.end(version)


def test_an_exit_in_init(subject: Subject) -> None:
    version = subject.version(environment={"INIT": "exit"})
    request = make_request(version, {"do": "echo", "value": 1})
    error = error_of(subject.send(version, request))
    text = "Runtime exited with error: exit status 9"
    assert error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request.request_id} Error: {text}",
    }
    subject.end(version)


def test_a_handler_that_is_not_there(subject: Subject, tmp_path: Path) -> None:
    handler, error_type, message = subject.runtime.missing
    if handler:
        version = subject.version(handler=handler)
    else:
        tmp_path.chmod(0o755)
        version = subject.version(tmp_path)
    error = error_of(subject.invoke(version, "echo", value=1))
    assert error["errorType"] == error_type
    assert error["errorMessage"].endswith(message)
    subject.end(version)


def test_a_timeout(subject: Subject) -> None:
    version = subject.version(timeout_s=2)
    assert subject.answer(version, "echo", value=1) == 1
    request = make_request(version, {"do": "sleep"})
    result = subject.send(version, request)
    assert error_of(result) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request.request_id} Error: Task timed out after 2.00 seconds",
    }
    assert result.init_ms is None
    subject.end(version)


def test_an_exit(subject: Subject) -> None:
    version = subject.version()
    request = make_request(version, {"do": "exit"})
    text = "Runtime exited with error: exit status 7"
    assert error_of(subject.send(version, request)) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request.request_id} Error: {text}",
    }
    assert subject.answer(version, "echo", value=1) == 1
    subject.end(version)


def test_too_much_memory(subject: Subject) -> None:
    version = subject.version(timeout_s=30)
    error = error_of(subject.invoke(version, "hoard"))
    assert error["errorType"] == subject.runtime.out_of_memory
    if error["errorType"] == "Runtime.OutOfMemory":
        text = "Error: Runtime exited with error: signal: killed"
        assert error["errorMessage"].endswith(text)
    assert subject.answer(version, "count") == {"memory": 1, "file": 1}
    subject.end(version)


def test_the_largest_response_and_one_larger(subject: Subject) -> None:
    version = subject.version(memory_mib=512)
    result = subject.invoke(version, "large", bytes=RESPONSE_LIMIT_BYTES)
    assert result.function_error is None
    assert result.payload == b'"' + b"x" * (RESPONSE_LIMIT_BYTES - 2) + b'"'
    assert error_of(subject.invoke(version, "large", bytes=RESPONSE_LIMIT_BYTES + 1)) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({RESPONSE_LIMIT_BYTES} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert subject.answer(version, "echo", value=1) == 1
    subject.end(version)


def test_memory_and_tmp_last_from_one_run_to_the_next(subject: Subject) -> None:
    version = subject.version()
    for number in (1, 2, 3):
        assert subject.answer(version, "count") == {"memory": number, "file": number}
    subject.end(version)


def test_layers_are_merged_in_order(subject: Subject, tmp_path: Path) -> None:
    library = dict(subject.runtime.layer)
    first = layer(tmp_path / "first", {"text": "lower", "lower": "only"} | library)
    second = layer(tmp_path / "second", {"text": "upper"})
    jar = subject.package / "greeting.jar"
    if jar.is_file():
        (first / "java/lib").mkdir(parents=True)
        (first / "java/lib/greeting.jar").write_bytes(jar.read_bytes())
    version = subject.version(layer_dirs=(first, second))
    assert subject.answer(version, "read", path="/opt/text") == "upper"
    assert subject.answer(version, "read", path="/opt/lower") == "only"
    assert subject.answer(version, "layer") == "from the layer"
    subject.end(version)


def layer(folder: Path, files: dict[str, str]) -> Path:
    """An unpacked layer."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return folder


def test_a_streamed_response(subject: Subject) -> None:
    handler = subject.runtime.stream_handler
    if handler is None:
        pytest.skip("its client cannot stream, or only HTTP responses")
    version = subject.version(handler=handler)
    content_type, body, outcome = subject.stream(version, "stream")
    assert (body, outcome.function_error) == (b"first second", None)
    assert content_type == subject.runtime.stream_type
    if subject.runtime.breaks_streams:
        _, body, outcome = subject.stream(version, "break")
        assert body == b"first "
        error = error_of(outcome)
        assert error["errorType"] == subject.runtime.error[0]
        assert error["errorMessage"] == "on purpose"
    subject.end(version)
