"""Reserved and provisioned concurrency: whole answers and the arithmetic (semantics §1.9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lambdad.invoke.provisioning import Allocation
from lambdad.services.lambda_.account import get_account_settings
from lambdad.services.lambda_.aliases import create_alias
from lambdad.services.lambda_.concurrency import (
    delete_function_concurrency,
    get_function_concurrency,
    put_function_concurrency,
)
from lambdad.services.lambda_.configuration import get_function_configuration
from lambdad.services.lambda_.functions import create_function, get_function
from lambdad.services.lambda_.provisioned import (
    delete_provisioned_concurrency_config,
    get_provisioned_concurrency_config,
    list_provisioned_concurrency_configs,
    put_provisioned_concurrency_config,
)
from support.control_plane import ACCOUNT, REGION, Plane, creation, error_of, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
FLOOR = "UnreservedConcurrentExecution below its minimum value of [100]."


def invalid(message: str, **members: str) -> tuple[str, int, str, dict[str, str]]:
    return "InvalidParameterValueException", 400, message, members


@asynccontextmanager
async def one(folder: Path, **limits: Any) -> AsyncIterator[Plane]:
    """A function with version 1 and the alias `live`."""
    async with plane(folder, **limits) as p:
        await p.run(create_function, **creation(Publish=True))
        await p.settle()
        await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
        yield p


async def reserve(p: Plane, amount: int, name: str = "f") -> dict[str, Any]:
    return await p.run(
        put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=amount
    )


async def provision(p: Plane, qualifier: str, amount: int) -> dict[str, Any]:
    return await p.run(
        put_provisioned_concurrency_config,
        FunctionName="f",
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=amount,
    )


def test_reserved_concurrency_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            assert await p.run(get_function_concurrency, FunctionName="f") == {}
            for amount in (0, 900, 7):
                expected = {"ReservedConcurrentExecutions": amount}
                assert await reserve(p, amount) == expected
                assert await p.run(get_function_concurrency, FunctionName="f") == expected
                assert (await p.run(get_function, FunctionName="f"))["Concurrency"] == expected
                function = p.catalog.get(ACCOUNT, REGION, "f")
                assert function is not None
                assert function.reserved_concurrency == amount
            settings = await p.run(get_account_settings)
            assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 993
        async with plane(tmp_path) as p:
            assert await p.run(get_function_concurrency, FunctionName="f") == {
                "ReservedConcurrentExecutions": 7
            }
            for _ in range(2):
                assert await p.run(delete_function_concurrency, FunctionName="f") == {}
            settings = await p.run(get_account_settings)
            assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000

    asyncio.run(scenario())


def test_the_account_keeps_its_floor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            await p.run(create_function, **creation("g"))
            await p.settle()
            await reserve(p, 500)
            text = (
                "Specified ReservedConcurrentExecutions for function decreases account's " + FLOOR
            )
            assert await error_of(reserve(p, 401, "g")) == invalid(text)
            await reserve(p, 400, "g")
            await reserve(p, 0, "g")

    asyncio.run(scenario())


def test_who_has_no_reserved_concurrency(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            missing = ARN.removesuffix("f") + "g"
            text = f"Function not found: {missing}:$LATEST"
            assert await error_of(reserve(p, 1, "g")) == (
                "ResourceNotFoundException", 404, text, USER,
            )  # fmt: skip
            code, _, message, _ = await error_of(reserve(p, 1, "f:1"))
            assert code == "InvalidParameterValueException"
            assert message is not None
            assert message.startswith("This operation is permitted on Lambda functions only.")

    asyncio.run(scenario())


def test_provisioned_concurrency_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            at = {"FunctionName": "f", "Qualifier": "1"}
            before = (await p.run(get_function_configuration, **at))["RevisionId"]
            common = {
                "RequestedProvisionedConcurrentExecutions": 5,
                "LastModified": "2026-01-01T00:00:00.000+0000",
            }
            assert await provision(p, "1", 5) == common | {
                "AvailableProvisionedConcurrentExecutions": 0,
                "AllocatedProvisionedConcurrentExecutions": 0,
                "Status": "IN_PROGRESS",
            }
            assert (await p.run(get_function_configuration, **at))["RevisionId"] != before
            ready = common | {
                "AvailableProvisionedConcurrentExecutions": 5,
                "AllocatedProvisionedConcurrentExecutions": 5,
                "Status": "READY",
            }
            p.allocations["1"] = Allocation("READY", 5, 5)
            assert await p.run(get_provisioned_concurrency_config, **at) == ready
            assert await p.run(list_provisioned_concurrency_configs, FunctionName="f") == {
                "ProvisionedConcurrencyConfigs": [ready | {"FunctionArn": f"{ARN}:1"}]
            }
            assert await error_of(provision(p, "live", 1)) == (
                "ResourceConflictException",
                409,
                "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version",
                USER,
            )
            p.allocations["1"] = Allocation("FAILED", 2, 1, "FUNCTION_ERROR_INIT_FAILURE")
            assert await p.run(get_provisioned_concurrency_config, **at) == common | {
                "AvailableProvisionedConcurrentExecutions": 1,
                "AllocatedProvisionedConcurrentExecutions": 2,
                "Status": "FAILED",
                "StatusReason": "FUNCTION_ERROR_INIT_FAILURE",
            }
            for _ in range(2):
                assert await p.run(delete_provisioned_concurrency_config, **at) == {}
            assert await error_of(p.run(get_provisioned_concurrency_config, **at)) == (
                "ProvisionedConcurrencyConfigNotFoundException",
                404,
                "No Provisioned Concurrency Config found for this function",
                USER,
            )
            await provision(p, "live", 1)
            assert await error_of(provision(p, "1", 1)) == (
                "ResourceConflictException",
                409,
                "Version is pointed by a Provisioned Concurrency alias",
                USER,
            )

    asyncio.run(scenario())


def test_provisioned_concurrency_has_to_fit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            assert await error_of(provision(p, "1", 1001)) == invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                "concurrency [1000]."
            )
            assert await error_of(provision(p, "1", 901)) == invalid(
                "Specified ConcurrentExecutions for function decreases account's " + FLOOR
            )
            await provision(p, "1", 2)
            assert await error_of(reserve(p, 1)) == invalid(
                " ReservedConcurrentExecutions  1 should not be lower than function's total "
                "provisioned concurrency [2].",
                **USER,
            )
            await reserve(p, 2)
            assert await error_of(provision(p, "1", 3)) == invalid(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function",
                **USER,
            )

    asyncio.run(scenario())


def test_what_others_have_provisioned_is_taken_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            await p.run(create_function, **creation(FunctionName="g", Publish=True))
            await p.settle()
            await provision(p, "1", 600)
            at = {"FunctionName": "g", "Qualifier": "1"}
            put = put_provisioned_concurrency_config
            assert await error_of(p.run(put, **at, ProvisionedConcurrentExecutions=401)) == invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                "concurrency [400]."
            )
            assert await error_of(reserve(p, 301, "g")) == invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's " + FLOOR
            )
            await reserve(p, 600)  # holds what is provisioned, and so takes nothing more
            await p.run(put, **at, ProvisionedConcurrentExecutions=300)

    asyncio.run(scenario())
