"""SerialNumber and TokenCode: a caller who proves to have his MFA device.

Source: IAM user guide, "Secure API access with MFA".
"""

from __future__ import annotations

from lambdad.api.call import Call, Params
from lambdad.iam.errors import AccessDenied
from lambdad.iam.mfa import NoSuchDevice
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.services.sts.service import StsService

_FAILED = "MultiFactorAuthentication failed"


async def authenticated_s(service: StsService, call: Call, params: Params) -> int | None:
    """Now (epoch seconds) where the request has a good code, None where it has none. Raises
    AccessDenied for a wrong one, and Throttling during a pause after wrong ones."""
    serial, code = params.get("SerialNumber"), params.get("TokenCode")
    if serial is None and code is None:
        return None
    if serial is None or code is None:
        raise AccessDenied(
            f"{_FAILED}, must provide both MFA serial number and one time pass code."
        )
    principal = call.principal
    try:
        if principal.kind is not PrincipalKind.USER:
            raise NoSuchDevice
        name = principal.arn.rpartition("/")[2]
        good = await service.mfa.authenticate(principal.account, name, serial, code)
    except NoSuchDevice:
        raise AccessDenied(  # both blanks are AWS's
            f"{_FAILED}, unable to validate MFA code.  Please verify your MFA serial number is "
            "valid and associated with this user."
        ) from None
    if not good:
        raise AccessDenied(f"{_FAILED} with invalid MFA one time pass code. ")
    return service.now_s()


def mfa_keys(service: StsService, principal: Principal, mfa_s: int | None) -> dict[str, str]:
    """The condition keys of a request with a code, or with credentials that were given for one.
    Without either there are none (IAM user guide, "aws:MultiFactorAuthPresent")."""
    if mfa_s is None and principal.session is not None:
        mfa_s = principal.session.mfa_s
    if mfa_s is None:
        return {}
    return {
        "aws:multifactorauthpresent": "true",
        "aws:multifactorauthage": str(max(0, service.now_s() - mfa_s)),
    }
