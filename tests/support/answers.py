"""Comparing whole answers of boto3: what differs from run to run is taken out and checked alone."""

from __future__ import annotations

import datetime
import re
from typing import Any


class AnyTime:
    """Equal to any moment of the last hour, to the second."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, datetime.datetime):
            return NotImplemented
        age = datetime.datetime.now(datetime.UTC) - other
        return datetime.timedelta(seconds=-5) < age < datetime.timedelta(hours=1)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<a moment ago>"


class Matching:
    """Equal to any text that matches a pattern wholly."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._pattern.pattern}>"


RECENT = AnyTime()


def body(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without ResponseMetadata, whose status must be 200."""
    metadata = answer.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200
    return answer


def refusal(caught: Any) -> tuple[int, str, str]:
    """Status, code and text of what `pytest.raises(ClientError)` caught; the fault is the
    sender's."""
    answer = caught.value.response
    assert answer["Error"]["Type"] == "Sender"
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]
