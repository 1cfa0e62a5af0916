"""The function's environment, name by name (semantics §6.3)."""

from __future__ import annotations

from pathlib import Path

from lambdad.runtime.variables import environment_variables
from lambdad.sandbox.driver import RuntimePack
from support.functions import Keys, make_version

ALL = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "3",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-role",
    "AWS_SESSION_TOKEN": "token-of-the-session",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "_HANDLER": "app.handler",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "AWS_ENDPOINT_URL": "http://169.254.100.1:4566",
}
LIBRARIES = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"


def variables(runtime: str, family: str, **changes: object) -> dict[str, str]:
    fields = {"name": "f", "version": "3", "memory_mib": 256, "runtime": runtime} | changes
    pack = RuntimePack(runtime, family, ("x",), ())
    return environment_variables(make_version(Path("/code"), **fields), pack, "stream", Keys())


def test_python() -> None:
    assert variables("python3.12", "python") == ALL | {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "PWD": "/var/task",
        "SHLVL": "0",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": f"/var/lang/lib:{LIBRARIES}",
        "PYTHONPATH": "/var/runtime",
        "LC_CTYPE": "C.UTF-8",
    }


def test_nodejs() -> None:
    found = variables("nodejs20.x", "nodejs")
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"
    assert found["NODE_PATH"] == (
        "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:"
        "/var/runtime/node_modules:/var/runtime:/var/task"
    )


def test_provided_is_bare() -> None:
    assert variables("provided.al2023", "provided") == ALL | {
        "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": LIBRARIES,
    }


def test_java_has_no_shell_variables_and_the_old_key_names_where_old() -> None:
    assert not {"PWD", "SHLVL", "AWS_ACCESS_KEY"} & variables("java21", "java").keys()
    assert variables("java11", "java")["AWS_SECRET_KEY"] == "secret-of-the-role"


def test_a_function_overrides_what_it_may_and_nothing_else() -> None:
    own = {"TZ": "UTC", "MINE": "1", "AWS_ACCESS_KEY_ID": "forged", "_HANDLER": "other.handler"}
    found = variables("python3.12", "python", environment=own)
    assert (found["TZ"], found["MINE"]) == ("UTC", "1")
    assert (found["AWS_ACCESS_KEY_ID"], found["_HANDLER"]) == ("ASIAEXAMPLE", "app.handler")


def test_json_logs_are_announced() -> None:
    found = variables("python3.12", "python", log_format="JSON", application_log_level="WARN")
    assert (found["AWS_LAMBDA_LOG_FORMAT"], found["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "WARN")
    assert "AWS_LAMBDA_LOG_FORMAT" not in variables("python3.12", "python")
