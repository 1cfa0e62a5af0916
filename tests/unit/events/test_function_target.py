"""Functions as targets of outcomes: what is accepted for them, and what they cannot take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.events.target import Parcel, Undeliverable
from lambdad.events.targets.function import FunctionTarget
from lambdad.functions.snapshot import Catalog
from lambdad.runtime.invocation import InvokeRequest
from support.functions import ACCOUNT, REGION, make_function, make_version, run

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
SENDER = make_version(Path("/code"), name="sender")


class Events:
    """Takes events."""

    def __init__(self) -> None:
        self.accepted: list[tuple[Any, ...]] = []

    async def accept(self, *address: Any) -> None:
        self.accepted.append(address)


def deliver(arn: str = ARN, body: bytes = b"{}", **changes: Any) -> list[tuple[Any, ...]]:
    catalog, events = Catalog(), Events()
    version = make_version(Path("/code"), name="f", **changes)
    catalog.publish(make_function(version))
    limits = replace(DEFAULT_LIMITS, async_payload_bytes=10)
    target = FunctionTarget(events, catalog, limits)
    run(target.deliver(arn, Parcel(body, SENDER, "Root=1-x")))
    return events.accepted


def test_it_is_invoked_asynchronously_with_what_is_sent() -> None:
    ((account, region, name, qualifier, request),) = deliver(f"{ARN}:$LATEST", b"[1]")
    assert (account, region, name, qualifier) == (ACCOUNT, REGION, "f", "$LATEST")
    expected = InvokeRequest(request.request_id, b"[1]", f"{ARN}:$LATEST", trace_header="Root=1-x")
    assert request == expected


@pytest.mark.parametrize(
    ("arn", "body", "changes", "text"),
    [
        ("arn:aws:lambda:x", b"", {}, "names no function"),
        (f"{ARN}:gone", b"", {}, "there is no function"),
        (ARN, b"x" * 11, {}, "too large"),
        (ARN, b"", {"tenant_isolation": True}, "Add a valid tenant ID"),
    ],
)
def test_what_it_does_not_take(arn: str, body: bytes, changes: Any, text: str) -> None:
    with pytest.raises(Undeliverable, match=text):
        deliver(arn, body, **changes)
