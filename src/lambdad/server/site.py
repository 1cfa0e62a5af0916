"""What every part of a server is made from: its settings, its clock, its databases, its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from lambdad.core.clock import SystemClock
from lambdad.core.limits import Limits
from lambdad.core.value import Value, field
from lambdad.server.config import Config
from lambdad.storage.lane import Lane
from lambdad.storage.sqlite import open_lane
from lambdad.telemetry.counters import Counters


class Site(Value):
    """Handed to whatever is wired."""

    config: Config
    clock: SystemClock
    stack: AsyncExitStack
    """Ends what was made, last first."""
    counters: Counters = field(default_factory=Counters)
    """What the metrics will be made of."""

    @property
    def limits(self) -> Limits:
        return self.config.limits

    def lane(self, name: str, migrations: Sequence[str]) -> Lane:
        """An open database of the data directory."""
        lane = open_lane(self.config.data_dir / f"{name}.db", migrations, limits=self.limits)
        self.stack.push_async_callback(lane.close)
        return lane
