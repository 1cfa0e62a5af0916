"""Files from every earlier version come up to date; broken scripts change nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from lambdad.storage.errors import NewerSchema, Unreadable
from lambdad.storage.migrations import migrate, schema_version
from lambdad.storage.sqlite import open_lane

SCRIPTS = (
    "CREATE TABLE people (name TEXT)",
    "ALTER TABLE people ADD COLUMN age INTEGER; CREATE INDEX by_age ON people (age)",
    "UPDATE people SET age = 0 WHERE age IS NULL; CREATE TABLE places (name TEXT)",
)


def schema(connection: apsw.Connection) -> list[str]:
    return [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master ORDER BY name")]


@pytest.mark.parametrize("version", range(len(SCRIPTS) + 1))
def test_every_earlier_version_comes_up_to_date(version: int, tmp_path: Path) -> None:
    fresh, old = apsw.Connection(str(tmp_path / "fresh")), apsw.Connection(str(tmp_path / "old"))
    migrate(fresh, SCRIPTS, tmp_path)
    migrate(old, SCRIPTS[:version], tmp_path)
    if version:
        old.execute("INSERT INTO people (name) VALUES ('kept')")
    migrate(old, SCRIPTS, tmp_path)
    assert schema_version(old) == 3
    assert schema(old) == schema(fresh)
    assert old.execute("SELECT count(*) FROM people").fetchall() == [(min(version, 1),)]
    migrate(old, SCRIPTS, tmp_path)
    assert schema(old) == schema(fresh)


def test_a_script_that_fails_leaves_the_file_at_the_version_before(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "file"))
    broken = (*SCRIPTS[:1], "CREATE TABLE half (x); CREATE TABLE people (name TEXT)")
    with pytest.raises(apsw.SQLError, match="already exists"):
        migrate(connection, broken, tmp_path)
    assert schema_version(connection) == 1
    assert schema(connection) == [SCRIPTS[0]]
    migrate(connection, SCRIPTS, tmp_path)
    assert schema_version(connection) == 3


def test_a_newer_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "file"))
    migrate(connection, SCRIPTS, tmp_path)
    with pytest.raises(NewerSchema) as caught:
        migrate(connection, SCRIPTS[:2], Path("/data/control.db"))
    assert str(caught.value) == (
        "/data/control.db was written by a newer lambdad (its schema is 3, this version knows 2). "
        "Run that version or a later one, or start afresh with another --data-dir; data is never "
        "converted backwards."
    )


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)
    before = path.read_bytes()
    with pytest.raises(Unreadable, match=r"control\.db cannot be read.*[Pp]ut back a backup"):
        open_lane(path, SCRIPTS)
    assert path.read_bytes() == before


def test_nobody_else_reads_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "control.db"
    lane = open_lane(path, SCRIPTS)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    asyncio.run(lane.close())
    assert modes == {
        "control.db": 0o600,
        "control.db-shm": 0o600,
        "control.db-wal": 0o600,
        "control.db.lock": 0o600,
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700
