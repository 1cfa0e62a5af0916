"""The linear regex engine: it agrees with Python's on CloudWatch's dialect, and stays linear."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.telemetry.patterns.regex import REMEMBERED_TRANSITIONS, Regex

ATOM = st.sampled_from(
    ["a", "b", "c", "1", "_", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", r"\x61",
     "[ab]", "[^a]", "[a-c1]", r"[\d_]", "[b-]", r"\(", r"[^\s]"]
)  # fmt: skip
QUANTIFIER = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "{0}"])
BRANCH = st.builds(
    lambda start, atoms, end: start + "".join(a + q for a, q in atoms) + end,
    st.sampled_from(["", "", "^"]),
    st.lists(st.tuples(ATOM, QUANTIFIER), min_size=1, max_size=6),
    st.sampled_from(["", "", "$"]),
)
EXPRESSION = st.lists(BRANCH, min_size=1, max_size=3).map("|".join)


@settings(max_examples=1500)
@given(EXPRESSION, st.text(alphabet="abc1_.( é", max_size=12))
def test_it_agrees_with_a_backtracking_engine(expression: str, text: str) -> None:
    # `$` of Python also matches before a last newline; there are none in these texts.
    expected = re.search(expression, text, re.ASCII | re.DOTALL) is not None
    assert Regex(expression).search(text) is expected


@pytest.mark.parametrize(
    "expression",
    ["a*a*a*a*a*a*a*a*a*a*b", ".*.*.*.*.*x", "[a-z]+[a-z]+[a-z]+[a-z]+1", "a{0,300}a{300}b"],
)  # fmt: skip
def test_hostile_expressions_stay_linear(expression: str) -> None:
    """Backtracking would take longer than the universe has; a generous bound will do."""
    start = time.monotonic()
    assert Regex(expression).search("a" * 100_000) is False
    assert time.monotonic() - start < 10


def test_what_it_remembers_is_bounded() -> None:
    regex = Regex("[^x]*x{3}")
    text = "".join(map(chr, range(0x100, 0x100 + 3 * REMEMBERED_TRANSITIONS // 2)))
    assert regex.search(text) is False
    assert len(regex._transitions) <= REMEMBERED_TRANSITIONS
    assert regex.search(text + "xxx") is True
