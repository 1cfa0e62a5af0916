"""The seam of targets: where outcomes of asynchronous invocations go.

One module per kind in `targets/`; SNS, EventBridge and S3 come in the same form. What is sent says
`outcome_record.py`; who decides that it is sent, and what a failure leads to, `outcomes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lambdad.core.value import Value, field
from lambdad.engines.queue.records import Outgoing
from lambdad.functions.snapshot import FunctionVersion


class Undeliverable(Exception):
    """The target does not take it, now or ever; the message says why, for the log."""


class Parcel(Value):
    """What is sent."""

    body: bytes
    """JSON."""
    sender: FunctionVersion
    """Whose outcome it is, and whose execution role sends it."""
    trace_header: str
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Message attributes, as SQS and SNS have them."""


class Target(Protocol):
    """A kind of target, named by the service in its ARN."""

    @property
    def action(self) -> str:
        """What the execution role must be allowed: `sqs:SendMessage`."""
        ...

    async def deliver(self, arn: str, parcel: Parcel) -> Outgoing | None:
        """Hand it over: what is to be sent in the transaction that ends the event, or None where
        it is durable already. Raises Undeliverable, and AwsError where storage refuses for now."""
        ...
