"""The baseline server: HTTP in, one `python -m awslambdaric` subprocess per environment.

    python -m bench.baseline FOLDER_WITH_APP_PY --ready-fd N

The bare warm path: it checks the signature of an Invoke (SigV4, with a cached signing key) and
answers for any function name; each name gets environments of its own, as many as are busy at once.
It does nothing else: no authorisation, sandbox, limits, logs, metrics or timeouts.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import os
import subprocess
import sys
import time
import uuid
from collections import defaultdict, deque

import httptools
import uvloop

Job = tuple[str, bytes, asyncio.Transport]


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, whole messages only."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.body = b"", b""
        self.headers: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        url, body = self.url, self.body
        self.url, self.body = b"", b""
        self.complete(url, body)


class Function:
    """The environments and waiting invocations of one name."""

    def __init__(self, name: str, folder: str) -> None:
        self.name, self.folder = name, folder
        self.idle: deque[asyncio.Transport] = deque()
        self.waiting: deque[Job] = deque()
        self.starting = 0
        self.address = ""

    def invoke(self, job: Job) -> None:
        if self.idle:
            deliver(self.idle.pop(), job)
            return
        self.waiting.append(job)
        if self.starting < len(self.waiting):
            self.starting += 1
            self.start()

    def start(self) -> None:
        variables = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        }
        PROCESSES.append(
            subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", "app.handler"],
                cwd=self.folder,
                env=variables,
            )
        )

    def ready(self, transport: asyncio.Transport) -> None:
        self.starting = max(0, self.starting - 1)
        if self.waiting:
            deliver(transport, self.waiting.popleft())
        else:
            self.idle.append(transport)


SECRET = "bench"
"""Of the one access key."""


@functools.cache
def signing_key(date: str, region: str, service: str) -> bytes:
    key = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify(path: str, headers: dict[bytes, bytes], body: bytes) -> bool:
    """Whether the Authorization header was made for exactly this POST."""
    _, credential, signed, signature = headers[b"authorization"].decode().split(" ")
    _, date, region, service, _ = credential.removesuffix(",").split("/")
    names = signed.removesuffix(",").removeprefix("SignedHeaders=")
    lines = [f"{name}:{headers[name.encode()].decode()}" for name in names.split(";")]
    digest = hashlib.sha256(body).hexdigest()
    request = "\n".join(["POST", path, "", *lines, "", names, digest])
    stamp = headers[b"x-amz-date"].decode()
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            stamp,
            f"{date}/{region}/{service}/aws4_request",
            hashlib.sha256(request.encode()).hexdigest(),
        ]
    )
    expected = hmac.digest(signing_key(date, region, service), text.encode(), "sha256").hex()
    return hmac.compare_digest(f"Signature={expected}", signature)


PROCESSES: list[subprocess.Popen[bytes]] = []
IN_FLIGHT: dict[str, asyncio.Transport] = {}


def deliver(runtime: asyncio.Transport, job: Job) -> None:
    request_id, body, client = job
    IN_FLIGHT[request_id] = client
    runtime.write(
        b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: %b\r\n"
        b"lambda-runtime-deadline-ms: %d\r\nlambda-runtime-invoked-function-arn: a\r\n"
        b"lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (request_id.encode(), int(time.time() * 1000) + 3000, len(body), body)
    )


def answer(client: asyncio.Transport, body: bytes) -> None:
    client.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (len(body), body)
    )


class Runtime(Connection):
    """The Runtime API, for the environments of one function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def complete(self, url: bytes, body: bytes) -> None:
        if url.endswith(b"/next"):
            self.function.ready(self.transport)
            return
        client = IN_FLIGHT.pop(url.split(b"/")[4].decode(), None)
        if client is not None:
            answer(client, body)
        self.transport.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")


class Front(Connection):
    """Invoke, for every function."""

    def __init__(self, functions: dict[str, Function], create) -> None:
        super().__init__()
        self.functions, self.create = functions, create

    def complete(self, url: bytes, body: bytes) -> None:
        headers, self.headers = self.headers, {}
        if not verify(url.decode(), headers, body):
            self.transport.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        name = url.split(b"/")[3].decode()
        job = (str(uuid.uuid4()), body, self.transport)
        function = self.functions.get(name)
        if function is not None and function.address:
            function.invoke(job)
        else:
            asyncio.get_running_loop().create_task(self.create(name, job))


async def main(folder: str, ready_fd: int) -> None:
    loop = asyncio.get_running_loop()
    functions: dict[str, Function] = defaultdict()

    async def create(name: str, job: Job) -> None:
        function = functions.setdefault(name, Function(name, folder))
        if not function.address:
            server = await loop.create_server(lambda: Runtime(function), "127.0.0.1", 0)
            function.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        function.invoke(job)

    front = await loop.create_server(lambda: Front(functions, create), "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}"
    os.write(ready_fd, f"{endpoint}\n".encode())
    os.close(ready_fd)
    stop = asyncio.Event()
    for number in (2, 15):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for process in PROCESSES:
        process.kill()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[3])))
