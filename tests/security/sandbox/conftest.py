"""One workbench per tier and module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.real_sandboxes import Workbench, workbench


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """A started driver of the tier that the test names."""
    with workbench(request.param) as made:
        yield made
