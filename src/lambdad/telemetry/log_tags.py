"""The tags of log groups in memory, for whoever decides about a call and cannot wait for a read.

Owns the mirror only; the truth is the database's (`log_groups`). The log store tells every change
after its commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from lambdad.core.ids import AccountId, Region
from lambdad.storage.lane import Transaction
from lambdad.telemetry.log_records import GroupKey

_NONE: Mapping[str, str] = MappingProxyType({})
_EVERY = (
    "SELECT account, region, name, key, value FROM log_group_tags"
    " JOIN log_groups ON log_groups.id = log_group_tags.group_id ORDER BY key"
)


class GroupTags:
    """Groups without tags take no room."""

    def __init__(self) -> None:
        self._tags: dict[GroupKey, Mapping[str, str]] = {}

    def of(self, key: GroupKey) -> Mapping[str, str]:
        """None for a group that is not there."""
        return self._tags.get(key, _NONE)

    def replace(self, key: GroupKey, tags: Mapping[str, str]) -> None:
        """Know these tags of the group, and no others."""
        if tags:
            self._tags[key] = tags
        else:
            self._tags.pop(key, None)

    def load(self, stored: Iterable[tuple[GroupKey, str, str]]) -> None:
        """Take in what `every_tag` has read."""
        for key, name, value in stored:
            self._tags[key] = {**self.of(key), name: value}


def every_tag(tx: Transaction) -> list[tuple[GroupKey, str, str]]:
    """Group, name and value of all tags."""
    return [
        (GroupKey(AccountId(str(account)), Region(str(region)), str(group)), str(name), str(value))
        for account, region, group, name, value in tx.execute(_EVERY)
    ]
