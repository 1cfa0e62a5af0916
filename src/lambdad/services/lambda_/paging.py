"""Pages of lists. A marker names the item with which the next page begins. Pure.

To clients it is opaque. Any text is a position in the order, so a marker stays good when its
item is deleted in between, and no marker can be a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from lambdad.api.call import Params, Result
from lambdad.functions.attachments import Attachment
from lambdad.functions.names import is_version
from lambdad.functions.records import FunctionRecord

T = TypeVar("T")
A = TypeVar("A", bound=Attachment)


def position(params: Params) -> tuple[str, str]:
    """The function name and the qualifier of the item where the page begins; both empty at the
    beginning."""
    named = (params.get("Marker") or "").rpartition(":function:")[2]
    name, _, qualifier = named.partition(":")
    return name, qualifier


def rank(version: str) -> tuple[int, str]:
    """A version's place in lists: `$LATEST` (and no version) first, then by number. No number is
    too long for it."""
    return (len(version), version) if is_version(version) else (0, "")


def page(
    member: str,
    items: Iterable[T],
    arn_of: Callable[[T], str],
    shape: Callable[[T], Result],
    most: int,
) -> Result:
    """The first of the items under the name `member`, and NextMarker where there are more."""
    found = list(islice(items, most + 1))
    answer: Result = {member: [shape(item) for item in found[:most]]}
    if len(found) > most:
        answer["NextMarker"] = arn_of(found[most])
    return answer


def settings_page(
    member: str,
    record: FunctionRecord,
    kind: type[A],
    shape: Callable[[str, A], Result],
    params: Params,
    limit: int,
) -> Result:
    """A page of the settings of one kind that a function, its versions and aliases have. `shape`
    gets the qualifier and the setting."""
    _, start = position(params)
    return page(
        member,
        (each for each in record.every(kind).items() if each[0] >= start),
        lambda each: record.key.arn(each[0]),
        lambda each: shape(*each),
        page_items(params, limit),
    )


def page_items(params: Params, limit: int) -> int:
    """How many items a page has: what was asked for, but never more than the limit (quirk 41)."""
    return min(params.get("MaxItems") or limit, limit)
