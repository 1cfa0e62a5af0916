"""Identifiers: their types, and how each is made."""

from __future__ import annotations

import os
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


def new_uuid() -> str:
    """A random UUID (version 4) as AWS writes them: lower case with hyphens.

    Written out by hand because every call needs one: a third of what `uuid.uuid4` costs."""
    digits = os.urandom(16).hex()
    variant = _VARIANT_DIGITS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_request_id() -> RequestId:
    """A fresh request id."""
    return RequestId(new_uuid())


def new_environment_id() -> EnvironmentId:
    """A fresh execution environment id."""
    return EnvironmentId(os.urandom(16).hex())
