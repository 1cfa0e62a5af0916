"""Every operation of every served service is closed to strangers and to users without permission.

The operations are found, not listed: one that is added tomorrow is tested tomorrow.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import botocore.config
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from lambdad.api.dispatch import DECIDED_BY_SERVICE
from lambdad.api.operation import operation_name
from lambdad.server.wiring import SERVICES
from lambdad.services.iam.authorization import RULES as IAM_RULES
from lambdad.services.iam.operations import OPERATIONS as IAM
from lambdad.services.lambda_.authorization import RULES as LAMBDA_RULES
from lambdad.services.lambda_.operations import OPERATIONS as LAMBDA
from lambdad.services.logs.authorization import RULES as LOGS_RULES
from lambdad.services.logs.operations import OPERATIONS as LOGS
from lambdad.services.sqs.authorization import RULES as SQS_RULES
from lambdad.services.sqs.operations import OPERATIONS as SQS
from lambdad.services.sts.authorization import RULES as STS_RULES
from lambdad.services.sts.operations import OPERATIONS as STS
from support.least_input import least_input
from support.server import LambdadServer

SERVED = sorted(
    (name.service, name.operation)
    for name in map(operation_name, (*IAM, *LAMBDA, *LOGS, *SQS, *STS))
)
GAPS = tomllib.loads((Path(__file__).parent / "unauthorized.toml").read_text())
QUERY = ("iam", "sqs", "sts")
"""Whose clients know errors by the query protocol's codes."""
DENIED = re.compile(
    r"User: arn:aws:iam::000000000000:user/team/nobody is not authorized to perform: "
    r"(?P<action>[a-z]+:[A-Za-z]+) on resource: (?P<resource>.+) "
    r"because no identity-based policy allows the (?P=action) action"
)
NO_RETRY: dict[str, Any] = {
    "retries": {"total_max_attempts": 1},
    "parameter_validation": False,
    "inject_host_prefix": False,
}


@pytest.fixture(scope="module")
def nobody(server: LambdadServer) -> dict[str, str]:
    """The access key of a user without any policy."""
    iam = server.client("iam")
    iam.create_user(UserName="nobody", Path="/team/")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


@pytest.fixture(scope="module")
def clients(server: LambdadServer, nobody: dict[str, str]) -> dict[tuple[str, bool], Any]:
    """By service, and whether they sign."""
    made = {}
    for service in SERVICES:
        signed = botocore.config.Config(**NO_RETRY)
        made[service, True] = server.client(service, config=signed, **nobody)
        unsigned = botocore.config.Config(signature_version=UNSIGNED, **NO_RETRY)
        made[service, False] = server.client(service, config=unsigned)
    return made


def refusal(client: Any, operation: str) -> tuple[str, str] | None:
    """Code and message of the error, None where there was none."""
    model = client.meta.service_model.operation_model(operation)
    method = {name: key for key, name in client.meta.method_to_api_mapping.items()}[operation]
    try:
        getattr(client, method)(**least_input(model))
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return None


def closed_to_strangers(client: Any, service: str, operation: str) -> bool:
    code = "MissingAuthenticationToken"
    expected = code if service in QUERY else f"{code}Exception"
    found = refusal(client, operation)
    return found is not None and found[0] == expected


def closed_to_the_unauthorised(client: Any, service: str, operation: str) -> tuple[bool, Any]:
    found = refusal(client, operation)
    expected = "AccessDenied" if service in QUERY else "AccessDeniedException"
    match = DENIED.fullmatch(found[1] or "") if found else None
    right = found is not None and found[0] == expected and match is not None
    return right and match is not None and match["action"].startswith(f"{service}:"), found


RULES = {
    each.service: each.rules for each in (IAM_RULES, LAMBDA_RULES, LOGS_RULES, SQS_RULES, STS_RULES)
}


def test_every_operation_says_what_it_requires() -> None:
    """One that does not is denied to all, which the walk cannot tell from a good refusal."""
    without = {at for at in SERVED if at[1] not in RULES[at[0]]}
    assert without == set(DECIDED_BY_SERVICE)


def test_every_service_is_walked() -> None:
    assert {service for service, _ in SERVED} == set(SERVICES)


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_strangers(clients: dict[tuple[str, bool], Any], service: str, operation: str) -> None:
    listed = f"{service}:{operation}" in GAPS["without_signature"]
    assert closed_to_strangers(clients[service, False], service, operation) is not listed


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_users_without_permission(
    clients: dict[tuple[str, bool], Any], service: str, operation: str
) -> None:
    listed = f"{service}:{operation}" in GAPS["without_permission"]
    closed, found = closed_to_the_unauthorised(clients[service, True], service, operation)
    assert closed is not listed, found


def test_the_lists_name_only_operations_that_are_served() -> None:
    names = {f"{service}:{operation}" for service, operation in SERVED}
    assert set(GAPS["without_signature"]) | set(GAPS["without_permission"]) <= names
