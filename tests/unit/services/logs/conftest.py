"""`logs(scenario)`: runs a scenario with a caller of CloudWatch Logs' operations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.api.operation import OperationName, bind
from lambdad.core.clock import ManualClock
from lambdad.services.logs.operations import OPERATIONS
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.logs import LogStore
from support.calls import root_call
from support.log_stores import run_store

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"


class Logs:
    """The service, its clock, and `call(operation, **params)`."""

    def __init__(self, store: LogStore, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.service = LogsService(store, clock, live_tail_interval_s=0.01)
        self._handlers = bind(self.service, OPERATIONS)

    @property
    def now(self) -> int:
        return self.clock.wall_ms()

    async def call(self, operation: str, account: str = "000000000000", **params: Any) -> Any:
        result = await self._handlers[OperationName("logs", operation)](root_call(account), params)
        return without_absent(result)

    async def stream(self, group: str = "g", name: str = "s") -> None:
        await self.call("CreateLogGroup", logGroupName=group)
        await self.call("CreateLogStream", logGroupName=group, logStreamName=name)

    async def put(self, *events: tuple[int, str], group: str = "g", name: str = "s") -> Any:
        """Put events at offsets from now."""
        return await self.call(
            "PutLogEvents",
            logGroupName=group,
            logStreamName=name,
            logEvents=[
                {"timestamp": self.now + offset, "message": message} for offset, message in events
            ],
        )


def without_absent(value: Any) -> Any:
    """The result as it is sent: members that are None are left out."""
    if isinstance(value, dict):
        return {name: without_absent(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_absent(each) for each in value]
    return value


@pytest.fixture
def logs(tmp_path: Path) -> Callable[..., Any]:
    def run(scenario: Callable[[Logs], Any], **limits: int) -> Any:
        return run_store(tmp_path, lambda store, clock, _: scenario(Logs(store, clock)), **limits)

    return run
