"""Which role a function may have (semantics §1.5, §8.3).

Whether the caller may hand the role on (iam:PassRole) was asked before, in `authorization.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from lambdad.api.call import Call
from lambdad.core.arn import parse_arn
from lambdad.core.errors import AccessDeniedException
from lambdad.functions.names import FunctionKey
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.services.lambda_.errors import InvalidParameterValueException

PRINCIPAL = "lambda.amazonaws.com"
"""Who assumes execution roles."""

RoleCheck = Callable[[Call, FunctionKey, str], None]
"""(call, function, role ARN); raises what Lambda answers to a role that will not do."""


def any_role(_: Call, __: FunctionKey, ___: str) -> None:
    """With `--accept-any-credentials` a role is a name and need not exist."""


def assumable_role(roles: ExecutionRoles) -> RoleCheck:
    """The role must be of the caller's account, be there, and trust Lambda.

    Raises AccessDeniedException, InvalidParameterValueException."""

    def check(call: Call, key: FunctionKey, role: str) -> None:
        arn = parse_arn(role)
        if arn is not None and arn.account != call.account:
            raise AccessDeniedException("Cross-account pass role is not allowed.")
        context = {"aws:sourcearn": key.arn(), "aws:sourceaccount": key.account}
        if not roles.trusts(role, PRINCIPAL, context):
            raise InvalidParameterValueException(
                "The role defined for the function cannot be assumed by Lambda."
            )

    return check
