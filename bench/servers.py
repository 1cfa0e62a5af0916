"""What is measured: a lambdad server, and the baseline, both as processes of their own."""

from __future__ import annotations

import configparser
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from bench.baseline import SECRET as BASELINE_SECRET

ROLE = "bench"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
RUNTIME = f"python3.{sys.version_info.minor}"
NO_OP = "def handler(event, context):\n    return event\n"
REGION = "us-east-1"


@dataclass
class Server:
    """A server that answers Invoke at `endpoint`."""

    process: subprocess.Popen[bytes] | None
    endpoint: str
    ready_s: float
    credentials: Credentials
    """Signs; the baseline checks nothing."""
    folder: Path
    client: Any = field(default=None)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.endpoint.removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    def invoke_bytes(self, name: str, payload: bytes = b'{"k":1}') -> bytes:
        """A whole signed HTTP request, ready to be written to a socket again and again."""
        host = self.endpoint.removeprefix("http://")
        path = f"/2015-03-31/functions/{name}/invocations"
        request = AWSRequest(
            "POST",
            self.endpoint + path,
            data=payload,
            headers={"host": host, "content-type": "application/json"},
        )
        SigV4Auth(self.credentials, "lambda", REGION).add_auth(request)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return (
            f"POST {path} HTTP/1.1\r\n{head}content-length: {len(payload)}\r\n\r\n".encode()
            + payload
        )

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


def package(source: str) -> bytes:
    return package_of("app.py", source)


def package_of(name: str, source: str | bytes) -> bytes:
    """A package of one file, which everybody may read and execute."""
    out = io.BytesIO()
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, source, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def create_functions(server: Server, names: list[str], source: str = NO_OP, memory: int = 128):
    """Functions that are Active when this returns."""
    for number, name in enumerate(names):
        server.client.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=f"arn:aws:iam::000000000000:role/{ROLE}",
            Handler="app.handler",
            Code={"ZipFile": package(f"{source}# {number}\n")},
            MemorySize=memory,
        )
    for name in names:
        while server.client.get_function_configuration(FunctionName=name)["State"] == "Pending":
            time.sleep(0.01)


def _wait_for_line(command: list[str]) -> tuple[subprocess.Popen[bytes], str, float]:
    read_end, write_end = os.pipe()
    started = time.perf_counter()
    # With its bytecode, as pip installs it, also where the environment says not to write any.
    surroundings = dict(os.environ)
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        [*command, "--ready-fd", str(write_end)],
        pass_fds=[write_end],
        env=surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as ready:
        line = ready.readline().strip()
    took = time.perf_counter() - started
    if not line:
        raise RuntimeError(f"{command[0]} did not start: {process.wait(10)}")
    return process, line, took


@contextmanager
def lambdad(*options: str) -> Iterator[Server]:
    """A fresh lambdad with authentication, sandbox and logs as by default."""
    folder = Path(tempfile.mkdtemp(prefix="lambdad-bench-"))
    binary = str(Path(sys.executable).parent / "lambdad")
    command = [binary, "up", "--data-dir", str(folder), "--port", "0", *options]
    process, endpoint, ready_s = _wait_for_line(command)
    server = reached(folder, endpoint)
    server.process, server.ready_s = process, ready_s
    try:
        yield server
    finally:
        server.stop()


def reached(folder: Path, endpoint: str) -> Server:
    """A fresh lambdad that answers, with a client and a role for its functions."""
    keys = configparser.ConfigParser()
    keys.read(folder / "credentials")
    section = keys["default"]
    credentials = Credentials(section["aws_access_key_id"], section["aws_secret_access_key"])
    server = Server(None, endpoint, 0.0, credentials, folder)
    server.client = service_client("lambda", server)
    service_client("iam", server).create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    return server


def service_client(service: str, server: Server) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=server.credentials.access_key,
        aws_secret_access_key=server.credentials.secret_key,
        config=Config(retries={"max_attempts": 1}, read_timeout=60),
    )


@contextmanager
def baseline() -> Iterator[Server]:
    """The plainest thing that runs functions: a signature check, one subprocess per environment;
    no walls, no authorisation, no limits, no logs. `bench/baseline.py`."""
    folder = Path(tempfile.mkdtemp(prefix="lambdad-baseline-"))
    (folder / "app.py").write_text(NO_OP)
    command = [sys.executable, "-m", "bench.baseline", str(folder)]
    process, endpoint, ready_s = _wait_for_line(command)
    server = Server(process, endpoint, ready_s, Credentials("AKIABENCH", BASELINE_SECRET), folder)
    try:
        yield server
    finally:
        server.stop()
