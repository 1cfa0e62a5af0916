"""What lambdad's Ruby client does that no other family does: AWS's types, texts, log and ends.

Expected answers are those of AWS's own client, aws_lambda_ric 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.ruby_client import Event, Outcome, rubies, run_client

RUBIES = rubies()
Run = Callable[..., Outcome]
NO_RUBY = "no Ruby from 3.1 on is here; with CI=true, root installs the distribution's"


@pytest.fixture(params=RUBIES or [None], ids=lambda version: version or "none")
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a handler's source for some events, by each Ruby that is here."""
    if request.param is None:
        pytest.skip(NO_RUBY)

    def start(
        source: str, *events: Event, handler: str = "app.handler", telemetry: bool = True,
        terminate: bool = False, **variables: str,
    ) -> Outcome:  # fmt: skip
        (tmp_path / "app.rb").write_text(source)
        given = {"_HANDLER": handler, **variables}
        how = {"telemetry": telemetry, "terminate": terminate}
        return run_client(RUBIES[request.param], tmp_path, events or [Event()], given, **how)

    return start


def body(line: str) -> str:
    """A handler of one line."""
    return f"def handler(event:, context:)\n  {line}\nend\n"


def answer_of(outcome: Outcome) -> Any:
    (post,) = outcome.posts
    assert post.path == "invocation/request-0/response"
    assert outcome.exit_code is None
    return json.loads(post.body)


@pytest.mark.parametrize(
    ("source", "handler"),
    [
        (body("event"), "app.handler"),
        ("class One; def self.handler(event:, context:) = event; end", "app.One.handler"),
        ("module A; class B; def self.c(event:, context:) = event; end; end", "app.A::B.c"),
    ],
)
def test_forms_of_handlers(run: Run, source: str, handler: str) -> None:
    event = {"ü": [1.5, None, "häuser 🏠"]}
    outcome = run(source, Event(json.dumps(event, ensure_ascii=False).encode()), handler=handler)
    assert answer_of(outcome) == event
    # As AWS's client sends it: Net::HTTP's own type.
    assert outcome.posts[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_an_answer_of_nothing_is_null(run: Run) -> None:
    assert answer_of(run(body(""))) is None


@pytest.mark.parametrize("handler", ["app", "app.A.b.c"])
def test_a_malformed_handler(run: Run, handler: str) -> None:
    outcome = run(body("event"), handler=handler)
    (post,) = outcome.posts
    assert post.path == "init/error"
    assert post.error["errorType"] == "Init<ArgumentError>"
    parts = json.dumps(handler.split("."))
    assert post.error["errorMessage"].startswith(
        f"Invalid handler {parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where"
    )
    assert outcome.exit_code == 252


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        ("require 'gone'", "Init<LoadError>", "cannot load such file -- gone"),
        ("raise ArgumentError, 'no'", "Init<ArgumentError>", "no"),
        ("class Own < StandardError; end\nraise Own", "Init<Own>", "Own"),
        ("exit 3", "Init<SystemExit>", "exit"),
    ],
)
def test_an_error_in_init(run: Run, source: str, error_type: str, message: str) -> None:
    outcome = run(source)
    (post,) = outcome.posts
    error = post.error
    assert list(error) == ["errorMessage", "errorType", "stackTrace"]
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    public = "Function<UserException>" if "Own" in error_type else error_type
    assert post.headers["Lambda-Runtime-Function-Error-Type"] == public
    assert outcome.log.startswith('Init error when loading handler \n{\n  "errorMessage": ')
    assert outcome.exit_code == 252


def test_a_file_that_is_not_ruby(run: Run) -> None:
    outcome = run("def (")
    assert outcome.posts[0].error["errorType"] == "Init<SyntaxError>"


def test_a_file_that_is_not_there(run: Run) -> None:
    outcome = run("", handler="gone.handler")
    assert outcome.posts[0].error["errorType"] == "Init<LoadError>"
    assert outcome.posts[0].error["errorMessage"] == "cannot load such file -- gone"


def test_an_error_of_the_function(run: Run) -> None:
    outcome = run(body("raise ArgumentError, 'höchst falsch'"), Event(), Event())
    assert [post.path for post in outcome.posts] == [
        "invocation/request-0/error",
        "invocation/request-1/error",
    ]
    post = outcome.posts[0]
    error = post.error
    assert (error["errorType"], error["errorMessage"]) == (
        *("Function<ArgumentError>", "höchst falsch"),
    )
    frame = r".*/app\.rb:2:in [`'](Object#)?handler'"
    assert re.fullmatch(frame, error["stackTrace"][0])
    assert post.headers["Lambda-Runtime-Function-Error-Type"] == "Function<ArgumentError>"
    cause = json.loads(post.headers["Lambda-Runtime-Function-XRay-Error-Cause"])
    (exception,) = cause["exceptions"]
    assert (exception["type"], exception["message"]) == (
        *("Function<ArgumentError>", "höchst falsch"),
    )
    assert exception["stack"][0]["line"] == 2
    assert len(exception["stack"]) <= 15
    assert outcome.log.startswith('Error raised from handler method\n{\n  "errorMessage": ')
    assert outcome.exit_code is None


@pytest.mark.parametrize(
    ("line", "error_type"),
    [
        ("gone", "Function<NameError>"),
        ("nil.gone", "Function<NoMethodError>"),
        ("exit 3", "Function<SystemExit>"),
        ("handler(event: event, context: context)", "Function<SystemStackError>"),
    ],
)
def test_an_error_that_ends_the_environment(run: Run, line: str, error_type: str) -> None:
    outcome = run(body(line), Event(), Event())
    (post,) = outcome.posts
    assert post.error["errorType"] == error_type
    assert len(post.error["stackTrace"]) <= 100
    assert post.headers["Lambda-Runtime-Function-Error-Type"] == error_type
    assert outcome.log.startswith("Critical exception from handler\n")
    assert outcome.exit_code == 255


def test_a_method_that_is_not_there(run: Run) -> None:
    error = run(body("event"), handler="app.gone").posts[0].error
    assert error["errorType"] == "Function<NoMethodError>"
    assert re.match(r"undefined method [`']gone' for .*LambdaHandler", error["errorMessage"])


@pytest.mark.parametrize("line", ["Float::NAN", r'"\xff"'])
def test_an_answer_that_is_no_json(run: Run, line: str) -> None:
    outcome = run(body(line))
    assert outcome.posts[0].error["errorType"] == "Function<JSON::GeneratorError>"
    assert outcome.posts[0].headers["Lambda-Runtime-Function-Error-Type"] == (
        "Function<UserException>"
    )


def test_an_error_of_any_bytes_is_reported(run: Run) -> None:
    error = run(body(r'raise "\xff\nä".b')).posts[0].error
    assert error["errorMessage"].endswith("\n��")


def test_the_context(run: Run) -> None:
    names = (
        "[context.identity, context.client_context, context.tenant_id, context.deadline_ms, "
        "context.get_remaining_time_in_millis, context.memory_limit_in_mb, context.aws_request_id]"
    )
    given = {
        "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId": "i"}',
        "Lambda-Runtime-Client-Context": '{"custom": {"k": "v"}}',
        "Lambda-Runtime-Aws-Tenant-Id": "blue",
        "Lambda-Runtime-Deadline-Ms": "1000",
    }
    seen = answer_of(run(body(names), Event(headers=given), AWS_LAMBDA_FUNCTION_MEMORY_SIZE="128"))
    identity, client = {"cognitoIdentityId": "i"}, {"custom": {"k": "v"}}
    assert seen == [identity, client, "blue", 1000, 0, "128", "request-0"]
    empty = {"Lambda-Runtime-Client-Context": ""}
    assert answer_of(run(body(names), Event(headers=empty)))[:3] == [None, None, None]


def test_the_trace_is_in_the_environment(run: Run) -> None:
    line = "ENV.values_at('_X_AMZN_TRACE_ID', '_LAMBDA_TELEMETRY_LOG_FD')"
    event = Event(headers={"Lambda-Runtime-Trace-Id": "Root=1"})
    assert answer_of(run(body(line), event)) == ["Root=1", None]


def test_a_stream_is_sent_as_it_is(run: Run) -> None:
    outcome = run(body(r'StringIO.new("\x00\xff")'))
    (post,) = outcome.posts
    assert (post.body, post.headers["Content-Type"]) == (b"\x00\xff", "application/unknown")


def test_an_event_that_is_no_json_comes_as_it_is(run: Run) -> None:
    assert answer_of(run(body("event"), Event(b"plain", content_type="text/plain"))) == "plain"


def test_the_marshaller_can_be_replaced(run: Run) -> None:
    source = (
        "class AwsLambda::Marshaller\n  class << self\n"
        "    def marshall_request(raw) = raw.body.upcase\n"
        "    def marshall_response(answer) = [\"<#{answer}>\", 'text/html']\n  end\nend\n"
    )
    (post,) = run(source + body("event"), Event(b'"a"')).posts
    assert (post.body, post.headers["Content-Type"]) == (b'<"A">', "text/html")


def test_a_signal_while_it_waits_ends_it_at_once(run: Run) -> None:
    outcome = run(body("1"), terminate=True)
    assert [post.path for post in outcome.posts] == ["invocation/request-0/response", "init/error"]
    assert outcome.posts[1].error["errorType"] == "Init<SignalException>"
    assert outcome.exit_code == 252


def test_the_functions_names_are_its_own(run: Run) -> None:
    source = "".join(f"module {name}; end\n" for name in ("Runner", "RuntimeClient", "ErrorReport"))
    source += "def run_once = 1\ndef post(*) = 1\ndef log(*) = 1\nclass Utf8 < StandardError; end\n"
    assert run(source + body("raise Utf8")).posts[0].error["errorType"] == "Function<Utf8>"


def test_no_proxy_lies_between(run: Run) -> None:
    variables = {"http_proxy": "http://192.0.2.1:9", "HTTP_PROXY": "http://192.0.2.1:9"}
    assert answer_of(run(body("1"), **variables)) == 1


def test_what_is_put_is_one_frame(run: Run) -> None:
    outcome = run(body(r'puts "one\ntwo", ["three", [4]]; puts; puts "five\n".freeze'))
    texts = [frame.text for frame in outcome.frames]
    assert texts == ["one\ntwo\nthree\n4\n", "\n", "five\n"]
    assert outcome.output == ""


def test_other_output_is_stdouts(run: Run) -> None:
    outcome = run(body("print 'a'; $stdout.puts 'b'; $stderr.puts 'c'"))
    assert (outcome.output, outcome.frames) == ("ab\nc\n", [])


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"


@pytest.mark.parametrize("device", ["$stdout", "$stderr", "nil"])
def test_a_logger_writes_the_request(run: Run, device: str) -> None:
    outcome = run(body(f"Logger.new({device}, progname: 'me').warn(%(one\\ntwo))"))
    (frame,) = outcome.frames
    line = rf"W, \[{TIME} #\d+\]  WARN request-0 -- me: one\ntwo\n"
    assert re.fullmatch(line, frame.text)


def test_a_logger_of_another_place_is_left_alone(run: Run) -> None:
    outcome = run(body("out = StringIO.new; Logger.new(out).info('x'); out.string"))
    assert re.fullmatch(rf"I, \[{TIME} #\d+\]  INFO -- : x\n", answer_of(outcome))
    assert outcome.frames == []


def test_a_logger_in_json(run: Run) -> None:
    source = body(
        "log = Logger.new($stdout)\n  log.info('no'); log.warn({a: 1})\n"
        "  log.progname = 'me'\n"
        "  begin; raise ArgumentError, 'bad'; rescue => e; log.error(e); end\n"
        "  [log.level, Logger.new($stderr, level: :debug).level]"
    )
    json_log = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    outcome = run(source, **json_log)
    assert answer_of(outcome) == [2, 0]
    warning, error = (json.loads(frame.text) for frame in outcome.frames)
    for record in (warning, error):
        assert re.fullmatch(rf"{TIME}Z", record.pop("timestamp"))
        assert record.pop("requestId") == "request-0"
    assert warning.keys() == {"level", "message"}
    assert warning["level"] == "WARN"
    assert (error["level"], error["message"], error["logger"]) == ("ERROR", "bad", "me")
    assert (error["errorType"], error["errorMessage"]) == ("ArgumentError", "bad")
    assert "app.rb:5:in" in error["stackTrace"][0]
    assert re.fullmatch(r".*/app\.rb:(Object#)?handler:5", error["location"])


@pytest.mark.parametrize("variables", [{}, {"_LAMBDA_TELEMETRY_LOG_FD": "99"}])
def test_without_the_pipe_the_log_is_stdouts(run: Run, variables: dict[str, str]) -> None:
    source = body("puts 'a'; Logger.new($stdout).info('b')")
    outcome = run(source, telemetry=False, **variables)
    assert re.fullmatch(rf"a\nI, \[{TIME} #\d+\]  INFO request-0 -- : b\n", outcome.output)
