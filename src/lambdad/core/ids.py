"""Identifiers: their types, and how each is made."""

from __future__ import annotations

import os
from collections import deque
from typing import NewType

AccountId = NewType("AccountId", str)
"""Twelve decimal digits."""
Region = NewType("Region", str)
"""An AWS region name such as `us-east-1`."""
RequestId = NewType("RequestId", str)
"""A UUID; one per API call, the same for an invocation, its logs and its retries."""
EnvironmentId = NewType("EnvironmentId", str)
"""32 lower-case hex digits; one execution environment, and the tail of its log stream."""

_VARIANT_DIGITS = "89ab"
"""The first digit of a UUID's fourth group holds two fixed bits (RFC 9562, section 4.1)."""

DEFAULT_ACCOUNT = AccountId("000000000000")
DEFAULT_REGION = Region("us-east-1")


_CHUNKS: deque[bytes] = deque()
"""Random bytes fetched ahead, sixteen at a time."""
os.register_at_fork(after_in_child=_CHUNKS.clear)


def _random_16() -> bytes:
    """Sixteen of the kernel's random bytes, each given out once. They are fetched by the page: a
    system call costs more than all the rest of an id. Popping is atomic, so threads may call."""
    try:
        return _CHUNKS.pop()
    except IndexError:
        page = os.urandom(4096)
        _CHUNKS.extend(page[start : start + 16] for start in range(16, len(page), 16))
        return page[:16]


def random_hex() -> str:
    """32 random hex digits."""
    return _random_16().hex()


def new_uuid() -> str:
    """A random UUID (version 4) as AWS writes them: lower case with hyphens.

    Written out by hand because every call needs one: a third of what `uuid.uuid4` costs."""
    digits = _random_16().hex()
    variant = _VARIANT_DIGITS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_request_id() -> RequestId:
    """A fresh request id."""
    return RequestId(new_uuid())


def new_environment_id() -> EnvironmentId:
    """A fresh execution environment id."""
    return EnvironmentId(random_hex())
