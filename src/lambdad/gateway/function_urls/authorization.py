"""May whoever calls a function URL? Signature, identity policies, the function's own policy.

Two actions are asked for, with the same resource: lambda:InvokeFunctionUrl, and, as for every URL
made since October 2025, lambda:InvokeFunction "via a function URL" (Lambda developer guide,
"Control access to Lambda function URLs"). AuthType NONE means that nobody has to sign, not that
everybody may: the function's policy has to allow everybody. Decisions are `iam/evaluate.py`'s.
"""

from __future__ import annotations

from functools import partial

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.call import Call
from lambdad.api.request_context import RequestContext
from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, RequestId
from lambdad.gateway.function_urls.index import Endpoint
from lambdad.gateway.function_urls.refusals import Forbidden
from lambdad.iam.authenticate import Authenticator
from lambdad.iam.directory import Directory, Standing
from lambdad.iam.errors import Dialect, bad_signature
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.permissions import Permissions
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.principals import ANONYMOUS
from lambdad.telemetry.audit import ALLOWED, DENIED, UNAUTHENTICATED, AuditLog, AuditRecord
from lambdad.wire.http import Request
from lambdad.wire.sigv4 import Flaw, SignatureError

_SIGNING_NAME = "lambda"
_ACTION = "lambda:InvokeFunctionUrl"
_KEYS = {
    auth_type: (
        (_ACTION, {"lambda:functionurlauthtype": auth_type}),
        (
            "lambda:InvokeFunction",
            {"lambda:functionurlauthtype": auth_type, "lambda:invokedviafunctionurl": "true"},
        ),
    )
    for auth_type in ("NONE", "AWS_IAM")
}
"""What has to be allowed, with the condition keys of the service."""
_STRANGER = Principal(PrincipalKind.ANONYMOUS, AccountId(""), "anonymous", "")
"""Of no account: a policy that names an account does not mean him."""
_NOBODY = Standing(ANONYMOUS, Permissions(), {"aws:principaltype": "Anonymous"})


class Doorkeeper:
    """Lets requests in to functions, or not, and writes down which.

    `open_to_anyone`: any key is the root of an account, so policies bind only other accounts."""

    def __init__(
        self,
        authenticator: Authenticator,
        directory: Directory,
        authorizer: PolicyAuthorizer,
        clock: Clock,
        audit: AuditLog,
        *,
        open_to_anyone: bool,
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._authorizer = authorizer
        self._clock = clock
        self._audit = audit
        self._open = open_to_anyone

    def admit(
        self, endpoint: Endpoint, request: Request, request_id: RequestId
    ) -> Principal | None:
        """Who signed, or None where nobody has to. Raises Forbidden, or what is wrong with the
        signature."""
        caller: Principal | None = None
        if endpoint.url.auth_type != "NONE":
            caller = self._identify(endpoint, request, request_id)
        if not self._may(endpoint, caller, request, request_id):
            self._note(endpoint, caller, request, request_id, DENIED)
            raise Forbidden
        self._note(endpoint, caller, request, request_id, ALLOWED)
        return caller

    def _identify(self, endpoint: Endpoint, request: Request, request_id: RequestId) -> Principal:
        if "authorization" not in request.headers and "X-Amz-Signature=" not in request.query:
            self._note(endpoint, None, request, request_id, UNAUTHENTICATED)
            raise Forbidden
        try:
            caller = self._authenticator.authenticate(request, _SIGNING_NAME, Dialect.JSON)
            if caller.region != endpoint.region:
                raise bad_signature(
                    Dialect.JSON,
                    SignatureError(
                        Flaw.SCOPE,
                        f"Credential should be scoped to a valid region, not '{caller.region}'. ",
                    ),
                )
        except Exception:
            self._note(endpoint, None, request, request_id, UNAUTHENTICATED)
            raise
        return caller.principal

    def _may(
        self,
        endpoint: Endpoint,
        caller: Principal | None,
        request: Request,
        request_id: RequestId,
    ) -> bool:
        owner = endpoint.function.account
        at_home = caller is None or caller.account == owner
        if self._open and at_home:
            return True
        standing = _NOBODY if caller is None else self._directory.standing(caller)
        call = Call(
            account=owner,
            region=endpoint.region,
            principal=caller or _STRANGER,
            request_id=request_id,
            endpoint=f"{'https' if request.secure else 'http'}://",
            source_ip=request.peer,
            headers=request.headers,
        )
        target = Target(endpoint.arn, owner, endpoint.function.policies.get(endpoint.qualifier))
        tags = partial(self._authorizer.tags_of, endpoint.arn)
        for action, keys in _KEYS[endpoint.url.auth_type]:
            context = RequestContext(call, self._clock, standing.context, keys, tags)
            asked = AuthorizationRequest(
                standing.caller, standing.permissions, action, target, context
            )
            if not evaluate(asked).allowed:
                return False
        return True

    def _note(
        self,
        endpoint: Endpoint,
        caller: Principal | None,
        request: Request,
        request_id: RequestId,
        decision: str,
    ) -> None:
        who = caller or _STRANGER
        self._audit.note(
            AuditRecord(
                request_id, who.account, who.arn, who.access_key_id, request.peer,
                endpoint.region, "lambda", "InvokeFunctionUrl", decision,
                None if decision == ALLOWED else endpoint.arn,
            )
        )  # fmt: skip
