"""What policies call Lambda's resources, and what comes with them: tags and resource policies."""

from __future__ import annotations

from lambdad.api.call import Call
from lambdad.api.requirement import NO_TAGS, Tags
from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import replace
from lambdad.events.mapping import KIND as MAPPING
from lambdad.functions.attachments import WHOLE
from lambdad.functions.capacity_providers import CapacityProvider
from lambdad.functions.names import FunctionKey, refer
from lambdad.functions.resources import CodeSigningConfig
from lambdad.iam.policy import Policy
from lambdad.services.lambda_.service import LambdaService


def own_arn(call: Call, resource: str) -> str:
    """The ARN of a resource of the call's account and region."""
    return f"arn:{PARTITION}:lambda:{call.region}:{call.account}:{resource}"


def one_spelling(call: Call, resource: str) -> str:
    """A resource's one ARN, however the request spells it: operations take any partition, and a
    policy's Deny must not be evaded by `arn:aws-cn:…`."""
    arn = parse_arn(resource)
    if arn is None:
        return resource
    if arn.resource.startswith("function:"):
        return refer(call.account, call.region, resource).arn
    return str(replace(arn, partition=PARTITION))


def tags_of(service: LambdaService, arn: str) -> Tags:
    """The tags of what an ARN names; versions and aliases have those of their function."""
    parsed = parse_arn(arn)
    if parsed is None:
        return NO_TAGS
    kind, _, name = parsed.resource.partition(":")
    account, region = AccountId(parsed.account), Region(parsed.region)
    if kind == "function":
        record = service.functions.get(FunctionKey(account, region, name.partition(":")[0]))
        return NO_TAGS if record is None else record.tags
    if kind == "code-signing-config":
        config = service.resources.get(CodeSigningConfig, account, region, name)
        return NO_TAGS if config is None else config.tags
    if kind == MAPPING:
        mapping = service.mappings.get(account, region, name)
        return NO_TAGS if mapping is None else mapping.tags
    if kind == "capacity-provider":
        provider = service.resources.get(CapacityProvider, account, region, name)
        return NO_TAGS if provider is None else provider.tags
    return NO_TAGS


def policy_of(service: LambdaService, arn: str) -> Policy | None:
    """The policy of a function, or of the version or alias that an ARN names."""
    parsed = parse_arn(arn)
    kind, _, name = parsed.resource.partition(":") if parsed else ("", "", "")
    if parsed is None or kind != "function":
        return None
    name, _, qualifier = name.partition(":")
    function = service.catalog.get(AccountId(parsed.account), Region(parsed.region), name)
    return function.policies.get(qualifier or WHOLE) if function else None
