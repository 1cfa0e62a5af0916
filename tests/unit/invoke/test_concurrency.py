"""Slots, reservations and the start rate."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.invoke.concurrency import (
    ACCOUNT_REASON,
    RESERVED_REASON,
    AccountConcurrency,
    FunctionConcurrency,
    StartRate,
)


def make(limit: int = 3) -> tuple[FunctionConcurrency, FunctionConcurrency]:
    account = AccountConcurrency(limit)
    return FunctionConcurrency(account, 10), FunctionConcurrency(account, 10)


def test_functions_share_the_account() -> None:
    one, two = make(3)
    assert [one.acquire(), one.acquire(), two.acquire()] == [None] * 3
    assert two.acquire() == ACCOUNT_REASON
    one.release()
    assert two.acquire() is None


def test_a_reservation_is_a_cap_and_a_guarantee() -> None:
    one, two = make(3)
    one.reserve(2)
    assert two.acquire() is None
    assert two.acquire() == ACCOUNT_REASON
    assert [one.acquire(), one.acquire()] == [None, None]
    assert one.acquire() == RESERVED_REASON


def test_zero_reserved_is_switched_off() -> None:
    one, _ = make()
    one.reserve(0)
    assert one.acquire() == RESERVED_REASON
    one.reserve(None)
    assert one.acquire() is None


def test_what_runs_is_counted_on_its_new_side() -> None:
    one, two = make(3)
    one.acquire()
    one.acquire()
    one.reserve(1)
    assert one.acquire() == RESERVED_REASON
    assert [two.acquire(), two.acquire()] == [None, None]
    one.release()
    one.release()
    assert one.acquire() is None
    one.reserve(None)
    assert two.acquire() == ACCOUNT_REASON


class Accounting(RuleBasedStateMachine):
    """However slots and reservations change, the books stay right."""

    def __init__(self) -> None:
        super().__init__()
        self.account = AccountConcurrency(10)
        self.functions = [FunctionConcurrency(self.account, 1000) for _ in range(3)]
        self.held = [0, 0, 0]

    @rule(index=st.integers(0, 2))
    def acquire(self, index: int) -> None:
        function = self.functions[index]
        if function.acquire() is None:
            self.held[index] += 1
            if function.reserved is not None:
                assert self.held[index] <= function.reserved
            else:
                assert self.account.unreserved_in_use <= self.account.unreserved

    @precondition(lambda self: any(self.held))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        holders = [index for index, held in enumerate(self.held) if held]
        index = data.draw(st.sampled_from(holders))
        self.functions[index].release()
        self.held[index] -= 1

    @rule(index=st.integers(0, 2), amount=st.none() | st.integers(0, 3))
    def reserve(self, index: int, amount: int | None) -> None:
        self.functions[index].reserve(amount)

    @invariant()
    def the_books_are_right(self) -> None:
        unreserved = reserved = 0
        for function, held in zip(self.functions, self.held, strict=True):
            assert function.in_use == held
            if function.reserved is None:
                unreserved += held
            else:
                reserved += function.reserved
        assert self.account.unreserved_in_use == unreserved
        assert self.account.reserved == reserved


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=100, deadline=None)


def test_the_start_rate_refills_continuously_and_banks_nothing() -> None:
    rate = StartRate(10)
    second_ns = 1_000_000_000
    assert [rate.take(0) for _ in range(11)] == [True] * 10 + [False]
    assert rate.take(second_ns)
    assert not rate.take(second_ns)
    far_ns = 10_000 * second_ns
    assert sum(rate.take(far_ns) for _ in range(50)) == 10
