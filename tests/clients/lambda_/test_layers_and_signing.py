"""Layers, code signing, event source mappings and capacity providers through boto3. Sources:
semantics §1.7, §1.14, §1.15, §4.1."""

from __future__ import annotations

import json
import uuid
from typing import Any

from support.lambda_client import (
    ACCOUNT,
    MODIFIED,
    Matching,
    arn_of,
    body_of,
    invalid,
    lambda_of,
    make,
    make_code,
    not_found,
    payload_of,
    refused,
    settled,
    sha256_of,
    status_of,
    untyped,
)
from support.packages import zip_of
from support.server import LambdadServer

PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p"
LOCATION = Matching(r"http://.+")


def publish(client: Any, name: str, files: dict[str, str], **more: Any) -> str:
    content = {"ZipFile": zip_of(files)}
    answer = client.publish_layer_version(LayerName=name, Content=content, **more)
    arn: str = answer["LayerVersionArn"]
    return arn


def fresh_layer() -> str:
    return f"l-{uuid.uuid4().hex[:12]}"


def test_a_layer(server: LambdadServer) -> None:
    client = lambda_of(server)
    name, archive = fresh_layer(), zip_of({"python/lib.py": "x = 1\n"})
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:{name}"
    answer = client.publish_layer_version(
        LayerName=name, Content={"ZipFile": archive}, CompatibleRuntimes=["python3.12"]
    )
    listed = {
        "LayerVersionArn": f"{arn}:1",
        "Version": 1,
        "Description": "",
        "CreatedDate": MODIFIED,
        "CompatibleRuntimes": ["python3.12"],
    }
    whole = listed | {
        "LayerArn": arn,
        "Content": {
            "Location": LOCATION,
            "CodeSha256": sha256_of(archive),
            "CodeSize": len(archive),
        },
    }
    assert (status_of(answer), body_of(answer)) == (201, whole)
    at: dict[str, Any] = {"LayerName": name, "VersionNumber": 1}
    assert body_of(client.get_layer_version(**at)) == whole
    assert body_of(client.get_layer_version_by_arn(Arn=f"{arn}:1")) == whole
    assert body_of(client.list_layer_versions(LayerName=name)) == {"LayerVersions": [listed]}
    layers = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
    assert {"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": listed} in layers
    added = client.add_layer_version_permission(
        **at, StatementId="s", Action="lambda:GetLayerVersion", Principal="*"
    )
    assert status_of(added) == 201
    assert json.loads(added["Statement"])["Resource"] == f"{arn}:1"
    policy = client.get_layer_version_policy(**at)
    assert policy["RevisionId"] == added["RevisionId"]
    assert status_of(client.remove_layer_version_permission(**at, StatementId="s")) == 204
    assert status_of(client.delete_layer_version(**at)) == 204
    gone = not_found("The resource you requested does not exist.")
    assert refused(client.get_layer_version, **at) == gone
    assert refused(client.get_layer_version, LayerName=name, VersionNumber=0) == invalid(
        "Layer Version Cannot be less than 1"
    )


def test_a_function_uses_its_layers_the_later_over_the_earlier(server: LambdadServer) -> None:
    client = lambda_of(server)
    lower = publish(client, fresh_layer(), {"python/a.py": "x = 1\n", "python/b.py": "x = 2\n"})
    upper = publish(client, fresh_layer(), {"python/b.py": "x = 3\n"})
    source = "import a, b\n\ndef handler(event, context):\n    return [a.x, b.x]\n"
    name = make_code(client, source, Layers=[lower])
    assert payload_of(client.invoke(FunctionName=name)) == [1, 2]
    layers = client.update_function_configuration(FunctionName=name, Layers=[lower, upper])[
        "Layers"
    ]
    assert [each["Arn"] for each in layers] == [lower, upper]
    settled(client, name)
    client.delete_layer_version(LayerName=upper.rpartition(":")[0], VersionNumber=1)
    assert payload_of(client.invoke(FunctionName=name)) == [1, 3]


def test_code_signing(server: LambdadServer) -> None:
    client = lambda_of(server)
    publishers = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}}
    answer = client.create_code_signing_config(**publishers)
    arn = answer["CodeSigningConfig"]["CodeSigningConfigArn"]
    config = {
        **publishers,
        "CodeSigningConfigId": arn.rpartition(":")[2],
        "CodeSigningConfigArn": arn,
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
        "LastModified": MODIFIED,
    }
    assert (status_of(answer), body_of(answer)) == (201, {"CodeSigningConfig": config})
    at = {"CodeSigningConfigArn": arn}
    assert body_of(client.get_code_signing_config(**at)) == {"CodeSigningConfig": config}
    name = make(client, **at)
    has = {"FunctionName": name} | at
    assert body_of(client.get_function_code_signing_config(FunctionName=name)) == has
    holders = body_of(client.list_functions_by_code_signing_config(**at))
    assert holders == {"FunctionArns": [arn_of(name)]}
    client.tag_resource(Resource=arn, Tags={"a": "b"})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"a": "b"}}
    assert status_of(client.delete_function_code_signing_config(FunctionName=name)) == 204
    assert status_of(client.delete_code_signing_config(**at)) == 204
    text = f"The Lambda code signing configuration {arn} can not be found."
    gone = untyped("ResourceNotFoundException", 404, text) | {"Message": text}
    assert refused(client.get_code_signing_config, **at) == gone


def test_event_source_mappings_and_capacity_providers(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    assert body_of(client.list_event_source_mappings()) == {"EventSourceMappings": []}
    assert refused(client.get_event_source_mapping, UUID=str(uuid.uuid4())) == not_found(
        "The resource you requested does not exist."
    )
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    assert refused(
        client.create_event_source_mapping, FunctionName=name, EventSourceArn=queue
    ) == invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist."
    )
    assert body_of(client.list_capacity_providers()) == {"CapacityProviders": []}
    provider = f"arn:aws:lambda:us-east-1:{ACCOUNT}:capacity-provider:c"
    assert refused(client.get_capacity_provider, CapacityProviderName="c") == not_found(
        f"Capacity provider not found: {provider}"
    )


def test_invoke_async(server: LambdadServer) -> None:
    client = lambda_of(server)
    answer = client.invoke_async(FunctionName=make(client), InvokeArgs=b"{}")
    assert status_of(answer) == 202
