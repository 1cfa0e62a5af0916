"""ReportBatchItemFailures: every reply (Lambda developer guide, "Implementing partial batch
responses": success and failure conditions; recorded, semantics §4.2)."""

from __future__ import annotations

import pytest

from lambdad.events.retry import failed_items

IDS = ("a", "b", "c")
ALL = frozenset(IDS)

REPLIES: list[tuple[str, frozenset[str]]] = [
    ("", frozenset()),
    ("null", frozenset()),
    ("{}", frozenset()),
    ("[]", frozenset()),
    ('""', frozenset()),
    ('{"batchItemFailures": null}', frozenset()),
    ('{"batchItemFailures": []}', frozenset()),
    ('{"batchItemFailures": [{"itemIdentifier": "b"}]}', frozenset("b")),
    (
        '{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"},'
        ' {"itemIdentifier": "c", "more": 1}], "more": 1}',
        frozenset("bc"),
    ),
    ("no json", ALL),
    ("0", ALL),
    ("false", ALL),
    ('"text"', ALL),
    ("[1]", ALL),
    ('{"batchItemFailure": []}', ALL),
    ('{"batchItemFailures": "a"}', ALL),
    ('{"batchItemFailures": {"itemIdentifier": "a"}}', ALL),
    ('{"batchItemFailures": ["a"]}', ALL),
    ('{"batchItemFailures": [null]}', ALL),
    ('{"batchItemFailures": [{}]}', ALL),
    ('{"batchItemFailures": [{"itemId": "a"}]}', ALL),
    ('{"batchItemFailures": [{"itemIdentifier": ""}]}', ALL),
    ('{"batchItemFailures": [{"itemIdentifier": null}]}', ALL),
    ('{"batchItemFailures": [{"itemIdentifier": ["a"]}]}', ALL),
    ('{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}', ALL),
]


@pytest.mark.parametrize(("reply", "failed"), REPLIES)
def test_replies(reply: str, failed: frozenset[str]) -> None:
    assert failed_items(reply.encode(), IDS) == failed
