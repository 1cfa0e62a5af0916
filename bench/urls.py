"""Function URLs next to Invoke: the same warm function both ways, on one server, interleaved; and
how soon the first byte of a streamed answer is there.

    python -m bench urls
"""

from __future__ import annotations

import shutil
import time
from urllib.parse import urlsplit

from bench.load import connect, latency, sequential, throughput
from bench.servers import NO_OP, ROLE, Server, create_functions, lambdad, package_of

REQUESTS = 1000
ROUNDS = 5
CLIENTS = 16
SECONDS = 2.0
STREAMS = 100
NODE = "nodejs20.x"
STREAMING = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("first");
  await new Promise((resolve) => setTimeout(resolve, 50));
  stream.end("last");
});
"""
"""Sends something at once, and the rest 50 ms later."""


def public_url(server: Server, name: str, mode: str = "BUFFERED") -> bytes:
    """A whole GET request to a URL of the function that everybody may call."""
    client = server.client
    client.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
        FunctionUrlAuthType="NONE",
    )  # fmt: skip
    client.add_permission(
        FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*",
        InvokedViaFunctionUrl=True,
    )  # fmt: skip
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode=mode)
    host = urlsplit(made["FunctionUrl"]).netloc
    return f"GET /?k=1 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\n\r\n".encode()


def first_byte(server: Server, request: bytes) -> tuple[list[float], list[float]]:
    """Seconds until the first byte of the body, and until the last."""
    first, last = [], []
    with connect(server) as connection:
        for _ in range(STREAMS):
            started = time.perf_counter()
            connection.sendall(request)
            data, seen = b"", 0.0
            while not data.endswith(b"0\r\n\r\n"):
                data += connection.recv(65_536)
                if not seen and b"first" in data:
                    seen = time.perf_counter() - started
            first.append(seen)
            last.append(time.perf_counter() - started)
    return first, last


def buffered(server: Server) -> None:
    create_functions(server, ["warm"], NO_OP)
    both = {"url": public_url(server, "warm"), "invoke": server.invoke_bytes("warm")}
    for request in both.values():
        sequential(server, [request] * 300)
    times: dict[str, list[float]] = {way: [] for way in both}
    rates: dict[str, list[float]] = {way: [] for way in both}
    for _ in range(ROUNDS):
        for way, request in both.items():
            times[way] += sequential(server, [request] * (REQUESTS // ROUNDS))
    for _ in range(ROUNDS):
        for way, request in both.items():
            rates[way].append(throughput(server, request, CLIENTS, SECONDS))
    url, invoke = latency(times["url"]), latency(times["invoke"])
    print(f"latency              URL {url}   Invoke {invoke}   ratio {url.p50 / invoke.p50:.2f}")
    middle = {way: sorted(found)[ROUNDS // 2] for way, found in rates.items()}
    ratio = middle["url"] / middle["invoke"]
    shown = f"URL {middle['url']:.0f}/s   Invoke {middle['invoke']:.0f}/s   ratio {ratio:.2f}"
    print(f"{CLIENTS} clients           {shown}")


def streamed(server: Server) -> None:
    if shutil.which("node") is None:
        print("streaming            not measured: no Node.js on this machine")
        return
    server.client.create_function(
        FunctionName="streaming", Runtime=NODE, Handler="index.handler",
        Role=f"arn:aws:iam::000000000000:role/{ROLE}",
        Code={"ZipFile": package_of("index.js", STREAMING)},
    )  # fmt: skip
    server.client.get_waiter("function_active_v2").wait(FunctionName="streaming")
    request = public_url(server, "streaming", "RESPONSE_STREAM")
    first_byte(server, request)  # warm
    first, last = first_byte(server, request)
    print(f"first streamed byte  {latency(first)}   last byte {latency(last)}")


def main() -> None:
    with lambdad() as server:
        buffered(server)
        streamed(server)
