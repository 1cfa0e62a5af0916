"""The queue engine alone and as SQS over HTTP with SigV4.

    python -m bench.queue [engine] [depth] [http] [--seconds 3] [--messages 1000000]

    python -m bench.queue --peer http://127.0.0.1:5000    (pip install 'moto[server]'; moto_server)

engine: sends and receive-and-deletes, acknowledged, at 1 and 32 clients. depth: the same with many
messages in the queue, and what they take of memory. http: a whole server.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import re
import resource
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from bench.load import connect, receive, throughput
from bench.servers import REGION, Server, lambdad, service_client
from lambdad.core.clock import SystemClock
from lambdad.core.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import NewMessage, QueueKey, QueueSettings
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.storage.sqlite import open_lane

KEY = QueueKey(DEFAULT_ACCOUNT, DEFAULT_REGION, "bench")
BODY = b"x" * 200
CLIENTS = (1, 32)
BATCH = 10
PEER_ROUNDS = 3


def show(what: str, rate: float) -> None:
    print(f"{what:<52} {rate:>9.0f} messages/s", flush=True)


# The engine.


@contextlib.asynccontextmanager
async def engine() -> AsyncIterator[QueueEngine]:
    folder = Path(tempfile.mkdtemp(prefix="lambdad-bench-"))
    lane = open_lane(folder / "queues.db", MIGRATIONS)
    queues = QueueEngine(lane, SystemClock(), DEFAULT_LIMITS)
    await queues.start()
    await queues.create(KEY, QueueSettings(), {}, {})
    try:
        yield queues
    finally:
        await queues.close()
        await lane.close()
        shutil.rmtree(folder)


async def rate(act: Callable[[], Awaitable[int]], clients: int, seconds: float) -> float:
    """Messages per second of clients that act again and again."""
    until = time.perf_counter() + seconds
    done = 0

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < until:
            count = await act()  # not in one line: the sum is read before the wait
            done += count

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (time.perf_counter() - started)


async def measure(queues: QueueEngine, seconds: float, label: str) -> None:
    async def send(count: int) -> int:
        return len(await queues.send(KEY, [NewMessage(BODY)] * count))

    async def receive_and_delete() -> int:
        messages = await queues.receive(KEY, BATCH)
        handles = [message.receipt_handle for message in messages]
        return len(await queues.delete_messages(KEY, handles))

    for clients in CLIENTS:
        of = f"{label}, {clients} clients"
        show(f"{of}: send", await rate(lambda: send(1), clients, seconds))
        show(f"{of}: send by {BATCH}", await rate(lambda: send(BATCH), clients, seconds))
        show(
            f"{of}: receive and delete by {BATCH}",
            await rate(receive_and_delete, clients, seconds),
        )


async def bench_engine(seconds: float) -> None:
    async with engine() as queues:
        await measure(queues, seconds, "engine")


async def bench_depth(seconds: float, messages: int) -> None:
    async with engine() as queues:
        before_mib = _peak_mib()
        started = time.perf_counter()

        async def fill(count: int) -> None:
            for _ in range(count // 100):
                await queues.send(KEY, [NewMessage(BODY)] * 100)

        await asyncio.gather(*(fill(messages // 16) for _ in range(16)))
        show(f"fill to {messages:,}", messages / (time.perf_counter() - started))
        print(f"memory grew by {_peak_mib() - before_mib:.0f} MiB")
        await measure(queues, seconds, f"{messages:,} deep")
        started = time.perf_counter()
        counts = await queues.counts(KEY)
        print(f"counting {counts.visible:,} took {(time.perf_counter() - started) * 1e3:.0f} ms")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# SQS over HTTP.


def request_bytes(server: Server, operation: str, members: dict[str, object]) -> bytes:
    """A whole signed request."""
    body = json.dumps(members).encode()
    headers = {
        "host": server.endpoint.removeprefix("http://"),
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"AmazonSQS.{operation}",
    }
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
    SigV4Auth(server.credentials, "sqs", REGION).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def drain(server: Server, url: str, clients: int, seconds: float) -> float:
    """Messages per second that are received and deleted, ten at a time."""
    ask = request_bytes(server, "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": BATCH})
    until = time.perf_counter() + seconds
    totals = [0] * clients

    def client(number: int) -> None:
        with connect(server) as connection:
            while time.perf_counter() < until:
                totals[number] += _receive_and_delete(server, url, connection, ask)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(totals) / (time.perf_counter() - started)


def _receive_and_delete(server: Server, url: str, connection: socket.socket, ask: bytes) -> int:
    connection.sendall(ask)
    messages = json.loads(receive(connection)).get("Messages", [])
    if not messages:
        return 0
    entries = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
        for number, message in enumerate(messages)
    ]
    members = {"QueueUrl": url, "Entries": entries}
    connection.sendall(request_bytes(server, "DeleteMessageBatch", members))
    receive(connection)
    return len(messages)


def bench_http(seconds: float) -> None:
    with lambdad() as server:
        url = service_client("sqs", server).create_queue(QueueName="bench")["QueueUrl"]
        body = base64.b64encode(BODY).decode()[: len(BODY)]
        one = request_bytes(server, "SendMessage", {"QueueUrl": url, "MessageBody": body})
        entries = [{"Id": str(number), "MessageBody": body} for number in range(BATCH)]
        many = request_bytes(server, "SendMessageBatch", {"QueueUrl": url, "Entries": entries})
        for clients in CLIENTS:
            of = f"HTTP, {clients} clients"
            show(f"{of}: send", throughput(server, one, clients, seconds))
            show(f"{of}: send by {BATCH}", BATCH * throughput(server, many, clients, seconds))
            show(f"{of}: receive and delete by {BATCH}", drain(server, url, clients, seconds))


# Beside a peer.


def bench_peer(seconds: float, peer: str) -> None:
    """Through boto3, whose own work is most of it, on both: the peer may close connections."""
    with lambdad() as ours:
        theirs = replace(ours, endpoint=peer)
        queues = {
            name: (client, client.create_queue(QueueName="peer")["QueueUrl"])
            for name, client in (
                ("lambdad", service_client("sqs", ours)),
                ("peer", service_client("sqs", theirs)),
            )
        }
        for _ in range(PEER_ROUNDS):
            for name, (client, url) in queues.items():
                rate = _through_boto3(client, url, seconds / PEER_ROUNDS)
                show(f"boto3, 1 client, {name}: send by {BATCH}", rate)


def _through_boto3(client: Any, url: str, seconds: float) -> float:
    entries = [{"Id": str(number), "MessageBody": "x" * len(BODY)} for number in range(BATCH)]
    sent, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        sent += len(client.send_message_batch(QueueUrl=url, Entries=entries)["Successful"])
    return sent / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("what", nargs="*", default=["engine", "depth", "http"])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--peer", metavar="URL", help="an SQS of somebody else's, to compare")
    arguments = parser.parse_args()
    if arguments.peer:
        bench_peer(arguments.seconds, arguments.peer)
        return
    if "engine" in arguments.what:
        uvloop.run(bench_engine(arguments.seconds))
    if "depth" in arguments.what:
        uvloop.run(bench_depth(arguments.seconds, arguments.messages))
    if "http" in arguments.what:
        bench_http(arguments.seconds)


if __name__ == "__main__":
    main()
