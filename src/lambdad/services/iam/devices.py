"""MFA devices, certificates and SSH keys: there are none, and tools that clean up a user ask."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.iam.records import User
from lambdad.services.iam.entities import require, user_name
from lambdad.services.iam.service import IamService


def _empty(name: str, member: str, *, of_user: bool) -> Implementation:
    @operation("iam", name)
    async def list_none(service: IamService, call: Call, params: Params) -> Result:
        if of_user:
            require(service.store.account(call.account), User, user_name(call, params))
        return {member: [], "IsTruncated": False}

    return list_none


OPERATIONS: tuple[Implementation, ...] = (
    _empty("ListMFADevices", "MFADevices", of_user=True),
    _empty("ListSSHPublicKeys", "SSHPublicKeys", of_user=True),
    _empty("ListSigningCertificates", "Certificates", of_user=True),
    _empty("ListServerCertificates", "ServerCertificateMetadataList", of_user=False),
    _empty("ListVirtualMFADevices", "VirtualMFADevices", of_user=False),
)
