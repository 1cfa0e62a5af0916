"""Execution roles: who may give one to a function, and what a function may do with its own."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.gateway.http import SANDBOX_PEER
from lambdad.telemetry.audit import read_audit
from support.lambda_client import creation, make_code, payload_of, refused
from support.patience import wait_for
from support.server import LAMBDA_TRUST, LambdadServer

ACCOUNT = "000000000000"
CALLER = """
import boto3, botocore.exceptions

def handler(event, context):
    client = boto3.client(event["service"])
    try:
        answer = getattr(client, event["call"])(**event.get("with", {}))
    except botocore.exceptions.ClientError as error:
        return {"code": error.response["Error"]["Code"], "text": error.response["Error"]["Message"]}
    answer.pop("ResponseMetadata", None)
    answer.pop("Payload", None)
    return {"answer": {key: value for key, value in answer.items() if isinstance(value, str)}}
"""


def policy(action: str, resource: str, effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user(server: LambdadServer, *policies: str) -> tuple[dict[str, str], str]:
    """Signing options of a new user, and the user's name."""
    iam, name = server.client("iam"), f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    for number, document in enumerate(policies):
        iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    options = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    return options, name


def ask(client: Any, name: str, service: str, call: str, **params: Any) -> Any:
    event = json.dumps({"service": service, "call": call, "with": params})
    answer = client.invoke(FunctionName=name, Payload=event)
    assert "FunctionError" not in answer, payload_of(answer)
    return payload_of(answer)


def audited(server: LambdadServer, wanted: int) -> list[dict[str, Any]]:
    """What functions called, once so much of it has been written."""

    def found() -> list[dict[str, Any]]:
        records = read_audit(server.data_dir / "audit")
        return [each for each in records if "assumed-role" in each.get("principal", "")]

    return wait_for(found, lambda records: len(records) >= wanted)


def test_a_function_can_do_exactly_what_its_role_allows(server: LambdadServer) -> None:
    client, iam = server.client("lambda"), server.client("iam")
    allowed = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:callee-good"
    role = server.execution_role("caller", policy("lambda:InvokeFunction", allowed))
    make_code(client, "def handler(e, c): return 1\n", name="callee-good")
    make_code(client, "def handler(e, c): return 1\n", name="callee-bad")
    make_code(client, CALLER, name="caller-fn", Role=role, Timeout=30, MemorySize=512)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/caller/caller-fn"

    identity = ask(client, "caller-fn", "sts", "get_caller_identity")
    assert identity["answer"]["Arn"] == session
    good = ask(client, "caller-fn", "lambda", "invoke", FunctionName="callee-good")
    assert good["answer"]["ExecutedVersion"] == "$LATEST"

    action, other = "lambda:InvokeFunction", f"{allowed[:-4]}bad"
    denied = {
        "code": "AccessDeniedException",
        "text": f"User: {session} is not authorized to perform: {action} on resource: {other} "
        f"because no identity-based policy allows the {action} action",
    }
    assert ask(client, "caller-fn", "lambda", "invoke", FunctionName="callee-bad") == denied
    assert ask(client, "caller-fn", "iam", "list_users")["code"] == "AccessDenied"

    # Whatever address it dials inside its sandbox, it is not one of the machine's own users.
    if json.loads((server.data_dir / "run" / "server.json").read_text())["tier"] != "D":
        found = [each for each in audited(server, 4) if each["principal"] == session]
        assert {each["source_ip"] for each in found} == {SANDBOX_PEER}

    # A policy change holds for the very next call, of an environment that is already warm.
    document = policy(action, other)
    iam.put_role_policy(RoleName="caller", PolicyName="more", PolicyDocument=document)
    more = ask(client, "caller-fn", "lambda", "invoke", FunctionName="callee-bad")
    assert "answer" in more
    document = policy(
        action,
        "*",
        "Deny",
        ArnLike={"lambda:SourceFunctionArn": "arn:aws:lambda:*:*:function:caller-fn"},
    )
    iam.put_role_policy(RoleName="caller", PolicyName="none", PolicyDocument=document)
    text = ask(client, "caller-fn", "lambda", "invoke", FunctionName="callee-good")["text"]
    assert text.endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize("role", ["missing", "untrusting"])
def test_a_role_that_lambda_cannot_assume_is_refused(server: LambdadServer, role: str) -> None:
    client, iam = server.client("lambda"), server.client("iam")
    if role == "untrusting":
        trust = json.loads(LAMBDA_TRUST)
        trust["Statement"][0]["Principal"] = {"Service": "ec2.amazonaws.com"}
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    for answer in (
        refused(client.create_function, **creation("f-refused", Role=arn)),
        refused(
            client.update_function_configuration,
            FunctionName=make_code(client, "def handler(e, c): return 1\n"),
            Role=arn,
        ),
    ):
        assert answer["Error"] == {
            "Code": "InvalidParameterValueException",
            "Message": "The role defined for the function cannot be assumed by Lambda.",
        }
        assert answer["Status"] == 400


def test_a_role_of_another_account_is_refused(server: LambdadServer) -> None:
    other = "arn:aws:iam::111122223333:role/r"
    answer = refused(server.client("lambda").create_function, **creation("f-other", Role=other))
    assert answer["Error"] == {
        "Code": "AccessDeniedException",
        "Message": "Cross-account pass role is not allowed.",
    }


def test_passing_a_role_needs_a_permission_of_its_own(server: LambdadServer) -> None:
    create = policy("lambda:*", "*")
    options, name = user(server, create)
    client = server.client("lambda", **options)
    arn = f"arn:aws:iam::{ACCOUNT}:role/r"
    server.client("lambda")
    params = creation(f"passed-{name}", Role=arn)
    with pytest.raises(ClientError) as error:
        client.create_function(**params)
    assert error.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: "
        f"iam:PassRole on resource: {arn} because no identity-based policy allows the "
        "iam:PassRole action",
    }
    iam = server.client("iam")
    for service, code in (("ec2.amazonaws.com", 403), ("lambda.amazonaws.com", 201)):
        condition = {"StringEquals": {"iam:PassedToService": service}}
        document = policy("iam:PassRole", arn, **condition)
        iam.put_user_policy(UserName=name, PolicyName="pass", PolicyDocument=document)
        try:
            status = client.create_function(**params)["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as denied:
            status = denied.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status == code


def test_tags_decide_where_policies_say_so(server: LambdadServer) -> None:
    client = server.client("lambda")
    red = make_code(client, "def handler(e, c): return 1\n", Tags={"team": "red"})
    blue = make_code(client, "def handler(e, c): return 1\n", Tags={"team": "blue"})
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    options, name = user(server, policy("lambda:InvokeFunction", "*", **condition))
    server.client("iam").tag_user(UserName=name, Tags=[{"Key": "team", "Value": "red"}])
    member = server.client("lambda", **options)
    assert member.invoke(FunctionName=red)["StatusCode"] == 200
    assert refused(member.invoke, FunctionName=blue)["Status"] == 403
    client.tag_resource(
        Resource=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{blue}", Tags={"team": "red"}
    )
    assert member.invoke(FunctionName=blue)["StatusCode"] == 200


def test_a_qualified_function_needs_a_qualified_permission(server: LambdadServer) -> None:
    client = server.client("lambda")
    name = make_code(client, "def handler(e, c): return 1\n")
    client.publish_version(FunctionName=name)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    options, _ = user(server, policy("lambda:InvokeFunction", f"{arn}:1"))
    member = server.client("lambda", **options)
    assert member.invoke(FunctionName=name, Qualifier="1")["StatusCode"] == 200
    assert refused(member.invoke, FunctionName=name)["Status"] == 403
