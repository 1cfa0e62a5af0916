"""kill -9 of the server after an acknowledgement: everything is there on the next start."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from support.lambda_client import (
    GONE,
    arn_of,
    body_of,
    configuration,
    creation,
    fresh_name,
    lambda_of,
    make,
    not_found,
    payload_of,
    refused,
    settled,
)
from support.packages import zip_of
from support.server import LambdadServer


def test_what_was_acknowledged_survives_kill_9(fresh_server: LambdadServer) -> None:
    names = []
    for number in range(3):
        client, name = lambda_of(fresh_server), fresh_name()
        client.create_function(**creation(name, Timeout=number + 1, Publish=True))
        fresh_server.kill9()  # perhaps while it is Pending
        fresh_server.start()
        names.append(name)
    client = lambda_of(fresh_server)
    for number, name in enumerate(names):
        assert settled(client, name) == configuration(name, Timeout=number + 1)
        first = client.get_function_configuration(FunctionName=name, Qualifier="1")
        assert body_of(first) == configuration(
            name, Timeout=number + 1, Version="1", FunctionArn=arn_of(name, "1")
        )
        assert payload_of(client.invoke(FunctionName=name, Payload=b'"x"')) == "x"


def test_versions_aliases_tags_and_deletions_survive_kill_9(fresh_server: LambdadServer) -> None:
    client = lambda_of(fresh_server)
    name, gone = make(client), make(client)
    version = body_of(client.publish_version(FunctionName=name, Description="one"))
    alias = body_of(client.create_alias(FunctionName=name, Name="live", FunctionVersion="1"))
    client.tag_resource(Resource=arn_of(name), Tags={"a": "b"})
    client.delete_function(FunctionName=gone)
    new = zip_of({"index.py": "def handler(event, context):\n    return 'new'\n"})
    client.update_function_code(FunctionName=name, ZipFile=new)
    fresh_server.kill9()
    fresh_server.start()
    client = lambda_of(fresh_server)
    settled(client, name)
    assert body_of(client.get_function_configuration(FunctionName=f"{name}:1")) == version
    assert body_of(client.get_alias(FunctionName=name, Name="live")) == alias
    assert client.list_tags(Resource=arn_of(name))["Tags"] == {"a": "b"}
    listed = [function["FunctionName"] for function in client.list_functions()["Functions"]]
    assert listed == [name]
    assert payload_of(client.invoke(FunctionName=name)) == "new"
    assert payload_of(client.invoke(FunctionName=f"{name}:live", Payload=b"1")) == 1


def test_settings_survive_kill_9_and_go_with_the_function(fresh_server: LambdadServer) -> None:
    client = lambda_of(fresh_server)
    name = make(client)

    def everything() -> list[Any]:
        url = body_of(client.get_function_url_config(FunctionName=name))
        url["FunctionUrl"] = urlsplit(url["FunctionUrl"]).hostname  # the port is of each start
        return [
            body_of(client.get_policy(FunctionName=name)),
            url,
            body_of(client.get_function_event_invoke_config(FunctionName=name)),
            body_of(client.get_function_concurrency(FunctionName=name)),
        ]

    client.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:*", Principal="111111111111"
    )
    client.create_function_url_config(FunctionName=name, AuthType="NONE")
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    before = everything()
    fresh_server.kill9()
    fresh_server.start()
    client = lambda_of(fresh_server)
    assert everything() == before
    client.delete_function(FunctionName=name)
    make(client, name)
    assert refused(client.get_policy, FunctionName=name) == not_found(GONE)
    assert refused(client.get_function_url_config, FunctionName=name) == not_found(GONE)
    assert body_of(client.get_function_concurrency(FunctionName=name)) == {}
