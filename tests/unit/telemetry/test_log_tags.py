"""What the log store knows of tags without waiting follows the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.telemetry.log_records import GroupMissing, NewGroup, TooManyTags
from lambdad.telemetry.logs import LogStore
from support.log_stores import append, group, run_store

RED = (("team", "red"),)


def test_known_tags_follow_every_change(tmp_path: Path) -> None:
    async def scenario(store: LogStore, *_: Any) -> None:
        assert store.known_tags(group()) == {}
        await store.create_group(group(), NewGroup(tags=RED))
        assert store.known_tags(group()) == {"team": "red"}
        await store.tag_group(group(), {"cost": "low", "team": "blue"})
        assert store.known_tags(group()) == {"cost": "low", "team": "blue"}
        await store.untag_group(group(), ["team", "missing"])
        assert store.known_tags(group()) == {"cost": "low"} == await store.tags_of(group())
        assert store.known_tags(group("other")) == {}
        await store.delete_group(group())
        assert store.known_tags(group()) == {}
        append(store, "made again by a line", 0)
        await store.flush()
        assert store.known_tags(group()) == {}

    run_store(tmp_path, scenario)


def test_they_are_there_after_a_start(tmp_path: Path) -> None:
    async def before(store: LogStore, *_: Any) -> None:
        await store.create_group(group(), NewGroup(tags=(*RED, ("cost", "low"))))
        await store.create_group(group("bare"), NewGroup())

    async def after(store: LogStore, *_: Any) -> None:
        assert store.known_tags(group()) == {"team": "red", "cost": "low"}
        assert store.known_tags(group("bare")) == {}

    run_store(tmp_path, before)
    run_store(tmp_path, after)


def test_a_refused_change_is_not_known(tmp_path: Path) -> None:
    async def scenario(store: LogStore, *_: Any) -> None:
        await store.create_group(group(), NewGroup(tags=RED))
        with pytest.raises(TooManyTags):
            await store.tag_group(group(), {"a": "1", "b": "2"})
        with pytest.raises(GroupMissing):
            await store.tag_group(group("missing"), {"a": "1"})
        assert store.known_tags(group()) == {"team": "red"}
        assert store.known_tags(group("missing")) == {}

    run_store(tmp_path, scenario, tags_per_resource=2)
