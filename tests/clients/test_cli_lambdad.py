"""The lambdad command as a user runs it, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.server import LambdadServer

ECHO = "def handler(event, context):\n    print('got', event)\n    return {'echo': event}\n"
VERSION = "python{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "app.py").write_text(ECHO)
    return folder


def deploy(server: LambdadServer, path: Path, *options: str) -> str:
    done = server.lambdad("deploy", str(path), *options, check=False)
    assert done.returncode == 0, done.stderr
    return str(done.stdout + done.stderr)


def test_a_folder_becomes_a_function_and_is_brought_up_to_date(
    server: LambdadServer, project: Path
) -> None:
    text = deploy(server, project, "--memory", "256", "--timeout", "7", "--env", "AB=1=2")
    assert f"Created hello ({VERSION}, app.handler)" in text
    assert "lambdad invoke hello" in text
    assert server.lambdad("invoke", "hello", "--payload", '{"n": 1}') == {"echo": {"n": 1}}
    configuration = server.client("lambda").get_function_configuration(FunctionName="hello")
    assert configuration["MemorySize"] == 256
    assert configuration["Timeout"] == 7
    assert configuration["Environment"]["Variables"] == {"AB": "1=2"}
    assert "Unchanged" in deploy(server, project)
    (project / "app.py").write_text(ECHO.replace("echo", "again"))
    assert "Updated the code" in deploy(server, project, "--timeout", "9")
    assert server.lambdad("invoke", "hello") == {"again": {}}
    configuration = server.client("lambda").get_function_configuration(FunctionName="hello")
    assert (configuration["MemorySize"], configuration["Timeout"]) == (256, 9)


def test_deploy_as_json(server: LambdadServer, project: Path) -> None:
    document = server.lambdad("deploy", str(project), "--name", "as-json", "--json")
    assert document["FunctionName"] == "as-json"
    assert document["State"] == "Active"


def test_deploy_explains_what_is_wrong(server: LambdadServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, text in (
        (["nowhere"], "There is no nowhere"),
        ([str(tmp_path / "empty")], "is empty"),
        ([str(tmp_path / "empty"), "--env", "novalue"], "is empty"),
    ):
        done = server.lambdad("deploy", *words, check=False)
        assert done.returncode == 1
        assert text in done.stderr
        assert "Traceback" not in done.stderr


def test_invoke_takes_events_from_everywhere(server: LambdadServer, project: Path) -> None:
    deploy(server, project, "--name", "events")
    event = project / "event.json"
    event.write_text('{"from": "file"}')
    assert server.lambdad("invoke", "events", "--payload", f"@{event}") == {
        "echo": {"from": "file"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "lambdad", "invoke", "events", "--payload", "-"],
        env=server.environment(), input='"stdin"', capture_output=True, text=True,
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"echo": "stdin"}
    described = server.lambdad("invoke", "events", "--json", "--log")
    assert described["StatusCode"] == 200
    assert described["ExecutedVersion"] == "$LATEST"
    assert described["Payload"] == {"echo": {}}
    log = server.lambdad("invoke", "events", "--log", check=False).stderr
    assert "START RequestId" in log
    assert "got {}" in log
    accepted = server.lambdad("invoke", "events", "--event", check=False)
    assert accepted.returncode == 0
    assert "Accepted" in accepted.stderr
    done = server.lambdad("invoke", "events", "--payload", "{oops", check=False)
    assert done.returncode == 1
    assert "not JSON" in done.stderr


def test_a_failing_function_is_told_apart(server: LambdadServer, tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("def handler(event, context): raise ValueError('on purpose')\n")
    deploy(server, script)
    done = server.lambdad("invoke", "broken", check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["errorMessage"] == "on purpose"
    assert done.stderr.endswith("its error is above. Its log: lambdad logs broken\n")
    done = server.lambdad("invoke", "missing-function", check=False)
    assert done.returncode == 1
    assert "Function not found" in done.stderr
    assert "Traceback" not in done.stderr


def test_versions_and_aliases_are_invoked_by_qualifier(
    server: LambdadServer, project: Path
) -> None:
    deploy(server, project, "--name", "qualified")
    server.client("lambda").publish_version(FunctionName="qualified")
    described = server.lambdad("invoke", "qualified", "--qualifier", "1", "--json")
    assert described["ExecutedVersion"] == "1"


def test_logs(server: LambdadServer, project: Path) -> None:
    deploy(server, project, "--name", "talks")
    assert "may not have run yet" in server.lambdad("logs", "talks", check=False).stderr
    for number in range(3):
        server.lambdad("invoke", "talks", "--payload", json.dumps({"n": number}))
    text = server.lambdad("logs", "talks", check=False).stdout
    for number in range(3):
        assert f"got {{'n': {number}}}" in text
    assert text.count("REPORT") == 3
    filtered = server.lambdad("logs", "talks", "--filter", "REPORT", check=False).stdout
    assert len(filtered.splitlines()) == 3
    records = server.lambdad("logs", "talks", "--json", "--since", "1h", check=False).stdout
    messages = [json.loads(line)["message"] for line in records.splitlines()]
    assert any(message.startswith("got ") for message in messages)
    done = server.lambdad("logs", "no-such-function", check=False)
    assert done.returncode == 1
    assert "Function not found" in done.stderr


def test_logs_follow(server: LambdadServer, project: Path) -> None:
    deploy(server, project, "--name", "followed")
    following = subprocess.Popen(
        [sys.executable, "-m", "lambdad", "logs", "followed", "--follow"],
        env=server.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        server.lambdad("invoke", "followed", "--payload", '"first"')
        assert following.stdout is not None
        lines: list[str] = []
        deadline = time.monotonic() + 30
        while not any("got second" in line for line in lines) and time.monotonic() < deadline:
            line = following.stdout.readline()
            lines.append(line)
            if "got first" in line:
                server.lambdad("invoke", "followed", "--payload", '"second"')
        assert sum("got first" in line for line in lines) == 1
        assert sum("got second" in line for line in lines) == 1
    finally:
        following.terminate()
        following.wait()


def test_functions(server: LambdadServer, project: Path) -> None:
    deploy(server, project, "--name", "listed")
    text = server.lambdad("functions", check=False).stdout
    assert text.splitlines()[0].startswith("NAME")
    assert "listed" in text
    assert VERSION in text
    names = [f["FunctionName"] for f in server.lambdad("functions", "--json")["Functions"]]
    assert "listed" in names


def test_env_makes_the_aws_cli_work(server: LambdadServer) -> None:
    bare = {
        name: value for name, value in server.environment().items() if not name.startswith("AWS_")
    }
    bare |= {"AWS_PROFILE": "elsewhere", "AWS_SESSION_TOKEN": "old"}
    script = (
        f'eval "$({sys.executable} -m lambdad env)" && '
        "aws lambda list-functions --query 'length(Functions)'"
    )
    done = subprocess.run(
        ["sh", "-c", script], env=bare, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 0


def test_env_quotes_for_the_shell_and_prints_json(server: LambdadServer) -> None:
    document = server.lambdad("env", "--json")
    assert document["AWS_ENDPOINT_URL"] == server.endpoint
    assert (document["AWS_ACCESS_KEY_ID"], document["AWS_SECRET_ACCESS_KEY"]) == server.root_key


def test_doctor(server: LambdadServer) -> None:
    done = server.lambdad("doctor", check=False)
    assert "Traceback" not in done.stderr
    assert f"running at {server.endpoint}" in done.stdout
    assert VERSION in done.stdout
    findings = server.lambdad("doctor", "--json", check=False)
    assert {"subject", "verdict", "finding", "remedy"} == set(json.loads(findings.stdout)[0])


def test_runtimes(server: LambdadServer) -> None:
    listed = server.lambdad("runtimes", "--json")
    here = {one["runtime"]: one["installed"] for one in listed}
    assert here[VERSION]
    assert here["provided.al2023"]
    assert VERSION in server.lambdad("runtimes", "list", check=False).stdout
    done = server.lambdad("runtimes", "install", "cobol74", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_server_that_is_gone_is_explained(fresh_server: LambdadServer) -> None:
    environment_endpoint = fresh_server.lambdad("functions", check=False)
    assert environment_endpoint.returncode == 0
    fresh_server.stop()
    done = fresh_server.lambdad("functions", check=False)
    assert done.returncode == 1
    assert "lambdad up" in done.stderr
    done = fresh_server.lambdad("functions", "--data-dir", str(fresh_server.data_dir), check=False)
    assert done.returncode == 1
    assert "No lambdad is running" in done.stderr


def test_an_output_that_nobody_reads(server: LambdadServer) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m lambdad runtimes | head -1"],
        env=server.environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.stdout.startswith("RUNTIME")
    assert "Traceback" not in done.stderr
