"""GetAccountSettings. Semantics §1.14, and §1.5 for how code is counted; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, lambda_of, make, settled, status_of
from support.layers import LAYER_ZIP, make_layer
from support.packages import zip_of
from support.server import LambdadServer

REGION = "ap-northeast-2"
"""Where no other test makes functions."""


def test_account_settings_add_up(fresh_server: LambdadServer) -> None:
    client = lambda_of(fresh_server)

    def usage() -> dict[str, Any]:
        return client.get_account_settings()["AccountUsage"]

    answer = client.get_account_settings()
    assert status_of(answer) == 200
    assert body_of(answer) == {
        "AccountLimit": {
            "TotalCodeSize": 322_122_547_200,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
    }
    size = len(zip_of())
    name = make(client)
    assert usage() == {"TotalCodeSize": size, "FunctionCount": 1}
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    assert usage() == {"TotalCodeSize": size, "FunctionCount": 1}
    client.publish_version(FunctionName=name)
    assert usage() == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    fresh_server.restart()
    client = lambda_of(fresh_server)
    assert usage() == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    client.delete_function(FunctionName=name)
    assert usage() == {"TotalCodeSize": 0, "FunctionCount": 0}


def test_what_is_reserved_and_layers_count(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    before = body_of(client.get_account_settings())
    name = make(client)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
    make_layer(client)
    unreserved = before["AccountLimit"]["UnreservedConcurrentExecutions"] - 7
    limit = before["AccountLimit"] | {"UnreservedConcurrentExecutions": unreserved}
    usage = {"TotalCodeSize": len(zip_of()) + len(LAYER_ZIP), "FunctionCount": 1}
    assert body_of(client.get_account_settings()) == {"AccountLimit": limit, "AccountUsage": usage}


def test_with_the_aws_cli(server: LambdadServer) -> None:
    found = server.aws("lambda", "get-account-settings", "--region", "ap-southeast-4")
    assert found == body_of(lambda_of(server, region_name="ap-southeast-4").get_account_settings())
