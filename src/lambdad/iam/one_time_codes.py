"""Time-based one-time codes, as MFA devices show them (RFC 6238: HMAC-SHA-1, 30 s, six digits).

Owns the arithmetic and the comparison in constant time. Keeps nothing: which codes were used
before, and how far a device's clock is off, its record says. Pure.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

STEP_S = 30
"""How long a code is shown."""
DIGITS = 6


def step_at(now_s: int) -> int:
    """The number of the step that a moment (epoch seconds) lies in."""
    return now_s // STEP_S


def code_at(seed: bytes, step: int) -> str:
    """What a device with this seed shows during a step."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(seed: bytes, code: str, around: int, reach: int) -> int | None:
    """The step, at most `reach` from `around`, whose code this is; the nearest of several."""
    for step in _near(around, reach):
        if _same(code_at(seed, step), code):
            return step
    return None


def matching_pair(seed: bytes, first: str, second: str, around: int, reach: int) -> int | None:
    """The step whose code is `second`, directly after one whose code is `first`."""
    for step in _near(around, reach):
        if _same(code_at(seed, step - 1), first) and _same(code_at(seed, step), second):
            return step
    return None


def _near(around: int, reach: int) -> Iterator[int]:
    yield around
    for distance in range(1, reach + 1):
        yield from (around - distance, around + distance)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
