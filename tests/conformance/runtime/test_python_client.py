"""`guest/python/runtime_client.py` against the compiled module that it stands for: the same calls,
with the same answers from the Runtime API, send the same requests and come to the same results.

Each call runs in a process of its own, because the compiled module holds the interpreter's lock
while it posts, and because some answers make it crash."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

OURS = Path(__file__).parents[3] / "src" / "lambdad" / "guest" / "python"
_SPEC = importlib.util.find_spec("runtime_client")
assert _SPEC is not None
assert _SPEC.origin is not None
COMPILED = Path(_SPEC.origin)
ID = "3f2c1d4e-0000-4000-8000-000000000001"
EVENT = (
    b"Content-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: " + ID.encode() + b"\r\n"
    b"Lambda-Runtime-Deadline-Ms: 1700000000123\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n"
)
PROGRAM = """
import runtime_client
assert runtime_client.__spec__.origin == {origin!r}
runtime_client.initialize_client("aws-lambda-python/3.11.7-4.2.2")
for call, arguments in {calls!r}:
    try:
        print(repr(getattr(runtime_client, call)(*arguments)))
    except RuntimeError as error:
        print("RuntimeError:", error)
"""


def answer(status: int, headers: bytes = b"", body: bytes = b"") -> bytes:
    """A whole response."""
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


class Seen(NamedTuple):
    """What came of some calls."""

    requests: list[tuple[str, dict[str, str], bytes]]
    """Request line, headers and body."""
    output: str


def run(module: Path, calls: list[tuple[str, tuple]], answers: list[bytes]) -> Seen:
    """Make the calls, one answer each; an empty one hangs up."""
    requests: list[tuple[str, dict[str, str], bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=serve, args=(listener, answers, requests), daemon=True).start()
        program = PROGRAM.format(origin=str(module), calls=calls)
        done = subprocess.run(
            [sys.executable, "-S"],
            input=program,
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": address, "PYTHONPATH": str(module.parent)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    requests = [(line, {**headers, "host": ""}, body) for line, headers, body in requests]
    return Seen(requests, re.sub(r"\[\d{13}\]", "[epoch ms]", done.stdout))


def serve(
    listener: socket.socket,
    answers: list[bytes],
    requests: list[tuple[str, dict[str, str], bytes]],
) -> None:
    waiting = list(answers)
    while waiting:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline().decode().strip():
                headers = {}
                while header := stream.readline().decode("latin-1").strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0)))
                requests.append((line, headers, body))
                data = waiting.pop(0)
                if not data:
                    break
                connection.sendall(data)


RESULT, ERROR = "post_invocation_result", "post_error"
CONTEXT = '{"custom":{"name":"é"}}'.encode()
OPTIONAL = (
    b"Lambda-Runtime-Client-Context: " + CONTEXT + b"\r\nLambda-Runtime-Aws-Tenant-Id: blue\r\n"
    b"Lambda-Runtime-Invocation-Id: 7\r\nLambda-Runtime-Cognito-Identity: {}\r\n"
)
CASES = {
    "an event": ([("next", ())], [answer(200, EVENT, b"{}")]),
    "one with all headers": ([("next", ())], [answer(200, EVENT + OPTIONAL, b'{"k":1}')]),
    "an event of 6 MiB": ([("next", ())], [answer(200, EVENT, b"x" * 6_291_456)]),
    "no answer": ([("next", ())], [b""]),
    "a result": ([(RESULT, (ID, b'{"k": 1}', "application/json", None))], [answer(202)]),
    "an empty result": ([(RESULT, (ID, b"", "application/json", None))], [answer(202)]),
    "a binary result": ([(RESULT, (ID, bytes(range(256)), "image/png", "7"))], [answer(202)]),
    "a result of 6 MiB": (
        [(RESULT, (ID, b"y" * 6_291_556, "application/json", None))],
        [answer(202)],
    ),
    "one too large": (
        [(RESULT, (ID, b"y", "application/json", None))],
        [answer(413, b"Content-Type: application/json\r\n", b'{"errorMessage":"Exceeded"}')],
    ),
    "a result refused": ([(RESULT, (ID, b"y", "application/json", None))], [answer(400)]),
    "a result that is text": ([(RESULT, (ID, "text", "application/json", None))], []),
    "an error": (
        [(ERROR, (ID, '{"errorMessage":"é","errorType":"T"}', '{"exceptions":["é"]}', None))],
        [answer(202)],
    ),
    "an error without a cause": ([(ERROR, (ID, "{}", "", "7"))], [answer(202)]),
    "an error refused": ([(ERROR, (ID, "{}", "", None))], [answer(403)]),
    "an error to nobody": ([(ERROR, (ID, "{}", "", None))], [b""]),
    "an error that is no text": ([(ERROR, (ID, {}, "", None))], []),
    "three runs on one connection": (
        [("next", ()), (RESULT, (ID, b"1", "application/json", None))] * 3,
        [answer(200, EVENT, b"{}"), answer(202, b"", b'{"status":"OK"}\n')] * 3,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_does_what_the_compiled_one_does(name: str) -> None:
    calls, answers = CASES[name]
    ours = run(OURS / "runtime_client.py", calls, answers)
    assert ours == run(COMPILED, calls, answers)
    assert len(ours.requests) == len(answers)


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    closing = b"HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n"
    calls = [(RESULT, (ID, b"1", "application/json", None)), ("next", ())]
    seen = run(OURS / "runtime_client.py", calls, [closing, b"", answer(200, EVENT, b"{}")])
    assert [line.split()[0] for line, _, _ in seen.requests] == ["POST", "GET", "GET"]
    assert seen.output.splitlines()[1].startswith("(b'{}', ")


UNITE, NEXT = ("unite", ()), ("next", ())


def result(body: bytes) -> tuple[str, tuple]:
    """Hand in a result."""
    return (RESULT, (ID, body, "application/json", None))


def test_a_result_and_the_wish_for_the_next_event_as_one_request() -> None:
    calls = [NEXT, result(b"1"), NEXT, result(b"2"), NEXT]
    events = [answer(200, EVENT, b'"%d"' % number) for number in range(3)]
    united = run(OURS / "runtime_client.py", [UNITE, *calls], events)
    taken = answer(202)
    apart = run(COMPILED, calls, [events[0], taken, events[1], taken, events[2]])
    assert united.output == "None\n" + apart.output
    posts = [request for request in apart.requests if request[0].startswith("POST")]
    assert united.requests[1:] == [
        (line, {**headers, "lambdad-and-next": "yes"}, body) for line, headers, body in posts
    ]


def test_a_result_that_may_be_too_large_waits_for_its_answer() -> None:
    calls = [UNITE, NEXT, result(b"x" * 65_537), NEXT]
    event = answer(200, EVENT, b"{}")
    seen = run(OURS / "runtime_client.py", calls, [event, answer(202), event])
    assert [line.split()[0] for line, _, _ in seen.requests] == ["GET", "POST", "GET"]
    assert "lambdad-and-next" not in seen.requests[1][1]


def test_a_result_refused_is_told_with_the_next_event() -> None:
    calls = [UNITE, NEXT, result(b"1"), NEXT, NEXT]
    event = answer(200, EVENT, b"{}")
    seen = run(OURS / "runtime_client.py", calls, [event, answer(403, b"", b"no"), event])
    assert [line.split()[0] for line, _, _ in seen.requests] == ["GET", "POST", "GET"]
    alone = run(COMPILED, [result(b"1")], [answer(403, b"", b"no")])
    assert seen.output.splitlines()[3:5] == alone.output.splitlines()
    assert seen.output.splitlines()[5].startswith("(b'{}', ")


def test_nobody_answers_a_result() -> None:
    calls = [UNITE, NEXT, result(b"1"), NEXT]
    seen = run(OURS / "runtime_client.py", calls, [answer(200, EVENT, b"{}"), b""])
    alone = run(COMPILED, [NEXT], [b""])
    assert seen.output.splitlines()[3:] == alone.output.splitlines()


def test_a_process_forked_between_a_result_and_its_answer_asks_for_itself() -> None:
    program = """
import os, sys
sys.path.insert(0, {folder!r})
import runtime_client
runtime_client.unite()
runtime_client.next()
runtime_client.post_invocation_result({ID!r}, b"1", "application/json")
child = os.fork()
print(runtime_client.next()[0], flush=True)
if child:
    os.waitpid(child, 0)
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-c", program.format(folder=str(OURS), ID=ID)],
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": address},
            stdout=subprocess.PIPE,
        )
        first, _ = listener.accept()
        first.recv(65_536)
        first.sendall(answer(200, EVENT, b"{}"))
        second, _ = listener.accept()
        with first, second:
            second.recv(65_536)
            second.sendall(answer(200, EVENT, b"the child's"))
            assert process.stdout is not None
            assert process.stdout.readline() == b'b"the child\'s"\n'
            first.sendall(answer(200, EVENT, b"the parent's"))
            assert process.communicate(timeout=60)[0] == b'b"the parent\'s"\n'


def test_a_signal_between_a_request_and_its_answer_leaves_nothing_behind() -> None:
    program = """
import signal, time, threading, os, sys
sys.path.insert(0, {folder!r})
import runtime_client
def interrupt(*_):
    raise KeyError("the function's own")
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    runtime_client.next()
except KeyError:
    print(runtime_client.next()[0])
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-c", program.format(folder=str(OURS))],
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": address},
            stdout=subprocess.PIPE,
        )
        first, _ = listener.accept()
        second, _ = listener.accept()
        with first, second, contextlib.suppress(ConnectionError):
            second.recv(65_536)
            second.sendall(answer(200, EVENT, b"its own event"))
            first.sendall(answer(200, EVENT, b"late"))
        assert process.communicate(timeout=60)[0] == b"b'its own event'\n"
