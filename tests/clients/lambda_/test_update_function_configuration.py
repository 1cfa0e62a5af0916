"""UpdateFunctionConfiguration. Semantics §1.5, quirks 1, 2, 14 and 36; recorded unless said
otherwise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    IN_PROGRESS,
    arn_of,
    body_of,
    configuration,
    fresh_name,
    invalid,
    make,
    make_code,
    make_pending,
    make_updating,
    not_found,
    payload_of,
    pending,
    refused,
    settled,
    stale,
    status_of,
    unqualified_only,
    unreachable,
    updating,
    user_error,
)
from support.layers import make_layer, make_signing_config
from support.server import LambdadServer


def test_a_new_configuration(client: Any) -> None:
    name = make(client, Environment={"Variables": {"OLD": "1"}}, Description="old")
    changes: dict[str, Any] = {
        "Timeout": 10,
        "MemorySize": 256,
        "Environment": {"Variables": {"NEW": "2"}},
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 1024},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"},
    }
    answer = client.update_function_configuration(FunctionName=name, **changes)
    assert status_of(answer) == 200
    expected = {"Description": "old"} | changes
    assert body_of(answer) == configuration(name, **expected, **IN_PROGRESS)
    assert settled(client, name) == configuration(name, **expected)
    client.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": ""})
    assert settled(client, name) == configuration(name, **expected | {"DeadLetterConfig": None})


def test_what_is_given_empty_is_emptied(client: Any) -> None:
    """Environment stays as an empty one, VpcConfig too; Layers go (quirk 36)."""
    layer = make_layer(client)["LayerVersionArn"]
    name = make(client, Environment={"Variables": {"AB": "1"}}, Layers=[layer])
    client.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": {}},
        Layers=[],
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
    )
    assert settled(client, name) == configuration(
        name,
        Environment={"Variables": {}},
        VpcConfig={
            "SubnetIds": [],
            "SecurityGroupIds": [],
            "VpcId": "",
            "Ipv6AllowedForDualStack": False,
        },
    )


def test_two_revisions_even_of_no_change(client: Any) -> None:
    name = make(client)
    before = settled(client, name)["RevisionId"]
    begun = client.update_function_configuration(FunctionName=name, RevisionId=before)
    assert body_of(begun) == configuration(name, **IN_PROGRESS)
    after = settled(client, name)
    assert after == configuration(name)
    assert len({before, begun["RevisionId"], after["RevisionId"]}) == 3


def test_the_log_format_brings_its_levels_and_takes_them_away(client: Any) -> None:
    name = make(client)
    for given, shown in (
        (
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"},
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"},
        ),
        ({"LogFormat": "Text"}, {"LogFormat": "Text"}),
    ):
        client.update_function_configuration(FunctionName=name, LoggingConfig=given)
        expected = shown | {"LogGroup": f"/aws/lambda/{name}"}
        assert settled(client, name) == configuration(name, LoggingConfig=expected)


def test_layers_the_later_over_the_earlier(client: Any) -> None:
    """They stay with the function after they were deleted (quirk 45)."""
    lower = make_layer(client, files={"python/a.py": "x = 1\n", "python/b.py": "x = 2\n"})
    upper = make_layer(client, files={"python/b.py": "x = 3\n"})
    source = "import a, b\n\ndef handler(event, context):\n    return [a.x, b.x]\n"
    name = make_code(client, source, Layers=[lower["LayerVersionArn"]])
    assert payload_of(client.invoke(FunctionName=name)) == [1, 2]
    both = [lower["LayerVersionArn"], upper["LayerVersionArn"]]
    layers = client.update_function_configuration(FunctionName=name, Layers=both)["Layers"]
    assert layers == [
        {"Arn": each["LayerVersionArn"], "CodeSize": each["Content"]["CodeSize"]}
        for each in (lower, upper)
    ]
    settled(client, name)
    client.delete_layer_version(LayerName=upper["LayerArn"], VersionNumber=1)
    assert payload_of(client.invoke(FunctionName=name)) == [1, 3]


MISSING_LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:missing:1"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "nodejs22.x"},
            invalid("nodejs22.x is not supported for SnapStart enabled functions."),
        ),
        ({"Layers": [MISSING_LAYER]}, invalid(f"Layer version {MISSING_LAYER} does not exist.")),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            invalid(
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
                "EC2 Error Message: The subnet ID 'subnet-1' does not exist"
            ),
        ),
        (
            {"Role": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
            invalid("The role defined for the function cannot be assumed by Lambda."),
        ),
        ({"RevisionId": "wrong"}, stale()),
    ],
)
def test_refusals(client: Any, params: dict[str, Any], error: dict[str, Any]) -> None:
    name = make(client)
    assert refused(client.update_function_configuration, FunctionName=name, **params) == error
    assert settled(client, name) == configuration(name)


def test_layers_that_a_function_may_not_have(client: Any) -> None:
    one, two = (make_layer(client, "l-versions")["LayerVersionArn"] for _ in range(2))
    name = make(client)
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l:1"
    for layers, message in (
        ([f"{one[:-1]}{n}" for n in range(1, 7)], "Cannot reference more than 5 layers."),
        (
            [one, two],
            "Two different versions of the same layer are not allowed to be referenced in the "
            f"same function. {one} and {two} are versions of the same layer.",
        ),
        (
            [far],
            "Layers are not in the same region as the function. Layers are expected to be in "
            "region us-east-1.",
        ),
    ):
        params = {"FunctionName": name, "Layers": layers}
        assert refused(client.update_function_configuration, **params) == invalid(message)


def test_a_function_that_is_not_there(client: Any) -> None:
    update, name = client.update_function_configuration, fresh_name()
    error = refused(update, FunctionName=name)
    assert error == not_found(f"Function not found: {arn_of(name)}")
    assert refused(update, FunctionName=ABROAD) == unreachable()
    assert refused(update, FunctionName=f"{name}:1") == unqualified_only()


def test_one_change_at_a_time(client: Any) -> None:
    """Developer guide, "Lambda function states"; the texts are recorded."""
    name = make_pending(client)
    assert refused(client.update_function_configuration, FunctionName=name) == pending()
    name = make_updating(client)
    assert refused(client.update_function_configuration, FunctionName=name) == updating(name)


def test_of_many_at_once(client: Any) -> None:
    """Each is accepted, or told that another one is in progress."""
    name = make(client)

    def update(timeout: int) -> int | dict[str, Any]:
        try:
            answer = client.update_function_configuration(FunctionName=name, Timeout=timeout)
        except ClientError as error:
            return body_of(error.response) | {"Status": status_of(error.response)}
        accepted: int = answer["Timeout"]
        return accepted

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(update, range(1, 17)))
    accepted = [result for result in results if isinstance(result, int)]
    assert accepted
    assert all(result == updating(name) for result in results if isinstance(result, dict))
    assert settled(client, name)["Timeout"] in accepted


def test_an_unsigned_layer_where_signatures_are_enforced(client: Any) -> None:
    """Developer guide, "Using code signing": a layer is checked when a function takes it up. The
    text is the API reference's of CodeVerificationFailedException."""
    name, layer = make(client), make_layer(client)["LayerVersionArn"]
    arn = make_signing_config(client, "Enforce")
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    error = refused(client.update_function_configuration, FunctionName=name, Layers=[layer])
    assert error == user_error(
        "CodeVerificationFailedException",
        400,
        "Lambda cannot deploy the function. The function or layer might be signed using a "
        "signature that the client is not configured to accept. Check the provided signature for "
        "the code.",
        "Message",
    )
    answer = client.update_function_configuration(FunctionName=name, Timeout=9)
    assert body_of(answer) == configuration(name, Timeout=9, **IN_PROGRESS)


def test_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    words = ["--function-name", make(client)]
    answer = server.aws("lambda", "update-function-configuration", *words, "--timeout", "9")
    assert answer == configuration(words[1], Timeout=9, **IN_PROGRESS)
    server.aws("lambda", "wait", "function-updated-v2", *words)
    assert settled(client, words[1]) == configuration(words[1], Timeout=9)
