"""Raw-socket clients: sequential latency and throughput at many connections."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from dataclasses import dataclass

from bench.servers import Server


@dataclass(frozen=True)
class Latency:
    """Milliseconds at the client's socket."""

    p50: float
    p99: float
    count: int

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms ({self.count})"


def connect(server: Server) -> socket.socket:
    connection = socket.create_connection(server.address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def receive(connection: socket.socket) -> bytes:
    """One whole answer with a content-length."""
    data = connection.recv(65536)
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            break
        data += connection.recv(65536)
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    if not head.startswith(b"HTTP/1.1 200") or b"x-amz-function-error" in head.lower():
        raise RuntimeError(f"not a success: {head!r} {body!r}")
    return body


def latency(times_s: list[float]) -> Latency:
    cuts = statistics.quantiles(times_s, n=100, method="inclusive")
    return Latency(statistics.median(times_s) * 1e3, cuts[98] * 1e3, len(times_s))


def sequential(server: Server, requests: list[bytes]) -> list[float]:
    """Seconds for each request, one after the other on one connection."""
    times = []
    with connect(server) as connection:
        for request in requests:
            started = time.perf_counter()
            connection.sendall(request)
            receive(connection)
            times.append(time.perf_counter() - started)
    return times


def throughput(server: Server, request: bytes, clients: int, seconds: float) -> float:
    """Answers per second with every connection always waiting for one."""
    selector = selectors.DefaultSelector()
    connections = [connect(server) for _ in range(clients)]
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
    answered = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for key, _ in selector.select():
            receive(key.fileobj)  # type: ignore[arg-type]
            answered += 1
            key.fileobj.sendall(request)  # type: ignore[union-attr]
    elapsed = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return answered / elapsed
