"""SnapStart: environments that start from behind their init, in every tier that is here."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import Any

import pytest

from lambdad.core.value import replace
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import Reason
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.snapshots import Snapshots
from lambdad.runtime.snapshot_restore import SnapStartException, SnapStartTimeoutException
from lambdad.sandbox.driver import Tier
from support.functions import Bench, make_packs, run
from support.patience import until

from .conftest import OpenBench

INIT = (
    "import os, random, time, uuid\n"
    "from snapshot_restore_py import register_after_restore, register_before_snapshot\n"
    "print('init runs')\n"
    "order, made = [], {'uuid': str(uuid.uuid4()), 'random': random.random()}\n"
    "register_before_snapshot(order.append, 'before, registered first')\n"
    "register_before_snapshot(order.append, 'before, registered last')\n"
    "register_after_restore(order.append, 'after')\n"
)
HANDLER = (
    "def handler(event, context):\n"
    "    while event and not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'):\n"
    "        time.sleep(0.01)\n"
    "    return {'order': order, 'env': dict(os.environ), 'init': made,\n"
    "      'now': {'uuid': str(uuid.uuid4()), 'random': random.random()}}\n"
)


NOT_FORKED = defaultdict(
    lambda: r"\[lambdad\] SnapStart: each environment runs its own init, because .+\n",
    {Tier.NAMESPACES: ""},
)


def key_of(version: FunctionVersion) -> FunctionKey:
    return FunctionKey(version.account, version.region, version.name)


async def make(on: Bench, version: FunctionVersion) -> Reason | None:
    """What publishing the version does."""
    snapshots = Snapshots(on.fleet, make_packs(on.folder / "packs"), on.catalog)
    return await snapshots.make(key_of(version), version.version)


def snap_start(on: Bench, source: str, **changes: Any) -> FunctionVersion:
    return on.python(source, version="1", snap_start=True, **changes)


def pool_of(on: Bench, version: FunctionVersion) -> Any:
    return on.fleet.pools[version.deployment_id]


async def prepared(on: Bench, version: FunctionVersion) -> None:
    """Until an environment is prepared again."""
    await until(lambda: pool_of(on, version).standing.idle)


def first_environment(on: Bench, version: FunctionVersion) -> str:
    """Its log alone, from its restore on: the next one is prepared meanwhile."""
    events = [event for group, event in on.log.events if group == version.log_group]
    first = next(event.stream for event in events if event.message.startswith("RESTORE_START"))
    text = "".join(event.message for event in events if event.stream == first)
    return text[text.index("RESTORE_START") :]


def test_init_hooks_restore_and_the_log(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, INIT + HANDLER)
            assert await make(on, version) is None
            before = on.log.text(version.name)
            assert re.fullmatch(
                r"INIT_START Runtime Version: python:3\.\d+\.v1\tRuntime Version ARN: \S+\n"
                r"init runs\n"
                r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\n"
                + NOT_FORKED[on.driver.tier],
                before,
            )
            result = await on.answer(version)
            assert result["order"] == [
                *("before, registered last", "before, registered first", "after"),
            ]
            assert re.fullmatch(
                r"RESTORE_START Runtime Version: python:3\.\d+\.v1\tRuntime Version ARN: \S+\n"
                r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms\n"
                r"START RequestId: (\S+) Version: 1\n"
                r"END RequestId: \1\n"
                r"REPORT RequestId: \1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
                r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\t"
                r"Restore Duration: \d+\.\d\d ms\tBilled Restore Duration: \d+ ms\t\n",
                first_environment(on, version),
            )
            assert (await on.answer(version))["order"] == result["order"]  # the same environment
            assert "Restore" not in first_environment(on, version).splitlines()[-1]

    run(scenario())


def test_credentials_come_from_an_endpoint(bench: OpenBench) -> None:
    source = (
        "import json, os, urllib.error, urllib.request\n"
        "URI = os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']\n"
        "def get(token):\n"
        "    request = urllib.request.Request(URI, headers={'Authorization': token})\n"
        "    return json.load(urllib.request.urlopen(request))\n"
        "def handler(event, context):\n"
        "    import botocore.session\n"
        "    keys = botocore.session.get_session().get_credentials()\n"
        "    frozen = keys.get_frozen_credentials()\n"
        "    try: refused = get('wrong')\n"
        "    except urllib.error.HTTPError as error: refused = error.code\n"
        "    return {'env': dict(os.environ), 'botocore': list(frozen)[:3], 'refused': refused,\n"
        "      'method': keys.method,\n"
        "      'whole': get(os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN'])}\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, source, memory_mib=256, timeout_s=30)
            assert await make(on, version) is None
            answer = await on.answer(version)
            assert answer["whole"] == {
                "AccessKeyId": "ASIAEXAMPLE",
                "SecretAccessKey": "secret-of-the-role",
                "Token": "token-of-the-session",
                "Expiration": "2100-01-01T00:00:00Z",
            }
            assert answer["method"] == "container-role"
            assert answer["botocore"] == list(answer["whole"].values())[:3]
            assert answer["refused"] == 403
            environment = answer["env"]
            assert environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
            absent = {
                *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
                *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
            }
            assert not absent & set(environment)

    run(scenario())


def test_two_environments_share_no_more_than_init(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, INIT + HANDLER, timeout_s=30)
            assert await make(on, version) is None
            first = asyncio.ensure_future(on.answer(version, {"hold": True}))
            await until(lambda: pool_of(on, version).worth.uses)
            await prepared(on, version)
            second = await on.answer(version)
            (version.code_dir / "go").touch()
            one = await first
            assert (one["init"] == second["init"]) is (on.driver.tier is Tier.NAMESPACES)
            for what, value in one["now"].items():
                assert value != second["now"][what], what
            lines = on.log.messages(version.name)
            assert sum("RESTORE_REPORT" in line for line in lines) == 2
            assert not any("ordinary start" in line for line in lines)

    run(scenario())


def test_without_a_prepared_environment_it_starts_anew_and_says_so(bench: OpenBench) -> None:
    """The first cold start after a restart of the server."""

    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, INIT + HANDLER)
            answer = await on.answer(version)
            assert answer["order"][-1] == "after"
            assert answer["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
            text = on.log.text(version.name)
            assert (
                "[lambdad] SnapStart: an ordinary start, because none of its environments was "
                "prepared at this moment.\n"
            ) in text
            assert re.search(r"Init Duration: \d+\.\d\d ms\tRestore Duration: \d+\.\d\d ms\t", text)
            await prepared(on, version)  # for the next one

    run(scenario())


INIT_FAILURES = [
    pytest.param("raise ValueError('no')", "RuntimeInitError", id="raises"),
    pytest.param("import sys; sys.exit(3)", "RuntimeInitError", id="exits"),
    pytest.param(
        "from snapshot_restore_py import register_before_snapshot\n"
        "register_before_snapshot(lambda: 1 / 0)\n",
        "RuntimeInitError",
        id="before-snapshot hook",
    ),
]


@pytest.mark.parametrize(("source", "code"), INIT_FAILURES)
def test_a_failed_init_is_told(bench: OpenBench, source: str, code: str) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, source)
            reason = await make(on, version)
            assert reason is not None
            assert reason.code == f"FunctionError.{code}"
            assert pool_of(on, version).empty

    run(scenario())


def test_a_failed_hook_after_restore(bench: OpenBench) -> None:
    source = INIT + "register_after_restore(lambda: 1 / 0)\n" + HANDLER

    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, source)
            assert await make(on, version) is None
            with pytest.raises(SnapStartException) as caught:
                await on.invoke(version)
            assert caught.value.status == 400
            assert re.search(
                r"RESTORE_REPORT Restore Duration: \S+ ms\tStatus: error\t"
                r"Error Type: Runtime\.AfterRestoreError\n",
                on.log.text(version.name),
            )
            assert "ZeroDivisionError" in on.log.text(version.name)

    run(scenario())


def test_a_runtime_that_ends_in_its_restore(bench: OpenBench) -> None:
    source = INIT + "register_after_restore(os._exit, 7)\n" + HANDLER

    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, source)
            assert await make(on, version) is None
            with pytest.raises(SnapStartException, match=r"Runtime\.ExitError"):
                await on.invoke(version)

    run(scenario())


def test_hooks_that_take_too_long(bench: OpenBench) -> None:
    source = INIT + "register_after_restore(time.sleep, 30)\n" + HANDLER

    async def scenario() -> None:
        async with bench(restore_timeout_s=0.3) as on:
            version = snap_start(on, source)
            assert await make(on, version) is None
            with pytest.raises(SnapStartTimeoutException) as caught:
                await on.invoke(version)
            assert caught.value.status == 408
            assert re.search(
                r"RESTORE_REPORT Restore Duration: \S+ ms\tStatus: timeout\n",
                on.log.text(version.name),
            )

    run(scenario())


def test_a_version_that_is_gone_keeps_nothing(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = snap_start(on, INIT + HANDLER)
            assert await make(on, version) is None
            on.catalog.remove(version.account, version.region, version.name)
            assert on.fleet.environments == 0
            other = replace(version, version="2")
            assert await make(on, other) is None  # deleted meanwhile

    run(scenario())
