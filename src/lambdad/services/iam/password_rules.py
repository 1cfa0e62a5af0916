"""What an account demands of its users' passwords. Pure.

Sources: IAM user guide, "Setting an account password policy" and "Default password policy"; API
reference, UpdateAccountPasswordPolicy.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from lambdad.services.iam.errors import PasswordPolicyViolationException

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_KINDS: Mapping[str, str] = {
    "RequireUppercaseCharacters": string.ascii_uppercase,
    "RequireLowercaseCharacters": string.ascii_lowercase,
    "RequireNumbers": string.digits,
    "RequireSymbols": _SYMBOLS,
}
_DEFAULT_LENGTH = 8
_DEFAULT_KINDS = 3
"""Of the four, where the account has no policy of its own."""


def check_password(password: str, policy: Mapping[str, bool | int] | None) -> None:
    """`policy` has the members of AWS's PasswordPolicy; None where the account has not set one.
    Raises PasswordPolicyViolationException."""
    present = {name for name, kind in _KINDS.items() if any(each in kind for each in password)}
    if policy is None:
        good = len(password) >= _DEFAULT_LENGTH and len(present) >= _DEFAULT_KINDS
    else:
        required = {name for name in _KINDS if policy.get(name)}
        good = len(password) >= policy["MinimumPasswordLength"] and required <= present
    if not good:
        raise PasswordPolicyViolationException(
            "Password does not conform to the account password policy."
        )
