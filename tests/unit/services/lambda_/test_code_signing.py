"""Code signing configurations and their tags: whole answers (semantics §1.14)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from unittest.mock import ANY

from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.code_signing import (
    create_code_signing_config,
    delete_code_signing_config,
    delete_function_code_signing_config,
    get_code_signing_config,
    get_function_code_signing_config,
    list_code_signing_configs,
    list_functions_by_code_signing_config,
    put_function_code_signing_config,
    update_code_signing_config,
)
from lambdad.services.lambda_.functions import create_function, delete_function
from lambdad.services.lambda_.tags import list_tags, tag_resource, untag_resource
from support.control_plane import ACCOUNT, REGION, creation, error_of, plane
from support.packages import zip_of

PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p"
PUBLISHERS = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}}
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


def enforcing(policy: str) -> dict[str, dict[str, str]]:
    return {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy}}


def test_a_configuration_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            made = await p.run(create_code_signing_config, **PUBLISHERS, Tags={"a": "1"})
            config = made["CodeSigningConfig"]
            arn = config["CodeSigningConfigArn"]
            assert re.fullmatch("csc-[a-z0-9]{17}", config["CodeSigningConfigId"])
            expected = {
                **PUBLISHERS,
                **enforcing("Warn"),
                "CodeSigningConfigId": ANY,
                "CodeSigningConfigArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:code-signing-config:"
                + config["CodeSigningConfigId"],
                "LastModified": "2026-01-01T00:00:00.000+0000",
            }
            assert config == expected
            at = {"CodeSigningConfigArn": arn}
            changes = {"Description": "d", **enforcing("Enforce")}
            expected |= changes
            updated = await p.run(update_code_signing_config, **at, **changes)
            assert updated == {"CodeSigningConfig": expected}
            await p.run(tag_resource, Resource=arn, Tags={"b": "2"})
            await p.run(untag_resource, Resource=arn, TagKeys=["a"])
        async with plane(tmp_path) as p:
            assert await p.run(get_code_signing_config, **at) == {"CodeSigningConfig": expected}
            assert await p.run(list_tags, Resource=arn) == {"Tags": {"b": "2"}}
            assert await p.run(list_code_signing_configs) == {"CodeSigningConfigs": [expected]}
            assert await p.run(delete_code_signing_config, **at) == {}
            text = f"The Lambda code signing configuration {arn} can not be found."
            gone = ("ResourceNotFoundException", 404, text, {})
            assert await error_of(p.run(get_code_signing_config, **at)) == gone
            assert await error_of(p.run(list_tags, Resource=arn)) == gone

    asyncio.run(scenario())


def test_functions_have_configurations(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            made = await p.run(create_code_signing_config, **PUBLISHERS)
            at = {"CodeSigningConfigArn": made["CodeSigningConfig"]["CodeSigningConfigArn"]}
            await p.run(create_function, **creation(**at))
            await p.settle()
            f = {"FunctionName": "f"}
            assert await p.run(get_function_code_signing_config, **f) == f | at
            holders = {"FunctionArns": [FUNCTION]}
            assert await p.run(list_functions_by_code_signing_config, **at) == holders
            code, status, *_ = await error_of(p.run(delete_code_signing_config, **at))
            assert (code, status) == ("ResourceConflictException", 409)
            await p.run(update_code_signing_config, **at, **enforcing("Enforce"))
            unsigned = {"ZipFile": zip_of({"index.py": "unsigned = 1\n"})}
            for refused in (
                p.run(update_function_code, **f, **unsigned),
                p.run(create_function, **creation("g", **at)),
            ):
                assert (await error_of(refused))[:2] == ("CodeVerificationFailedException", 400)
            for _ in range(2):
                assert await p.run(delete_function_code_signing_config, **f) == {}
            assert await p.run(get_function_code_signing_config, **f) == f
            assert await p.run(put_function_code_signing_config, **f, **at) == f | at
            await p.run(delete_function, **f)
            assert await p.run(delete_code_signing_config, **at) == {}
            refusal = await error_of(p.run(put_function_code_signing_config, **f, **at))
            assert refusal == (
                "CodeSigningConfigNotFoundException",
                404,
                "The code signing configuration cannot be found. Check that the provided "
                f"configuration is not deleted: {at['CodeSigningConfigArn']}.",
                {"Type": "User"},
            )

    asyncio.run(scenario())
