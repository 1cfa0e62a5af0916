"""One server for all files of this folder, and clients of it.

What a test makes has a name of its own (`fresh_name`), and a test that needs an account without
anything in it takes another region. Tests that stop a server use `fresh_server`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.durable_functions import SPEAKER, make_durable
from support.lambda_client import lambda_of
from support.packages import zip_of
from support.server import LambdadServer

TIGHT = (
    "aliases_per_function=2",
    "capacity_providers=1",
    "code_storage_bytes=20000",
    "resource_policy_bytes=1024",
)


def running(server: LambdadServer) -> Iterator[LambdadServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdadServer]:
    yield from running(LambdadServer(tmp_path_factory.mktemp("lambdad") / "data"))


@pytest.fixture(scope="session")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="session")
def tight_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of a server whose limits are small enough to be reached."""
    options = [word for limit in TIGHT for word in ("--limit", limit)]
    data_dir = tmp_path_factory.mktemp("tight") / "data"
    for server in running(LambdadServer(data_dir, *options)):
        yield lambda_of(server)


@pytest.fixture(scope="session")
def speaker(server: LambdadServer) -> str:
    """A durable function that follows the script in its input (`durable_functions.SPEAKER`)."""
    return make_durable(server, zip_of({"index.py": SPEAKER}), timeout_s=300)
