"""Python functions under the official client: contract, errors, environment, logs."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from lambdad.sandbox.driver import Tier
from support.functions import make_request, run
from support.patience import until
from support.real_sandboxes import WITHOUT_NAMESPACES

from .conftest import OpenBench


def test_context_event_and_environment(bench: OpenBench, tier: Tier) -> None:
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    return {'event': event, 'id': context.aws_request_id, 'env': dict(os.environ),\n"
        "      'name': context.function_name, 'version': context.function_version,\n"
        "      'arn': context.invoked_function_arn, 'memory': context.memory_limit_in_mb,\n"
        "      'group': context.log_group_name, 'stream': context.log_stream_name,\n"
        "      'left': context.get_remaining_time_in_millis(), 'cwd': os.getcwd(),\n"
        "      'client': context.client_context.custom if context.client_context else None}\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, version="7", environment={"MINE": "ö"}, memory_mib=256)
            request = make_request(
                version,
                {"k": "ä"},
                invoked_arn=version.arn + ":live",
                client_context='{"custom": {"x": 1}}',
                trace_header="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            )
            result = await on.invoker.invoke(version, request)
            answer = json.loads(result.payload)
            assert result.executed_version == "7"
            assert answer["event"] == {"k": "ä"}
            assert answer["id"] == request.request_id
            assert answer["name"] == version.name
            assert answer["version"] == "7"
            assert answer["arn"] == version.arn + ":live"
            assert answer["memory"] == "256"
            assert answer["group"] == f"/aws/lambda/{version.name}"
            assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}", answer["stream"])
            assert 2000 < answer["left"] <= 3000
            assert answer["client"] == {"x": 1}
            env = answer["env"]
            assert env["_X_AMZN_TRACE_ID"] == request.trace_header
            assert env["MINE"] == "ö"
            assert env["AWS_LAMBDA_LOG_STREAM_NAME"] == answer["stream"]
            if tier not in WITHOUT_NAMESPACES:
                assert answer["cwd"] == "/var/task"
                assert env["AWS_LAMBDA_RUNTIME_API"] == "169.254.100.1:9001"
                assert set(env) == EXACT_VARIABLES | {"MINE"}
            second = await on.answer(version)
            assert (second["event"], second["client"]) == (None, None)
            assert "_X_AMZN_TRACE_ID" not in second["env"]

    run(scenario())


EXACT_VARIABLES = {
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME"),
    *("AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    *("AWS_SESSION_TOKEN", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"),
    *("_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER", "LAMBDA_TASK_ROOT"),
    *("LAMBDA_RUNTIME_DIR", "LANG", "TZ", "PATH", "LD_LIBRARY_PATH", "AWS_EXECUTION_ENV", "PWD"),
    *("SHLVL", "PYTHONPATH", "LC_CTYPE", "AWS_ENDPOINT_URL", "_X_AMZN_TRACE_ID"),
}


def test_an_exception_and_its_log(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python("def handler(event, context):\n    raise KeyError('x')\n")
            result = await on.invoke(version)
            error = json.loads(result.payload)
            assert result.function_error == "Unhandled"
            assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
            assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'x'")
            assert len(error["stackTrace"]) == 1
            messages = on.log.messages(version.name)
            assert messages[2].startswith("[ERROR] KeyError: 'x'\nTraceback (most recent call")
            assert "Status:" not in messages[-1]
            assert (await on.invoke(version)).init_ms is None

    run(scenario())


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module"),
        ("", "gone.handler", "Runtime.ImportModuleError", "Unable to import module 'gone'"),
        ("def f(:", "app.f", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("", "app", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
        ("1 / 0", "app.f", "ZeroDivisionError", "division by zero"),
    ],
)
def test_failures_of_init(
    bench: OpenBench, source: str, handler: str, error_type: str, message: str
) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, handler=handler)
            result = await on.invoke(version)
            error = json.loads(result.payload)
            assert (error["errorType"], error["requestId"]) == (error_type, "")
            assert error["errorMessage"].startswith(message)
            logged = error_type if error_type.startswith("Runtime.") else "Runtime.Unknown"
            words = [line.split(" ")[0] for line in on.log.messages(version.name)]
            assert words[0] == "INIT_START"
            assert words.count("INIT_REPORT") == 2
            assert words[-3:] == ["START", "END", "REPORT"]
            tail = f"Status: error\tError Type: {logged}\t\n"
            assert on.log.messages(version.name)[-1].endswith(tail)

    run(scenario())


def test_the_nested_folder_mistake_is_explained(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.write({"project/app.py": "def handler(e, c): pass"})
            await on.invoke(version)
            assert "is in the folder 'project' of the deployment package" in on.log.text(
                version.name
            )

    run(scenario())


def test_timeout_kills_and_the_next_invocation_starts_anew(bench: OpenBench) -> None:
    source = (
        "import time\ndef handler(event, context):\n    if event: time.sleep(60)\n    return 1\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, timeout_s=1)
            assert await on.answer(version) == 1
            request = make_request(version, 1, tail=True)
            result = await on.invoker.invoke(version, request)
            assert json.loads(result.payload) == {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"RequestId: {request.request_id} Error: "
                "Task timed out after 1.00 seconds",
            }
            assert result.log_tail is not None
            assert b"Duration: 1000.00 ms\tBilled Duration: 1000 ms" in result.log_tail
            assert result.log_tail.endswith(b"Status: timeout\t\n")
            again = await on.invoke(version)
            assert (again.payload, again.init_ms) == (b"1", None)

    run(scenario())


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_a_process_that_ends(bench: OpenBench, statement: str, text: str) -> None:
    source = (
        f"import os, sys\ndef handler(event, context):\n    if event: {statement}\n    return 1\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source)
            request = make_request(version, 1)
            result = await on.invoker.invoke(version, request)
            assert json.loads(result.payload) == {
                "errorType": "Runtime.ExitError",
                "errorMessage": f"RequestId: {request.request_id} Error: {text}",
            }
            assert await on.answer(version) == 1

    run(scenario())


def test_exit_during_init(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python("import sys; print('leaving'); sys.exit(5)")
            result = await on.invoke(version)
            assert b"Runtime exited with error: exit status 5" in result.payload
            assert on.log.messages(version.name).count("leaving\n") == 2

    run(scenario())


def test_out_of_memory(bench: OpenBench, tier: Tier) -> None:
    if tier is not Tier.NAMESPACES:
        pytest.skip("this tier has no memory limit")
    source = (
        "def handler(event, context):\n"
        "    if event: x = [bytearray(1 << 20) for _ in range(1000)]\n"
        "    return 1\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, timeout_s=20)
            result = await on.invoke(version, 1)
            assert json.loads(result.payload)["errorType"] == "Runtime.OutOfMemory"
            assert result.memory_peak_mib == 128
            assert await on.answer(version) == 1

    run(scenario())


def test_a_response_that_is_too_large_costs_the_environment_only(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python("def handler(event, context): return 'x' * event", timeout_s=20)
            fits = on.limits.response_payload_bytes - 2
            assert len((await on.invoke(version, fits)).payload) == fits + 2
            result = await on.invoke(version, fits + 1)
            assert result.payload == (
                b'{"errorMessage":"Response payload size exceeded maximum allowed payload size '
                b'(6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}'
            )
            assert await on.answer(version, 1) == "x"

    run(scenario())


def test_tmp_and_globals_live_as_long_as_the_environment(bench: OpenBench) -> None:
    source = (
        "import os, tempfile\ncount = 0\n"
        "def handler(event, context):\n"
        "    global count; count += 1\n"
        "    path = os.path.join(tempfile.gettempdir(), 'kept')\n"
        "    open(path, 'a').write('x')\n"
        "    return [count, len(open(path).read()), os.getpid()]\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source)
            one, two = await on.answer(version), await on.answer(version)
            assert (one[:2], two[:2]) == ([1, 1], [2, 2])
            assert one[2] == two[2]

    run(scenario())


def test_concurrent_invocations_run_in_environments_of_their_own(bench: OpenBench) -> None:
    source = (
        "import time, os\n"
        "def handler(event, context):\n"
        "    while not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'):\n"
        "        time.sleep(0.01)\n"
        "    return os.environ['AWS_LAMBDA_LOG_STREAM_NAME']\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, timeout_s=30)
            calls = asyncio.gather(*[on.answer(version) for _ in range(4)])
            await until(lambda: on.log.text(version.name).count("START RequestId") == 4)
            (version.code_dir / "go").touch()
            streams = await calls
            assert len(set(streams)) == 4
            assert await on.answer(version) in streams
            assert on.fleet.environments == 4

    run(scenario())


def test_every_kind_of_output_reaches_the_log_in_order(bench: OpenBench) -> None:
    source = (
        "import logging, os, sys\n"
        "logging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n"
        "    print('printed')\n"
        "    print('two\\nlines')\n"
        "    print('err', file=sys.stderr)\n"
        "    logging.info('logged\\nin two lines')\n"
        "    os.write(1, b'raw without newline')\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source)
            request = make_request(version)
            await on.invoker.invoke(version, request)
            await on.invoke(version)
            messages = on.log.messages(version.name)
            plain = [message for message in messages if message in OUTPUT]
            assert plain[:4] == OUTPUT[:4]
            logged = next(message for message in messages if message.startswith("[INFO]"))
            pattern = rf"\[INFO\]\t[\d-]+T[\d:.]+Z\t{request.request_id}\tlogged\nin two lines\n"
            assert re.fullmatch(pattern, logged)
            assert messages.index("raw without newline\n") < messages.index(
                f"END RequestId: {request.request_id}\n"
            )

    run(scenario())


OUTPUT = ["printed\n", "two\n", "lines\n", "err\n"]


def test_json_log_format(bench: OpenBench) -> None:
    source = (
        "import logging\n"
        "def handler(event, context):\n"
        "    logging.getLogger().info('hidden'); logging.getLogger().warning('shown')\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, log_format="JSON", application_log_level="WARN")
            await on.invoke(version)
            events = [json.loads(message) for message in on.log.messages(version.name)]
            kinds = [event.get("type", event.get("message")) for event in events]
            assert kinds == ["platform.initStart", "platform.start", "shown", "platform.report"]
            assert events[2]["level"] == "WARNING"

    run(scenario())


def test_boto3_is_part_of_the_runtime(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(
                "import boto3\n"
                "def handler(event, context): return boto3.client('s3').meta.endpoint_url\n",
                timeout_s=30,
            )
            assert await on.answer(version) == (await on.answer(version))

    run(scenario())


def test_a_wrapper_script_and_one_that_is_missing(bench: OpenBench, tier: Tier) -> None:
    if tier in WITHOUT_NAMESPACES:
        pytest.skip("without a root of its own there is no /opt")
    files = {
        "app.py": "import os\ndef handler(event, context): return os.environ.get('WRAPPED')\n",
        "wrap.sh": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n',
    }

    async def scenario() -> None:
        async with bench() as on:
            wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap.sh"}
            assert await on.answer(on.write(files, environment=wrapper)) == "yes"
            wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/gone"}
            version = on.write(files, environment=wrapper)
            result = await on.invoke(version)
            assert b"Runtime exited with error: exit status 127" in result.payload
            assert "/opt/gone: does not exist\n" in on.log.messages(version.name)

    run(scenario())
