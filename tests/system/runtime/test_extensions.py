"""Extensions in real sandboxes: their processes, events, failures and their end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.snapshot import FunctionVersion
from lambdad.sandbox.driver import Tier
from support.functions import Bench, run
from support.patience import PATIENCE_S, until
from support.real_sandboxes import ALL_TIERS, tier_id

from .conftest import OpenBench

WITH_TELEMETRY = [tier for tier in ALL_TIERS if tier.connects_inside]
HEAD = r"""#!/bin/bash
API="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
NAME="$(basename "$0")"
TMP="${TMPDIR:-/tmp}"
register() {
  ID=$(curl -sS -D - -o $TMP/$NAME.json -H "Lambda-Extension-Name: $NAME" \
    -H 'Lambda-Extension-Accept-Feature: accountId' -d "{\"events\":[$1]}" "$API/register" \
    | sed -n 's/^lambda-extension-identifier: *\([0-9a-f-]*\).*/\1/Ip')
}
next() { EVENT=$(curl -sS -H "Lambda-Extension-Identifier: $ID" "$API/event/next"); }
failed() {
  curl -sS -o /dev/null -X POST -H "Lambda-Extension-Identifier: $ID" \
    -H "Lambda-Extension-Function-Error-Type: $2" "$API/$1/error"
}
"""
LISTENER = (
    HEAD
    + r"""
register '"INVOKE","SHUTDOWN"'
echo "$NAME is $(cat $TMP/$NAME.json)"
echo "$NAME sees $(env | grep -c -E '^(_HANDLER|AWS_EXECUTION_ENV)=') of the runtime"
while true; do
  next
  echo "$NAME got $EVENT"
  case "$EVENT" in *SHUTDOWN*) exit 0;; esac
done
"""
)
COUNT = (
    "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n"
)


def layer(on: Bench, **extensions: str) -> Path:
    """A layer with these files in /opt/extensions."""
    folder = on.folder / f"layer-{'-'.join(extensions)}"
    (folder / "extensions").mkdir(parents=True)
    for name, text in extensions.items():
        path = folder / "extensions" / name
        path.write_text(text)
        path.chmod(0o755)
    return folder


def counter(on: Bench, *layers: Path, **changes: Any) -> FunctionVersion:
    return on.python(COUNT, **({"layer_dirs": layers, "timeout_s": 20} | changes))


async def failure(on: Bench, version: FunctionVersion) -> tuple[str, str]:
    """Error type, and message without the request's id."""
    error = json.loads((await on.invoke(version)).payload)
    return error["errorType"], error["errorMessage"].partition(" Error: ")[2]


def test_an_extension_hears_of_every_invocation_and_of_the_end(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = counter(on, layer(on, listener=LISTENER))
            assert [await on.answer(version), await on.answer(version)] == [1, 2]
            log = on.log
        messages = log.messages(version.name)
        assert messages[0].startswith("INIT_START")
        registered = json.loads(messages[1].removeprefix("listener is "))
        assert registered == {
            "functionName": version.name,
            "functionVersion": "$LATEST",
            "handler": "app.handler",
            "accountId": "000000000000",
        }
        assert messages[2] == "listener sees 0 of the runtime\n"
        assert messages[3] == (
            "EXTENSION\tName: listener\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n"
        )
        events = [
            json.loads(text.removeprefix("listener got "))
            for text in messages
            if text.startswith("listener got ")
        ]
        assert [event["eventType"] for event in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
        assert events[0].keys() == {
            "eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing",
        }  # fmt: skip
        assert events[0]["invokedFunctionArn"] == version.arn
        assert events[2].keys() == {"eventType", "shutdownReason", "deadlineMs"}
        assert events[2]["shutdownReason"] == "spindown"

    run(scenario())


def test_the_run_ends_when_the_extension_is_done_and_its_caller_need_not_wait(
    bench: OpenBench,
) -> None:
    slow = HEAD + (
        "register '\"INVOKE\"'\nnext\n"
        "while [ ! -e $TMP/seen ]; do :; done\n"
        "echo slow is done\nwhile true; do next; done\n"
    )
    source = (
        "import os, pathlib\n"
        "def handler(event, context):\n"
        "    pathlib.Path(os.environ.get('TMPDIR', '/tmp'), 'seen').touch()\n    return 1\n"
    )

    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = on.python(source, layer_dirs=(layer(on, slow=slow),), timeout_s=20)
            assert await on.answer(version) == 1
            assert await on.answer(version) == 1
            messages = on.log.messages(version.name)
            done = messages.index("slow is done\n")
            ends = next(i for i, text in enumerate(messages) if text.startswith("END RequestId"))
            assert done < ends

    run(scenario())


def test_a_crash_before_registration(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = counter(on, layer(on, broken="#!/bin/bash\nexit 3\n"))
            assert await failure(on, version) == ("Extension.Crash", "exit status 3")

    run(scenario())


@pytest.mark.parametrize(
    ("mode", "source", "error_type", "reason"),
    [
        (0o644, "#!/bin/bash\n", "PermissionDenied", "permission denied"),
        (0o755, "no program", "UnknownError", "exec format error"),
        (0o755, "#!/no/interpreter\n", "UnknownError", "no such file or directory"),
    ],
)
def test_an_extension_that_cannot_be_started(
    bench: OpenBench, mode: int, source: str, error_type: str, reason: str
) -> None:
    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            folder = layer(on, broken=source)
            (folder / "extensions" / "broken").chmod(mode)
            version = counter(on, folder)
            message = f"fork/exec /opt/extensions/broken: {reason}"
            assert await failure(on, version) == ("Extension.LaunchError", message)
            line = "EXTENSION\tName: broken\tState: LaunchError\tEvents: []\tError Type: "
            assert f"{line}{error_type}\n" in on.log.messages(version.name)

    run(scenario())


def test_an_init_error(bench: OpenBench) -> None:
    unhappy = HEAD + "register '\"INVOKE\"'\nfailed init My.Reason\nsleep 60\n"

    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = counter(on, layer(on, unhappy=unhappy))
            assert await failure(on, version) == ("Extension.InitError", "My.Reason")
            text = on.log.text(version.name)
            assert (
                "EXTENSION\tName: unhappy\tState: InitError\tEvents: [INVOKE]\t"
                "Error Type: My.Reason\n"
            ) in text
            assert "Status: error\tError Type: Extension.InitError\n" in text

    run(scenario())


def test_a_crash_during_an_invocation_resets_the_environment(bench: OpenBench) -> None:
    fragile = HEAD + (
        "register '\"INVOKE\"'\nnext\n"
        "[ -e $TMP/again ] || { touch $TMP/again; exit 4; }\nwhile true; do next; done\n"
    )
    source = (
        "import os, time\ncalls = 0\n"
        "def handler(event, context):\n"
        "    global calls\n    calls += 1\n    time.sleep(event)\n"
        "    return [calls, os.path.exists(os.environ.get('TMPDIR', '/tmp') + '/again')]\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, layer_dirs=(layer(on, fragile=fragile),), timeout_s=20)
            error = json.loads((await on.invoke(version, 30)).payload)
            assert error["errorType"] == "Extension.Crash"
            assert error["errorMessage"].endswith(" Error: exit status 4")
            assert await on.answer(version, 0) == [1, True]
            assert len({event.stream for _, event in on.log.events}) == 1

    run(scenario())


def test_the_end_of_the_runtime_is_told_and_ends_the_environment(bench: OpenBench) -> None:
    source = "import os\ndef handler(event, context):\n    os._exit(5)\n"

    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = on.python(source, layer_dirs=(layer(on, listener=LISTENER),), timeout_s=20)
            assert await failure(on, version) == (
                "Runtime.ExitError",
                "Runtime exited with error: exit status 5",
            )
            log = on.log
        assert '"shutdownReason":"failure"' in log.text(version.name)

    run(scenario())


def test_a_timeout_is_told(bench: OpenBench) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(60)\n"

    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = on.python(source, layer_dirs=(layer(on, listener=LISTENER),), timeout_s=1)
            assert (await failure(on, version))[0] == "Sandbox.Timedout"
            log = on.log
        assert '"shutdownReason":"timeout"' in log.text(version.name)

    run(scenario())


BOOTSTRAP = r"""#!/bin/bash
trap 'echo runtime leaves; exit 0' TERM
TMP="${TMPDIR:-/tmp}"
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  curl -sS -D $TMP/head -o $TMP/event "$API/invocation/next" & wait $!
  ID=$(sed -n 's/^lambda-runtime-aws-request-id: *\([0-9a-f-]*\).*/\1/Ip' $TMP/head)
  curl -sS -o /dev/null "$API/invocation/$ID/response" -d 1
done
"""
INTERNAL = HEAD.partition("\n")[2].replace("API=", "EXTENSIONS=").replace("$API", "$EXTENSIONS")
"""The functions of an extension, for a bootstrap."""


def test_the_runtime_gets_a_sigterm(bench: OpenBench) -> None:

    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            version = on.write(
                {"bootstrap": BOOTSTRAP},
                runtime="provided.al2023",
                handler="mine",
                layer_dirs=(layer(on, listener=LISTENER),),
                timeout_s=20,
            )
            assert await on.answer(version) == 1
            log = on.log
        text = log.text(version.name)
        assert text.index("runtime leaves\n") < text.index('"shutdownReason":"spindown"')

    run(scenario())


def test_layers_hide_each_others_extensions(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            below = layer(on, same="#!/bin/bash\nexit 9\n", other=LISTENER)
            above = layer(on, same=LISTENER)
            version = counter(on, below, above)
            assert await on.answer(version) == 1
            names = [text for text in on.log.messages(version.name) if text.startswith("EXTENSION")]
            assert names == [
                f"EXTENSION\tName: {name}\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n"
                for name in ("other", "same")
            ]

    run(scenario())


def test_eleven_are_too_many(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench(extension_shutdown_s=30.0) as on:
            many = {f"e{number}": LISTENER for number in range(11)}
            version = counter(on, layer(on, **many))
            assert await failure(on, version) == (
                "Extension.TooManyExtensions",
                "Extension limit (10) reached",
            )

    run(scenario())


COLLECTOR = r"""#!/usr/bin/python3
import http.server, json, os, sys, threading, urllib.request

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]

def call(method, path, body=None, **headers):
    named = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(api + path, data, named, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.headers, json.loads(answer.read())

reported = threading.Event()

class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            print("event", json.dumps(event), flush=True)
            if event["type"] == "platform.report":
                reported.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

headers, _ = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]},
                  Name=os.path.basename(sys.argv[0]))
me = headers["Lambda-Extension-Identifier"]
server = http.server.HTTPServer(("", 0), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("answered", call("PUT", "/2022-07-01/telemetry", {
    "schemaVersion": "2022-12-13", "types": ["platform", "function"],
    "buffering": {"timeoutMs": 25},
    "destination": {"protocol": "HTTP",
                    "URI": "http://sandbox.localdomain:%d" % server.server_port},
}, Identifier=me)[1], flush=True)
while call("GET", "/2020-01-01/extension/event/next", Identifier=me)[1]["eventType"] != "SHUTDOWN":
    pass
reported.wait()
"""


async def collected(bench: OpenBench, collector: str, source: str) -> tuple[str, list[Any]]:
    """The log of one run, and the events that an extension got of it."""
    async with bench(extension_shutdown_s=30.0) as on:
        version = on.python(source, layer_dirs=(layer(on, collect=collector),), timeout_s=20)
        assert await on.answer(version) == 1
        log = on.log
        # The run goes on until the extension is done.
        await until(lambda: "REPORT" in log.text(version.name))
    text = log.text(version.name)
    assert "answered OK\n" in text
    lines = (line for line in log.messages(version.name) if line.startswith("event "))
    return text, [json.loads(line.removeprefix("event ")) for line in lines]


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the extension is a script")
@pytest.mark.parametrize("tier", WITH_TELEMETRY, ids=tier_id)
def test_telemetry_reaches_its_subscriber(bench: OpenBench) -> None:
    source = "def handler(event, context):\n    print('hello')\n    return 1\n"

    async def scenario() -> None:
        text, events = await collected(bench, COLLECTOR, source)
        assert "TELEMETRY\tName: collect\tState: Subscribed\tTypes: [Platform, Function]\n" in text
        kinds = [event["type"] for event in events]
        assert kinds[:5] == [
            "platform.initStart",
            "platform.telemetrySubscription",
            "platform.initRuntimeDone",
            "platform.extension",
            "platform.initReport",
        ]
        assert kinds[5:] == [
            "platform.start", "function", "platform.runtimeDone", "platform.report",
        ]  # fmt: skip
        assert events[6]["record"] == "hello"

    run(scenario())


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the extension is a script")
@pytest.mark.parametrize("tier", WITH_TELEMETRY, ids=tier_id)
def test_the_logs_api_has_events_of_its_own(bench: OpenBench) -> None:
    source = "def handler(event, context):\n    print('{\"a\": 1}')\n    return 1\n"
    collector = COLLECTOR.replace("/2022-07-01/telemetry", "/2020-08-15/logs")
    collector = collector.replace("2022-12-13", "2021-03-18")

    async def scenario() -> None:
        text, events = await collected(bench, collector, source)
        assert "LOGS\tName: collect\tState: Subscribed\tTypes: [Platform, Function]\n" in text
        assert [event["type"] for event in events] == [
            "platform.logsSubscription", "platform.initRuntimeDone", "platform.extension",
            "platform.initReport", "platform.start", "function", "platform.runtimeDone",
            "platform.end", "platform.report",
        ]  # fmt: skip
        assert events[5]["record"] == '{"a": 1}\n'
        assert events[6]["record"].keys() == {"requestId", "status"}

    run(scenario())


def test_an_internal_extension_has_time_to_leave(bench: OpenBench) -> None:
    """It hears of invocations, and of the end by a SIGTERM to the runtime that it is in."""
    head, _, rest = BOOTSTRAP.partition("API=")
    inside = head + INTERNAL + "register '\"INVOKE\"'\n"
    inside += "{ while true; do next; echo inside got $EVENT; done; } &\nAPI=" + rest

    async def scenario() -> None:
        async with bench(internal_extension_shutdown_s=30.0) as on:
            version = on.write(
                {"bootstrap": inside}, runtime="provided.al2023", handler="mine", timeout_s=20
            )
            assert await on.answer(version) == 1
            log = on.log
        text = log.text(version.name)
        assert "EXTENSION\tName: bootstrap\tState: Ready\tEvents: [INVOKE]\n" in text
        assert 'inside got {"eventType":"INVOKE"' in text
        assert "SHUTDOWN" not in text
        assert text.count("runtime leaves\n") == 1

    run(scenario())


def test_an_internal_extension_that_stays_is_ended(bench: OpenBench) -> None:
    """In half a second, and a runtime that hangs too."""
    deaf = INTERNAL + "trap '' TERM\nregister '\"INVOKE\"'\n{ while true; do next; done; } &\n"
    bootstrap = "#!/bin/bash\n" + deaf + BOOTSTRAP.partition("\n")[2].replace("exit 0", ":")

    async def scenario() -> None:
        async with bench() as on:
            version = on.write(
                {"bootstrap": bootstrap}, runtime="provided.al2023", handler="mine", timeout_s=20
            )
            assert await on.answer(version) == 1

    run(scenario())


def test_without_extensions_the_runtime_has_no_time_to_leave(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            files = {"bootstrap": BOOTSTRAP}
            version = on.write(files, runtime="provided.al2023", handler="mine", timeout_s=20)
            assert await on.answer(version) == 1
            log = on.log
        assert "runtime leaves" not in log.text(version.name)

    run(scenario())


INSIDE = r"""
import http.server, json, os, threading, urllib.error, urllib.request

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
events = []
print("before it is there")

def call(method, path, body=None, **headers):
    named = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(api + path, data, named, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.headers, json.loads(answer.read())

class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        events.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("", 0), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
_, headers, _ = call("POST", "/2020-01-01/extension/register", {"events": []}, Name="inside")
me = headers["Lambda-Extension-Identifier"]
uri = "http://sandbox.localdomain:%d" % server.server_port
subscribed = call("PUT", "/2022-07-01/telemetry", {
    "schemaVersion": "2022-12-13", "types": ["platform", "function"],
    "buffering": {"timeoutMs": 25}, "destination": {"protocol": "HTTP", "URI": uri},
}, Identifier=me)
threading.Thread(
    target=call, args=("GET", "/2020-01-01/extension/event/next"), kwargs={"Identifier": me},
    daemon=True,
).start()

def handler(event, context):
    print("hello")
    return [subscribed[0], subscribed[2], [[event["type"], event["record"]] for event in events]]
"""


def test_telemetry_inside_the_runtime(bench: OpenBench, tier: Tier) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(INSIDE, timeout_s=20)
            status, answer, _ = await on.answer(version)
            if tier not in WITH_TELEMETRY:
                assert (status, answer["errorType"]) == (202, "Telemetry.NotSupported")
                return
            assert (status, answer) == (200, "OK")
            seen: list[Any] = []
            async with asyncio.timeout(PATIENCE_S):
                while "platform.report" not in [kind for kind, _ in seen]:
                    seen = (await on.answer(version))[2]
        assert [kind for kind, _ in seen][:7] == [
            "platform.initStart", "function", "platform.telemetrySubscription",
            "platform.initRuntimeDone", "platform.extension", "platform.initReport",
            "platform.start",
        ]  # fmt: skip
        lines = [record for kind, record in seen if kind == "function"]
        assert lines[:2] == ["before it is there", "hello"]

    run(scenario())
