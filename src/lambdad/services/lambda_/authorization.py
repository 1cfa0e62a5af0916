"""What Lambda's operations require (Service Authorization Reference, "AWS Lambda"; semantics §8.3).

A function may be named by its unqualified ARN or by that of a version or an alias, and a policy
for the one does not cover the other: the resource is what the caller named. Operations that are
not served yet are listed too, so that they are never open by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lambdad.api.call import Call, Params
from lambdad.api.requirement import (
    NO_KEYS,
    NO_TAGS,
    Keys,
    Requirement,
    Rule,
    ServiceRules,
    Tags,
    request_tags,
    tag_keys,
)
from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.ids import AccountId, Region
from lambdad.functions.attachments import WHOLE
from lambdad.functions.names import FunctionKey, refer
from lambdad.functions.resources import CodeSigningConfig
from lambdad.iam.policy import Policy
from lambdad.services.lambda_.execution_roles import PRINCIPAL
from lambdad.services.lambda_.layers import layer_key
from lambdad.services.lambda_.service import LambdaService

_ON_FUNCTION = (
    "AddPermission",
    "CreateAlias",
    "CreateFunctionUrlConfig",
    "DeleteAlias",
    "DeleteFunction",
    "DeleteFunctionCodeSigningConfig",
    "DeleteFunctionConcurrency",
    "DeleteFunctionEventInvokeConfig",
    "DeleteFunctionUrlConfig",
    "DeleteProvisionedConcurrencyConfig",
    "GetAlias",
    "GetFunction",
    "GetFunctionCodeSigningConfig",
    "GetFunctionConcurrency",
    "GetFunctionConfiguration",
    "GetFunctionEventInvokeConfig",
    "GetFunctionRecursionConfig",
    "GetFunctionScalingConfig",
    "GetFunctionUrlConfig",
    "GetPolicy",
    "GetProvisionedConcurrencyConfig",
    "GetRuntimeManagementConfig",
    "ListAliases",
    "ListFunctionEventInvokeConfigs",
    "ListFunctionUrlConfigs",
    "ListProvisionedConcurrencyConfigs",
    "ListVersionsByFunction",
    "PublishVersion",
    "PutFunctionCodeSigningConfig",
    "PutFunctionConcurrency",
    "PutFunctionEventInvokeConfig",
    "PutFunctionRecursionConfig",
    "PutFunctionScalingConfig",
    "PutProvisionedConcurrencyConfig",
    "PutRuntimeManagementConfig",
    "RemovePermission",
    "UpdateAlias",
    "UpdateFunctionCode",
    "UpdateFunctionEventInvokeConfig",
    "UpdateFunctionUrlConfig",
)
"""The resource is the function, qualified as far as the request qualifies it."""
_ON_EVERYTHING = (
    "GetAccountSettings",
    "ListCapacityProviders",
    "ListCodeSigningConfigs",
    "ListEventSourceMappings",
    "ListFunctions",
    "ListLayerVersions",
    "ListLayers",
)
"""No resource: a policy has to say `*`."""
_ON_ARN = {
    "DeleteCodeSigningConfig": "CodeSigningConfigArn",
    "DeleteResourcePolicy": "ResourceArn",
    "GetCodeSigningConfig": "CodeSigningConfigArn",
    "GetResourcePolicy": "ResourceArn",
    "ListFunctionsByCodeSigningConfig": "CodeSigningConfigArn",
    "ListTags": "Resource",
    "PutResourcePolicy": "ResourceArn",
    "UpdateCodeSigningConfig": "CodeSigningConfigArn",
}
"""The parameter that holds the ARN of the resource."""
_ON_CAPACITY_PROVIDER = (
    "CreateCapacityProvider",
    "DeleteCapacityProvider",
    "GetCapacityProvider",
    "ListFunctionVersionsByCapacityProvider",
    "UpdateCapacityProvider",
)
_ON_MAPPING = (
    "DeleteEventSourceMapping",
    "GetEventSourceMapping",
    "UpdateEventSourceMapping",
)
_ON_LAYER_VERSION = (
    "AddLayerVersionPermission",
    "DeleteLayerVersion",
    "GetLayerVersion",
    "GetLayerVersionPolicy",
    "RemoveLayerVersionPermission",
)


def _on_function(action: str) -> Rule:
    action = f"lambda:{action}"

    def rule(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        keys = {key: params[name] for name, key in _KEYS.items() if name in params}
        return (_function(service, call, params, action, keys),)

    return rule


_KEYS = {"Principal": "lambda:principal", "FunctionUrlAuthType": "lambda:functionurlauthtype"}
"""Parameters of AddPermission that are condition keys."""


def _invoke(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    return (_function(service, call, params, "lambda:InvokeFunction", NO_KEYS),)


def _function(
    service: LambdaService, call: Call, params: Params, action: str, keys: Keys
) -> Requirement:
    """An action on the function, with the resource policy of exactly what the caller named."""
    reference = refer(call.account, call.region, params["FunctionName"], params.get("Qualifier"))
    function = service.catalog.get(*reference.key)
    policy = function.policies.get(reference.qualifier or WHOLE) if function else None
    return Requirement(action, reference.arn, keys, None, policy)


def _on_everything(action: str) -> Rule:
    required = (Requirement(f"lambda:{action}"),)
    return lambda _, __, ___: required


def _on_layer_version(action: str) -> Rule:
    def rule(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = layer_key(call, params["LayerName"]).arn(params["VersionNumber"])
        return (Requirement(f"lambda:{action}", arn),)

    return rule


def _publish_layer(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = layer_key(call, params["LayerName"]).arn()
    return (Requirement("lambda:PublishLayerVersion", arn),)


def _layer_by_arn(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    layer, _colon, number = params["Arn"].rpartition(":")
    return (Requirement("lambda:GetLayerVersion", layer_key(call, layer).arn(int(number))),)


def _on_arn(action: str, parameter: str) -> Rule:
    def rule(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        return (Requirement(f"lambda:{action}", _one_spelling(call, params[parameter])),)

    return rule


def _on_capacity_provider(action: str) -> Rule:
    def rule(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        name = params["CapacityProviderName"].rpartition(":")[2]
        keys = request_tags((params.get("Tags") or {}).items())
        return (Requirement(f"lambda:{action}", _arn(call, f"capacity-provider:{name}"), keys),)

    return rule


def _on_mapping(action: str) -> Rule:
    """`lambda:FunctionArn` is that of the function that the request names, if it names one."""

    def rule(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = _arn(call, f"event-source-mapping:{params['UUID']}")
        return (Requirement(f"lambda:{action}", arn, _mapped_function(call, params)),)

    return rule


def _create_mapping(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = _mapped_function(call, params) | request_tags((params.get("Tags") or {}).items())
    return (Requirement("lambda:CreateEventSourceMapping", "*", keys),)


def _mapped_function(call: Call, params: Params) -> dict[str, str | tuple[str, ...]]:
    if "FunctionName" not in params:
        return {}
    return {"lambda:functionarn": refer(call.account, call.region, params["FunctionName"]).arn}


def _create_signing(_: LambdaService, __: Call, params: Params) -> Iterable[Requirement]:
    keys = request_tags((params.get("Tags") or {}).items())
    return (Requirement("lambda:CreateCodeSigningConfig", "*", keys),)


def _create_function(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = refer(call.account, call.region, params["FunctionName"]).arn
    keys = {**_network(params), **request_tags((params.get("Tags") or {}).items())}
    return (Requirement("lambda:CreateFunction", arn, keys), _pass_role(params["Role"], arn))


def _update_configuration(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = refer(call.account, call.region, params["FunctionName"]).arn
    required = [Requirement("lambda:UpdateFunctionConfiguration", arn, _network(params))]
    if "Role" in params:
        required.append(_pass_role(params["Role"], arn))
    return required


def _pass_role(role: str, function_arn: str) -> Requirement:
    """Whoever gives a function a role gives it that role's rights, and must be allowed to."""
    keys = {"iam:passedtoservice": PRINCIPAL, "iam:associatedresourcearn": function_arn}
    return Requirement("iam:PassRole", role, keys)


def _network(params: Params) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a configuration; there are no VPCs that a subnet could belong to."""
    keys: dict[str, str | tuple[str, ...]] = {}
    vpc = params.get("VpcConfig") or {}
    for key, values in (
        ("lambda:layer", params.get("Layers")),
        ("lambda:subnetids", vpc.get("SubnetIds")),
        ("lambda:securitygroupids", vpc.get("SecurityGroupIds")),
    ):
        if values:
            keys[key] = tuple(values)
    if params.get("CodeSigningConfigArn"):
        keys["lambda:codesigningconfigarn"] = params["CodeSigningConfigArn"]
    return keys


def _tag(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = request_tags(params["Tags"].items())
    return (Requirement("lambda:TagResource", _one_spelling(call, params["Resource"]), keys),)


def _untag(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = tag_keys(params["TagKeys"])
    return (Requirement("lambda:UntagResource", _one_spelling(call, params["Resource"]), keys),)


def _arn(call: Call, resource: str) -> str:
    return f"arn:{PARTITION}:lambda:{call.region}:{call.account}:{resource}"


def _one_spelling(call: Call, resource: str) -> str:
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


_RULES: Mapping[str, Rule] = {
    **{name: _on_function(name) for name in _ON_FUNCTION},
    **{name: _on_everything(name) for name in _ON_EVERYTHING},
    **{name: _on_arn(name, parameter) for name, parameter in _ON_ARN.items()},
    **{name: _on_capacity_provider(name) for name in _ON_CAPACITY_PROVIDER},
    **{name: _on_mapping(name) for name in _ON_MAPPING},
    **{name: _on_layer_version(name) for name in _ON_LAYER_VERSION},
    "CreateCodeSigningConfig": _create_signing,
    "CreateEventSourceMapping": _create_mapping,
    "GetLayerVersionByArn": _layer_by_arn,
    "PublishLayerVersion": _publish_layer,
    "CreateFunction": _create_function,
    "UpdateFunctionConfiguration": _update_configuration,
    "Invoke": _invoke,
    "InvokeAsync": _invoke,
    "InvokeWithResponseStream": _invoke,
    "TagResource": _tag,
    "UntagResource": _untag,
}
RULES = ServiceRules("lambda", _RULES, tags_of=tags_of, policy_of=policy_of)
