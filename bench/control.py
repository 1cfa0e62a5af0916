"""The control plane over 10,000 functions: create, get, list, and what a stored function costs."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from bench.load import Latency, connect, latency
from bench.memory import memory_mib
from bench.servers import NO_OP, REGION, ROLE, RUNTIME, Server, lambdad, package

FUNCTIONS = 10_000
PACKAGES = 100
"""Different deployment packages that the functions share, as the functions of one team do."""
READS = 2000
CREATIONS = 100
WRITERS = 8
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_FUNCTIONS_PATH = "/2015-03-31/functions"


def signed(
    server: Server,
    method: str,
    path: str,
    body: bytes = b"",
    service: str = "lambda",
    headers: Mapping[str, str] = NO_HEADERS,
) -> bytes:
    """A whole signed HTTP request."""
    request = AWSRequest(
        method,
        server.endpoint + path,
        data=body,
        headers={"host": server.endpoint.removeprefix("http://"), **headers},
    )
    SigV4Auth(server.credentials, service, REGION).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def creation(server: Server, name: str, number: int, source: str = NO_OP) -> bytes:
    """A signed CreateFunction; functions with the same source and `number` share their package."""
    document = {
        "FunctionName": name,
        "Runtime": RUNTIME,
        "Role": f"arn:aws:iam::000000000000:role/{ROLE}",
        "Handler": "app.handler",
        "Code": {"ZipFile": base64.b64encode(package(f"{source}# {number}\n")).decode()},
        "Environment": {"Variables": {"TABLE": f"table-of-{name}"}},
    }
    return signed(server, "POST", _FUNCTIONS_PATH, json.dumps(document).encode())


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """The body of the answer; anything but a success ends the benchmark."""
    connection.sendall(request)
    data = connection.recv(262_144)
    while b"\r\n\r\n" not in data:
        data += connection.recv(262_144)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(262_144)
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 202")):
        raise RuntimeError(f"not a success: {head!r} {body!r}")
    return body


def fill(server: Server) -> float:
    """Creations per second, with WRITERS connections, up to FUNCTIONS functions."""

    def write(writer: int) -> None:
        with connect(server) as connection:
            for number in range(writer, FUNCTIONS, WRITERS):
                name = f"stored-{number:05}"
                exchange(connection, creation(server, name, number % PACKAGES))

    started = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))
    return FUNCTIONS / (time.perf_counter() - started)


def timed(server: Server, requests: Iterator[bytes]) -> Latency:
    """Each request alone, on one connection."""
    times = []
    with connect(server) as connection:
        for request in requests:
            started = time.perf_counter()
            exchange(connection, request)
            times.append(time.perf_counter() - started)
    return latency(times)


def until_active(server: Server) -> Latency:
    """From a CreateFunction with a package of its own to the first answer that says Active."""
    times = []
    with connect(server) as connection:
        for number in range(CREATIONS):
            name = f"fresh-{number}"
            request = creation(server, name, FUNCTIONS + number)
            look = signed(server, "GET", f"{_FUNCTIONS_PATH}/{name}/configuration")
            started = time.perf_counter()
            exchange(connection, request)
            while json.loads(exchange(connection, look))["State"] != "Active":
                time.sleep(0.001)
            times.append(time.perf_counter() - started)
    return latency(times)


def pages(server: Server) -> Iterator[bytes]:
    """ListFunctions through all functions, 50 at a time."""
    marker = ""
    while True:
        request = signed(server, "GET", f"{_FUNCTIONS_PATH}/?MaxItems=50{marker}")
        yield request
        with connect(server) as connection:
            following = json.loads(exchange(connection, request)).get("NextMarker")
        if not following:
            return
        marker = f"&Marker={quote(following, safe='')}"


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    with lambdad() as server:
        time.sleep(2)
        print(f"create until Active          {until_active(server)}", flush=True)
        before = memory_mib(server)
        print(f"creations, {WRITERS} clients         {fill(server):.0f}/s", flush=True)
        time.sleep(5)
        each_kib = (memory_mib(server) - before) * 1024 / FUNCTIONS
        print(f"memory per stored function   {each_kib:.1f} KiB", flush=True)
        gets = (
            signed(server, "GET", f"{_FUNCTIONS_PATH}/stored-{number * 7 % FUNCTIONS:05}")
            for number in range(READS)
        )
        print(f"GetFunction                  {timed(server, gets)}", flush=True)
        print(f"ListFunctions, a page of 50  {timed(server, pages(server))}", flush=True)
