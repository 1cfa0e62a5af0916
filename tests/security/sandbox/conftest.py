"""One workbench per tier and module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.real_sandboxes import Workbench, workbench


@pytest.fixture(scope="module")
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workbench]:
    """A started driver of the tier that the test names."""
    folder = tmp_path_factory.mktemp("bench")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    with workbench(request.param, folder) as made:
        yield made
