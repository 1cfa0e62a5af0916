"""What `lambdad accounts` and `lambdad why` talk to: signed JSON requests under /_lambdad/.

Roots only: accounts are the business of the default account's root, questions that of each
account's own. Errors are JSON with a code and a message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from lambdad.api.why import Question, Why
from lambdad.core.errors import AccessDeniedException, AwsError, ClientError, OperatorError
from lambdad.core.ids import DEFAULT_ACCOUNT, AccountId, new_request_id
from lambdad.gateway.origin import refuse_web_pages
from lambdad.gateway.own_api import SIGNING_NAME
from lambdad.iam.authenticate import Authenticator, Caller
from lambdad.iam.errors import Dialect
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.root_keys import RootKeys
from lambdad.iam.secrets_at_rest import RootKey
from lambdad.telemetry.audit import ALLOWED, DENIED, AuditLog, AuditRecord
from lambdad.wire.http import Request, Response

Body = Mapping[str, Any]
Page = Callable[[Caller, Body], Awaitable[Body]]
"""Answers a question of a root; raises AwsError, OperatorError."""
_JSON = ("Content-Type", "application/json")


class BadQuestion(ClientError):
    """A body that is not what the page takes."""

    code = "BadQuestion"


class Conflict(ClientError):
    """What the operator asks for cannot be."""

    code = "Conflict"
    status = 409


class OperatorPages:
    """Pages by name; each takes and answers a JSON object."""

    def __init__(
        self, authenticator: Authenticator, roots: RootKeys, why: Why, audit: AuditLog
    ) -> None:
        self._authenticator = authenticator
        self._roots = roots
        self._why = why
        self._audit = audit
        self._pages: dict[str, Page] = {
            "accounts/list": self._list,
            "accounts/create": self._create,
            "accounts/rotate-key": self._rotate,
            "why": self._explain,
        }

    def add(self, pages: Mapping[str, Page]) -> None:
        """Pages of other parts, by name."""
        self._pages.update(pages)

    def __contains__(self, page: str) -> bool:
        return page in self._pages

    async def serve(self, page: str, request: Request) -> Response:
        """The page's answer, or its refusal."""
        try:
            refuse_web_pages(request)
            caller = self._authenticator.authenticate(request, SIGNING_NAME, Dialect.JSON)
            answer = await self._answer(page, caller, request)
        except AwsError as error:
            return _respond(error.status, {"code": error.code, "message": error.message})
        return _respond(200, answer)

    async def _answer(self, page: str, caller: Caller, request: Request) -> Body:
        try:
            self._admit(page, caller)
        except AwsError as error:
            self._note(page, caller, request, DENIED, error.message)
            raise
        self._note(page, caller, request, ALLOWED)
        try:
            body = orjson.loads(request.body or b"{}")
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise BadQuestion("The body has to be a JSON object.")
        try:
            return await self._pages[page](caller, body)
        except OperatorError as error:
            raise Conflict(str(error)) from None

    @staticmethod
    def _admit(page: str, caller: Caller) -> None:
        principal = caller.principal
        if principal.kind is not PrincipalKind.ROOT:
            raise AccessDeniedException(f"Only the root of an account may: {principal.arn} is not.")
        if page.startswith("accounts/") and principal.account != DEFAULT_ACCOUNT:
            raise AccessDeniedException("Only the root of the default account may.")

    def _note(
        self, page: str, caller: Caller, request: Request, decision: str, reason: str | None = None
    ) -> None:
        who = caller.principal
        record = AuditRecord(
            new_request_id(), who.account, who.arn, who.access_key_id, request.peer,
            caller.region, SIGNING_NAME, page, decision, reason,
        )  # fmt: skip
        self._audit.note(record)

    async def _list(self, _: Caller, __: Body) -> Body:
        ids = self._roots.accounts()
        return {
            "Accounts": [{"Account": each, "AccessKeyId": self._roots.key_id(each)} for each in ids]
        }

    async def _create(self, _: Caller, body: Body) -> Body:
        account = None if body.get("Account") is None else _account(body)
        return _shown(*self._roots.create(account))

    async def _rotate(self, _: Caller, body: Body) -> Body:
        account = _account(body)
        return _shown(account, self._roots.rotate(account))

    async def _explain(self, caller: Caller, body: Body) -> Body:
        context = body.get("Context") or {}
        if not isinstance(context, dict):
            raise BadQuestion("Context has to be an object.")
        action, resource = _text(body, "Action"), _text(body, "Resource")
        if not all(action.partition(":")):
            raise BadQuestion(f"{action} is not an action. Write one like lambda:InvokeFunction.")
        if resource != "*" and not resource.startswith("arn:"):
            raise BadQuestion(f"{resource} is not a resource. Give its ARN, or * for any.")
        question = Question(
            action,
            resource,
            _text(body, "As"),
            {str(name): str(value) for name, value in context.items()},
        )
        return self._why.answer(caller.principal.account, question)


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadQuestion(f"{name} is missing.")
    return value


def _account(body: Body) -> AccountId:
    value = _text(body, "Account")
    if len(value) != 12 or not (value.isascii() and value.isdigit()):
        raise BadQuestion("An account has 12 digits.")
    return AccountId(value)


def _shown(account: AccountId, key: RootKey) -> Body:
    return {
        "Account": account,
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": key.secret_access_key,
    }


def _respond(status: int, body: Body) -> Response:
    return Response(status, [_JSON], orjson.dumps(body))
