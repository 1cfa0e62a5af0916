"""One AWS API call, after routing, authentication and validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.iam.principal import Principal

Params = dict[str, Any]
"""Input members in AWS's spelling; blobs are bytes, timestamps aware datetimes."""
Result = dict[str, Any]
"""Output members likewise; a member that is None is left out of the answer."""
UNMODELLED_HEADERS = "$headers"
"""A Result member that is no shape's: (name, value) pairs of headers that AWS sends and no model
has. The gateway takes it out before the rest is serialised, and adds them to the answer."""


class Call(NamedTuple):
    """The circumstances of a call; its input travels beside it as Params. A NamedTuple because
    every call makes one."""

    account: AccountId
    """What the operation works on: the caller's own, unless the authorizer let a call for another
    account's resource through. Who calls is `principal`, whose account may be another."""
    region: Region
    principal: Principal
    request_id: RequestId
    endpoint: str
    """Scheme and authority under which the client reached us, for URLs in answers."""
    source_ip: str
    headers: Mapping[str, str]
    """Lower-case names; for the few operations with unmodelled headers (X-Amzn-Trace-Id)."""
