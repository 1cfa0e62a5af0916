"""Log groups and their tags in the database: functions over a Transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value
from lambdad.storage.lane import Row, Transaction
from lambdad.telemetry.log_records import (
    GroupExists,
    GroupKey,
    GroupMissing,
    GroupProtected,
    LogGroup,
    NewGroup,
    TooManyTags,
)

_GROUP = (
    "SELECT id, account, region, name, created_ms, retention_days, class, kms_key_id,"
    " deletion_protection, stored_bytes FROM log_groups"
)


class GroupListing(Value):
    """Which groups of an account; empty texts leave the choice open."""

    prefix: str = ""
    part: str = ""
    """Anywhere in the name."""
    log_class: str = ""
    after: str = ""
    """The name that the page begins after."""
    limit: int = 50


def create_group(tx: Transaction, key: GroupKey, new: NewGroup, now_ms: int) -> int:
    """The new group's id. Raises GroupExists."""
    rows = tx.execute(
        "INSERT INTO log_groups"
        " (account, region, name, created_ms, class, kms_key_id, deletion_protection)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        (*key, now_ms, new.log_class, new.kms_key_id, int(new.deletion_protection)),
    )
    if not rows:
        raise GroupExists
    group_id: int = rows[0][0]
    tx.executemany(
        "INSERT INTO log_group_tags (group_id, key, value) VALUES (?, ?, ?)",
        [(group_id, *tag) for tag in new.tags],
    )
    return group_id


def find_group(tx: Transaction, key: GroupKey) -> LogGroup:
    """Raises GroupMissing."""
    rows = tx.execute(f"{_GROUP} WHERE account = ? AND region = ? AND name = ?", key)
    if not rows:
        raise GroupMissing
    return group_of(rows[0])


def list_groups(
    tx: Transaction, account: AccountId, region: Region, listing: GroupListing
) -> list[LogGroup]:
    """One page of an account's groups, by name."""
    prefix, part, log_class = listing.prefix, listing.part, listing.log_class
    rows = tx.execute(
        f"{_GROUP} WHERE account = ? AND region = ? AND name > ? AND name >= ? AND name < ?"
        " AND (? = '' OR instr(name, ?) > 0) AND (? = '' OR class = ?) ORDER BY name LIMIT ?",
        (account, region, listing.after, prefix, end_of_prefix(prefix), part, part, log_class,
         log_class, listing.limit),
    )  # fmt: skip
    return [group_of(row) for row in rows]


def delete_group(tx: Transaction, key: GroupKey) -> None:
    """Remove a group; its events go in the background. Raises GroupMissing, GroupProtected."""
    group = find_group(tx, key)
    if group.deletion_protection:
        raise GroupProtected
    tx.execute(
        "INSERT INTO log_doomed_streams SELECT id FROM log_streams WHERE group_id = ?", (group.id,)
    )
    tx.execute("DELETE FROM log_streams WHERE group_id = ?", (group.id,))
    tx.execute("DELETE FROM log_group_tags WHERE group_id = ?", (group.id,))
    tx.execute("DELETE FROM log_groups WHERE id = ?", (group.id,))


def set_protection(tx: Transaction, key: GroupKey, protected: bool) -> None:
    """Guard a group from deletion, or no longer. Raises GroupMissing."""
    tx.execute(
        "UPDATE log_groups SET deletion_protection = ? WHERE id = ?",
        (int(protected), find_group(tx, key).id),
    )


def set_retention(tx: Transaction, key: GroupKey, days: int | None) -> None:
    """Raises GroupMissing."""
    tx.execute(
        "UPDATE log_groups SET retention_days = ? WHERE id = ?", (days, find_group(tx, key).id)
    )


def tags_of(tx: Transaction, key: GroupKey) -> dict[str, str]:
    """Raises GroupMissing."""
    rows = tx.execute(
        "SELECT key, value FROM log_group_tags WHERE group_id = ? ORDER BY key",
        (find_group(tx, key).id,),
    )
    return {str(key): str(value) for key, value in rows}


def tag_group(tx: Transaction, key: GroupKey, tags: Mapping[str, str], limit: int) -> None:
    """Set tags. Raises GroupMissing, TooManyTags."""
    group = find_group(tx, key)
    tx.executemany(
        "INSERT INTO log_group_tags (group_id, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (group_id, key) DO UPDATE SET value = excluded.value",
        [(group.id, *tag) for tag in tags.items()],
    )
    ((count,),) = tx.execute("SELECT count(*) FROM log_group_tags WHERE group_id = ?", (group.id,))
    if count > limit:
        raise TooManyTags


def untag_group(tx: Transaction, key: GroupKey, names: Iterable[str]) -> None:
    """Remove tags; those that are not there are no error. Raises GroupMissing."""
    group = find_group(tx, key)
    tx.executemany(
        "DELETE FROM log_group_tags WHERE group_id = ? AND key = ?",
        [(group.id, name) for name in names],
    )


def end_of_prefix(prefix: str) -> str:
    """Beyond every name that begins with the prefix."""
    return prefix + "\U0010ffff"


def group_of(row: Row) -> LogGroup:
    (group_id, account, region, name, created_ms, retention_days, log_class, kms, protected,
     stored_bytes) = row  # fmt: skip
    key = GroupKey(account, region, name)
    return LogGroup(
        group_id, key, created_ms, retention_days, log_class, kms, bool(protected), stored_bytes
    )
