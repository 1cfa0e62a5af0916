"""How AWS refuses a caller it cannot identify. The code depends on the kind of service that was
called (semantics §8.1): JSON services, query services and S3 have their own names for each case.
"""

from __future__ import annotations

from enum import Enum

from lambdad.core.errors import AwsError, ClientError
from lambdad.wire.sigv4 import Flaw, SignatureError


class Dialect(Enum):
    """Whose names an error bears."""

    JSON = "json"
    QUERY = "query"
    S3 = "s3"


class _Forbidden(ClientError):
    status = 403


class MissingAuthenticationTokenException(_Forbidden):
    code = "MissingAuthenticationTokenException"


class MissingAuthenticationToken(_Forbidden):
    code = "MissingAuthenticationToken"


class AccessDenied(_Forbidden):
    code = "AccessDenied"


class IncompleteSignatureException(_Forbidden):
    code = "IncompleteSignatureException"


class IncompleteSignature(ClientError):
    code = "IncompleteSignature"


class AuthorizationHeaderMalformed(ClientError):
    code = "AuthorizationHeaderMalformed"


class InvalidSignatureException(_Forbidden):
    code = "InvalidSignatureException"


class SignatureDoesNotMatch(_Forbidden):
    code = "SignatureDoesNotMatch"


class RequestTimeTooSkewed(_Forbidden):
    code = "RequestTimeTooSkewed"


class XAmzContentSHA256Mismatch(ClientError):
    code = "XAmzContentSHA256Mismatch"


class UnrecognizedClientException(_Forbidden):
    code = "UnrecognizedClientException"


class InvalidClientTokenId(_Forbidden):
    code = "InvalidClientTokenId"


class InvalidAccessKeyId(_Forbidden):
    code = "InvalidAccessKeyId"


class ExpiredTokenException(_Forbidden):
    code = "ExpiredTokenException"


class ExpiredToken(_Forbidden):
    code = "ExpiredToken"


_JSON: dict[Flaw, type[AwsError]] = {
    Flaw.MISSING: MissingAuthenticationTokenException,
    Flaw.INCOMPLETE: IncompleteSignatureException,
}
"""Every other flaw is an InvalidSignatureException."""
_QUERY: dict[Flaw, type[AwsError]] = {
    Flaw.MISSING: MissingAuthenticationToken,
    Flaw.INCOMPLETE: IncompleteSignature,
}
"""Every other flaw is a SignatureDoesNotMatch."""
_S3: dict[Flaw, tuple[type[AwsError], str | None]] = {
    Flaw.MISSING: (AccessDenied, "Access Denied"),
    Flaw.INCOMPLETE: (AuthorizationHeaderMalformed, None),
    Flaw.SCOPE: (AuthorizationHeaderMalformed, None),
    Flaw.SKEWED: (
        RequestTimeTooSkewed,
        "The difference between the request time and the current time is too large.",
    ),
    Flaw.EXPIRED: (AccessDenied, "Request has expired"),
    Flaw.UNSIGNED_HEADERS: (AccessDenied, None),
    Flaw.PAYLOAD: (XAmzContentSHA256Mismatch, None),
    Flaw.MISMATCH: (
        SignatureDoesNotMatch,
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
    ),
}


def bad_signature(dialect: Dialect, error: SignatureError) -> AwsError:
    """The answer to a signature that does not hold."""
    if dialect is Dialect.S3:
        s3_error, text = _S3[error.flaw]
        return s3_error(text or error.message)
    if dialect is Dialect.QUERY:
        if error.flaw is Flaw.MISSING:
            return MissingAuthenticationToken("Request is missing Authentication Token")
        return _QUERY.get(error.flaw, SignatureDoesNotMatch)(error.message)
    return _JSON.get(error.flaw, InvalidSignatureException)(error.message)


def unknown_key(dialect: Dialect) -> AwsError:
    """The answer to an access key or session token that is not ours."""
    if dialect is Dialect.S3:
        return InvalidAccessKeyId(
            "The AWS Access Key Id you provided does not exist in our records."
        )
    error = InvalidClientTokenId if dialect is Dialect.QUERY else UnrecognizedClientException
    return error("The security token included in the request is invalid.")


def expired_token(dialect: Dialect) -> AwsError:
    """The answer to session credentials past their time."""
    if dialect is Dialect.S3:
        return ExpiredToken("The provided token has expired.")
    error = ExpiredToken if dialect is Dialect.QUERY else ExpiredTokenException
    return error("The security token included in the request is expired")
