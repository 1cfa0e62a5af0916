"""How many invocations may run at once, and how fast environments may be added. Pure.

Owns: the account's pool, reserved concurrency, throttle reasons (semantics §1.9), the start rate.
A reserved amount is both a guarantee and a cap; all other functions share what is left.
"""

from __future__ import annotations

ACCOUNT_REASON = "ConcurrentInvocationLimitExceeded"
RESERVED_REASON = "ReservedFunctionConcurrentInvocationLimitExceeded"
RATE_REASON = "FunctionInvocationRateLimitExceeded"

_WINDOW_NS = 10_000_000_000


class AccountConcurrency:
    """One account's pool in one region."""

    __slots__ = ("limit", "reserved", "unreserved_in_use")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserved = 0
        """Promised to functions, used or not."""
        self.unreserved_in_use = 0

    @property
    def unreserved(self) -> int:
        """What functions without a reservation share."""
        return self.limit - self.reserved


class FunctionConcurrency:
    """One function's share of its account's pool."""

    __slots__ = ("_account", "_rate", "in_use", "reserved")

    def __init__(self, account: AccountConcurrency, starts_per_10s: int) -> None:
        self._account = account
        self._rate = StartRate(starts_per_10s)
        self.reserved: int | None = None
        self.in_use = 0

    def reserve(self, amount: int | None) -> None:
        """Set or lift the reservation. What runs goes on, counted on its new side."""
        account = self._account
        account.reserved += (amount or 0) - (self.reserved or 0)
        if self.reserved is None and amount is not None:
            account.unreserved_in_use -= self.in_use
        elif self.reserved is not None and amount is None:
            account.unreserved_in_use += self.in_use
        self.reserved = amount

    def acquire(self) -> str | None:
        """Take one slot; else the reason why there is none."""
        if self.reserved is not None:
            if self.in_use >= self.reserved:
                return RESERVED_REASON
        else:
            account = self._account
            if account.unreserved_in_use >= account.limit - account.reserved:
                return ACCOUNT_REASON
            account.unreserved_in_use += 1
        self.in_use += 1
        return None

    def release(self) -> None:
        """Give one slot back."""
        if self.in_use == 0:
            raise ValueError("released more slots than were taken")
        self.in_use -= 1
        if self.reserved is None:
            self._account.unreserved_in_use -= 1

    def may_start(self, now_ns: int) -> bool:
        """Whether one more environment may be started now; if so it is counted."""
        return self._rate.take(now_ns)


class StartRate:
    """An allowance that refills continuously over ten seconds and is never banked beyond it."""

    __slots__ = ("_left", "_per_window", "_seen_ns")

    def __init__(self, per_10s: int) -> None:
        self._per_window = per_10s
        self._left = float(per_10s)
        self._seen_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        if self._seen_ns is not None:
            refill = (now_ns - self._seen_ns) * self._per_window / _WINDOW_NS
            self._left = min(float(self._per_window), self._left + refill)
        self._seen_ns = now_ns
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
