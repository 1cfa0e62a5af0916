"""The kit runs over every engine, and over every further one that is added to ENGINES."""

from __future__ import annotations

import pytest

from support.lanes import ENGINES, OpenLane


@pytest.fixture(params=sorted(ENGINES))
def open_lane(request: pytest.FixtureRequest) -> OpenLane:
    return ENGINES[request.param]
