"""Node.js functions under lambdad's own client: handler styles, errors, log lines."""

from __future__ import annotations

import json
import re

import pytest

from support.functions import make_request, run

from .conftest import OpenBench

NODE_24 = {"runtime": "nodejs24.x"}


def test_context_and_console(bench: OpenBench) -> None:
    source = (
        "exports.handler = async (event, context) => {\n"
        "  console.log('one %d', 1, {a: 1}); console.error('two\\nlines');\n"
        "  return {event, left: context.getRemainingTimeInMillis(), ...context};\n"
        "};\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.node(source)
            request = make_request(version, {"k": "ä"}, client_context='{"custom":{"ü":1}}')
            result = await on.invoker.invoke(version, request)
            answer = json.loads(result.payload)
            assert answer["event"] == {"k": "ä"}
            assert answer["awsRequestId"] == request.request_id
            assert answer["functionName"] == version.name
            assert answer["memoryLimitInMB"] == "128"
            assert answer["callbackWaitsForEmptyEventLoop"] is True
            assert answer["clientContext"] == {"custom": {"ü": 1}}
            assert answer["invokedFunctionArn"] == version.arn
            assert 2000 < answer["left"] <= 3000
            lines = on.log.messages(version.name)
            stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
            head = rf"{stamp}\t{request.request_id}\t"
            assert re.fullmatch(head + r"INFO\tone 1 \{ a: 1 \}\n", lines[2])
            assert re.fullmatch(head + r"ERROR\ttwo\nlines\n", lines[3])

    run(scenario())


@pytest.mark.parametrize(
    ("name", "source", "handler"),
    [
        ("index.js", "exports.handler = async (e) => [e];", "index.handler"),
        ("index.cjs", "exports.handler = (e) => Promise.resolve([e]);", "index.handler"),
        ("index.mjs", "export const handler = async (e) => [e];", "index.handler"),
        ("src/deep/app.mjs", "export const run = async (e) => [e];", "src/deep/app.run"),
        ("index.js", "exports.a = {b: {c: async (e) => [e]}};", "index.a.b.c"),
        ("index.js", "exports.handler = (e, c, done) => done(null, [e]);", "index.handler"),
        ("index.js", "exports.handler = (e, c) => c.succeed([e]);", "index.handler"),
        (
            "index.js",
            "exports.handler = (e, c, done) => { setTimeout(() => done(null, [e]), 20); };",
            "index.handler",
        ),
        (
            "index.mjs",
            "await new Promise((r) => setTimeout(r, 5));\nexport const handler = async (e) => [e];",
            "index.handler",
        ),
    ],
)
def test_styles_of_handlers(bench: OpenBench, name: str, source: str, handler: str) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.node(source, name, handler=handler)
            assert [await on.answer(version, number) for number in (1, 2)] == [[1], [2]]

    run(scenario())


def test_module_packages(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            files = {
                "package.json": '{"type": "module"}',
                "index.js": "export const handler = async () => import.meta.url.length > 0;",
            }
            version = on.write(files, runtime="nodejs20.x", handler="index.handler")
            assert await on.answer(version) is True

    run(scenario())


def test_nothing_returned_and_callbacks_that_wait(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            assert await on.answer(on.node("exports.handler = async () => {};")) is None
            assert await on.answer(on.node("exports.handler = () => {};")) is None
            waits = on.node(
                "let n = 0; exports.handler = (e, c, done) => {\n"
                "  setTimeout(() => { n += 1; console.log('after'); }, 50); done(null, n); };"
            )
            assert [await on.answer(waits), await on.answer(waits)] == [0, 1]
            log = on.log.text(waits.name)
            assert log.index("after") < log.index("END")
            never = on.node("exports.handler = async () => { await new Promise(() => {}); };")
            result = await on.invoke(never)
            assert json.loads(result.payload)["errorType"] == "Runtime.NodeJsExit"

    run(scenario())


def test_errors_of_handlers(bench: OpenBench) -> None:
    source = (
        "exports.handler = async (event) => {\n"
        "  if (event === 1) throw new TypeError('wrong');\n"
        "  if (event === 2) throw 'a string';\n"
        "  if (event === 3) return 1n;\n"
        "  return 'fine';\n"
        "};\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.node(source)
            result = await on.invoke(version, 1)
            error = json.loads(result.payload)
            assert list(error) == ["errorType", "errorMessage", "trace"]
            assert (error["errorType"], error["errorMessage"]) == ("TypeError", "wrong")
            assert error["trace"][0] == "TypeError: wrong"
            assert "index.js:2" in error["trace"][1]
            line = next(m for m in on.log.messages(version.name) if "Invoke Error" in m)
            assert '\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"wrong"' in line
            thrown = json.loads((await on.invoke(version, 2)).payload)
            assert thrown == {"errorType": "string", "errorMessage": "a string", "trace": []}
            unfit = json.loads((await on.invoke(version, 3)).payload)
            assert unfit["errorMessage"] == "Unable to stringify response body"
            assert await on.answer(version) == "fine"

    run(scenario())


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("", "index.f", "Runtime.HandlerNotFound", "index.f is undefined or not exported"),
        ("exports.f = 1", "index.f", "Runtime.HandlerNotFound", "index.f is not a function"),
        ("", "gone.f", "Runtime.ImportModuleError", "Error: Cannot find module 'gone'"),
        ("require('nope')", "index.f", "Runtime.ImportModuleError", "Error: Cannot find module"),
        ("let let = 1", "index.f", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ("", "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ("", "../index.f", "Runtime.MalformedHandlerName", "'../index.f' is not a valid handler"),
        ("throw new RangeError('x')", "index.f", "RangeError", "x"),
    ],
)
def test_failures_of_init(
    bench: OpenBench, source: str, handler: str, error_type: str, message: str
) -> None:
    async def scenario() -> None:
        async with bench() as on:
            result = await on.invoke(on.node(source, handler=handler))
            error = json.loads(result.payload)
            assert error["errorType"] == error_type
            assert error["errorMessage"].startswith(message)

    run(scenario())


def test_what_nobody_caught_ends_the_process(bench: OpenBench) -> None:
    source = (
        "exports.handler = async (event) => {\n"
        "  if (event === 1) { Promise.reject(new Error('lost')); await new Promise(() => {}); }\n"
        "  if (event === 2) {\n"
        "    setTimeout(() => { throw new Error('late'); }, 1); await new Promise(() => {}); }\n"
        "  if (event === 3) process.exit(7);\n"
        "  return 'fine';\n"
        "};\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.node(source)
            lost = json.loads((await on.invoke(version, 1)).payload)
            assert lost["errorType"] == "Runtime.UnhandledPromiseRejection"
            assert lost["errorMessage"] == "Error: lost"
            late = json.loads((await on.invoke(version, 2)).payload)
            assert (late["errorType"], late["errorMessage"]) == ("Error", "late")
            left = json.loads((await on.invoke(version, 3)).payload)
            assert left["errorMessage"].endswith("Runtime exited with error: exit status 7")
            assert await on.answer(version) == "fine"

    run(scenario())


def test_node_24_has_no_callbacks(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            callback = on.node("exports.handler = (e, c, done) => done(null, 1);", **NODE_24)
            error = json.loads((await on.invoke(callback)).payload)
            assert error["errorType"] == "Runtime.CallbackHandlerDeprecated"
            version = on.node("exports.handler = async () => process.version;", **NODE_24)
            assert (await on.answer(version)).startswith("v24.")

    run(scenario())


def test_streams_are_collected(bench: OpenBench) -> None:
    source = (
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {\n"
        "  stream.write('a'); if (event) throw new RangeError('broken');\n"
        "  await new Promise((r) => setTimeout(r, 5)); stream.write('b'); stream.end(); });\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version = on.node(source)
            assert (await on.invoke(version, 0)).payload == b"ab"
            result = await on.invoke(version, 1)
            assert result.function_error == "Unhandled"
            assert json.loads(result.payload)["errorType"] == "RangeError"
            assert (await on.invoke(version, 0)).payload == b"ab"

    run(scenario())


def test_json_log_format(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.node(
                "exports.handler = async () => {\n"
                "  console.debug('hidden'); console.warn('shown', 1); console.log({a: 1}); };",
                log_format="JSON",
            )
            await on.invoke(version)
            events = [json.loads(message) for message in on.log.messages(version.name)]
            lines = [event for event in events if "level" in event]
            assert [(one["level"], one["message"]) for one in lines] == [
                ("WARN", "shown 1"),
                ("INFO", {"a": 1}),
            ]

    run(scenario())
