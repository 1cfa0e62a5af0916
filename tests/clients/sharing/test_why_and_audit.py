"""`lambdad why` and `lambdad audit`, as an operator uses them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.patience import wait_for
from support.server import LambdadServer

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


def test_why_explains_and_proposes(server: LambdadServer) -> None:
    iam = server.client("iam")
    server.execution_role("worker")
    denied = server.lambdad("why", "lambda:InvokeFunction", ARN, "--as", "worker", check=False)
    assert denied.returncode == 3
    assert denied.stdout.startswith("Denied.")
    assert "because no identity-based policy allows the lambda:InvokeFunction" in denied.stdout
    answer = json.loads(
        server.lambdad(
            "why", "lambda:InvokeFunction", ARN, "--as", "role/worker", "--json", check=False
        ).stdout
    )
    assert not answer["Allowed"]
    assert [each["Outcome"] for each in answer["Statements"]] == ["OTHER_ACTION"]
    (proposal,) = answer["Proposals"]
    assert proposal["AttachTo"] == "arn:aws:iam::000000000000:role/worker"
    document = json.dumps(proposal["Document"])
    iam.put_role_policy(RoleName="worker", PolicyName="proposed", PolicyDocument=document)
    allowed = server.lambdad("why", "lambda:InvokeFunction", ARN, "--as", "worker", check=False)
    assert allowed.returncode == 0
    assert "role_worker_proposed" in allowed.stdout


def test_why_takes_actions_and_arns_only(server: LambdadServer) -> None:
    """Advice about a name that means nothing in a policy would mislead."""
    server.execution_role("asked")
    for words, text in (
        (("invoke", ARN), "invoke is not an action. Write one like lambda:InvokeFunction."),
        (("lambda:", ARN), "lambda: is not an action. Write one like lambda:InvokeFunction."),
        (("lambda:InvokeFunction", "f"), "f is not a resource. Give its ARN, or * for any."),
    ):
        refused = server.lambdad("why", *words, "--as", "role/asked", check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"lambdad: BadQuestion: {text}\n"


def test_why_knows_conditions_and_trust_policies(server: LambdadServer) -> None:
    server.execution_role("trusted")
    iam = server.client("iam")
    iam.create_user(UserName="ann")
    statement = {
        "Effect": "Allow",
        "Action": "logs:*",
        "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    words = ("why", "logs:PutLogEvents", "--as", "user/ann")
    unmet = server.lambdad(*words, check=False)
    assert "IpAddress aws:SourceIp: 10.0.0.0/8 (is: absent)" in unmet.stdout
    met = server.lambdad(*words, "--context", "aws:SourceIp=10.1.2.3", check=False)
    assert met.returncode == 0
    role = "arn:aws:iam::000000000000:role/trusted"
    assumed = server.lambdad("why", "sts:AssumeRole", role, "--as", "ann", check=False)
    assert "because no role trust policy allows the sts:AssumeRole action" in assumed.stdout
    nobody = server.lambdad("why", "sts:AssumeRole", role, "--as", "nobody", check=False)
    assert nobody.returncode == 1
    assert "no user or role nobody" in nobody.stderr


def records(server: LambdadServer, *words: str, wanted: int = 1) -> list[dict[str, Any]]:
    """What the audit log has to say, once it has been written."""

    def found() -> list[dict[str, Any]]:
        done = server.lambdad("audit", "--json", *words, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return wait_for(found, lambda records: len(records) >= wanted)


def test_the_audit_log_tells_who_did_what_from_where(server: LambdadServer) -> None:
    iam = server.client("iam")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    options = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    with pytest.raises(ClientError) as error:
        server.client("logs", **options).describe_log_groups()
    request_id = error.value.response["ResponseMetadata"]["RequestId"]
    (denied,) = records(server, "--principal", "user/bob", "--decision", "denied")
    assert denied.pop("at_ms") > time.time() * 1000 - 60_000
    assert denied == {
        "request_id": request_id,
        "account": "000000000000",
        "principal": "arn:aws:iam::000000000000:user/bob",
        "access_key_id": key["AccessKeyId"],
        "source_ip": "127.0.0.1",
        "region": "us-east-1",
        "service": "logs",
        "operation": "DescribeLogGroups",
        "decision": "denied",
        "reason": "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: "
        "logs:DescribeLogGroups on resource: "
        "arn:aws:logs:us-east-1:000000000000:log-group::log-stream: because no identity-based "
        "policy allows the logs:DescribeLogGroups action",
    }
    (made, *_) = records(server, "--action", "iam:CreateUser", "--since", "1h")
    assert (made["decision"], made["principal"]) == ("allowed", "arn:aws:iam::000000000000:root")
    options["aws_secret_access_key"] = "x" * 40
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        server.client("logs", **options).describe_log_groups()
    (stranger,) = records(server, "--decision", "unauthenticated")
    assert (stranger["access_key_id"], stranger["principal"]) == (key["AccessKeyId"], "")
    text = (server.data_dir / "audit" / "audit.jsonl").read_text()
    assert key["SecretAccessKey"] not in text
    assert "DECISION" in server.lambdad("audit", check=False).stdout
