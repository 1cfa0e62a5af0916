"""Values inside conditions: numbers, instants, networks and bytes, read from their texts.

Owns what a condition value of each type may look like. Pure: no clock. Every reader returns None
for a text that is not of its type, and takes time proportional to the text, which is bounded.

Sources: IAM user guide, "Condition operators"; W3C NOTE-datetime for the dates.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from decimal import Decimal

NS_PER_S = 1_000_000_000
MAX_EPOCH_S = 2**63 - 1
MAX_YEAR = 292_278_993
MIN_YEAR = -292_275_054
"""The years that AWS accepts: those that fit milliseconds in 64 bits."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBER = re.compile(r"[+-]?(\d{1,64}(\.\d{0,64})?|\.\d{1,64})([eE][+-]?\d{1,3})?", re.ASCII)
_INSTANT = re.compile(
    r"(?P<year>-?\d{1,9})(-(?P<month>\d{1,2})(-(?P<day>\d{1,2}))?)?"
    r"([tT]((?P<hour>\d{1,2})(:(?P<minute>\d{1,2})(:(?P<second>\d{1,2})"
    r"(\.(?P<fraction>\d{1,9}))?)?)?(?P<zone>[zZ]|[+-]\d{2}(:?\d{2})?)?)?)?",
    re.ASCII,
)


def parse_number(text: str) -> Decimal | None:
    """An integer or decimal number, exact."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def parse_instant(text: str) -> int | None:
    """Nanoseconds since 1970, from ISO 8601 (with a `T` or a hyphen) or from epoch seconds.

    A missing zone is UTC. A day that its month does not have runs over into the next one.
    """
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) <= 19 else MAX_EPOCH_S + 1
        return seconds * NS_PER_S if seconds <= MAX_EPOCH_S else None
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if not (MIN_YEAR <= year <= MAX_YEAR and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset_minutes = _zone_minutes(found["zone"])
    if offset_minutes is None:
        return None
    minutes = (_days(year, month, day) * 24 + hour) * 60 + minute - offset_minutes
    nanoseconds = int((found["fraction"] or "").ljust(9, "0"))
    return (minutes * 60 + second) * NS_PER_S + nanoseconds


def _zone_minutes(zone: str | None) -> int | None:
    if not zone or zone in "zZ":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _days(year: int, month: int, day: int) -> int:
    # Days since 1970-01-01 in the proleptic Gregorian calendar, for any year: the years begin in
    # March, so that the leap day is the last of its year.
    if month <= 2:
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (
        era * 146_097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + (day_of_year - 719_468)
    )


def parse_network(text: str) -> Network | None:
    """A CIDR range; an address alone is a range of one."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; an IPv4 address in IPv6 clothes counts as what it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def parse_binary(text: str) -> bytes | None:
    """Bytes from base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
