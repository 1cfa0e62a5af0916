"""Loops by the lineage in trace headers (semantics §2.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import replace
from lambdad.functions.snapshot import Function
from lambdad.invoke.lineage import (
    MAXIMUM_RUNS,
    RecursiveInvocationException,
    is_trace,
    merged,
    new_trace,
    with_run,
)

ROOT = "Root=1-65a1b2c3-000102030405060708090a0b;Parent=0011223344556677;Sampled=1"


def function(name: str, loop: str = "Terminate") -> Function:
    account, region = AccountId("000000000000"), Region("us-east-1")
    return Function(account, region, name, {}, {}, recursive_loop=loop)


F, G = function("f"), function("g")


def test_the_first_run_begins_the_count() -> None:
    header = with_run(ROOT, F)
    base, _, lineage = header.partition(";Lineage=")
    assert base == ROOT
    tag, _, count = lineage.partition(":")
    assert (len(tag), count) == (8, "1")


def test_the_seventeenth_run_in_a_chain_is_stopped() -> None:
    header = ROOT
    for _ in range(MAXIMUM_RUNS):
        header = with_run(header, F)
    with pytest.raises(RecursiveInvocationException):
        with_run(header, F)
    with_run(header, G)  # another function is not in the loop
    with_run(header, replace(F, recursive_loop="Allow"))


def test_a_loop_over_two_functions_is_found_too() -> None:
    header = ROOT
    for _ in range(MAXIMUM_RUNS):
        header = with_run(with_run(header, F), G)
    with pytest.raises(RecursiveInvocationException):
        with_run(header, F)


def test_the_names_of_functions_are_not_shown() -> None:
    assert "secret" not in with_run(ROOT, function("secret"))


def test_other_fields_stay() -> None:
    assert with_run(f"{ROOT};Lineage=00000000:3;Self=1", F).startswith(
        f"{ROOT};Self=1;Lineage=00000000:3|"
    )


def test_a_chain_of_many_functions_keeps_its_header_short() -> None:
    header = ROOT
    for number in range(200):
        header = with_run(header, function(f"f{number}"))
    assert is_trace(header)
    assert header.count(":") == 16


def test_a_batch_has_the_most_runs_of_its_messages() -> None:
    once = with_run(ROOT, F)
    twice = with_run(once, F)
    other = with_run(new_trace(0), G)
    together = merged(["", once, other, twice, ""])
    assert together.startswith(ROOT)
    assert with_run(together, F) == with_run(merged([twice, other]), F)
    assert (merged([]), merged(["", ""]), merged(["", once])) == ("", "", once)
    assert merged([ROOT, ROOT]) == ROOT


def test_new_traces() -> None:
    first, second = new_trace(1_700_000_000), new_trace(1_700_000_000)
    assert first != second
    assert is_trace(first)
    assert not is_trace("Root=2-x")
    assert not is_trace("Root=1-" + "x" * 1024)


@given(st.text(max_size=60))
def test_no_lineage_that_a_function_makes_up_breaks_anything(text: str) -> None:
    header = with_run(f"{ROOT};Lineage={text}", F)
    assert ";Lineage=" in header
    assert merged([header, f"{ROOT};Lineage={text}"]).startswith(ROOT)
