"""The isolation of a server: chosen, and its keeper started, while lambdad still may everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.core.value import Value
from lambdad.sandbox.driver import Driver, Tier
from lambdad.sandbox.drivers.namespaces import NamespaceDriver
from lambdad.sandbox.drivers.process import ProcessDriver
from lambdad.sandbox.keeper import Keeper
from lambdad.sandbox.launch import ConfinedLauncher, PlainLauncher
from lambdad.sandbox.probe import probe
from lambdad.sandbox.selection import MULTI_TENANT, Choice, choose_tier
from lambdad.server.config import Config
from lambdad.server.tiers import TIERS


class Walls(Value):
    """What stands between functions and the machine."""

    choice: Choice
    keeper: Keeper | None
    """Started; None in tiers without a jailer."""

    def watch(self, lost: Callable[[], None]) -> None:
        """Call back once when the keeper is gone and lambdad, root no more, has no way to start
        another: no sandbox can be made then. Until `unwatch`."""
        if self.keeper is not None and not self.keeper.replaceable:
            asyncio.get_running_loop().add_reader(self.keeper, self._gone, lost)

    def unwatch(self) -> None:
        """Before the driver ends the keeper."""
        if self.keeper is not None:
            asyncio.get_running_loop().remove_reader(self.keeper)

    def _gone(self, lost: Callable[[], None]) -> None:
        self.unwatch()
        lost()

    def driver(self, config: Config, endpoint: str) -> Driver:
        """What makes sandboxes; functions reach lambdad at `endpoint` where they have no network
        of their own. It ends the keeper."""
        if self.keeper is None:
            confined = self.choice.tier is Tier.HARDENED_PROCESS
            launcher = (
                ConfinedLauncher(config.limits, config.sandbox.egress.reach)
                if confined
                else PlainLauncher()
            )
            return ProcessDriver(endpoint, config.limits, launcher)
        return NamespaceDriver(
            self.choice.tier,
            config.data_dir / "scratch",
            self.keeper,
            config.sandbox.egress,
            self.choice.missing_layers,
            config.limits,
        )


def choose_walls(config: Config) -> Choice:
    """The strongest isolation that this machine offers. Raises SandboxError below the minimum.

    Looking at the machine forks: called before there are threads."""
    return choose_tier(probe(), TIERS, config.sandbox.min_tier)


def raise_walls(choice: Choice) -> Walls:
    """With what has to be started while lambdad still may everything."""
    if choice.tier not in MULTI_TENANT:
        return Walls(choice, None)
    keeper = Keeper()
    keeper.start()
    return Walls(choice, keeper)
