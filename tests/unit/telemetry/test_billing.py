"""Prices by AWS's list (semantics §9, aws.amazon.com/lambda/pricing)."""

from __future__ import annotations

import pytest

from lambdad.telemetry.billing import invocation_usd


def test_a_gigabyte_second_and_a_request() -> None:
    assert invocation_usd(1000, 1024) == pytest.approx(0.0000166667 + 0.0000002)


def test_arm_is_cheaper() -> None:
    assert invocation_usd(1000, 1024, architecture="arm64") == pytest.approx(
        0.0000133334 + 0.0000002
    )


def test_only_tmp_beyond_512_mib_is_paid() -> None:
    plain = invocation_usd(2000, 128)
    assert invocation_usd(2000, 128, tmp_mib=512) == plain
    assert invocation_usd(2000, 128, tmp_mib=1536) == pytest.approx(plain + 2 * 0.0000000309)
