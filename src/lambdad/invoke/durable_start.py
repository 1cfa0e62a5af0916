"""How a durable execution begins: what of, and under which name.

Owns the request and the Origin that comes of it. Keeps nothing.
"""

from __future__ import annotations

from lambdad.core.ids import new_uuid, random_hex
from lambdad.core.value import Value
from lambdad.engines.durable.execution import Origin
from lambdad.functions.snapshot import FunctionVersion


class Start(Value):
    """An execution to be begun."""

    target: FunctionVersion
    """Of a durable function."""
    payload: bytes
    """JSON; empty stands for `{}`."""
    synchronous: bool
    trace_header: str
    name: str | None = None
    """The caller's own: a second start under it finds the first. None for a new one."""
    execution_id: str | None = None
    """Of an execution that another one began, which learns of its end."""
    tenant_id: str | None = None
    longest_s: int | None = None
    """Where whoever waits does not wait as long as the function's executions may last."""


def origin_of(start: Start, now_ms: int) -> Origin:
    """What the execution will be of."""
    target = start.target
    settings = target.durable
    assert settings is not None, "not a durable function"
    return Origin(
        id=start.execution_id or new_uuid(),
        account=target.account,
        region=target.region,
        function=target.name,
        version=target.version,
        name=start.name or new_uuid(),
        timeout_s=min(settings.timeout_s, start.longest_s or settings.timeout_s),
        retention_days=settings.retention_days,
        kms_key_arn=settings.kms_key_arn,
        synchronous=start.synchronous,
        started_ms=now_ms,
        trace_header=start.trace_header,
        secret=random_hex(),
        tenant_id=start.tenant_id,
        dead_letters=not start.synchronous and start.execution_id is None,
    )
