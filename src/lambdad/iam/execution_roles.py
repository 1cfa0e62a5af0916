"""Roles that AWS services take on for their resources: a function's execution role.

Owns the two questions that come with a role's ARN: may this service assume it, and who is one
that has done so. Enforcing the answers is the services' business.
"""

from __future__ import annotations

from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId
from lambdad.iam.directory import Directory
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.matching import Context
from lambdad.iam.naming import assumed_role_arn
from lambdad.iam.permissions import Permissions
from lambdad.iam.principal import Principal, PrincipalKind, SessionTerms
from lambdad.iam.principals import service_caller
from lambdad.iam.records import Role
from lambdad.iam.store import IamStore


class ExecutionRoles:
    """Answers from memory."""

    def __init__(self, store: IamStore, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def find(self, arn: str) -> tuple[AccountId, Role] | None:
        """The role of exactly this ARN, and its account."""
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "iam":
            return None
        account = AccountId(parsed.account)
        role = self._store.account(account).named(Role, parsed.resource.rpartition("/")[2])
        return (account, role) if role is not None and role.arn(account) == arn else None

    def trusts(self, arn: str, service: str, context: Context) -> bool:
        """Whether the role is there and `service` (`lambda.amazonaws.com`) may assume it. The
        context holds keys such as `aws:sourcearn` and `aws:sourceaccount`."""
        found = self.find(arn)
        if found is None:
            return False
        account, role = found
        target = Target(arn, account, self._directory.trust(account, role), must_be_named=True)
        request = AuthorizationRequest(
            service_caller(service), Permissions(), "sts:AssumeRole", target, context
        )
        return evaluate(request).allowed

    def principal(
        self, arn: str, session_name: str, now_s: int, function_arn: str | None = None
    ) -> Principal | None:
        """A session of the role, for `SessionIssuer.grant`; None where there is no such role.
        `function_arn` is the function's whose environment gets it."""
        found = self.find(arn)
        if found is None:
            return None
        account, role = found
        return Principal(
            kind=PrincipalKind.ASSUMED_ROLE,
            account=account,
            arn=assumed_role_arn(account, role.name, session_name),
            access_key_id="",
            unique_id=f"{role.id}:{session_name}",
            session=SessionTerms(identity=arn, issued_s=now_s, function_arn=function_arn),
        )
