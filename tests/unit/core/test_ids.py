"""Identifiers have the form that AWS's have."""

from __future__ import annotations

import uuid

from lambdad.core.ids import new_environment_id, new_uuid


def test_uuids_are_random_ones_of_version_4() -> None:
    made = [new_uuid() for _ in range(500)]
    parsed = [uuid.UUID(text) for text in made]
    assert [str(one) for one in parsed] == made
    assert {one.version for one in parsed} == {4}
    assert {one.variant for one in parsed} == {uuid.RFC_4122}
    assert len(set(made)) == len(made)


def test_environment_ids_are_32_hex_digits() -> None:
    assert len(new_environment_id()) == 32
    int(new_environment_id(), 16)
