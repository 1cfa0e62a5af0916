"""One-time codes against the RFC's own table, and which codes count."""

from __future__ import annotations

import pytest

from lambdad.iam.one_time_codes import code_at, matching_pair, matching_step, step_at

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("moment_s", "code"),
    [
        # RFC 6238, appendix B, SHA1: eight digits there, of which devices show the last six.
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_table_of_the_rfc(moment_s: int, code: str) -> None:
    assert code_at(SEED, step_at(moment_s)) == code[-6:]


def test_a_code_is_found_within_reach_only() -> None:
    assert matching_step(SEED, code_at(SEED, 100), 100, 0) == 100
    assert matching_step(SEED, code_at(SEED, 99), 100, 1) == 99
    assert matching_step(SEED, code_at(SEED, 101), 100, 1) == 101
    assert matching_step(SEED, code_at(SEED, 98), 100, 1) is None
    assert matching_step(SEED, "x" * 6, 100, 1) is None
    assert matching_step(SEED, "٣٣٣٣٣٣", 100, 1) is None


def test_a_pair_is_two_codes_in_a_row() -> None:
    codes = [code_at(SEED, step) for step in range(50, 53)]
    assert matching_pair(SEED, codes[0], codes[1], 51, 0) == 51
    assert matching_pair(SEED, codes[1], codes[2], 40, 20) == 52
    assert matching_pair(SEED, codes[1], codes[0], 51, 5) is None
    assert matching_pair(SEED, codes[0], codes[2], 51, 5) is None
    assert matching_pair(SEED, codes[0], codes[0], 51, 5) is None
