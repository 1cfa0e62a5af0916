"""Who may call a function URL: AuthType NONE and AWS_IAM, at home and across accounts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambdad.telemetry.audit import read_audit
from support.lambda_client import ACCOUNT, arn_of, lambda_of, make_code
from support.patience import wait_for
from support.server import LambdadServer
from support.url_client import ECHO, Answer, ask, path_form

FORBIDDEN = (
    b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
    b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}'
)
OTHER = "111122223333"


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


def url_of(client: Any, name: str, auth: str, **options: Any) -> str:
    made = client.create_function_url_config(FunctionName=name, AuthType=auth, **options)
    url: str = made["FunctionUrl"]
    return url


def grant(client: Any, name: str, auth: str, principal: str, **options: Any) -> None:
    client.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl",
        Principal=principal, FunctionUrlAuthType=auth, **options,
    )  # fmt: skip


def grant_invoke(client: Any, name: str, principal: str, **options: Any) -> None:
    client.add_permission(
        FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction",
        Principal=principal, InvokedViaFunctionUrl=True, **options,
    )  # fmt: skip


def assert_forbidden(answer: Answer) -> None:
    assert (answer.status, answer.headers, answer.body) == (
        403,
        [
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", "AccessDeniedException"),
            ("Content-Length", str(len(FORBIDDEN))),
        ],
        FORBIDDEN,
    )


def assert_refused(answer: Answer, code: str, message: str) -> None:
    headers = dict(answer.headers)
    assert (answer.status, headers["x-amzn-ErrorType"]) == (403, code)
    assert answer.json == {"message": message}


def signed(
    server: LambdadServer,
    url: str,
    key: tuple[str, str, str | None],
    *,
    body: bytes = b"",
    region: str = "us-east-1",
    service: str = "lambda",
    presign: bool = False,
    sent_body: bytes | None = None,
) -> Answer:
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "text/plain"})
    signer = SigV4QueryAuth if presign else SigV4Auth
    signer(Credentials(*key), service, region).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
        if name.lower() != "content-length"
    }
    target = f"/?{parts.query}" if parts.query else "/"
    return ask(
        server, url, target, method="POST",
        body=body if sent_body is None else sent_body, headers=headers,
    )  # fmt: skip


def user(
    server: LambdadServer, name: str, *statements: Any, root: tuple[str, str] | None = None
) -> tuple[str, str, str | None]:
    """A user with these rights; his key. `root`: of another account."""
    own = {} if root is None else {"aws_access_key_id": root[0], "aws_secret_access_key": root[1]}
    iam = server.client("iam", **own)
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"], None


def allowing(resource: str, *actions: str) -> dict[str, Any]:
    both = list(actions) or ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
    return {"Effect": "Allow", "Action": both, "Resource": resource}


def test_none_needs_both_permissions_for_everybody(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "NONE")
    assert_forbidden(ask(server, url))
    grant(client, name, "NONE", "*")
    assert_forbidden(ask(server, url))
    grant_invoke(client, name, "*")
    assert ask(server, url).status == 200
    client.remove_permission(FunctionName=name, StatementId="url")
    assert_forbidden(ask(server, url))
    grant(client, name, "AWS_IAM", "*")
    assert_forbidden(ask(server, url))


def test_none_is_not_opened_by_naming_accounts(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "NONE")
    grant(client, name, "NONE", ACCOUNT)
    grant_invoke(client, name, ACCOUNT)
    assert_forbidden(ask(server, url))


def test_the_permission_to_invoke_via_a_url_is_none_to_invoke(
    server: LambdadServer, client: Any
) -> None:
    name = make_code(client, ECHO)
    grant_invoke(client, name, "*")
    key_id, secret, _ = user(server, "via-url-only")
    stranger = server.client("lambda", aws_access_key_id=key_id, aws_secret_access_key=secret)
    with pytest.raises(stranger.exceptions.ClientError, match="AccessDenied"):
        stranger.invoke(FunctionName=name)


def test_an_explicit_deny_wins(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "NONE")
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": arn_of(name)},
        {"Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
         "Resource": arn_of(name), "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.1"}}},
    ]  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": statements[:1]}
    client.put_resource_policy(ResourceArn=arn_of(name), Policy=json.dumps(policy))
    assert ask(server, url).status == 200
    policy["Statement"] = statements
    client.put_resource_policy(ResourceArn=arn_of(name), Policy=json.dumps(policy))
    assert_forbidden(ask(server, url))


def test_iam_tells_the_function_who_called(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "AWS_IAM")
    key = user(server, "url-alice", allowing(arn_of(name)))
    answer = signed(server, url, key, body=b"hello")
    assert answer.status == 200
    event = answer.json
    found = server.client("iam").get_user(UserName="url-alice")["User"]
    assert event["requestContext"]["authorizer"] == {
        "iam": {
            "accessKey": key[0],
            "accountId": ACCOUNT,
            "callerId": found["UserId"],
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": found["Arn"],
            "userId": found["UserId"],
        }
    }
    assert event["requestContext"]["accountId"] == ACCOUNT
    assert event["requestContext"]["authentication"] is None
    assert event["body"] == "hello"
    assert "authorization" not in event["headers"]


def test_iam_needs_a_signature_and_a_right(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "AWS_IAM")
    assert_forbidden(ask(server, url))
    grant(client, name, "AWS_IAM", "*")
    grant_invoke(client, name, "*")
    assert_forbidden(ask(server, url))  # everybody who signs, that is
    assert signed(server, url, user(server, "url-bob")).status == 200
    client.remove_permission(FunctionName=name, StatementId="invoke")
    assert_forbidden(signed(server, url, user(server, "url-carol")))
    only = allowing(arn_of(name), "lambda:InvokeFunction")
    assert signed(server, url, user(server, "url-dave", only)).status == 200


def test_signatures_are_checked(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "AWS_IAM")
    key = user(server, "url-erin", allowing(arn_of(name)))
    mismatch = (
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details."
    )
    wrong = (key[0], "x" * 40, None)
    assert_refused(signed(server, url, wrong), "InvalidSignatureException", mismatch)
    changed = signed(server, url, key, body=b"one", sent_body=b"two")
    assert_refused(changed, "InvalidSignatureException", mismatch)
    unknown = ("AKIAUNKNOWNUNKNOWN00", key[1], None)
    assert_refused(
        signed(server, url, unknown),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
    assert_refused(
        signed(server, url, key, service="execute-api"),
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'lambda'. ",
    )
    assert_refused(
        signed(server, url, key, region="eu-west-1"),
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'eu-west-1'. ",
    )
    assert signed(server, url, key, presign=True).status == 200
    assert signed(server, path_form(server, url), key).status == 200


def test_a_signature_for_one_url_is_none_for_another(server: LambdadServer, client: Any) -> None:
    name, other = make_code(client, ECHO), make_code(client, ECHO)
    url, victim = url_of(client, name, "AWS_IAM"), url_of(client, other, "AWS_IAM")
    key = user(server, "url-frank", allowing("*"))
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(*key), "lambda", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    assert ask(server, url, headers=headers).status == 200
    assert ask(server, victim, headers=headers).status == 403


def test_other_accounts_need_both_sides(server: LambdadServer, client: Any) -> None:
    made = server.lambdad("accounts", "--json", "create", OTHER)
    root = (made["AccessKeyId"], made["SecretAccessKey"])
    name = make_code(client, ECHO)
    url = url_of(client, name, "AWS_IAM")
    entitled = user(server, "eve", allowing(arn_of(name)), root=root)
    bare = user(server, "mallory", root=root)
    assert_forbidden(signed(server, url, entitled))
    assert_forbidden(signed(server, url, (*root, None)))
    grant(client, name, "AWS_IAM", OTHER)
    assert_forbidden(signed(server, url, entitled))
    grant_invoke(client, name, OTHER)
    answer = signed(server, url, entitled)
    assert answer.status == 200
    assert answer.json["requestContext"]["authorizer"]["iam"]["accountId"] == OTHER
    assert_forbidden(signed(server, url, bare))


def test_a_url_of_an_alias_has_the_aliass_policy(server: LambdadServer, client: Any) -> None:
    name = make_code(client, "def handler(e, c): return c.invoked_function_arn", Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    url = url_of(client, name, "NONE", Qualifier="live")
    grant(client, name, "NONE", "*")
    grant_invoke(client, name, "*")
    assert_forbidden(ask(server, url))
    grant(client, name, "NONE", "*", Qualifier="live")
    grant_invoke(client, name, "*", Qualifier="live")
    assert ask(server, url).body.decode() == arn_of(name, "live")
    client.delete_alias(FunctionName=name, Name="live")
    assert_forbidden(ask(server, url))


def test_the_audit_log_names_every_caller(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    url = url_of(client, name, "AWS_IAM")
    key = user(server, "url-grace", allowing(arn_of(name)))
    answer = signed(server, url, key)
    refused = ask(server, url)
    server.client("sts").get_caller_identity()
    wanted = {answer.request_id: "allowed", refused.request_id: "unauthenticated"}

    def found() -> dict[str, str]:
        notes = read_audit(server.data_dir / "audit")
        return {n["request_id"]: n["decision"] for n in notes if n["request_id"] in wanted}

    wait_for(found, lambda decisions: decisions == wanted)


def test_with_any_credentials(open_server: LambdadServer) -> None:
    """Nobody's signature is checked and nobody is asked for rights, but AWS_IAM needs a key."""
    client = boto3.client(
        "lambda", endpoint_url=open_server.endpoint, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    name = make_code(client, ECHO)
    url = url_of(client, name, "NONE")
    assert ask(open_server, url).status == 200
    client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    assert_forbidden(ask(open_server, url))
    assert signed(open_server, url, ("test", "whatever", None)).status == 200
    assert_forbidden(signed(open_server, url, (OTHER, "whatever", None)))
