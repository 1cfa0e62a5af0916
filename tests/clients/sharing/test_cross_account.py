"""Two accounts on one server: what one opens to the other, and that nothing else is reachable.

Both sides have to allow: the caller's policies and the policy of the function or layer version
(IAM user guide, "Cross-account policy evaluation logic"; Lambda developer guide, "Using
resource-based policies", which also lists the operations that can be opened).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdad.telemetry.audit import read_audit
from support.lambda_client import arn_of, body_of, creation, make_code, payload_of, settled
from support.packages import zip_of
from support.server import LAMBDA_TRUST, LambdadServer

OWNER = "000000000000"
SECRET = "def handler(event, context): return 'secret of the owner'\n"
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENIED = "AccessDeniedException"
OPENED = (
    "CreateAlias",
    "DeleteAlias",
    "DeleteFunction",
    "DeleteFunctionConcurrency",
    "GetAlias",
    "GetFunction",
    "GetFunctionConfiguration",
    "GetPolicy",
    "ListAliases",
    "ListTags",
    "ListVersionsByFunction",
    "PublishVersion",
    "PutFunctionConcurrency",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateFunctionCode",
)


@dataclass
class Neighbour:
    """The other account: its root, and users with one policy each."""

    server: LambdadServer
    account: str
    keys: dict[str, str]
    users: dict[str, dict[str, str]] = field(default_factory=dict)

    def root(self, service: str) -> Any:
        return self._client(service, self.keys)

    def user(self, name: str, *statements: dict[str, Any], service: str = "lambda") -> Any:
        """A client of that user, who is made with these statements at first."""
        if name not in self.users:
            iam = self.root("iam")
            iam.create_user(UserName=name)
            if statements:
                document = json.dumps({"Version": "2012-10-17", "Statement": statements})
                iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            self.users[name] = {
                "aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"],
            }
        return self._client(service, self.users[name])

    def arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:user/{name}"

    def _client(self, service: str, keys: dict[str, str]) -> Any:
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return self.server.client(service, config=config, **keys)


@pytest.fixture(scope="module")
def neighbour(server: LambdadServer) -> Neighbour:
    made = server.lambdad("accounts", "create", "--json")
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }
    return Neighbour(server, made["Account"], keys)


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str | None]:
    with pytest.raises(ClientError) as raised:
        call(**params)
    error = raised.value.response["Error"]
    return error["Code"], error.get("Message")


def refusal(caller: str, action: str, resource: str, kind: str) -> tuple[str, str]:
    return DENIED, (
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} because no "
        f"{kind} policy allows the {action} action"
    )


def shared(server: LambdadServer, principal: str, *actions: str, **condition: str) -> str:
    """The name of a new function of the owner that its policy opens."""
    client = server.client("lambda")
    name = make_code(client, SECRET)
    for number, action in enumerate(actions or ("lambda:InvokeFunction",)):
        client.add_permission(
            FunctionName=name,
            StatementId=f"s{number}",
            Action=action,
            Principal=principal,
            **condition,
        )
    return name


def test_both_sides_have_to_allow_an_invocation(
    server: LambdadServer, neighbour: Neighbour
) -> None:
    allowed, powerless = neighbour.user("allowed", ALLOW_ALL), neighbour.user("powerless")
    closed = make_code(server.client("lambda"), SECRET)
    action = "lambda:InvokeFunction"
    assert error_of(allowed.invoke, FunctionName=arn_of(closed)) == refusal(
        neighbour.arn("allowed"), action, arn_of(closed), "resource-based"
    )
    name = shared(server, neighbour.account)
    assert error_of(powerless.invoke, FunctionName=arn_of(name)) == refusal(
        neighbour.arn("powerless"), action, arn_of(name), "identity-based"
    )
    for client in (allowed, neighbour.root("lambda")):
        for spelling in (arn_of(name), f"{OWNER}:function:{name}", f"{OWNER}:{name}"):
            answer = client.invoke(FunctionName=spelling)
            assert payload_of(answer) == "secret of the owner"
    name_alone = error_of(allowed.invoke, FunctionName=name)
    own = f"arn:aws:lambda:us-east-1:{neighbour.account}:function:{name}"
    assert name_alone == ("ResourceNotFoundException", f"Function not found: {own}:$LATEST")


def test_every_way_to_invoke(server: LambdadServer, neighbour: Neighbour) -> None:
    client, arn = neighbour.root("lambda"), arn_of(shared(server, neighbour.account))
    assert client.invoke(FunctionName=arn, InvocationType="DryRun")["StatusCode"] == 204
    assert client.invoke(FunctionName=arn, InvocationType="Event")["StatusCode"] == 202
    assert client.invoke_async(FunctionName=arn, InvokeArgs=b"{}")["Status"] == 202
    closed = arn_of(make_code(server.client("lambda"), SECRET))
    refused = refusal(
        f"arn:aws:iam::{neighbour.account}:root", "lambda:InvokeFunction", closed, "resource-based"
    )
    for kind in ("DryRun", "Event", "RequestResponse"):
        assert error_of(client.invoke, FunctionName=closed, InvocationType=kind) == refused
    assert error_of(client.invoke_async, FunctionName=closed, InvokeArgs=b"{}") == refused


def test_a_qualifier_is_opened_by_itself(server: LambdadServer, neighbour: Neighbour) -> None:
    owner, client = server.client("lambda"), neighbour.root("lambda")
    name = make_code(owner, SECRET)
    version = owner.publish_version(FunctionName=name)["Version"]
    owner.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    owner.add_permission(
        FunctionName=name,
        Qualifier="live",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal=neighbour.account,
    )
    assert client.invoke(FunctionName=arn_of(name, "live"))["ExecutedVersion"] == version
    assert client.invoke(FunctionName=arn_of(name), Qualifier="live")["StatusCode"] == 200
    for closed in (arn_of(name), arn_of(name, version)):
        assert error_of(client.invoke, FunctionName=closed)[0] == DENIED


@pytest.mark.parametrize("everybody", [True, False])
def test_everybody_or_one_user(
    server: LambdadServer, neighbour: Neighbour, everybody: bool
) -> None:
    one, other = neighbour.user("one", ALLOW_ALL), neighbour.user("other", ALLOW_ALL)
    arn = arn_of(shared(server, "*" if everybody else neighbour.arn("one")))
    assert one.invoke(FunctionName=arn)["StatusCode"] == 200
    if everybody:
        assert other.invoke(FunctionName=arn)["StatusCode"] == 200
    else:
        assert error_of(other.invoke, FunctionName=arn)[0] == DENIED


def test_an_organization_has_no_members_here(server: LambdadServer, neighbour: Neighbour) -> None:
    arn = arn_of(shared(server, "*", PrincipalOrgID="o-a1b2c3d4e5"))
    assert error_of(neighbour.root("lambda").invoke, FunctionName=arn)[0] == DENIED


def test_a_deny_of_either_side_holds(server: LambdadServer, neighbour: Neighbour) -> None:
    arn = arn_of(shared(server, neighbour.account))
    deny = {"Effect": "Deny", "Action": "lambda:*", "Resource": arn}
    denied = neighbour.user("denied-at-home", ALLOW_ALL, deny)
    code, text = error_of(denied.invoke, FunctionName=arn)
    assert (code, text) == (
        DENIED,
        f"User: {neighbour.arn('denied-at-home')} is not authorized to perform: "
        f"lambda:InvokeFunction on resource: {arn} with an explicit deny in an identity-based "
        "policy",
    )
    statement = {"Action": "lambda:*", "Resource": arn}
    account = {"AWS": f"arn:aws:iam::{neighbour.account}:root"}
    mallory = {"AWS": neighbour.arn("mallory")}
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": account, **statement},
            {"Effect": "Deny", "Principal": mallory, **statement},
        ],
    }
    mallory_client = neighbour.user("mallory", ALLOW_ALL)
    server.client("lambda").put_resource_policy(ResourceArn=arn, Policy=json.dumps(document))
    assert error_of(mallory_client.invoke, FunctionName=arn) == (
        DENIED,
        f"User: {neighbour.arn('mallory')} is not authorized to perform: lambda:InvokeFunction on "
        f"resource: {arn} with an explicit deny in a resource-based policy",
    )
    assert neighbour.user("allowed", ALLOW_ALL).invoke(FunctionName=arn)["StatusCode"] == 200


def test_management_that_can_be_opened(server: LambdadServer, neighbour: Neighbour) -> None:
    owner, client = server.client("lambda"), neighbour.root("lambda")
    name = shared(server, neighbour.account, *(f"lambda:{action}" for action in OPENED))
    arn = arn_of(name)
    theirs, ours = client.get_function(FunctionName=arn), owner.get_function(FunctionName=name)
    assert theirs["Configuration"] == ours["Configuration"]
    assert body_of(client.get_function_configuration(FunctionName=arn)) == body_of(
        owner.get_function_configuration(FunctionName=name)
    )
    location = theirs["Code"]["Location"]
    with urllib.request.urlopen(location) as package:
        assert package.status == 200
    client.tag_resource(Resource=arn, Tags={"from": "them"})
    assert owner.list_tags(Resource=arn)["Tags"] == {"from": "them"}
    assert client.list_tags(Resource=arn)["Tags"] == {"from": "them"}
    client.untag_resource(Resource=arn, TagKeys=["from"])
    assert owner.list_tags(Resource=arn)["Tags"] == {}
    client.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)
    assert owner.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 1
    client.delete_function_concurrency(FunctionName=arn)
    client.update_function_code(FunctionName=arn, ZipFile=zip_of({"index.py": SECRET + "#"}))
    settled(owner, name)
    version = client.publish_version(FunctionName=arn)["Version"]
    assert client.list_versions_by_function(FunctionName=arn)["Versions"][1]["Version"] == version
    client.create_alias(FunctionName=arn, Name="live", FunctionVersion=version)
    client.update_alias(FunctionName=arn, Name="live", Description="theirs")
    assert owner.get_alias(FunctionName=name, Name="live")["Description"] == "theirs"
    assert client.list_aliases(FunctionName=arn)["Aliases"][0]["AliasArn"] == f"{arn}:live"
    client.delete_alias(FunctionName=arn, Name="live")
    assert body_of(client.get_policy(FunctionName=arn)) == body_of(
        owner.get_policy(FunctionName=name)
    )
    client.delete_function(FunctionName=arn)
    assert error_of(owner.get_function, FunctionName=name)[0] == "ResourceNotFoundException"


def test_nothing_else_can_be_opened(server: LambdadServer, neighbour: Neighbour) -> None:
    """With every action granted on the function, these still answer as for a stranger."""
    client, name = neighbour.root("lambda"), shared(server, neighbour.account, "lambda:*")
    arn = arn_of(name)
    permission = {"StatementId": "mine", "Action": "lambda:*", "Principal": "*"}
    closed: list[tuple[str, dict[str, Any]]] = [
        ("add_permission", permission),
        ("remove_permission", {"StatementId": "s0"}),
        ("update_function_configuration", {"Description": "taken over"}),
        ("create_function_url_config", {"AuthType": "NONE"}),
        ("put_function_event_invoke_config", {"MaximumRetryAttempts": 0}),
        ("get_function_event_invoke_config", {}),
        ("put_function_recursion_config", {"RecursiveLoop": "Allow"}),
        ("get_function_concurrency", {}),
        ("list_provisioned_concurrency_configs", {}),
        ("get_runtime_management_config", {}),
    ]
    for method, params in closed:
        assert error_of(getattr(client, method), FunctionName=arn, **params) == (DENIED, None)
    code, _ = error_of(client.create_function, **creation(arn, Code={"ZipFile": zip_of()}))
    assert code == DENIED
    for method in ("get_resource_policy", "delete_resource_policy"):
        assert error_of(getattr(client, method), ResourceArn=arn)[0] == DENIED
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert error_of(client.put_resource_policy, ResourceArn=arn, Policy=policy)[0] == DENIED


def test_what_is_not_there_is_told_to_nobody_else(
    server: LambdadServer, neighbour: Neighbour
) -> None:
    """A stranger cannot find out which functions an account has."""
    there, missing = arn_of(make_code(server.client("lambda"), SECRET)), arn_of("is-not-there")
    client, root = neighbour.root("lambda"), f"arn:aws:iam::{neighbour.account}:root"
    for arn in (there, missing):
        for method, action in (
            ("get_function", "GetFunction"),
            ("invoke", "InvokeFunction"),
            ("delete_function", "DeleteFunction"),
            ("publish_version", "PublishVersion"),
        ):
            assert error_of(getattr(client, method), FunctionName=arn) == refusal(
                root, f"lambda:{action}", arn, "resource-based"
            )
        assert error_of(client.tag_resource, Resource=arn, Tags={"a": "b"}) == refusal(
            root, "lambda:TagResource", arn, "resource-based"
        )


def test_layers_are_used_by_those_whom_they_name(
    server: LambdadServer, neighbour: Neighbour
) -> None:
    owner, client = server.client("lambda"), neighbour.root("lambda")
    role = neighbour.root("iam").create_role(
        RoleName="layered", AssumeRolePolicyDocument=LAMBDA_TRUST
    )["Role"]["Arn"]
    layer = owner.publish_layer_version(
        LayerName="theirs", Content={"ZipFile": zip_of({"python/shared.py": "VALUE = 7\n"})}
    )["LayerVersionArn"]
    root = f"arn:aws:iam::{neighbour.account}:root"
    refused = refusal(root, "lambda:GetLayerVersion", layer, "resource-based")
    code = {
        "ZipFile": zip_of({"index.py": "import shared\ndef handler(e, c): return shared.VALUE"})
    }
    params = creation("layered", Role=role, Layers=[layer], Code=code)
    assert error_of(client.create_function, **params) == refused
    assert error_of(client.get_layer_version_by_arn, Arn=layer) == refused
    owner.add_layer_version_permission(
        LayerName="theirs",
        VersionNumber=1,
        StatementId="s",
        Action="lambda:GetLayerVersion",
        Principal=neighbour.account,
    )
    assert client.get_layer_version_by_arn(Arn=layer)["LayerVersionArn"] == layer
    unlayered = neighbour.user(
        "unlayered",
        ALLOW_ALL,
        {"Effect": "Deny", "Action": "lambda:GetLayerVersion", "Resource": "*"},
    )
    code_of, text = error_of(unlayered.create_function, **params)
    assert (code_of, text) == (
        DENIED,
        f"User: {neighbour.arn('unlayered')} is not authorized to perform: lambda:GetLayerVersion "
        f"on resource: {layer} with an explicit deny in an identity-based policy",
    )
    client.create_function(**params)
    settled(client, "layered")
    assert payload_of(client.invoke(FunctionName="layered")) == 7
    for method, more in (
        ("delete_layer_version", {}),
        ("get_layer_version_policy", {}),
        ("remove_layer_version_permission", {"StatementId": "s"}),
    ):
        name = layer.rpartition(":")[0]
        call = getattr(client, method)
        assert error_of(call, LayerName=name, VersionNumber=1, **more) == (DENIED, None)


def test_logs_stay_with_their_owner(server: LambdadServer, neighbour: Neighbour) -> None:
    """Nothing opens a log group to another account, and its name means one's own."""
    name = shared(server, neighbour.account)
    neighbour.root("lambda").invoke(FunctionName=arn_of(name))
    group = f"/aws/lambda/{name}"
    logs, stranger = server.client("logs"), neighbour.root("logs")
    logs.create_log_group(logGroupName="of-the-owner", tags={"team": "red"})
    arn = f"arn:aws:logs:us-east-1:{OWNER}:log-group:of-the-owner"
    missing = "ResourceNotFoundException", "The specified log group does not exist."
    seen = {each["arn"] for each in stranger.describe_log_groups()["logGroups"]}
    assert {each.split(":")[4] for each in seen} <= {neighbour.account}
    for identifier in (group, arn):
        found = error_of(
            stranger.filter_log_events, logGroupIdentifier=identifier, filterPattern=""
        )
        assert found[0] == missing[0]
    assert error_of(stranger.filter_log_events, logGroupName=group) == missing
    assert error_of(stranger.delete_log_group, logGroupName="of-the-owner") == missing
    assert error_of(stranger.list_tags_for_resource, resourceArn=arn)[0] == missing[0]
    assert error_of(stranger.tag_resource, resourceArn=arn, tags={"a": "b"})[0] == missing[0]


def test_a_code_link_is_of_one_package(server: LambdadServer, neighbour: Neighbour) -> None:
    """Its signature opens no other, and none comes without the right to see the function."""
    owner = server.client("lambda")
    mine = owner.get_function(FunctionName=make_code(owner, SECRET))["Code"]["Location"]
    arn = arn_of(make_code(owner, SECRET + "# other\n"))
    assert error_of(neighbour.root("lambda").get_function, FunctionName=arn)[0] == DENIED
    other = owner.get_function(FunctionName=arn)["Code"]["Location"]
    forged = other.partition("?")[0] + "?" + mine.partition("?")[2]
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(forged)
    assert raised.value.code == 403


def test_the_audit_log_names_the_caller(server: LambdadServer, neighbour: Neighbour) -> None:
    arn = arn_of(make_code(server.client("lambda"), SECRET))
    error_of(neighbour.user("seen", ALLOW_ALL).get_function, FunctionName=arn)
    server.stop()  # It is written a moment later.
    records = [
        each
        for each in read_audit(server.data_dir / "audit")
        if each["principal"] == neighbour.arn("seen")
    ]
    server.start()
    assert [(each["operation"], each["decision"], each["account"]) for each in records] == [
        ("GetFunction", "denied", neighbour.account)
    ]


def test_with_any_credentials_accounts_are_apart_and_policies_open_them(
    open_server: LambdadServer,
) -> None:
    """A key of twelve digits names its account; the other account's queue policy decides."""
    owner, friend = (
        open_server.client("sqs", aws_access_key_id=account, aws_secret_access_key="any")
        for account in ("111111111111", "222222222222")
    )
    url = owner.create_queue(QueueName="shared")["QueueUrl"]
    with pytest.raises(ClientError) as refused:
        friend.send_message(QueueUrl=url, MessageBody="let me in")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    owner.add_permission(
        QueueUrl=url, Label="friend", AWSAccountIds=["222222222222"], Actions=["SendMessage"]
    )
    friend.send_message(QueueUrl=url, MessageBody="thank you")
    (message,) = owner.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "thank you"
    with pytest.raises(ClientError) as refused:
        friend.receive_message(QueueUrl=url)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
