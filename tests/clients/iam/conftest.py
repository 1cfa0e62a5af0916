"""One server for all files of this folder, and a client of IAM for its root.

What a test makes has a name of its own; a test that needs an account without anything in it
starts a server of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.server import LambdadServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdadServer]:
    server = LambdadServer(tmp_path_factory.mktemp("lambdad") / "data")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def iam(server: LambdadServer) -> Any:
    return server.client("iam")
