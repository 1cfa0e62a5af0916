"""Slots, reservations, what is provisioned, and the rates."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.invoke.concurrency import (
    ACCOUNT_REASON,
    RATE_REASON,
    RESERVED_RATE_REASON,
    RESERVED_REASON,
    START_WINDOW_NS,
    AccountConcurrency,
    FunctionConcurrency,
    ManagedConcurrency,
    PoolConcurrency,
    Rate,
)

SECOND_NS = 1_000_000_000


def make(limit: int = 3) -> tuple[PoolConcurrency, PoolConcurrency]:
    """One pool of each of two functions."""
    account = AccountConcurrency(limit)
    return (
        PoolConcurrency(FunctionConcurrency(account, 10)),
        PoolConcurrency(FunctionConcurrency(account, 10)),
    )


def take(pool: PoolConcurrency, count: int) -> list[str | None]:
    return [pool.acquire(None) for _ in range(count)]


def test_functions_share_the_account() -> None:
    one, two = make(3)
    assert take(one, 2) + take(two, 2) == [None] * 3 + [ACCOUNT_REASON]
    one.release()
    assert two.acquire(None) is None


def test_a_reservation_is_a_cap_and_a_guarantee() -> None:
    one, two = make(3)
    one.function.reserve(2)
    assert take(two, 2) == [None, ACCOUNT_REASON]
    assert take(one, 3) == [None, None, RESERVED_REASON]


def test_zero_reserved_is_switched_off() -> None:
    one, _ = make()
    one.function.reserve(0)
    assert one.acquire(None) == RESERVED_REASON
    one.function.reserve(None)
    assert one.acquire(None) is None


def test_what_runs_is_counted_on_its_new_side() -> None:
    one, two = make(3)
    take(one, 2)
    one.function.reserve(1)
    assert one.acquire(None) == RESERVED_REASON
    assert take(two, 2) == [None, None]
    one.release()
    one.release()
    assert one.acquire(None) is None
    one.function.reserve(None)
    assert two.acquire(None) == ACCOUNT_REASON


def test_what_is_provisioned_is_kept_for_its_version_and_spills_over_into_what_is_left() -> None:
    one, two = make(4)
    one.provision(2)
    assert take(two, 3) == [None, None, ACCOUNT_REASON]
    assert take(one, 3) == [None, None, ACCOUNT_REASON]
    two.release()
    assert one.acquire(None) is None
    one.release()
    assert two.acquire(None) is None


def test_what_is_provisioned_is_taken_out_of_the_reservation() -> None:
    one, two = make(10)
    other_version = PoolConcurrency(one.function)
    one.function.reserve(3)
    one.provision(2)
    assert take(other_version, 2) == [None, RESERVED_REASON]
    assert take(one, 3) == [None, None, RESERVED_REASON]
    assert take(two, 8) == [None] * 7 + [ACCOUNT_REASON]


def test_requests_are_bounded_by_ten_times_the_concurrency() -> None:
    one, two = make(2)
    for pool in (one, two) * 10:
        assert pool.acquire(0) is None
        pool.release()
    assert [one.acquire(0), two.acquire(0)] == [RATE_REASON] * 2
    assert one.acquire(None) is None, "an asynchronous event is bounded by concurrency alone"
    one.release()
    one.function.reserve(1)
    for _ in range(10):
        assert one.acquire(0) is None
        one.release()
    assert one.acquire(0) == RESERVED_RATE_REASON
    assert one.acquire(SECOND_NS // 10) is None, "a tenth of a second brings one back"


def test_a_throttled_request_uses_up_no_rate() -> None:
    one, _ = make(1)
    assert one.acquire(0) is None
    assert [one.acquire(0) for _ in range(50)] == [ACCOUNT_REASON] * 50
    one.release()
    assert one.acquire(0) is None


def test_managed_instances_have_their_own_bound() -> None:
    account = AccountConcurrency(0)
    pool = ManagedConcurrency(FunctionConcurrency(account, 10))
    assert pool.acquire(0) == ACCOUNT_REASON
    pool.bound(2, 3)
    assert take(pool, 7) == [None] * 6 + [ACCOUNT_REASON]
    for _ in range(6):
        pool.release()
    assert (pool.in_use, pool.function.on_demand, account.unreserved.in_use) == (0, 0, 0)


class Accounting(RuleBasedStateMachine):
    """However slots, reservations and what is provisioned change, the books stay right, and no
    more is ever granted than is there. Two functions of two versions each."""

    def __init__(self) -> None:
        super().__init__()
        self.account = AccountConcurrency(10)
        self.functions = [FunctionConcurrency(self.account, 1000) for _ in range(2)]
        self.pools = [PoolConcurrency(function) for function in self.functions for _ in range(2)]
        self.held = [0] * 4

    @rule(index=st.integers(0, 3))
    def acquire(self, index: int) -> None:
        pool = self.pools[index]
        function = pool.function
        if pool.acquire(None) is not None:
            return
        self.held[index] += 1
        if pool.in_use <= pool.provisioned:
            return
        if function.reserved is not None:
            assert function.on_demand <= function.reserved - function.provisioned
        else:
            assert self.account.unreserved.in_use <= self.account.limit - self.account.claimed

    @precondition(lambda self: any(self.held))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        holders = [index for index, held in enumerate(self.held) if held]
        index = data.draw(st.sampled_from(holders))
        self.pools[index].release()
        self.held[index] -= 1

    @rule(index=st.integers(0, 1), amount=st.none() | st.integers(0, 4))
    def reserve(self, index: int, amount: int | None) -> None:
        self.functions[index].reserve(amount)

    @rule(index=st.integers(0, 3), amount=st.integers(0, 3))
    def provision(self, index: int, amount: int) -> None:
        self.pools[index].provision(amount)

    @invariant()
    def the_books_are_right(self) -> None:
        unreserved = claimed = 0
        for number, function in enumerate(self.functions):
            pools = self.pools[2 * number : 2 * number + 2]
            provisioned = sum(pool.provisioned for pool in pools)
            on_demand = sum(max(0, pool.in_use - pool.provisioned) for pool in pools)
            assert (function.provisioned, function.on_demand) == (provisioned, on_demand)
            if function.reserved is None:
                unreserved += on_demand
                claimed += provisioned
            else:
                claimed += function.reserved
        assert [pool.in_use for pool in self.pools] == self.held
        assert (self.account.unreserved.in_use, self.account.claimed) == (unreserved, claimed)


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=100)


def test_the_rate_refills_continuously_and_banks_nothing() -> None:
    rate = Rate(10, START_WINDOW_NS)
    assert [rate.take(0) for _ in range(11)] == [True] * 10 + [False]
    assert rate.take(SECOND_NS)
    assert not rate.take(SECOND_NS)
    far_ns = 10_000 * SECOND_NS
    assert sum(rate.take(far_ns) for _ in range(50)) == 10
    assert not Rate(0).take(0)


@given(st.integers(1, 1000), st.lists(st.integers(0, SECOND_NS // 2), min_size=1, max_size=200))
def test_no_window_sees_more_than_twice_the_rate(per_second: int, pauses_ns: list[int]) -> None:
    """A full allowance and what comes back while it is spent."""
    rate, now_ns, taken = Rate(per_second), 0, []
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        if rate.take(now_ns):
            taken.append(now_ns)
    for start_ns in taken:
        seen = sum(1 for at_ns in taken if start_ns <= at_ns < start_ns + SECOND_NS)
        assert seen <= 2 * per_second
