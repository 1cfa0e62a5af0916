"""A server's life as an operator sees it: start, stop, kill, start again."""

from __future__ import annotations

import io
import json
import operator
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from support.patience import PATIENCE_S, wait_for
from support.server import LambdadServer, ServerFactory

ROLE = "arn:aws:iam::000000000000:role/test"


def package(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", text)
    return buffer.getvalue()


def make_function(server: LambdadServer, name: str, text: str, timeout_s: int = 3) -> None:
    client = server.client("lambda")
    version = "python{}.{}".format(*sys.version_info[:2])
    client.create_function(
        FunctionName=name, Runtime=version, Role=ROLE, Handler="app.handler",
        Code={"ZipFile": package(text)}, Timeout=timeout_s,
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1800}
    )


def refusal(*options: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lambdad", "up", *options],
        env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, as the kernel tells."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(folder) in line.split()[4]]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> None:
    wait_for(lambda: [pid for pid in pids if alive(pid)], operator.not_)


def test_a_stopped_server_leaves_nothing(fresh_server: LambdadServer) -> None:
    make_function(fresh_server, "f", "def handler(e, c): return 'ran'")
    answer = fresh_server.client("lambda").invoke(FunctionName="f")
    assert json.load(answer["Payload"]) == "ran"
    processes = descendants(fresh_server.pid)
    assert processes, "a function's environment is a process"
    assert fresh_server.stop() == 0
    wait_until_gone(processes)
    assert mounts_below(fresh_server.data_dir) == []
    assert not (fresh_server.data_dir / "run" / "server.json").exists()
    assert "Traceback" not in fresh_server.log_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(fresh_server: LambdadServer, number: int) -> None:
    os.kill(fresh_server.pid, number)
    assert fresh_server.stop() == 0
    assert "Traceback" not in fresh_server.log_text()


def test_a_stopping_server_lets_a_running_invocation_end(fresh_server: LambdadServer) -> None:
    make_function(
        fresh_server, "slow", "import time\ndef handler(e, c): time.sleep(1); return 'whole'"
    )
    invoking = subprocess.Popen(
        [sys.executable, "-m", "lambdad", "invoke", "slow"],
        env=fresh_server.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    logs = fresh_server.client("logs")
    wait_for(lambda: logs.describe_log_groups()["logGroups"])
    wait_for(
        lambda: logs.filter_log_events(logGroupName="/aws/lambda/slow")["events"],
        lambda events: any(event["message"].startswith("START") for event in events),
    )
    assert fresh_server.stop() == 0
    out, error = invoking.communicate(timeout=PATIENCE_S)
    assert out.strip() == '"whole"', error


def test_kill_9_loses_nothing_that_was_acknowledged(fresh_server: LambdadServer) -> None:
    client, logs = fresh_server.client("lambda"), fresh_server.client("logs")
    make_function(fresh_server, "kept", "def handler(e, c): return 'kept'")
    client.publish_version(FunctionName="kept")
    client.create_alias(FunctionName="kept", Name="live", FunctionVersion="1")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now_ms = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now_ms, "message": "kept"}]
    )
    assert json.load(client.invoke(FunctionName="kept")["Payload"]) == "kept"
    processes = descendants(fresh_server.pid)
    key = fresh_server.root_key
    fresh_server.kill9()
    fresh_server.start()
    wait_until_gone(processes)  # what the dead server left has been cleaned up
    assert fresh_server.root_key == key
    client, logs = fresh_server.client("lambda"), fresh_server.client("logs")
    assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["kept"]
    assert len(client.list_versions_by_function(FunctionName="kept")["Versions"]) == 2
    assert client.get_alias(FunctionName="kept", Name="live")["FunctionVersion"] == "1"
    events = logs.filter_log_events(logGroupName="g")["events"]
    assert [event["message"] for event in events] == ["kept"]
    answer = client.invoke(FunctionName="kept", Qualifier="live")
    assert json.load(answer["Payload"]) == "kept"
    assert fresh_server.stop() == 0
    assert mounts_below(fresh_server.data_dir) == []


def test_kill_9_in_the_middle_of_creating(fresh_server: LambdadServer) -> None:
    client = fresh_server.client("lambda")
    version = "python{}.{}".format(*sys.version_info[:2])
    for number in range(5):
        client.create_function(
            FunctionName=f"f{number}", Runtime=version, Role=ROLE, Handler="app.handler",
            Code={"ZipFile": package(f"def handler(e, c): return {number}")},
        )  # fmt: skip
    fresh_server.kill9()  # acknowledged, but most of them still Pending
    fresh_server.start()
    client = fresh_server.client("lambda")
    for number in range(5):
        client.get_waiter("function_active_v2").wait(
            FunctionName=f"f{number}", WaiterConfig={"Delay": 0.05, "MaxAttempts": 1800}
        )
    assert json.load(client.invoke(FunctionName="f4")["Payload"]) == 4


def test_two_servers_do_not_share_a_data_directory(fresh_server: LambdadServer) -> None:
    place = str(fresh_server.data_dir)
    text = refusal("--port", "0", "--data-dir", place, environment=fresh_server.environment())
    assert f"pid {fresh_server.pid}" in text
    assert fresh_server.endpoint in text
    assert "--data-dir" in text
    fresh_server.client("lambda").list_functions()


def test_a_port_that_is_taken(fresh_server: LambdadServer, tmp_path: Path) -> None:
    port = fresh_server.endpoint.rpartition(":")[2]
    text = refusal(
        "--port", port, "--data-dir", str(tmp_path / "other"),
        environment=fresh_server.environment(),
    )  # fmt: skip
    assert f"Port {port} on 127.0.0.1" in text
    assert "--port" in text


def test_any_credentials_are_refused_off_loopback(
    fresh_server: LambdadServer, tmp_path: Path
) -> None:
    text = refusal(
        "--host", "0.0.0.0", "--port", "0", "--accept-any-credentials",
        "--data-dir", str(tmp_path / "other"), environment=fresh_server.environment(),
    )  # fmt: skip
    assert "--accept-any-credentials on 0.0.0.0" in text


def test_any_credentials_are_announced(start_server: ServerFactory) -> None:
    server = start_server("--accept-any-credentials")
    client = server.client(
        "lambda", aws_access_key_id="111122223333", aws_secret_access_key="made up"
    )
    assert client.list_functions()["Functions"] == []
    assert "accepting any credentials" in server.log_text()


def test_only_the_right_key_opens_a_server(fresh_server: LambdadServer) -> None:
    key_id, _ = fresh_server.root_key
    for key, code in ((key_id, "InvalidSignatureException"), ("test", "UnrecognizedClient")):
        client = fresh_server.client("lambda", aws_access_key_id=key, aws_secret_access_key="wrong")
        with pytest.raises(client.exceptions.ClientError, match=code):
            client.list_functions()


def test_the_secrets_are_their_owners_alone(fresh_server: LambdadServer) -> None:
    assert fresh_server.data_dir.stat().st_mode & 0o077 == 0
    for name in ("credentials", "session.key"):
        assert (fresh_server.data_dir / name).stat().st_mode & 0o077 == 0
    secret = fresh_server.root_key[1]
    assert secret not in fresh_server.log_text()


def test_the_server_survives_a_port_scan(fresh_server: LambdadServer) -> None:
    host, port = fresh_server.endpoint.removeprefix("http://").split(":")
    for data in (b"", b"\0" * 100, b"GET /\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01" + bytes(99)):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    fresh_server.client("lambda").list_functions()
    assert "Traceback" not in fresh_server.log_text()
