"""What an account has one of: its alias, its password policy, its summary."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.core.value import replace
from lambdad.iam.records import (
    AccountSettings,
    Group,
    InstanceProfile,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    Role,
    SamlProvider,
    User,
)
from lambdad.iam.store import Draft
from lambdad.iam.uploads import ServerCertificate
from lambdad.services.iam.errors import EntityAlreadyExistsException, NoSuchEntityException
from lambdad.services.iam.service import IamService

_PASSWORD_POLICY: dict[str, bool | int] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}
"""Defaults of UpdateAccountPasswordPolicy, which sets what it is not given back to them."""
_TOKEN_VERSIONS = {"v1Token": 1, "v2Token": 2}
_OPTIONAL = ("MaxPasswordAge", "PasswordReusePrevention", "HardExpiry")


@operation("iam", "CreateAccountAlias")
async def create_account_alias(service: IamService, call: Call, params: Params) -> Result:
    alias = params["AccountAlias"]
    async with service.store.edit(call.account) as draft:
        settings = _settings(draft)
        holder = _holder(service, alias)
        if holder is not None and holder != call.account:
            raise EntityAlreadyExistsException(f"The account alias {alias} already exists.")
        draft.put(replace(settings, alias=alias))
    return {}


@operation("iam", "ListAccountAliases")
async def list_account_aliases(service: IamService, call: Call, params: Params) -> Result:
    alias = service.store.settings(call.account).alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@operation("iam", "DeleteAccountAlias")
async def delete_account_alias(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        settings = _settings(draft)
        if settings.alias != params["AccountAlias"]:
            raise NoSuchEntityException(
                f"The account alias {params['AccountAlias']} cannot be found."
            )
        draft.put(replace(settings, alias=None))
    return {}


@operation("iam", "UpdateAccountPasswordPolicy")
async def update_password_policy(service: IamService, call: Call, params: Params) -> Result:
    members = {name: params.get(name, value) for name, value in _PASSWORD_POLICY.items()}
    members |= {name: params[name] for name in _OPTIONAL if name in params}
    async with service.store.edit(call.account) as draft:
        draft.put(replace(_settings(draft), password_policy=tuple(members.items())))
    return {}


@operation("iam", "GetAccountPasswordPolicy")
async def get_password_policy(service: IamService, call: Call, params: Params) -> Result:
    policy = service.store.settings(call.account).password_policy
    if policy is None:
        raise _no_password_policy(call.account)
    members = dict(policy)
    return {"PasswordPolicy": members | {"ExpirePasswords": bool(members.get("MaxPasswordAge"))}}


@operation("iam", "DeleteAccountPasswordPolicy")
async def delete_password_policy(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        settings = _settings(draft)
        if settings.password_policy is None:
            raise _no_password_policy(call.account)
        draft.put(replace(settings, password_policy=None))
    return {}


@operation("iam", "SetSecurityTokenServicePreferences")
async def set_token_preferences(service: IamService, call: Call, params: Params) -> Result:
    version = _TOKEN_VERSIONS[params["GlobalEndpointTokenVersion"]]
    async with service.store.edit(call.account) as draft:
        draft.put(replace(_settings(draft), token_version=version))
    return {}


@operation("iam", "GetAccountSummary")
async def get_account_summary(service: IamService, call: Call, params: Params) -> Result:
    records, quotas = service.store.account(call.account), service.quotas
    policies = records.all(ManagedPolicy)
    return {
        "SummaryMap": {
            "Users": records.count(User),
            "UsersQuota": quotas.users,
            "Groups": records.count(Group),
            "GroupsQuota": quotas.groups,
            "GroupsPerUserQuota": quotas.groups_per_user,
            "Roles": records.count(Role),
            "RolesQuota": quotas.roles,
            "Policies": len(policies),
            "PoliciesQuota": quotas.policies,
            "PolicySizeQuota": quotas.managed_policy_size,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "PolicyVersionsInUseQuota": 10_000,
            "VersionsPerPolicyQuota": quotas.versions_per_policy,
            "AttachedPoliciesPerUserQuota": quotas.policies_per_identity,
            "AttachedPoliciesPerGroupQuota": quotas.policies_per_identity,
            "AttachedPoliciesPerRoleQuota": quotas.policies_per_identity,
            "UserPolicySizeQuota": quotas.user_policies_size,
            "GroupPolicySizeQuota": quotas.group_policies_size,
            "RolePolicySizeQuota": quotas.role_policies_size,
            "AssumeRolePolicySizeQuota": quotas.trust_policy_size,
            "AccessKeysPerUserQuota": quotas.access_keys_per_user,
            "AccountAccessKeysPresent": 1,
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "InstanceProfiles": records.count(InstanceProfile),
            "InstanceProfilesQuota": quotas.instance_profiles,
            "MFADevices": records.count(MfaDevice),
            "MFADevicesInUse": sum(each.user is not None for each in records.all(MfaDevice)),
            "Providers": records.count(OidcProvider) + records.count(SamlProvider),
            "ServerCertificates": records.count(ServerCertificate),
            "ServerCertificatesQuota": quotas.server_certificates,
            "SigningCertificatesPerUserQuota": quotas.signing_certificates_per_user,
            "GlobalEndpointTokenVersion": service.store.settings(call.account).token_version,
        }
    }


def _settings(draft: Draft) -> AccountSettings:
    return draft.get(AccountSettings, "") or AccountSettings()


def _holder(service: IamService, alias: str) -> AccountId | None:
    """Aliases are unique over all accounts."""
    for account in service.store.accounts():
        if service.store.settings(account).alias == alias:
            return account
    return None


def _no_password_policy(account: AccountId) -> NoSuchEntityException:
    return NoSuchEntityException(f"The Password Policy with domain name {account} cannot be found.")


OPERATIONS: tuple[Implementation, ...] = (
    create_account_alias,
    list_account_aliases,
    delete_account_alias,
    update_password_policy,
    get_password_policy,
    delete_password_policy,
    set_token_preferences,
    get_account_summary,
)
