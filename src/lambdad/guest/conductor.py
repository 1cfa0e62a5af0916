"""The first process of an environment with external extensions: starts them, then the runtime.

It has the rights of the function and no more. What it is told and what it tells goes over the
Runtime API's address, by HTTP: it waits for the command to `start` the runtime and says what the
extensions write and how each process ended. A SIGTERM it hands on to the runtime. It stays until
the environment is ended from outside. Standard library only, and nothing imported late: the root
that it lives in may have none. Python 3.8 and later.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from . import syscalls

_READ_BYTES = 65_536
_LINE_BYTES = 65_536


class Conductor:
    """Parent of the extensions and of the runtime."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._address = (host, int(port))
        self._names: dict[int, str | None] = {}
        self._runtime = 0
        self._commands: socket.socket | None = None
        self._outputs: dict[int, bytes] = {}
        """Read ends of the extensions' pipes, and the line that each is in the middle of."""
        self._poll = select.poll()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def conduct(self, plan: Mapping[str, Any]) -> None:
        """Serve for ever. Returns only in the child that is to become the runtime. `plan`: the
        `folder` of the extensions, their `names`, and the `variables` that they get."""
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write)
        for name in plan["names"]:
            self._start_extension(name, plan["folder"] + "/" + name, plan["variables"])
        self._commands = commands = _connect(self._address)
        commands.sendall(_get("next"))
        self._poll.register(self._wake_read, select.POLLIN)
        self._poll.register(commands, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._wake_read:
                    self._woken()
                elif fd in self._outputs:
                    self._pass_on(fd)
                elif fd == commands.fileno() and self._obey(commands):
                    return

    # -- processes ----------------------------------------------------------------------------

    def _start_extension(self, name: str, path: str, variables: Mapping[str, str]) -> None:
        output, end = os.pipe()
        refused, refuse = os.pipe()  # closed by execve, so that silence is success

        def become() -> None:
            os.dup2(end, 1)
            os.dup2(end, 2)
            os.chdir("/")
            os.execve(path, [path], dict(variables))

        pid = self._fork()
        if pid == 0:
            _be(become, refuse)
        os.close(refuse)
        code = os.read(refused, 16)
        os.close(refused)
        os.close(end)
        if code:
            os.close(output)
            self._tell("refused", json.dumps({"name": name, "errno": int(code)}).encode())
            return
        os.set_blocking(output, False)
        self._poll.register(output, select.POLLIN)
        self._outputs[output] = b""
        self._names[pid] = name

    def _fork(self) -> int:
        """In the child nothing of the conductor is left open."""
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            # Where no namespace ends it with its parent.
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            for fd in (self._wake_read, self._wake_write, *self._outputs):
                os.close(fd)
            if self._commands is not None:
                self._commands.close()
        return pid

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if signal.SIGTERM in os.read(self._wake_read, 512) and self._runtime:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._runtime, signal.SIGTERM)
        self._reap()

    def _reap(self) -> None:
        while self._names:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._names:
                for fd in list(self._outputs):
                    self._pass_on(fd)  # its last words, before all ends because of its end
                if pid == self._runtime:
                    self._runtime = 0
                report = {"name": self._names.pop(pid), "status": status}
                self._tell("exited", json.dumps(report).encode())

    def _tell(self, what: str, body: bytes) -> None:
        """One after another: what was said first is heard first."""
        with contextlib.suppress(OSError), _connect(self._address) as telling:
            telling.sendall(_post(f"/lambdad/conductor/{what}", body))
            _receive(telling)

    # -- commands -----------------------------------------------------------------------------

    def _obey(self, commands: socket.socket) -> bool:
        """Carry out one. True in the child that is to become the runtime."""
        command = _receive(commands)
        if not command:
            os._exit(0)  # nobody is left to conduct for
        if command == b"start":
            pid = self._fork()
            if pid == 0:
                return True
            self._runtime, self._names[pid] = pid, None
        commands.sendall(_get("next"))
        return False

    # -- output -------------------------------------------------------------------------------

    def _pass_on(self, fd: int) -> None:
        """Tell what an extension has written, in whole lines. The log's own pipe is not for it:
        it would get into the middle of the function's lines."""
        with contextlib.suppress(BlockingIOError):
            data = b"more"
            while data:
                data = os.read(fd, _READ_BYTES)
                *lines, rest = (self._outputs[fd] + data).split(b"\n")
                if rest and (not data or len(rest) > _LINE_BYTES):
                    lines.append(rest)
                    rest = b""
                self._outputs[fd] = rest
                if lines:
                    self._tell("output", b"\n".join([*lines, b""]))
            self._poll.unregister(fd)
            del self._outputs[fd]
            os.close(fd)


def _be(work: Callable[[], None], refuse: int) -> None:
    """Never returns. Writes the number of an error."""
    try:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        work()
    except OSError as error:
        os.write(refuse, str(error.errno).encode())
    finally:
        os._exit(126)


def _connect(address: tuple[str, int]) -> socket.socket:
    """Without a resolver, which would import its codec late."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _get(what: str) -> bytes:
    return f"GET /lambdad/conductor/{what} HTTP/1.1\r\nHost: lambdad\r\n\r\n".encode()


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: sandbox.localdomain\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _receive(connection: socket.socket) -> bytes:
    """The body of one answer; empty at the end of the connection."""
    data = b""
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            length = int(head.lower().rpartition(b"content-length:")[2].split()[0])
            if len(body) >= length:
                return body
        more = connection.recv(_READ_BYTES)
        if not more:
            return b""
        data += more
