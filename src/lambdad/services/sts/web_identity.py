"""AssumeRoleWithWebIdentity: a role for whoever holds a token of a trusted OpenID Connect issuer.

The call is unsigned: the token is the only proof. Signature first, then claims, then the role's
trust policy; nothing of a token is used before its signature has been checked.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.arn import Arn
from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam.errors import AccessDenied
from lambdad.iam.issuer_keys import KeysUnavailable
from lambdad.iam.permissions import Permissions
from lambdad.iam.principals import federated_caller
from lambdad.iam.records import OidcProvider
from lambdad.iam.web_tokens import MalformedToken, WebToken, is_signed_by, read_token
from lambdad.services.sts.assuming import (
    Asker,
    Context,
    Wanted,
    duration_s,
    find_role,
    may_assume,
    open_session,
    read_role_arn,
    request_context,
)
from lambdad.services.sts.errors import (
    ExpiredTokenException,
    IDPCommunicationErrorException,
    InvalidIdentityTokenException,
)
from lambdad.services.sts.service import StsService
from lambdad.services.sts.session_terms import Labels, read_labels, read_limits

_log = logging.getLogger(__name__)
_TAGS_CLAIM = "https://aws.amazon.com/tags"
_SKEW_S = 300
_MAX_CLAIM = 4096


class Claims(Value):
    """What a token that has been checked says."""

    subject: str
    audience: str
    """The client that it was given to: `azp` where there is one, else the accepted `aud`."""
    context: Context
    labels: Labels


@operation("sts", "AssumeRoleWithWebIdentity")
async def assume_role_with_web_identity(service: StsService, call: Call, params: Params) -> Result:
    arn = read_role_arn(params["RoleArn"])
    limits = read_limits(params, service.quotas)
    token = _read(params["WebIdentityToken"])
    provider = _provider(service, arn, token)
    await _check_signature(service, provider, token)
    claims = _check_claims(provider, token.claims, service.now_s())
    account = AccountId(arn.account)
    wanted = Wanted(params["RoleArn"], account, params["RoleSessionName"], limits, claims.labels)
    role = find_role(service, arn)
    if role is None:
        raise _denied()
    provider_arn = provider.arn(account)
    context = {
        **request_context(service, call, role, wanted),
        **claims.context,
        "aws:federatedprovider": provider_arn,
    }
    actions: tuple[str, ...] = ("sts:AssumeRoleWithWebIdentity",)
    if claims.labels.tags:
        actions = (*actions, "sts:TagSession")
    asker = Asker(federated_caller(provider_arn), Permissions(), context)
    if not may_assume(service, asker, role, wanted, actions):
        raise _denied()
    result = open_session(service, call, role, wanted, duration_s(params, role, None))
    return result | {
        "SubjectFromWebIdentityToken": claims.subject,
        "Audience": claims.audience,
        "Provider": provider_arn,
    }


def _read(text: str) -> WebToken:
    try:
        return read_token(text)
    except MalformedToken:
        raise InvalidIdentityTokenException(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an "
            "Access Token)"
        ) from None


def _provider(service: StsService, arn: Arn, token: WebToken) -> OidcProvider:
    """The provider in the role's account that the token's issuer names."""
    issuer = token.claims.get("iss")
    records = service.store.account(AccountId(arn.account))
    provider = None
    if isinstance(issuer, str) and issuer.startswith("https://"):
        provider = records.get(OidcProvider, issuer.removeprefix("https://").rstrip("/"))
    if provider is None:
        raise InvalidIdentityTokenException(
            f"No OpenIDConnect provider found in your account for {issuer}"
        )
    return provider


async def _check_signature(service: StsService, provider: OidcProvider, token: WebToken) -> None:
    try:
        keys = await service.issuer_keys.keys_for(provider, token)
    except KeysUnavailable as error:
        _log.warning("the keys of the OIDC issuer %s cannot be had: %s", provider.url, error)
        raise IDPCommunicationErrorException(
            "Couldn't retrieve verification key from your identity provider,  please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        ) from None
    if not is_signed_by(token, keys):
        raise InvalidIdentityTokenException(
            "Token signature could not be verified with the keys of the identity provider"
        )


def _check_claims(provider: OidcProvider, claims: Mapping[str, Any], now_s: int) -> Claims:
    """Raises InvalidIdentityTokenException, ExpiredTokenException."""
    subject, audiences = _text(claims, "sub"), _texts(claims, "aud")
    expires_s, issued_s = _time(claims, "exp"), _time(claims, "iat")
    if expires_s <= now_s:
        raise ExpiredTokenException(
            f"Token expired: current date/time {now_s} must be before the expiration date/time "
            f"{int(expires_s)}"
        )
    starts_s = _time(claims, "nbf") if "nbf" in claims else issued_s
    if max(issued_s, starts_s) > now_s + _SKEW_S:
        raise InvalidIdentityTokenException("The ID Token is not valid yet")
    azp = _text(claims, "azp") if "azp" in claims else None
    accepted = [each for each in ([azp] if azp else audiences) if each in provider.client_ids]
    if not accepted:
        raise InvalidIdentityTokenException("Incorrect token audience")
    context: Context = {
        f"{provider.url}:sub".lower(): subject,
        f"{provider.url}:aud".lower(): azp or _one_or_all(audiences),
        f"{provider.url}:oaud".lower(): _one_or_all(audiences),
    }
    if "amr" in claims:
        context[f"{provider.url}:amr".lower()] = tuple(_texts(claims, "amr"))
    return Claims(subject, accepted[0], context, _labels(claims))


def _labels(claims: Mapping[str, Any]) -> Labels:
    """Session tags that the issuer gives (STS user guide, "Passing session tags using
    AssumeRoleWithWebIdentity")."""
    given = claims.get(_TAGS_CLAIM, {})
    match given:
        case {"principal_tags": dict(tags)} if all(
            isinstance(values, list) and len(values) == 1 and isinstance(values[0], str)
            for values in tags.values()
        ):
            transitive = given.get("transitive_tag_keys", [])
            if isinstance(transitive, list):
                listed = [{"Key": key, "Value": values[0]} for key, values in tags.items()]
                return read_labels({"Tags": listed, "TransitiveTagKeys": transitive})
        case {} if not given:
            return Labels((), ())
    raise InvalidIdentityTokenException("The session tags of the ID Token are not well-formed")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM:
        raise InvalidIdentityTokenException(f"Missing a required claim: {name}")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    value = claims.get(name)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
        raise InvalidIdentityTokenException(f"Missing a required claim: {name}")
    return values


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidIdentityTokenException(f"Missing a required claim: {name}")
    return value


def _one_or_all(values: list[str]) -> str | tuple[str, ...]:
    return values[0] if len(values) == 1 else tuple(values)


def _denied() -> AccessDenied:
    return AccessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")


OPERATIONS: tuple[Implementation, ...] = (assume_role_with_web_identity,)
