"""services/iam/password_rules: whether a password conforms (IAM user guide, "Default password
policy")."""

from __future__ import annotations

import pytest

from lambdad.services.iam.errors import PasswordPolicyViolationException
from lambdad.services.iam.password_rules import check_password

LOOSE: dict[str, bool | int] = {"MinimumPasswordLength": 6, "RequireSymbols": False}
STRICT: dict[str, bool | int] = {
    "MinimumPasswordLength": 10,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
}


@pytest.mark.parametrize(
    ("password", "policy"),
    [
        ("Abcdefg1", None),
        ("abcdef-1", None),
        ("ABCDEF-1", None),
        ("xxxxxx", LOOSE),
        ("Abcdefg-12", STRICT),
        ("Abcdefg|12", STRICT),
    ],
)
def test_good(password: str, policy: dict[str, bool | int] | None) -> None:
    check_password(password, policy)


@pytest.mark.parametrize(
    ("password", "policy"),
    [
        ("Abcde-1", None),
        ("abcdefg1", None),
        ("Abcdefgé", None),
        ("xxxxx", LOOSE),
        ("Abcdef-12", STRICT),
        ("Abcdefgh12", STRICT),
        ("Abcdefgh--", STRICT),
        ("abcdefg-12", STRICT),
        ("ABCDEFG-12", STRICT),
        ("Abcdefg~12", STRICT),
    ],
)
def test_bad(password: str, policy: dict[str, bool | int] | None) -> None:
    with pytest.raises(PasswordPolicyViolationException) as caught:
        check_password(password, policy)
    assert str(caught.value) == "Password does not conform to the account password policy."
