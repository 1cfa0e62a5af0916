"""One workbench per tier and module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.real_sandboxes import Workbench, workbench


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """A started driver of the tier that the test names, alone or with the kind of workbench."""
    tier, kind = request.param if isinstance(request.param, tuple) else (request.param, Workbench)
    with workbench(tier, kind=kind) as made:
        yield made
