"""core/limit_settings.py: limits as an operator sets them."""

from __future__ import annotations

import pytest

from lambdad.core.limit_settings import LimitRefused, every_limit, with_settings
from lambdad.core.limits import DEFAULT_LIMITS


def test_every_number_is_a_limit_under_its_name() -> None:
    names = dict(every_limit(DEFAULT_LIMITS))
    assert names["async_attempts"] == 3
    assert names["iam.users"] == 5000
    assert names["sqs.message_bytes"] == 1024 * 1024
    assert all(isinstance(value, int | float) for value in names.values())


def test_settings_change_what_they_name_and_nothing_else() -> None:
    changed = with_settings(["async_attempts=5", "iam.users=10", "environment_lifetime_s=2.5"])
    before, after = dict(every_limit(DEFAULT_LIMITS)), dict(every_limit(changed))
    assert {name: value for name, value in after.items() if before[name] != value} == {
        "async_attempts": 5,
        "iam.users": 10,
        "environment_lifetime_s": 2.5,
    }
    assert with_settings([]) is DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("asynch_attempts=5", "Did you mean async_attempts"),
        ("xyz", "There is no limit 'xyz'"),
        ("iam=5", "There is no limit 'iam'"),
        ("iam.userz=5", "Did you mean iam.users"),
        ("async_attempts", "takes a whole number, not ''"),
        ("async_attempts=2.5", "takes a whole number"),
        ("async_attempts=-1", "cannot be -1"),
        ("environment_lifetime_s=inf", "cannot be inf"),
        ("environment_lifetime_s=nan", "cannot be nan"),
    ],
)
def test_what_is_no_setting_is_refused_with_what_to_write(setting: str, why: str) -> None:
    with pytest.raises(LimitRefused, match=why):
        with_settings([setting])
