"""Qualifiers and alias weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.functions.snapshot import AliasTarget
from lambdad.invoke.resolve import resolve
from support.functions import make_function, make_version

VERSIONS = {number: make_version(Path("/code"), version=number) for number in ("$LATEST", "1", "2")}
FUNCTION = make_function(
    VERSIONS["1"],
    versions=VERSIONS,
    aliases={
        "live": AliasTarget("1"),
        "canary": AliasTarget("1", {"2": 0.25}),
        "broken": AliasTarget("9"),
    },
)


@pytest.mark.parametrize(
    ("qualifier", "version"),
    [
        (None, "$LATEST"),
        ("", "$LATEST"),
        ("$LATEST", "$LATEST"),
        ("2", "2"),
        ("live", "1"),
        ("3", None),
        ("nobody", None),
        ("broken", None),
    ],
)
def test_qualifiers(qualifier: str | None, version: str | None) -> None:
    found = resolve(FUNCTION, qualifier, 0.5)
    assert (found.version if found else None) == version


@given(st.floats(0, 1, exclude_max=True))
def test_weights_are_shares_of_the_draw(draw: float) -> None:
    found = resolve(FUNCTION, "canary", draw)
    assert found is VERSIONS["2" if draw < 0.25 else "1"]
