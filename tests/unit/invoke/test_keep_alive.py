"""Which idle environments go first."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdad.invoke.keep_alive import GreedyDual, Worth


@dataclass
class Pool:
    name: str
    init_ms: float = 10.0
    size_mib: int = 10
    idle_since_ns: int = 0
    worth: Worth = field(default_factory=Worth)

    def used(self, times: int) -> Pool:
        self.worth.uses += times
        return self


def test_what_is_used_more_costs_more_or_holds_less_is_kept() -> None:
    for less, more in (
        (Pool("a").used(1), Pool("b").used(2)),
        (Pool("a", init_ms=5).used(1), Pool("b", init_ms=200).used(1)),
        (Pool("a", size_mib=500).used(1), Pool("b", size_mib=5).used(1)),
        (Pool("a", idle_since_ns=1).used(1), Pool("b", idle_since_ns=2).used(1)),
    ):
        assert GreedyDual().least([more, less]) is less
    assert GreedyDual().least([]) is None


def test_what_was_used_much_once_gives_way_in_the_end() -> None:
    policy, old = GreedyDual(), Pool("old").used(50)
    policy.value(old)
    given_up = []
    for number in range(100):
        newcomer = Pool(f"new-{number}").used(1)
        least = policy.least([old, newcomer])
        assert least is not None
        given_up.append(least.name)
        if least is old:
            break
    assert given_up[-1] == "old"
    assert len(given_up) > 10, "but not at once"
