"""Real functions in real sandboxes, over every tier that this machine and user have."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from lambdad.sandbox.driver import Tier
from support.functions import Bench, running
from support.real_sandboxes import ALL_TIERS, make_driver, tier_id

OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(params=ALL_TIERS, ids=tier_id)
def tier(request: pytest.FixtureRequest) -> Tier:
    found: Tier = request.param
    return found


@pytest.fixture
def bench(tier: Tier, tmp_path: Path) -> OpenBench:
    """Opens a bench over a driver of the tier; keyword arguments are limits."""

    @contextlib.asynccontextmanager
    async def open_bench(**limits: Any) -> AsyncIterator[Bench]:
        tmp_path.chmod(0o755)
        async with running(make_driver(tier, tmp_path), **limits) as opened:
            yield opened

    return open_bench
