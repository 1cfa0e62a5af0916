"""Which tags may stand together on one thing or one session: the rule that IAM and STS share.

Sizes and characters of keys and values are the service models'. Pure.

Source: IAM user guide, "Rules for tagging in IAM and AWS STS".
"""

from __future__ import annotations

from collections.abc import Sequence

RESERVED_PREFIX = "aws:"


def tags_complaint(tags: Sequence[tuple[str, str]]) -> str | None:
    """AWS's text where the keys and values may not be set by a customer, else None; each service
    has its own error for it. Keys are not distinguished by case (recorded); what begins with
    `aws:` is AWS's own."""
    if len({key.lower() for key, _ in tags}) < len(tags):
        return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    if any(_is_reserved(key) or _is_reserved(value) for key, value in tags):
        return "aws: prefixed tag key names are not allowed for external use."
    return None


def _is_reserved(text: str) -> bool:
    return text[: len(RESERVED_PREFIX)].lower() == RESERVED_PREFIX
