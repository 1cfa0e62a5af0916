"""IAM through boto3: passwords for the console, and what an account demands of them.

Sources: the IAM API reference; IAM user guide, "Setting an account password policy" and "Default
password policy".
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import RECENT, body, refusal

GOOD = "Correct-Horse-1"


def test_login_profiles(iam: Any) -> None:
    iam.create_user(UserName="pass-user")
    profile = {"UserName": "pass-user", "CreateDate": RECENT, "PasswordResetRequired": False}
    made = iam.create_login_profile(UserName="pass-user", Password=GOOD)
    assert body(made) == {"LoginProfile": profile}
    assert body(iam.get_login_profile(UserName="pass-user")) == {"LoginProfile": profile}
    with pytest.raises(ClientError) as caught:
        iam.create_login_profile(UserName="pass-user", Password=GOOD)
    taken = "Login Profile for user pass-user already exists."
    assert refusal(caught) == (409, "EntityAlreadyExists", taken)
    again = iam.update_login_profile(
        UserName="pass-user", Password="Other-Horse-1", PasswordResetRequired=True
    )
    assert body(again) == {}
    assert body(iam.get_login_profile(UserName="pass-user")) == {
        "LoginProfile": profile | {"PasswordResetRequired": True}
    }
    with pytest.raises(ClientError) as caught:
        iam.delete_user(UserName="pass-user")
    conflict = "Cannot delete entity, must delete login profile first."
    assert refusal(caught) == (409, "DeleteConflict", conflict)
    assert body(iam.delete_login_profile(UserName="pass-user")) == {}
    with pytest.raises(ClientError) as caught:
        iam.get_login_profile(UserName="pass-user")
    gone = "Login Profile for User pass-user cannot be found."
    assert refusal(caught) == (404, "NoSuchEntity", gone)


def test_a_password_conforms_to_the_account(iam: Any) -> None:
    iam.create_user(UserName="weak")
    violation = (
        400,
        "PasswordPolicyViolation",
        "Password does not conform to the account password policy.",
    )
    for password in ("Short-1", "onlylowercase", "lower-and-symbols"):
        with pytest.raises(ClientError) as caught:
            iam.create_login_profile(UserName="weak", Password=password)
        assert refusal(caught) == violation
    with pytest.raises(ClientError) as caught:
        iam.create_login_profile(UserName="weak")
    missing = (
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member "
        "must not be null"
    )
    assert refusal(caught) == (400, "ValidationError", missing)
    iam.create_login_profile(UserName="weak", Password=GOOD)
    iam.update_account_password_policy(MinimumPasswordLength=20)
    with pytest.raises(ClientError) as caught:
        iam.update_login_profile(UserName="weak", Password=GOOD)
    assert refusal(caught) == violation
    assert body(iam.update_login_profile(UserName="weak", Password="x" * 20)) == {}
    iam.delete_account_password_policy()
