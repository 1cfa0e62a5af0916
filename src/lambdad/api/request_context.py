"""The context of a request as conditions ask for it: computed key by key, when a key is asked.

Most calls meet no condition at all, so nothing is made ready for them. Owns the global keys that
come with a request; those of the principal are `iam/directory.py`'s, those of a service its own.

Source: IAM user guide, "AWS global condition context keys".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from lambdad.api.call import Call
from lambdad.api.requirement import Keys, Tags
from lambdad.core.clock import Clock

_RESOURCE_TAG = ":resourcetag/"


class RequestContext(Mapping[str, str | tuple[str, ...]]):
    """One requirement of one call, seen as condition keys (lower case). Quick to make."""

    __slots__ = ("_call", "_clock", "_keys", "_principal", "_tags")

    def __init__(
        self, call: Call, clock: Clock, principal: Keys, keys: Keys, tags: Callable[[], Tags]
    ) -> None:
        self._call = call
        self._clock = clock
        self._principal = principal
        self._keys = keys
        self._tags = tags

    def get(self, key: str, default: Any = None) -> Any:
        value = self._principal.get(key)
        if value is None:
            value = self._keys.get(key)
        if value is None:
            derive = _DERIVED.get(key)
            if derive is not None:
                value = derive(self._call, self._clock)
            elif _RESOURCE_TAG in key:
                value = self._resource_tag(key)
        return default if value is None else value

    def __getitem__(self, key: str) -> str | tuple[str, ...]:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        found: str | tuple[str, ...] = value
        return found

    def __iter__(self) -> Iterator[str]:
        names = {*self._principal, *self._keys, *_DERIVED}
        names |= {f"aws{_RESOURCE_TAG}{name.lower()}" for name in self._tags()}
        return (name for name in sorted(names) if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _resource_tag(self, key: str) -> str | None:
        """`aws:ResourceTag/<name>`, which services also have under their own prefix."""
        wanted = key.partition(_RESOURCE_TAG)[2]
        for name, value in self._tags().items():
            if name.lower() == wanted:
                return value
        return None


def _current_time(_: Call, clock: Clock) -> str:
    return datetime.fromtimestamp(clock.wall_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def _address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _mfa_age(call: Call, clock: Clock) -> str | None:
    session = call.principal.session
    if session is None or session.mfa_s is None:
        return None
    return str(max(0, clock.wall_ms() // 1000 - session.mfa_s))


_DERIVED: Mapping[str, Callable[[Call, Clock], str | None]] = {
    "aws:currenttime": _current_time,
    "aws:epochtime": lambda _, clock: str(clock.wall_ms() // 1000),
    "aws:multifactorauthage": _mfa_age,
    "aws:referer": lambda call, _: call.headers.get("referer"),
    "aws:requestedregion": lambda call, _: call.region,
    "aws:resourceaccount": lambda call, _: call.account,
    "aws:securetransport": lambda call, _: str(call.endpoint.startswith("https:")).lower(),
    "aws:sourceip": lambda call, _: _address(call.source_ip),
    "aws:useragent": lambda call, _: call.headers.get("user-agent"),
    "aws:viaawsservice": lambda _, __: "false",
}
