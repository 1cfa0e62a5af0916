"""GetAccountAuthorizationDetails: everything that decides on access, in one list."""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.iam.managed import OWNER
from lambdad.iam.records import (
    Group,
    Identity,
    InstanceProfile,
    LastUse,
    ManagedPolicy,
    Role,
    User,
)
from lambdad.iam.store import Records
from lambdad.services.iam.paging import page
from lambdad.services.iam.policies import Uses
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import (
    bare_role,
    boundary,
    document_text,
    group_summary,
    profile_details,
    role_last_used,
    tag_list,
    user_summary,
    version_summary,
)

_FILTERS = ("User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")
_LISTS = {
    "User": "UserDetailList",
    "Role": "RoleDetailList",
    "Group": "GroupDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


@operation("iam", "GetAccountAuthorizationDetails")
async def get_account_authorization_details(
    service: IamService, call: Call, params: Params
) -> Result:
    records = service.store.account(call.account)
    wanted = params.get("Filter") or _FILTERS
    uses = Uses.of(records)
    entries = [
        (_LISTS[kind], owner, record)
        for kind in _FILTERS
        if kind in wanted
        for owner, record in _records(service, call.account, records, uses, kind)
    ]
    chosen, rest = page(entries, params, lambda entry: f"{entry[0]}/{entry[2].arn(entry[1])}")
    result: Result = {member: [] for member in _LISTS.values()}
    for member, owner, record in chosen:
        result[member].append(_detail(records, uses, owner, record))
    return result | rest


Entry = User | Role | Group | ManagedPolicy


def _records(
    service: IamService, account: AccountId, records: Records, uses: Uses, kind: str
) -> Iterator[tuple[str, Entry]]:
    if kind == "AWSManagedPolicy":
        for arn in sorted(uses.attached.keys() | uses.bounding.keys()):
            policy = service.managed.get(arn)
            if policy is not None:
                yield OWNER, policy
        return
    kinds: dict[str, type[Entry]] = {
        "User": User,
        "Role": Role,
        "Group": Group,
        "LocalManagedPolicy": ManagedPolicy,
    }
    for record in records.all(kinds[kind]):
        yield account, record


def _detail(records: Records, uses: Uses, owner: str, record: Entry) -> Result:
    match record:
        case User():
            return user_summary(owner, record) | {
                "UserPolicyList": _inline(record) or None,
                "GroupList": list(record.groups),
                "AttachedManagedPolicies": _attached(record),
                "PermissionsBoundary": boundary(record.boundary),
                "Tags": tag_list(record.tags),
            }
        case Group():
            return group_summary(owner, record) | {
                "GroupPolicyList": _inline(record),
                "AttachedManagedPolicies": _attached(record),
            }
        case Role():
            profiles = [each for each in records.all(InstanceProfile) if each.role == record.name]
            return bare_role(owner, record) | {
                "InstanceProfileList": [
                    profile_details(owner, profile, records) for profile in profiles
                ],
                "RolePolicyList": _inline(record),
                "AttachedManagedPolicies": _attached(record),
                "PermissionsBoundary": boundary(record.boundary),
                "Tags": tag_list(record.tags),
                "RoleLastUsed": role_last_used(records.get(LastUse, record.id)),
            }
        case ManagedPolicy():
            return uses.summary(owner, record) | {
                "Description": record.description,
                "PolicyVersionList": [
                    version_summary(record, version) | {"Document": document_text(version.document)}
                    for version in record.versions[::-1]
                ],
            }


def _inline(identity: Identity) -> list[Result]:
    return [
        {"PolicyName": each.name, "PolicyDocument": document_text(each.document)}
        for each in identity.inline
    ]


def _attached(identity: Identity) -> list[Result]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in identity.attached]


OPERATIONS: tuple[Implementation, ...] = (get_account_authorization_details,)
