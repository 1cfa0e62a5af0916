"""How many invocations may run at once, and how fast they and new environments may come. Pure.

Owns: the account's pool, reserved and provisioned concurrency, the rates, and the reasons of a
refusal (semantics §1.4, §1.9). A reserved amount is both a guarantee and a cap, a provisioned one
is taken out of it or of the account's pool; all functions share what is left. Time comes in as
monotonic nanoseconds; everything on the path of a warm invocation is a comparison of integers.
"""

from __future__ import annotations

ACCOUNT_REASON = "ConcurrentInvocationLimitExceeded"
RESERVED_REASON = "ReservedFunctionConcurrentInvocationLimitExceeded"
RATE_REASON = "FunctionInvocationRateLimitExceeded"
RESERVED_RATE_REASON = "ReservedFunctionInvocationRateLimitExceeded"

REQUESTS_PER_SLOT = 10
"""Requests per second that each unit of concurrency stands for (semantics §1.4)."""
_SECOND_NS = 1_000_000_000
START_WINDOW_NS = 10 * _SECOND_NS


class Rate:
    """So many per window, refilled continuously and never banked beyond one window."""

    __slots__ = ("_full_ns", "_step_ns", "_window_ns")

    def __init__(self, per_window: int, window_ns: int = _SECOND_NS) -> None:
        self._window_ns = window_ns
        self._step_ns = window_ns // per_window if per_window else window_ns + 1
        self._full_ns: int | None = None
        """When the whole allowance will be back."""

    def take(self, now_ns: int) -> bool:
        """One of the allowance, if there is one left."""
        full_ns = self._full_ns
        if full_ns is None or full_ns < now_ns:
            full_ns = now_ns
        full_ns += self._step_ns
        if full_ns - now_ns > self._window_ns:
            return False
        self._full_ns = full_ns
        return True


class Allowance:
    """What the on-demand invocations of some functions share: all that have no reservation, or the
    one that has this reservation."""

    __slots__ = ("in_use", "limit", "rate_reason", "reason", "requests")

    def __init__(self, limit: int, requests: int, reason: str, rate_reason: str) -> None:
        self.limit = limit
        """How many may run at once; below zero where more is promised than there is."""
        self.in_use = 0
        self.requests = Rate(REQUESTS_PER_SLOT * requests)
        self.reason = reason
        self.rate_reason = rate_reason


class AccountConcurrency:
    """One account's pool in one region."""

    __slots__ = ("limit", "tenant_environments", "unreserved")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.unreserved = Allowance(limit, limit, ACCOUNT_REASON, RATE_REASON)
        self.tenant_environments = 0
        """Execution environments of functions that isolate tenants."""

    @property
    def claimed(self) -> int:
        """Promised, used or not: what is reserved for functions, and what is provisioned for
        those without a reservation."""
        return self.limit - self.unreserved.limit

    def claim(self, amount: int) -> None:
        """Promise so much more (or less)."""
        self.unreserved.limit -= amount


class FunctionConcurrency:
    """One function's share of its account's pool, all versions together."""

    __slots__ = ("account", "allowance", "on_demand", "provisioned", "reserved", "starts")

    def __init__(self, account: AccountConcurrency, starts_per_10s: int) -> None:
        self.account = account
        self.allowance = account.unreserved
        """Where its invocations on demand are counted."""
        self.reserved: int | None = None
        self.provisioned = 0
        """Of all its versions."""
        self.on_demand = 0
        """Invocations beyond what is provisioned for their version."""
        self.starts = Rate(starts_per_10s, START_WINDOW_NS)
        """Of new environments."""

    def reserve(self, amount: int | None) -> None:
        """Set or lift the reservation. What runs goes on, counted on its new side."""
        if amount == self.reserved:
            return
        before = self.provisioned if self.reserved is None else self.reserved
        self.account.claim((self.provisioned if amount is None else amount) - before)
        self.reserved = amount
        self.allowance.in_use -= self.on_demand
        if amount is None:
            self.allowance = self.account.unreserved
        else:
            limit = amount - self.provisioned
            self.allowance = Allowance(limit, amount, RESERVED_REASON, RESERVED_RATE_REASON)
        self.allowance.in_use += self.on_demand

    def count(self, on_demand: int) -> None:
        """So many more (or fewer) invocations run on demand."""
        self.on_demand += on_demand
        self.allowance.in_use += on_demand

    def claim(self, provisioned: int) -> None:
        """So many more (or fewer) environments are provisioned: out of the reservation, or of the
        account's pool. Either way there is less left to share."""
        self.provisioned += provisioned
        self.allowance.limit -= provisioned


class PoolConcurrency:
    """The slots of the invocations of one pool: of one deployment of one version."""

    __slots__ = ("function", "in_use", "provisioned")

    def __init__(self, function: FunctionConcurrency) -> None:
        self.function = function
        self.provisioned = 0
        self.in_use = 0

    def provision(self, amount: int) -> None:
        """Set what is provisioned. What runs goes on, counted on its new side."""
        before, self.provisioned = self.provisioned, amount
        self.function.claim(amount - before)
        self.function.count(max(0, self.in_use - amount) - max(0, self.in_use - before))

    def acquire(self, now_ns: int | None) -> str | None:
        """Take one slot; else the reason why there is none. `now_ns` None: no rate applies."""
        allowance = self.function.allowance
        on_demand = self.in_use >= self.provisioned
        if on_demand and allowance.in_use >= allowance.limit:
            return allowance.reason
        if now_ns is not None and not allowance.requests.take(now_ns):
            return allowance.rate_reason
        if on_demand:
            allowance.in_use += 1
            self.function.on_demand += 1
        self.in_use += 1
        return None

    def release(self) -> None:
        """Give one slot back."""
        if self.in_use == 0:
            raise ValueError("released more slots than were taken")
        self.in_use -= 1
        if self.in_use >= self.provisioned:
            function = self.function
            function.on_demand -= 1
            function.allowance.in_use -= 1


class ManagedConcurrency(PoolConcurrency):
    """The slots of a version on managed instances. Its capacity is its own: neither the account's
    pool nor a reservation bounds it, only its execution environments do (semantics §1.15)."""

    __slots__ = ("limit",)

    def __init__(self, function: FunctionConcurrency) -> None:
        super().__init__(function)
        self.limit = 0

    def bound(self, environments: int, per_environment: int) -> None:
        """Allow what so many environments may run, each so much at once."""
        self.limit = environments * per_environment

    def provision(self, amount: int) -> None:
        self.provisioned = amount

    def acquire(self, now_ns: int | None) -> str | None:
        if self.in_use >= self.limit:
            return ACCOUNT_REASON
        self.in_use += 1
        return None

    def release(self) -> None:
        if self.in_use == 0:
            raise ValueError("released more slots than were taken")
        self.in_use -= 1
