"""ListProvisionedConcurrencyConfigs. Semantics §1.9; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    make,
    not_found,
    refused,
    settled,
    status_of,
    unqualified_only,
    unreachable,
)
from support.provisioned import provision, provisioned, reached


def test_whole_and_in_pages(client: Any) -> None:
    name = make(client, Publish=True)
    everything = client.list_provisioned_concurrency_configs
    assert body_of(everything(FunctionName=name)) == {"ProvisionedConcurrencyConfigs": []}
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    client.publish_version(FunctionName=name)
    for version in ("2", "1"):
        provision(client, name, version, 1)
        reached(client, name, version)
    both = [
        {"FunctionArn": arn_of(name, version)} | provisioned(1, 1, "READY")
        for version in ("1", "2")
    ]
    answer = everything(FunctionName=name)
    assert status_of(answer) == 200
    assert body_of(answer) == {"ProvisionedConcurrencyConfigs": both}
    page = body_of(everything(FunctionName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"ProvisionedConcurrencyConfigs": both[:1]}
    rest = body_of(everything(FunctionName=name, Marker=marker))
    assert rest == {"ProvisionedConcurrencyConfigs": both[1:]}
    client.delete_function(FunctionName=name)


def test_refusals(client: Any) -> None:
    call, gone = client.list_provisioned_concurrency_configs, fresh_name()
    assert refused(call, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(call, FunctionName=ABROAD) == unreachable()
    assert refused(call, FunctionName=f"{gone}:1") == unqualified_only()
