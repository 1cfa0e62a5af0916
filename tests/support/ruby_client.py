"""The Ruby client as a plain process against a scripted Runtime API, with every Ruby that is here.

Beside the sandboxes of the conformance suite: the client's own behaviour does not depend on the
version that a runtime promises, so any Ruby from 3.1 on tries it, though it may serve no runtime.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lambdad.runtime.output import Frame, FrameDecoder
from support.packs import GUEST
from support.patience import PATIENCE_S
from support.runtimes_under_test import EVERYTHING, locked

BOOTSTRAP = GUEST / "ruby" / "bootstrap.rb"
OLDEST = (3, 1)
_NEXT = "/2018-06-01/runtime/invocation/next"


def rubies() -> Mapping[str, Path]:
    """Every Ruby that the client has to work with, by version. Where there is none, CI installs
    the distribution's."""
    installs = "CI" in os.environ or EVERYTHING
    with locked("ruby"):
        found = dict(_installed())
        if not found and installs and os.geteuid() == 0 and shutil.which("apt-get"):
            for arguments in (("update",), ("install", "-y", "ruby")):
                command = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60", *arguments)
                subprocess.run(command, capture_output=True, check=False)
            found = dict(_installed())
    return found


def _installed() -> Iterator[tuple[str, Path]]:
    folders = [Path("/opt/rubies"), Path.home() / ".rbenv" / "versions"]
    programs = [path for folder in folders for path in sorted(folder.glob("*/bin/ruby"))]
    for prefix in (Path("/usr/local"), Path("/usr")):
        programs.append(prefix / "bin" / "ruby")
    for program in filter(Path.is_file, programs):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        match = re.match(r"ruby (\d+)\.(\d+)\.\d+", done.stdout)
        if match and (int(match[1]), int(match[2])) >= OLDEST:
            yield match[0].replace(" ", "-"), program


@dataclass(frozen=True)
class Event:
    """One answer of the Runtime API to `next`."""

    body: bytes = b"null"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Post:
    """What the client sent."""

    path: str
    headers: Message
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """As an error's payload."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    posts: Sequence[Post]
    exit_code: int | None
    """None: it waited for another event when all were done."""
    output: str
    frames: Sequence[Frame]

    @property
    def log(self) -> str:
        """All frames, one after the other."""
        return "".join(frame.text for frame in self.frames)


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.posts: list[Post] = []
        self.idle = threading.Event()
        for event in events:
            self.events.put(event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _RuntimeApi

    def do_GET(self) -> None:
        assert self.path == _NEXT
        try:
            event = self.server.events.get_nowait()
        except queue.Empty:
            self.server.idle.set()
            self.rfile.read(1)  # until the client is ended
            return
        self.send_response(200)
        number = len(self.server.posts)
        headers = {"Lambda-Runtime-Aws-Request-Id": f"request-{number}", **event.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", event.content_type)
        self.send_header("Content-Length", str(len(event.body)))
        self.end_headers()
        self.wfile.write(event.body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.removeprefix("/2018-06-01/runtime/")
        self.server.posts.append(Post(path, self.headers, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not on the tests' output."""


def run_client(
    ruby: Path,
    folder: Path,
    events: Sequence[Event],
    variables: Mapping[str, str],
    *,
    telemetry: bool = True,
    terminate: bool = False,
) -> Outcome:
    """Run the function in `folder` until all events are done, then perhaps end it as AWS's shutdown
    phase does, or until it ends by itself."""
    read_end, write_end = os.pipe()
    with _RuntimeApi(events) as api, os.fdopen(read_end, "rb") as pipe:
        threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        frames = FrameDecoder(1 << 20)
        decoded: list[Frame] = []
        reader = threading.Thread(target=lambda: decoded.extend(frames.feed(pipe.read())))
        reader.start()
        process = subprocess.Popen(
            [ruby, BOOTSTRAP],
            cwd=folder,
            env={
                "PATH": "/usr/bin:/bin",
                "LC_CTYPE": "C.UTF-8",
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
                **({"_LAMBDA_TELEMETRY_LOG_FD": str(write_end)} if telemetry else {}),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(write_end,),
            text=True,
        )
        os.close(write_end)
        try:
            exit_code = _end_of(process, api)
            if terminate:
                process.terminate()
                exit_code = process.wait(PATIENCE_S)
        finally:
            process.kill()
        output = process.communicate(timeout=PATIENCE_S)[0]
        reader.join(PATIENCE_S)
        api.shutdown()
        return Outcome(api.posts, exit_code, output, decoded)


def _end_of(process: subprocess.Popen[str], api: _RuntimeApi) -> int | None:
    """Its exit code, or None once it has nothing left to do."""
    for _ in range(int(PATIENCE_S * 20)):
        if api.idle.wait(0.02):
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.03)
    raise AssertionError("the client neither ended nor asked for another event")
