"""Managed policies: the account's own, and AWS's."""

from __future__ import annotations

from collections import Counter

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam import naming
from lambdad.iam.managed import OWNER
from lambdad.iam.records import Group, Identity, ManagedPolicy, PolicyVersion, Role, User
from lambdad.iam.store import Records
from lambdad.services.iam.documents import check_managed
from lambdad.services.iam.entities import require_free, require_own_policy, require_policy
from lambdad.services.iam.errors import DeleteConflictException, quota_exceeded
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import policy_summary, tag_list


class Uses(Value):
    """How often each managed policy, by ARN, is in use in an account."""

    attached: Counter[str]
    bounding: Counter[str]

    @classmethod
    def of(cls, records: Records) -> Uses:
        attached: Counter[str] = Counter()
        bounding: Counter[str] = Counter()
        identities: list[Identity] = [
            *records.all(User),
            *records.all(Group),
            *records.all(Role),
        ]
        for identity in identities:
            attached.update(identity.attached)
            if isinstance(identity, User | Role) and identity.boundary is not None:
                bounding[identity.boundary] += 1
        return cls(attached, bounding)

    def summary(self, account: str, policy: ManagedPolicy) -> Result:
        """The policy as ListPolicies shows it."""
        arn = policy.arn(account)
        return policy_summary(account, policy, self.attached[arn], self.bounding[arn])


@operation("iam", "CreatePolicy")
async def create_policy(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    check_managed(service, params["PolicyDocument"])
    now_ms = service.now_ms()
    async with service.store.edit(call.account) as draft:
        require_free(draft, ManagedPolicy, params["PolicyName"])
        if draft.count(ManagedPolicy) >= service.quotas.policies:
            raise quota_exceeded("PoliciesPerAccount", service.quotas.policies)
        policy = ManagedPolicy(
            name=params["PolicyName"],
            id=naming.new_unique_id(naming.POLICY),
            path=params.get("Path", "/"),
            created_ms=now_ms,
            updated_ms=now_ms,
            tags=tags,
            description=params.get("Description"),
            versions=(PolicyVersion("v1", params["PolicyDocument"], now_ms),),
            default_version="v1",
            versions_made=1,
        )
        draft.put(policy)
    summary = policy_summary(call.account, policy, 0, 0)
    return {"Policy": summary | {"Description": policy.description, "Tags": tag_list(tags) or None}}


@operation("iam", "GetPolicy")
async def get_policy(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    arn = params["PolicyArn"]
    policy = require_policy(records, service.managed, call.account, arn)
    owner = call.account if policy.arn(call.account) == arn else OWNER
    return {
        "Policy": Uses.of(records).summary(owner, policy)
        | {"Description": policy.description, "Tags": tag_list(policy.tags)}
    }


@operation("iam", "ListPolicies")
async def list_policies(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    uses, prefix = Uses.of(records), params.get("PathPrefix", "/")
    policies = [
        (owner, policy)
        for owner, policy in _in_scope(service, call.account, params.get("Scope", "All"))
        if policy.path.startswith(prefix) and _wanted(uses, policy.arn(owner), params)
    ]
    chosen, rest = page(policies, params, lambda item: item[1].arn(item[0]))
    return {"Policies": [uses.summary(owner, policy) for owner, policy in chosen]} | rest


@operation("iam", "DeletePolicy")
async def delete_policy(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        arn = params["PolicyArn"]
        policy = require_own_policy(draft, call.account, arn)
        uses = Uses.of(draft)
        if uses.attached[arn] or uses.bounding[arn]:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise DeleteConflictException(
                "This policy has more than one version. Before you delete a policy, you must "
                "delete the policy's versions. The default version is deleted with the policy."
            )
        draft.remove(policy)
    return {}


@operation("iam", "ListEntitiesForPolicy")
async def list_entities_for_policy(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    arn = params["PolicyArn"]
    require_policy(records, service.managed, call.account, arn)
    entities = [
        identity
        for kind, filters in _ENTITY_KINDS
        if params.get("EntityFilter", kind.KIND) in filters
        for identity in records.all(kind)
        if identity.path.startswith(params.get("PathPrefix", "/")) and _uses(identity, arn, params)
    ]
    chosen, rest = page(entities, params, lambda each: f"{each.KIND}/{each.key}")
    return {
        "PolicyGroups": [
            {"GroupName": each.name, "GroupId": each.id}
            for each in chosen
            if isinstance(each, Group)
        ],
        "PolicyUsers": [
            {"UserName": each.name, "UserId": each.id} for each in chosen if isinstance(each, User)
        ],
        "PolicyRoles": [
            {"RoleName": each.name, "RoleId": each.id} for each in chosen if isinstance(each, Role)
        ],
    } | rest


_ENTITY_KINDS: tuple[tuple[type[Identity], tuple[str, ...]], ...] = (
    (Group, ("group", "Group")),
    (User, ("user", "User")),
    (Role, ("role", "Role")),
)


def _uses(identity: Identity, arn: str, params: Params) -> bool:
    usage = params.get("PolicyUsageFilter")
    bounded = isinstance(identity, User | Role) and identity.boundary == arn
    if usage == "PermissionsBoundary":
        return bounded
    return arn in identity.attached or (usage is None and bounded)


def _in_scope(
    service: IamService, account: AccountId, scope: str
) -> list[tuple[str, ManagedPolicy]]:
    own: list[tuple[str, ManagedPolicy]] = []
    if scope in ("All", "Local"):
        own = [(account, each) for each in service.store.account(account).all(ManagedPolicy)]
    if scope in ("All", "AWS"):
        own += [(OWNER, each) for each in service.managed.all()]
    return own


def _wanted(uses: Uses, arn: str, params: Params) -> bool:
    usage = params.get("PolicyUsageFilter")
    if usage == "PermissionsBoundary" and not uses.bounding[arn]:
        return False
    if usage == "PermissionsPolicy" and not uses.attached[arn]:
        return False
    in_use = uses.attached[arn] or uses.bounding[arn]
    return bool(in_use) or not params.get("OnlyAttached", False)


OPERATIONS: tuple[Implementation, ...] = (
    create_policy,
    get_policy,
    list_policies,
    delete_policy,
    list_entities_for_policy,
)
