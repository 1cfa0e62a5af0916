"""Identifiers: their types, and how each is made."""

from __future__ import annotations

import os
import uuid
from typing import NewType

AccountId = NewType("AccountId", str)
"""Twelve decimal digits."""
Region = NewType("Region", str)
"""An AWS region name such as `us-east-1`."""
RequestId = NewType("RequestId", str)
"""A UUID; one per API call, the same for an invocation, its logs and its retries."""
EnvironmentId = NewType("EnvironmentId", str)
"""32 lower-case hex digits; one execution environment, and the tail of its log stream."""

DEFAULT_ACCOUNT = AccountId("000000000000")
DEFAULT_REGION = Region("us-east-1")


def new_uuid() -> str:
    """A random UUID (version 4) as AWS writes them: lower case with hyphens."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def new_request_id() -> RequestId:
    """A fresh request id."""
    return RequestId(new_uuid())


def new_environment_id() -> EnvironmentId:
    """A fresh execution environment id."""
    return EnvironmentId(os.urandom(16).hex())
