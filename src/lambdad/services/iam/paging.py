"""Pages of IAM's lists: MaxItems, Marker, IsTruncated.

A marker is opaque to clients: the position after the last item sent, and a digest of that item's
name, so that a list which changes between two pages neither repeats nor skips what stayed. It is
always short: IAM takes back no marker of more than 320 characters.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lambdad.api.call import Params, Result
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.services.iam.errors import ValidationError

T = TypeVar("T")


def page(items: Sequence[T], params: Params, key: Callable[[T], str]) -> tuple[Sequence[T], Result]:
    """One page of `items` as the request asks for it, and the members that speak of the rest.

    `key` names an item, uniquely within the list. Raises ValidationError for a marker that is
    not ours."""
    start = _start(items, params["Marker"], key) if params.get("Marker") else 0
    size = params.get("MaxItems", DEFAULT_LIMITS.iam.page_items)
    chosen = items[start : start + size]
    if start + size >= len(items):
        return chosen, {"IsTruncated": False}
    marker = json.dumps([start + size, _digest(key(chosen[-1]))]).encode()
    return chosen, {
        "IsTruncated": True,
        "Marker": base64.urlsafe_b64encode(marker).decode(),
    }


def _start(items: Sequence[T], marker: str, key: Callable[[T], str]) -> int:
    position, last = _read(marker)
    if 0 < position <= len(items) and _digest(key(items[position - 1])) == last:
        return position
    for index, item in enumerate(items):
        if _digest(key(item)) == last:
            return index + 1
    return max(0, min(position, len(items)))


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _read(marker: str) -> tuple[int, str]:
    try:
        read: Any = json.loads(base64.b64decode(marker, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ValidationError("Invalid Marker.") from None
    match read:
        case [int(position), str(last)]:
            return position, last
    raise ValidationError("Invalid Marker.")
