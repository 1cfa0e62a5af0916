"""What Lambda's operations require (Service Authorization Reference, "AWS Lambda"; semantics §8.3).

A function may be named by its unqualified ARN or by that of a version or an alias, and a policy
for the one does not cover the other: the resource is what the caller named. Operations that are
not served yet are listed too, so that they are never open by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import (
    NO_KEYS,
    Keys,
    Owner,
    Requirement,
    RootBounds,
    Rule,
    ServiceRules,
    request_tags,
    tag_keys,
)
from lambdad.events.mapping import KIND as MAPPING
from lambdad.functions.attachments import WHOLE, FunctionUrl
from lambdad.functions.names import owner_named, refer
from lambdad.services.lambda_.durable_authorization import DURABLE_RULES
from lambdad.services.lambda_.execution_roles import PRINCIPAL
from lambdad.services.lambda_.layers import layer_key
from lambdad.services.lambda_.policy_resources import one_spelling, own_arn, policy_of, tags_of
from lambdad.services.lambda_.service import LambdaService

_ON_FUNCTION = (
    "AddPermission",
    "CreateAlias",
    "DeleteAlias",
    "DeleteFunction",
    "DeleteFunctionCodeSigningConfig",
    "DeleteFunctionConcurrency",
    "DeleteFunctionEventInvokeConfig",
    "DeleteProvisionedConcurrencyConfig",
    "GetAlias",
    "GetFunction",
    "GetFunctionCodeSigningConfig",
    "GetFunctionConcurrency",
    "GetFunctionConfiguration",
    "GetFunctionEventInvokeConfig",
    "GetFunctionRecursionConfig",
    "GetFunctionScalingConfig",
    "GetPolicy",
    "GetProvisionedConcurrencyConfig",
    "GetRuntimeManagementConfig",
    "ListAliases",
    "ListDurableExecutionsByFunction",
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
)
"""The resource is the function, qualified as far as the request qualifies it."""
_ON_URL = (
    "CreateFunctionUrlConfig",
    "DeleteFunctionUrlConfig",
    "GetFunctionUrlConfig",
    "UpdateFunctionUrlConfig",
)
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


_KEYS = {
    "Principal": "lambda:principal",
    "FunctionUrlAuthType": "lambda:functionurlauthtype",
    "CodeSigningConfigArn": "lambda:codesigningconfigarn",
}
"""Parameters that are condition keys."""


def _on_url(action: str) -> Rule:
    """`lambda:FunctionUrlAuthType` is what the request sets, else what the URL has."""

    def rule(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        required = _function(service, call, params, f"lambda:{action}", NO_KEYS)
        keys: dict[str, str | tuple[str, ...]] = {"lambda:functionarn": required.resource}
        name, qualifier = params["FunctionName"], params.get("Qualifier")
        key, qualifier = refer(call.account, call.region, name, qualifier)
        record = service.functions.get(key)
        url = record.attached(FunctionUrl, qualifier or WHOLE) if record else None
        auth_type = params.get("AuthType") or (url.auth_type if url else None)
        if auth_type is not None:
            keys["lambda:functionurlauthtype"] = auth_type
        return (required._replace(keys=keys),)

    return rule


_DIRECTLY: Keys = {"lambda:invokedviafunctionurl": "false"}


def _invoke(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    return (_function(service, call, params, "lambda:InvokeFunction", _DIRECTLY),)


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
    def rule(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = one_spelling(call, params[parameter])
        return (Requirement(f"lambda:{action}", arn, policy=policy_of(service, arn)),)

    return rule


def _on_capacity_provider(action: str) -> Rule:
    def rule(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        name = params["CapacityProviderName"].rpartition(":")[2]
        arn = own_arn(call, f"capacity-provider:{name}")
        keys = request_tags((params.get("Tags") or {}).items())
        required = [Requirement(f"lambda:{action}", arn, keys)]
        if action == "CreateCapacityProvider":
            role = params["PermissionsConfig"]["CapacityProviderOperatorRoleArn"]
            required.append(_pass_role(role, arn))
        return required

    return rule


def _on_mapping(action: str) -> Rule:
    """`lambda:FunctionArn` is that of the mapping's function; where the request names another one,
    both must be allowed."""

    def rule(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = own_arn(call, f"{MAPPING}:{params['UUID']}")
        mapping = service.mappings.get(call.account, call.region, params["UUID"])
        current: Keys = {"lambda:functionarn": mapping.function_arn} if mapping else NO_KEYS
        required = [Requirement(f"lambda:{action}", arn, current)]
        if "FunctionName" in params:
            required.append(Requirement(f"lambda:{action}", arn, _mapped_function(call, params)))
        return required

    return rule


def _create_mapping(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = _mapped_function(call, params) | request_tags((params.get("Tags") or {}).items())
    return (Requirement("lambda:CreateEventSourceMapping", "*", keys),)


def _mapped_function(call: Call, params: Params) -> dict[str, str | tuple[str, ...]]:
    return {"lambda:functionarn": refer(call.account, call.region, params["FunctionName"]).arn}


def _create_signing(_: LambdaService, __: Call, params: Params) -> Iterable[Requirement]:
    keys = request_tags((params.get("Tags") or {}).items())
    return (Requirement("lambda:CreateCodeSigningConfig", "*", keys),)


def _create_function(_: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = refer(call.account, call.region, params["FunctionName"]).arn
    keys = {**_network(params), **request_tags((params.get("Tags") or {}).items())}
    return (
        Requirement("lambda:CreateFunction", arn, keys),
        _pass_role(params["Role"], arn),
        *_layers(call, params),
        *_placement(call, params),
    )


def _update_configuration(
    service: LambdaService, call: Call, params: Params
) -> Iterable[Requirement]:
    action = "lambda:UpdateFunctionConfiguration"
    function = _function(service, call, params, action, _network(params))
    required = [function, *_layers(call, params), *_placement(call, params)]
    if "Role" in params:
        required.append(_pass_role(params["Role"], function.resource))
    return required


def _layers(call: Call, params: Params) -> Iterator[Requirement]:
    """Whoever gives a function layers reads them. What else a layer of another account needs, its
    own policy, is `layer_references`'."""
    for arn in params.get("Layers") or ():
        layer, _, number = arn.rpartition(":")
        if ":layer:" in layer:
            yield Requirement("lambda:GetLayerVersion", layer_key(call, layer).arn(int(number)))


def _placement(call: Call, params: Params) -> Iterator[Requirement]:
    """Whoever puts a function on a capacity provider must be allowed to use that provider."""
    config = (params.get("CapacityProviderConfig") or {}).values()
    for managed in config:
        arn = one_spelling(call, managed["CapacityProviderArn"])
        yield Requirement("lambda:PassCapacityProvider", arn)


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


def _tag(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn, keys = one_spelling(call, params["Resource"]), request_tags(params["Tags"].items())
    policy = policy_of(service, arn)
    return (Requirement("lambda:TagResource", arn, keys, policy=policy),)


def _untag(service: LambdaService, call: Call, params: Params) -> Iterable[Requirement]:
    arn, keys = one_spelling(call, params["Resource"]), tag_keys(params["TagKeys"])
    policy = policy_of(service, arn)
    return (Requirement("lambda:UntagResource", arn, keys, policy=policy),)


_RULES: Mapping[str, Rule] = {
    **{name: _on_function(name) for name in _ON_FUNCTION},
    **{name: _on_url(name) for name in _ON_URL},
    **{name: _on_everything(name) for name in _ON_EVERYTHING},
    **{name: _on_arn(name, parameter) for name, parameter in _ON_ARN.items()},
    **{name: _on_capacity_provider(name) for name in _ON_CAPACITY_PROVIDER},
    **DURABLE_RULES,
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
_SHARED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "CreateAlias", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency",
            "GetAlias", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "Invoke",
            "InvokeAsync", "InvokeWithResponseStream", "ListAliases", "ListVersionsByFunction",
            "PublishVersion", "PutFunctionConcurrency", "UpdateAlias", "UpdateFunctionCode",
        ),
        "FunctionName",
    ),
    **dict.fromkeys(("ListTags", "TagResource", "UntagResource"), "Resource"),
}  # fmt: skip
"""What a function's policy can open to other accounts, and the parameter that names the function
(developer guide, "Using resource-based policies", "Cross-account APIs")."""


def _owner(parameter: str) -> Owner:
    return lambda params: owner_named(params[parameter])


RULES = ServiceRules(
    "lambda",
    _RULES,
    tags_of=tags_of,
    policy_of=policy_of,
    owners={name: _owner(parameter) for name, parameter in _SHARED.items()},
    root=RootBounds(
        denying=lambda service, account: service.catalog.has_denials(account),
        exempt=frozenset(
            (
                "DeleteResourcePolicy",
                "GetPolicy",
                "GetResourcePolicy",
                "PutResourcePolicy",
                "RemovePermission",
            )
        ),
    ),
)
