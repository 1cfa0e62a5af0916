"""Slowing down whoever guesses keys: after some refused signatures, a pause that doubles.

Failures count per address and access key, and per address for keys that nobody has; so a caller
with a good key is never locked out by what somebody else sends, from another address or, under
other keys, from the same. Bounded: the oldest failures are forgotten first. Reads no clock.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from lambdad.core.errors import AwsError, ClientError
from lambdad.core.limits import Limits
from lambdad.core.value import Struct
from lambdad.iam.errors import Dialect

_FIRST_PAUSE_S = 0.5
_FORGET_AFTER_S = 900.0
UNKNOWN = ""
"""Stands for every key that nobody has."""


class ThrottlingException(ClientError):
    code = "ThrottlingException"


class Throttling(ClientError):
    code = "Throttling"


class SlowDown(ClientError):
    code = "SlowDown"
    status = 503


_ERRORS: dict[Dialect, type[AwsError]] = {
    Dialect.JSON: ThrottlingException,
    Dialect.QUERY: Throttling,
    Dialect.S3: SlowDown,
}


class _Failures(Struct):
    count: int
    last_s: float
    until_s: float


class Backoff:
    """Remembers failures. Times are seconds on any clock that goes forward."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failures: dict[tuple[str, str], _Failures] = {}

    @property
    def quiet(self) -> bool:
        """Nothing has failed lately: the usual case, and all that a good call pays."""
        return not self._failures

    def check(self, address: str, key: str, now_s: float, dialect: Dialect) -> None:
        """Raises a throttling error, named as services of `dialect` do, during a pause."""
        failures = self._failures.get((_group(address), key))
        if failures is not None and now_s < failures.until_s:
            raise _ERRORS[dialect]("Rate exceeded")

    def failed(self, address: str, key: str, now_s: float) -> None:
        """A signature under `key` (or UNKNOWN) was refused."""
        place = (_group(address), key)
        failures = self._failures.pop(place, None)
        if failures is None or now_s - failures.last_s > _FORGET_AFTER_S:
            failures = _Failures(0, now_s, 0.0)
        failures.count += 1
        failures.last_s = now_s
        over = failures.count - self._limits.failed_signatures
        if over >= 0:
            longest_s = self._limits.failed_signature_backoff_s
            failures.until_s = now_s + min(longest_s, _FIRST_PAUSE_S * 2.0 ** min(over, 32))
        while len(self._failures) >= self._limits.failed_signature_buckets:
            del self._failures[next(iter(self._failures))]
        self._failures[place] = failures

    def succeeded(self, address: str, key: str) -> None:
        """Whoever this is has the secret."""
        self._failures.pop((_group(address), key), None)


def _group(address: str) -> str:
    """The address; of IPv6 the /64 that one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address
