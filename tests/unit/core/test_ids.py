"""Identifiers have the form that AWS's have."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

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


def test_a_forked_child_makes_other_ids() -> None:
    new_uuid()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, new_uuid().encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        theirs = answer.read()
    os.waitpid(child, 0)
    ours = {new_uuid() for _ in range(300)}
    assert uuid.UUID(theirs)
    assert theirs not in ours


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            one
            for batch in pool.map(lambda _: [new_uuid() for _ in range(2000)], range(4))
            for one in batch
        ]
    assert len(set(made)) == len(made)
