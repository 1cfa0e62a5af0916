"""The rehearsal of a Python environment: what each one does from its fork to its first result,
done once, by the same code, in namespaces of its own and with no function of anybody.

It finds the pages that are copied ahead for those to come (`working_set`). Standard library only,
Python 3.8 and later.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from . import channel, entering, syscalls, working_set

_FUNCTION = os.path.join(os.path.dirname(__file__), "python", "rehearsal.py")
_LONGEST_S = 10
_REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_EVENT = b'{"key": [1, 2.5, null, "text"]}'
_NEXT = (
    b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: %b\r\n"
    b"lambda-runtime-deadline-ms: 4102444800000\r\n"
    b"lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n"
    b"lambda-runtime-trace-id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
) % (_REQUEST_ID.encode(), len(_EVENT), _EVENT)

if TYPE_CHECKING:  # Python 3.8 could not run it
    Become = Callable[[int, list[int]], dict[str, Any]]
    """What a zygote's child does until it runs its function: `Zygote._become_stem`."""
    Run = Callable[[dict[str, Any]], object]


def rehearse(become: Become, run: Run) -> list[working_set.Range]:
    """The pages that an environment writes to. None when that could not be found out: environments
    are slower then, and not different."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(_LONGEST_S)
        try:
            _play(become, run, theirs)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(theirs)
    with os.fdopen(ours) as report:
        text = report.read()
    ranges: list[working_set.Range] = [] if os.waitpid(pid, 0)[1] else json.loads(text)
    return ranges


def _play(become: Become, run: Run, report: int) -> NoReturn:
    memory = working_set.private_memory()
    syscalls.unshare(entering.SHELL_NAMESPACES)
    _jailer, own = channel.pair()
    variables = {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "LAMBDA_TASK_ROOT": entering.TASK_ROOT,
        "_HANDLER": "rehearsal.handler",
        entering.TELEMETRY_VARIABLE: str(entering.TELEMETRY_FD),
        **{"AWS_REHEARSAL_%d" % number: "x" * 60 for number in range(24)},
    }
    start = {"variables": variables, "argv": None, "telemetry_fd": entering.TELEMETRY_FD}
    tmp = syscalls.detached_filesystem("tmpfs", [])
    entering.furnish({entering.TASK_ROOT: _function()}, tmp, 1)
    told, between = socket.socketpair()
    told.sendall(json.dumps(start).encode())
    told.shutdown(socket.SHUT_WR)
    null = os.open("/dev/null", os.O_WRONLY)
    fds = [syscalls.own_pidfd(), own.detach(), null, report, between.detach()]
    begun = become(os.getuid(), fds)
    _stage(lambda: _tell(memory))
    run(begun)
    os._exit(1)  # never: the result is the end


def _function() -> int:
    """A package with the function of the rehearsal, compiled as functions are when they are
    published; by a child, because it writes to many pages."""
    tree = syscalls.detached_filesystem("tmpfs", [("mode", "755")])
    pid = os.fork()
    if pid == 0:
        try:
            import py_compile

            place = "/proc/self/fd/%d/rehearsal.py" % tree
            with open(_FUNCTION, "rb") as source, open(place, "wb") as target:
                target.write(source.read())
            py_compile.compile(place, dfile=entering.TASK_ROOT + "/rehearsal.py", doraise=True)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return tree


def _stage(ended: Callable[[], None]) -> None:
    """Be the Runtime API for the client of this process."""
    client = importlib.import_module("runtime_client")

    class Stage:
        def __init__(self) -> None:
            self.answers = [_NEXT]

        def sendall(self, request: bytes) -> None:
            if not self.answers:
                ended()

        def recv(self, most: int) -> bytes:
            return self.answers.pop(0)

    stage = Stage()

    def connect() -> Stage:
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client._connection._owner = os.getpid()
        return stage

    client._connection._connect = connect


def _tell(memory: list[working_set.Range]) -> None:
    """By the telemetry pipe, which the runtime client does not write to while nothing is logged."""
    pages = json.dumps(working_set.own_pages(memory)).encode()
    os.write(entering.TELEMETRY_FD, pages)
    os._exit(0)
