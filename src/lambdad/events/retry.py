"""Which records of a batch failed, out of what its function answered. Pure.

Owns ReportBatchItemFailures with every reply that is not one. What failing means (to come back to
a queue, to be retried from a stream) is the source's business.

Source: Lambda developer guide, "Implementing partial batch responses" (success and failure
conditions); recorded (semantics §4.2).
"""

from __future__ import annotations

from collections.abc import Collection

import orjson

REPORTS_FAILURES = "ReportBatchItemFailures"
"""The value of FunctionResponseTypes."""


def failed_items(payload: bytes, identifiers: Collection[str]) -> frozenset[str]:
    """The identifiers that a successful function reported in `payload`.

    All of them where the reply is not what was agreed: no JSON, another member, an item without
    a usable identifier, an identifier that was not in the batch. None for an empty reply of any
    kind."""
    everything = frozenset(identifiers)
    if not payload:
        return frozenset()
    try:
        reply = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return everything
    if reply is None or (isinstance(reply, str | list | dict) and not reply):
        return frozenset()
    if not isinstance(reply, dict) or "batchItemFailures" not in reply:
        return everything
    items = reply["batchItemFailures"]
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return everything
    if not all(isinstance(item, dict) and _is_in(item, everything) for item in items):
        return everything
    return frozenset(item["itemIdentifier"] for item in items)


def _is_in(item: dict[str, object], identifiers: frozenset[str]) -> bool:
    name = item.get("itemIdentifier")
    return isinstance(name, str) and name in identifiers
