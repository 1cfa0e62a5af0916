"""iam/authenticate.py: from signature to principal, and AWS's name for every refusal."""

from __future__ import annotations

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId
from lambdad.core.value import replace
from lambdad.iam.authenticate import (
    AccessKey,
    AnyCredentialsAuthenticator,
    SignatureAuthenticator,
    root_principal,
)
from lambdad.iam.errors import Dialect
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.session import SessionIssuer
from lambdad.wire.http import Request
from lambdad.wire.signing import Signer, SigningCredentials

ACCOUNT = AccountId("123456789012")
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/worker"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sessions() -> SessionIssuer:
    return SessionIssuer(bytes(32))


@pytest.fixture
def authenticator(clock: ManualClock, sessions: SessionIssuer) -> SignatureAuthenticator:
    keys = {KEY: AccessKey(SECRET, root_principal(ACCOUNT, KEY))}
    return SignatureAuthenticator(keys, sessions, clock)


def signed(
    clock: ManualClock,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    *,
    service: str = "lambda",
    region: str = "eu-west-1",
) -> Request:
    request = Request("GET", "/2015-03-31/functions/", "", {"host": "h"})
    signer = Signer(SigningCredentials(key, secret, token), region, service)
    headers = signer.sign(request, clock.wall_ms() / 1000)
    return replace(request, headers={**request.headers, **headers})


def refusal(
    authenticator: SignatureAuthenticator | AnyCredentialsAuthenticator,
    request: Request,
    dialect: Dialect = Dialect.JSON,
) -> tuple[str, int, str | None]:
    with pytest.raises(AwsError) as caught:
        authenticator.authenticate(request, "lambda", dialect)
    return caught.value.code, caught.value.status, caught.value.message


def test_a_known_key(authenticator: SignatureAuthenticator, clock: ManualClock) -> None:
    caller = authenticator.authenticate(signed(clock), "lambda", Dialect.JSON)
    assert caller.principal.arn == f"arn:aws:iam::{ACCOUNT}:root"
    assert caller.principal.access_key_id == KEY
    assert caller.region == "eu-west-1"


@pytest.mark.parametrize(
    ("dialect", "code"),
    [
        (Dialect.JSON, "UnrecognizedClientException"),
        (Dialect.QUERY, "InvalidClientTokenId"),
        (Dialect.S3, "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key(
    authenticator: SignatureAuthenticator, clock: ManualClock, dialect: Dialect, code: str
) -> None:
    assert refusal(authenticator, signed(clock, key="AKIAUNKNOWN"), dialect)[:2] == (code, 403)


@pytest.mark.parametrize(
    ("dialect", "code"),
    [
        (Dialect.JSON, "InvalidSignatureException"),
        (Dialect.QUERY, "SignatureDoesNotMatch"),
        (Dialect.S3, "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret(
    authenticator: SignatureAuthenticator, clock: ManualClock, dialect: Dialect, code: str
) -> None:
    assert refusal(authenticator, signed(clock, secret="guess"), dialect)[:2] == (code, 403)


@pytest.mark.parametrize(
    ("dialect", "code", "text"),
    [
        (Dialect.JSON, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (Dialect.QUERY, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        (Dialect.S3, "AccessDenied", "Access Denied"),
    ],
)
def test_no_signature(
    authenticator: SignatureAuthenticator, dialect: Dialect, code: str, text: str
) -> None:
    bare = Request("GET", "/", "", {"host": "h"})
    assert refusal(authenticator, bare, dialect) == (code, 403, text)
    lenient = AnyCredentialsAuthenticator(SessionIssuer(bytes(32)))
    assert refusal(lenient, bare, dialect) == (code, 403, text)


def test_skew(authenticator: SignatureAuthenticator, clock: ManualClock) -> None:
    request = signed(clock)
    clock.advance(301)
    assert refusal(authenticator, request)[0] == "InvalidSignatureException"
    assert refusal(authenticator, request, Dialect.QUERY)[0] == "SignatureDoesNotMatch"
    assert refusal(authenticator, request, Dialect.S3)[0] == "RequestTimeTooSkewed"


def test_scopes(authenticator: SignatureAuthenticator, clock: ManualClock) -> None:
    code, _, text = refusal(authenticator, signed(clock, region="Mars"))
    assert code == "InvalidSignatureException"
    assert text == "Credential should be scoped to a valid region, not 'Mars'. "
    assert refusal(authenticator, signed(clock, service="sqs"))[2] == (
        "Credential should be scoped to correct service: 'lambda'. "
    )


def test_session_credentials_speak_as_the_assumed_role_until_they_expire(
    authenticator: SignatureAuthenticator, clock: ManualClock, sessions: SessionIssuer
) -> None:
    now_s = clock.wall_ms() // 1000
    made = sessions.issue(ACCOUNT, ROLE, "fn", now_s + 3600)
    arguments = (made.access_key_id, made.secret_access_key, made.session_token)
    caller = authenticator.authenticate(signed(clock, *arguments), "lambda", Dialect.JSON)
    assert caller.principal.kind is PrincipalKind.ASSUMED_ROLE
    assert caller.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/fn"
    assert caller.principal.account == ACCOUNT
    clock.advance(3600)
    assert refusal(authenticator, signed(clock, *arguments)) == (
        "ExpiredTokenException", 403, "The security token included in the request is expired",
    )  # fmt: skip


def test_session_tokens_cannot_be_mixed_or_made_up(
    authenticator: SignatureAuthenticator, clock: ManualClock, sessions: SessionIssuer
) -> None:
    expires_s = clock.wall_ms() // 1000 + 3600
    mine = sessions.issue(ACCOUNT, ROLE, "mine", expires_s)
    other = sessions.issue(ACCOUNT, ROLE, "other", expires_s)
    foreign = SessionIssuer(bytes([1] * 32)).issue(ACCOUNT, ROLE, "x", expires_s)
    for key, secret, token in (
        (mine.access_key_id, mine.secret_access_key, other.session_token),
        (mine.access_key_id, mine.secret_access_key, foreign.session_token),
        (mine.access_key_id, mine.secret_access_key, "made up"),
        (mine.access_key_id, mine.secret_access_key, mine.session_token[:-8]),
        (KEY, SECRET, mine.session_token),
        (KEY, SECRET, ""),
    ):
        assert refusal(authenticator, signed(clock, key, secret, token))[0] == (
            "UnrecognizedClientException"
        )
    without = signed(clock, mine.access_key_id, mine.secret_access_key)
    assert refusal(authenticator, without)[0] == "UnrecognizedClientException"
    guessed = signed(clock, mine.access_key_id, "guess", mine.session_token)
    assert refusal(authenticator, guessed)[0] == "InvalidSignatureException"


def test_any_key_is_the_root_of_an_account(clock: ManualClock, sessions: SessionIssuer) -> None:
    lenient = AnyCredentialsAuthenticator(sessions)
    for key, account in (("test", "000000000000"), ("123456789012", "123456789012"),
                         ("1234567890123", "000000000000")):  # fmt: skip
        request = signed(clock, key, "whatever", service="sqs")
        caller = lenient.authenticate(request, "lambda", Dialect.JSON)
        assert caller.principal.arn == f"arn:aws:iam::{account}:root"
        assert caller.principal.kind is PrincipalKind.ROOT
    made = sessions.issue(ACCOUNT, ROLE, "fn", 0)
    request = signed(clock, made.access_key_id, "x", made.session_token)
    caller = lenient.authenticate(request, "lambda", Dialect.JSON)
    assert caller.principal.arn.endswith("assumed-role/worker/fn")
