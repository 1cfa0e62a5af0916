"""A real server for tests: `lambdad up` as a subprocess, and clients that speak to it.

Fixtures (registered in tests/conftest.py):

    server          one per module; signed with the root key
    open_server     one per module; started with --accept-any-credentials
    fresh_server    one per test, for tests that stop, kill or fill it
    start_server    makes further ones: start_server("--port", "0", data_dir=...)

    def test_it(server):
        server.client("lambda").list_functions()
        server.aws("lambda", "list-functions")
"""

from __future__ import annotations

import configparser
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest

import lambdad
from support.patience import PATIENCE_S

BIN = Path(sys.executable).parent
REGION = "us-east-1"
EXECUTION_ROLES = ("r", "test")
"""There as soon as a test asks for a Lambda client."""
BASIC_EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
LAMBDA_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
_OUR_PACKAGES = (
    str(Path(lambdad.__path__[0]).parent),
    next(path for path in sys.path if path.endswith("site-packages")),
)


class LambdadServer:
    """One data directory and, most of the time, a server on it."""

    def __init__(self, data_dir: Path, *options: str, python: str = sys.executable) -> None:
        self.data_dir = data_dir
        self._python = python
        self.endpoint = ""
        self.ca: str | None = None
        """Whom clients trust, of a server that speaks TLS."""
        self._options = options
        self._log = data_dir.with_name(data_dir.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._session: boto3.session.Session | None = None
        self._has_roles = "--accept-any-credentials" in options

    # Its life.

    def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError with its log if it is not."""
        ready, write_end = os.pipe()
        # No `lambdad` on PATH is needed, and nothing of the tests' environment is inherited.
        command = [self._python, "-m", "lambdad", "up", "--data-dir", str(self.data_dir)]
        command += ["--ready-fd", str(write_end), *self._options]
        if "--port" not in self._options:
            command += ["--port", "0"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, pass_fds=[write_end], env=self.environment()
            )
        os.close(write_end)
        try:
            readable, _, _ = select.select([ready], [], [], PATIENCE_S)
            self.endpoint = os.read(ready, 4096).decode().strip() if readable else ""
        finally:
            os.close(ready)
        if not self.endpoint:
            self.kill9()
            raise RuntimeError(f"lambdad did not become ready:\n{self.log_text()}")

    def stop(self) -> int:
        """SIGTERM, and wait for a clean end; the exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise RuntimeError(f"lambdad did not stop:\n{self.log_text()}") from None
        self._process = None
        return code

    def restart(self) -> None:
        """Stop it and start it again on the same data."""
        self.stop()
        self.start()

    def kill9(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """Everything it has printed, all starts together."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # Its users.

    @property
    def root_key(self) -> tuple[str, str]:
        """Access key id and secret of the default account's root."""
        keys = configparser.ConfigParser()
        keys.read(self.data_dir / "credentials")
        values = keys["default"]
        return values["aws_access_key_id"], values["aws_secret_access_key"]

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with the root key; `options` go to boto3 (aws_access_key_id, config)."""
        if self._session is None:
            self._session = boto3.session.Session()
        if service == "lambda" and not self._has_roles:
            self._has_roles = True
            for name in EXECUTION_ROLES:
                self.execution_role(name)
        key_id, secret = self.root_key
        defaults: dict[str, Any] = {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "verify": self.ca,
            "aws_access_key_id": key_id,
            "aws_secret_access_key": secret,
            "config": botocore.config.Config(
                retries={"total_max_attempts": 1},
                connect_timeout=PATIENCE_S,
                read_timeout=PATIENCE_S,
            ),
        }
        return self._session.client(service, **(defaults | options))

    def execution_role(self, name: str, *policies: str) -> str:
        """The ARN of a role that Lambda may assume, made if it is not there, with AWS's policy
        for logs and further inline policies (documents)."""
        iam = self.client("iam")
        try:
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA_TRUST)
        except iam.exceptions.EntityAlreadyExistsException:
            role = iam.get_role(RoleName=name)
        iam.attach_role_policy(RoleName=name, PolicyArn=BASIC_EXECUTION)
        for number, document in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=document)
        arn: str = role["Role"]["Arn"]
        return arn

    def environment(self) -> dict[str, str]:
        """The environment variables of a user who has run `eval "$(lambdad env)"`."""
        home = self.data_dir.with_name(self.data_dir.name + ".home")
        home.mkdir(exist_ok=True)
        variables = {
            "PATH": f"{BIN}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "LAMBDAD_DATA_DIR": str(self.data_dir),
        }
        if self._python != sys.executable:  # it has no packages of its own
            variables["PYTHONPATH"] = os.pathsep.join(_OUR_PACKAGES)
        if self.endpoint:
            key_id, secret = self.root_key
            variables |= {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": key_id,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_PAGER": "",
            }
        return variables

    def aws(self, *words: str, check: bool = True) -> Any:
        """Run the AWS CLI: its JSON, or its text where it prints none. With check=False the
        finished process instead."""
        return self._run([sys.executable, str(BIN / "aws"), *words], check)

    def lambdad(
        self, *words: str, check: bool = True, environment: dict[str, str] | None = None
    ) -> Any:
        """Run the lambdad command likewise, perhaps with other environment variables."""
        return self._run([sys.executable, "-m", "lambdad", *words], check, environment)

    def local_environment(self) -> dict[str, str]:
        """The environment of a user on the server's machine who has not run `lambdad env`."""
        variables = self.environment().items()
        return {name: value for name, value in variables if not name.startswith("AWS_")}

    def _run(
        self, command: list[str], check: bool, environment: dict[str, str] | None = None
    ) -> Any:
        done = subprocess.run(
            command,
            env=self.environment() if environment is None else environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
        if not check:
            return done
        if done.returncode != 0:
            raise RuntimeError(f"{command} failed ({done.returncode}): {done.stderr}{done.stdout}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout


ServerFactory = Callable[..., LambdadServer]


def _factory(folder: Path) -> Iterator[ServerFactory]:
    started: list[LambdadServer] = []

    def start(*options: str, data_dir: Path | None = None) -> LambdadServer:
        place = data_dir or folder / f"data{len(started)}"
        server = LambdadServer(place, *options)
        started.append(server)
        server.start()
        return server

    try:
        yield start
    finally:
        for server in started:
            server.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[ServerFactory]:
    """Starts servers that end with the test."""
    yield from _factory(tmp_path)


@pytest.fixture
def fresh_server(start_server: ServerFactory) -> LambdadServer:
    """A server of this test's own."""
    return start_server()


@pytest.fixture(scope="module")
def _start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFactory]:
    yield from _factory(tmp_path_factory.mktemp("lambdad"))


@pytest.fixture(scope="module")
def server(_start_shared: ServerFactory) -> LambdadServer:
    """A server for all tests of a module."""
    return _start_shared()


@pytest.fixture(scope="module")
def open_server(_start_shared: ServerFactory) -> LambdadServer:
    """Likewise, accepting any credentials."""
    return _start_shared("--accept-any-credentials")
