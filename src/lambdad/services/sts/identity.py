"""Who am I, and whose is this key?"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.iam.naming import ROLE, account_of_key, fixed_unique_id
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.records import Role
from lambdad.services.sts.errors import InvalidAuthorizationMessageException, ValidationError
from lambdad.services.sts.service import StsService
from lambdad.storage.sealing import BrokenSeal


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(service: StsService, call: Call, params: Params) -> Result:
    principal = call.principal
    return {
        "UserId": principal.unique_id or _unique_id(service, principal),
        "Account": principal.account,
        "Arn": principal.arn,
    }


@operation("sts", "GetAccessKeyInfo")
async def get_access_key_info(service: StsService, call: Call, params: Params) -> Result:
    """The account that a key belongs to, whether or not the key is in use."""
    key_id = params["AccessKeyId"]
    found = service.store.find_key(key_id)
    account = found[0] if found else account_of_key(key_id)
    if account is None:
        raise ValidationError(f"{key_id} is not a valid access key id")
    return {"Account": account}


@operation("sts", "DecodeAuthorizationMessage")
async def decode_authorization_message(service: StsService, call: Call, params: Params) -> Result:
    try:
        return {"DecodedMessage": service.messages.decode(call.account, params["EncodedMessage"])}
    except BrokenSeal:
        raise InvalidAuthorizationMessageException("The input is not valid.") from None


def _unique_id(service: StsService, principal: Principal) -> str:
    """For a principal that does not carry it: a root, or a session of an execution role."""
    if principal.kind is not PrincipalKind.ASSUMED_ROLE:
        return principal.account
    name, _, session = principal.arn.partition("/")[2].partition("/")
    role = service.store.account(principal.account).named(Role, name)
    return f"{role.id if role else fixed_unique_id(ROLE, principal.arn)}:{session}"


OPERATIONS: tuple[Implementation, ...] = (
    get_caller_identity,
    get_access_key_info,
    decode_authorization_message,
)
