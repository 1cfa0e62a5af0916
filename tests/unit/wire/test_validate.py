"""Broken constraints in AWS's exact words. The texts are AWS's recorded ones unless noted."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.validate import Validator

CATALOG = ServiceCatalog()
ROLE = "arn:aws:iam::000000000000:role/r"
CODE = {"ZipFile": b"x"}


def refused(service: str, operation: str, params: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as error:
        check(service, operation, params)
    return error.value


def check(service: str, operation: str, params: dict[str, Any]) -> None:
    Validator(service).compile(CATALOG.service(service).operation(operation))(params)


def message(service: str, operation: str, params: dict[str, Any]) -> str:
    return refused(service, operation, params).message or ""


def one(value: str, where: str, what: str) -> str:
    start = f"1 validation error detected: Value{value} at '{where}' failed to satisfy constraint: "
    return start + what


def test_a_valid_input_passes() -> None:
    function = {
        "FunctionName": "f",
        "Role": ROLE,
        "Code": CODE,
        "Environment": {"Variables": {"KEY": "value"}},
        "Architectures": ["arm64"],
        "Timeout": 3,
    }
    check("lambda", "CreateFunction", function)


def test_a_missing_member() -> None:
    found = message("lambda", "CreateFunction", {"FunctionName": "f", "Code": CODE})
    assert found == one(" null", "role", "Member must not be null")


def test_several_violations_are_counted_and_joined() -> None:
    found = message("lambda", "CreateFunction", {"FunctionName": "a!", "Role": ROLE})
    assert found.startswith("2 validation errors detected: Value 'a!' at 'functionName' ")
    assert found.endswith(
        "; Value null at 'code' failed to satisfy constraint: Member must not be null"
    )


def test_a_pattern_is_reported_before_a_length() -> None:
    name = "This should fail with two errors 123467890123412341234123412341234"
    params = {"Name": name, "AuthorizationType": "INVALID", "AuthParameters": {}}
    text = (
        f"3 validation errors detected: Value '{name}' at 'name' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+; "
        f"Value '{name}' at 'name' failed to satisfy constraint: "
        "Member must have length less than or equal to 64; "
        "Value 'INVALID' at 'authorizationType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]"
    )
    assert message("events", "CreateConnection", params) == text


def test_structures_in_lists_are_numbered_from_one() -> None:
    params = {"Rule": "r", "Targets": [{"Id": "ok", "Arn": "a"}, {"Id": "!", "Arn": "a"}]}
    what = r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"
    assert message("events", "PutTargets", params) == one(" '!'", "targets.2.member.id", what)


def test_structures_in_maps_are_named_by_their_key() -> None:
    entry = {"Id": "1", "Message": "m", "MessageAttributes": {"attr1": {"StringValue": "v"}}}
    params = {"TopicArn": "t", "PublishBatchRequestEntries": [entry]}
    where = "publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType"
    found = message("sns", "PublishBatch", params)
    assert found == one(" null", where, "Member must not be null")


def test_scalars_in_a_list_are_reported_as_the_list() -> None:
    params = {"FunctionName": "f", "Role": ROLE, "Code": CODE, "Architectures": ["X86_64"]}
    what = (
        "Member must satisfy constraint: "
        "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )
    found = message("lambda", "CreateFunction", params)
    assert found == one(" '[X86_64]'", "architectures", what)


def test_some_lists_do_not_name_null() -> None:
    subnets = {"SubnetIds": ["bad"], "SecurityGroupIds": ["sg-1"]}
    params = {"FunctionName": "f", "Role": ROLE, "Code": CODE, "VpcConfig": subnets}
    what = (
        "Member must satisfy constraint: [Member must have length less than or equal to 1024, "
        "Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"
    )
    found = message("lambda", "CreateFunction", params)
    assert found == one(" '[bad]'", "vpcConfig.subnetIds", what)


@pytest.mark.parametrize(
    ("weights", "shown", "what"),
    [
        (
            {"2": 2.0},
            "{2=2.0}",
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
            "Member must have value greater than or equal to 0.0, Member must not be null]",
        ),
        (
            {"$LATEST": 0.5},
            "{$LATEST=0.5}",
            "Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 1024, "
            "Member must have length greater than or equal to 1, "
            "Member must satisfy regular expression pattern: [0-9]+]",
        ),
    ],
)
def test_scalars_in_a_map_are_reported_as_the_map(
    weights: dict[str, float], shown: str, what: str
) -> None:
    params = {
        "FunctionName": "f",
        "Name": "a",
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": weights},
    }
    where = "routingConfig.additionalVersionWeights"
    assert message("lambda", "CreateAlias", params) == one(f" '{shown}'", where, what)


def test_a_structure_is_shown_as_java_shows_it() -> None:
    def metric(number: int) -> dict[str, str]:
        return {
            "metricName": f"metric{number}",
            "metricNamespace": f"namespace{number}",
            "metricValue": "1",
        }

    params = {
        "logGroupName": "g",
        "filterName": "f",
        "filterPattern": "p",
        "metricTransformations": [metric(1), metric(2)],
    }
    error = refused("logs", "PutMetricFilter", params)
    value = (
        " '[MetricTransformation(metricName=metric1, metricNamespace=namespace1, metricValue=1, "
        "defaultValue=null, unit=null, dimensions=null), MetricTransformation(metricName=metric2, "
        "metricNamespace=namespace2, metricValue=1, defaultValue=null, unit=null, "
        "dimensions=null)]'"
    )
    what = "Member must have length less than or equal to 1"
    assert error.code == "InvalidParameterException"
    assert error.message == one(value, "metricTransformations", what)


def test_a_service_may_have_one_text_for_a_length() -> None:
    assert message("logs", "CreateLogGroup", {"logGroupName": "x" * 513}) == (
        "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
    )


def test_a_sensitive_value_is_not_repeated() -> None:
    found = message("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"x" * 4097})
    what = "Member must have length less than or equal to 4096"
    assert found == one("", "plaintext", what)
    secrets = {"Variables": {"_secret": "do not show"}}
    params = {"FunctionName": "f", "Role": ROLE, "Code": CODE, "Environment": secrets}
    found = message("lambda", "CreateFunction", params)
    assert found.startswith(one("", "environment.variables", "Map keys must satisfy constraint: "))
    assert "secret" not in found


def test_iam_repeats_no_value_and_no_enum() -> None:
    params = {"ServiceSpecificCredentialId": "A" * 20, "Status": "Invalid"}
    found = message("iam", "UpdateServiceSpecificCredential", params)
    assert found == one("", "status", "Member must satisfy enum value set")


def test_api_gateway_names_the_body() -> None:
    params = {
        "restApiId": "a",
        "resourceId": "r",
        "httpMethod": "GET",
        "statusCode": "wrong",
        "patchOperations": [{"op": "wrong_op"}],
    }
    found = message("apigateway", "UpdateMethodResponse", params)
    body = (
        "Value 'wrong_op' at 'updateMethodResponseInput.patchOperations.1.member.op' failed to "
        "satisfy constraint: Member must satisfy enum value set: "
        "[add, remove, move, test, replace, copy]"
    )
    path = (
        "Value 'wrong' at 'statusCode' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [1-5]\d\d"
    )
    assert found.startswith("2 validation errors detected: ")
    assert body in found
    assert path in found


@pytest.mark.parametrize("service", ["s3", "sqs", "ec2"])
def test_some_services_check_for_themselves(service: str) -> None:
    for name in CATALOG.service(service).operation_names[:20]:
        check(service, name, {})


def test_lambda_checks_runtimes_itself() -> None:
    params = {"FunctionName": "f", "Role": ROLE, "Code": CODE, "Runtime": "cobol"}
    check("lambda", "CreateFunction", params)


def test_recursive_shapes_are_checked_all_the_way_down() -> None:
    inner: dict[str, Any] = {"Not": {"Dimensions": {"Key": "k", "MatchOptions": ["NO"]}}}
    params = {
        "Filter": {"And": [inner]},
        "TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"},
        "Granularity": "DAILY",
        "Metrics": ["m"],
    }
    found = message("ce", "GetCostAndUsage", params)
    assert "'filter.and.1.member.not.dimensions.key'" in found


def test_what_is_shown_is_bounded() -> None:
    targets = [{"Id": "!", "Arn": "a"}] * 5000
    found = message("events", "PutTargets", {"Rule": "r", "Targets": targets})
    assert found.startswith("100 validation errors detected: ")
    long = message("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "!" * 10**6}]})
    assert len(long) < 300_000


def test_every_constraint_of_every_operation_compiles() -> None:
    for service in ("lambda", "logs", "iam", "sts", "sns", "events", "dynamodb", "stepfunctions"):
        model = CATALOG.service(service)
        validator = Validator(service)
        for name in model.operation_names:
            validator.compile(model.operation(name))
