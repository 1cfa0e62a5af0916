"""Values as AWS's Java services print them in messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdad.wire.corrections import MEMBER_ORDERS
from lambdad.wire.model import Shape

_REDACTED = "*** Sensitive Data Redacted ***"


def shown(value: Any, shape: Shape | None) -> str:
    """`[a, b]`, `{k=1.0}`, `Thing(name=x, other=null)`, as recorded; null for None."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, list):
        member = shape.member if shape and shape.type == "list" else None
        return "[" + ", ".join(shown(item, member) for item in value) + "]"
    if isinstance(value, dict):
        if shape is not None and shape.type == "structure" and not shape.has("document"):
            return _structure(value, shape)
        inner = shape.value if shape and shape.type == "map" else None
        return "{" + ", ".join(f"{key}={shown(item, inner)}" for key, item in value.items()) + "}"
    return str(value)


def _structure(value: dict[str, Any], shape: Shape) -> str:
    """Every member, in the service's order; sensitive ones without their value (recorded: logs)."""
    names = MEMBER_ORDERS.get((shape.service, shape.name), tuple(shape.members))
    parts = [f"{lower_first(name)}={_member(value, name, shape.members[name])}" for name in names]
    return f"{shape.name}({', '.join(parts)})"


def _member(value: dict[str, Any], name: str, shape: Shape) -> str:
    return _REDACTED if is_secret(shape) else shown(value.get(name), shape)


def is_secret(shape: Shape) -> bool:
    """Whether values of a shape, or of its elements, are kept out of messages."""
    if shape.has("sensitive"):
        return True
    if shape.type == "list":
        return shape.member.has("sensitive")
    return shape.type == "map" and (shape.key.has("sensitive") or shape.value.has("sensitive"))


def lower_first(name: str) -> str:
    """A member's name as a Java field: `functionName`, and `kMSKeyArn`."""
    return name[:1].lower() + name[1:]


def set_order(values: Iterable[str]) -> list[str]:
    """An enum's members in the order in which AWS lists them.

    They come out of a hash table of 32 buckets, twice as many where it would be fuller than three
    quarters, by `String.hashCode`; in a bucket the last of the model is the first. The rule was
    found in the recordings and agrees with all of them but one (KMS KeyUsageType).
    """
    members = list(values)
    buckets = 32
    while len(members) * 4 > buckets * 3:
        buckets *= 2
    members.reverse()
    return sorted(members, key=lambda member: _hash_code(member) % buckets)


def _hash_code(text: str) -> int:
    """Java's `String.hashCode`, unsigned."""
    code = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        code = (code * 31 + unit) & 0xFFFFFFFF
    return code
