"""Numbered, forward-only changes to a file's schema.

A lane's migrations are a sequence of SQL scripts; the number of a script is its position, counted
from 1, and `PRAGMA user_version` keeps how many a file has had. Released scripts never change:
what is to be different comes as a further script.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from lambdad.storage.errors import NewerSchema, Unreadable


def migrate(connection: apsw.Connection, migrations: Sequence[str], path: Path) -> None:
    """Bring the file up to date, each script in a transaction of its own with its number.

    Raises NewerSchema for a file that has had more scripts than there are, Unreadable for one
    that is no database.
    """
    try:
        version = schema_version(connection)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Unreadable(path, str(error)) from error
    if version > len(migrations):
        raise NewerSchema(path, version, len(migrations))
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(script)
            connection.execute(f"PRAGMA user_version={number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def schema_version(connection: apsw.Connection) -> int:
    """How many migrations the file has had."""
    version: Any = connection.pragma("user_version")
    return int(version)
