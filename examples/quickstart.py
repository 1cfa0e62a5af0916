"""`make run`: lambdad's main job, shown with an unmodified AWS client.

Starts a server on the embedded default (data in ./.lambdad), creates examples/hello as a function
with boto3, invokes it twice (a cold start and a warm one), and prints the result, the log, the
cost and what to do next. On a terminal the server then stays up until Ctrl-C; elsewhere it is
stopped cleanly and the exit status says whether all went well.
"""

from __future__ import annotations

import base64
import configparser
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3

from lambdad.telemetry.billing import invocation_usd

ROOT = Path(__file__).parents[1]
DATA = ROOT / ".lambdad"
NAME = "hello"
ROLE = "hello"
MAY_LOG = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
READY_TIMEOUT_S = 30.0


def say(text: str = "") -> None:
    print(text, flush=True)


def start_server() -> tuple[subprocess.Popen[bytes], str]:
    """A server and its endpoint, once it is ready to serve."""
    read_end, write_end = os.pipe()
    command = [str(Path(sys.executable).parent / "lambdad"), "up", "--data-dir", str(DATA)]
    server = subprocess.Popen([*command, "--ready-fd", str(write_end)], pass_fds=[write_end])
    os.close(write_end)
    with os.fdopen(read_end) as ready:
        line = ready.readline().strip()
    if not line:
        sys.exit(f"the server did not start (exit status {server.wait(READY_TIMEOUT_S)})")
    return server, line


def client_for(service: str, endpoint: str):
    """boto3, signing with the root key that the first start made."""
    keys = configparser.ConfigParser()
    keys.read(DATA / "credentials")
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["default"]["aws_access_key_id"],
        aws_secret_access_key=keys["default"]["aws_secret_access_key"],
    )


def package() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(ROOT / "examples" / "hello" / "app.py", "app.py")
    return out.getvalue()


def execution_role(iam) -> str:
    """A role that Lambda may assume and that may write logs; an earlier run may have left it."""
    try:
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=ROLE)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=MAY_LOG)
    return role["Role"]["Arn"]


def create(client, role: str) -> None:
    """The function, fresh: an earlier run may have left one."""
    if any(f["FunctionName"] == NAME for f in client.list_functions()["Functions"]):
        client.delete_function(FunctionName=NAME)
    client.create_function(
        FunctionName=NAME,
        Runtime=f"python3.{sys.version_info.minor}",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package()},
        MemorySize=256,
    )
    client.get_waiter("function_active_v2").wait(
        FunctionName=NAME, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
    )


def invoke(client, kind: str) -> None:
    started = time.perf_counter()
    answer = client.invoke(
        FunctionName=NAME, Payload=json.dumps({"name": "lambdad"}), LogType="Tail"
    )
    took_ms = (time.perf_counter() - started) * 1000
    payload = answer["Payload"].read().decode()
    log = base64.b64decode(answer["LogResult"]).decode()
    if answer.get("FunctionError"):
        sys.exit(f"the function failed: {payload}\n{log}")
    billed = re.search(r"Billed Duration: (\d+) ms", log)
    cost = invocation_usd(int(billed.group(1)), memory_mib=256) if billed else 0.0
    say(f"\n{kind}: {took_ms:.1f} ms at the client")
    say(f"  result  {payload}")
    for line in log.rstrip("\n").split("\n"):
        say(f"  log     {line.rstrip()}")
    say(f"  cost    ${cost:.10f}  (AWS list price; ${cost * 1e6:.2f} per million)")


def next_steps(endpoint: str) -> None:
    command = os.path.relpath(Path(sys.executable).parent / "lambdad")
    here = f"--data-dir {os.path.relpath(DATA)}"
    say(f"\nlambdad is up at {endpoint}. In another terminal:")
    say(f'  eval "$({command} env {here})"          # now aws, boto3, sam … talk to it')
    say("  aws lambda list-functions")
    say(f"""  {command} invoke {NAME} {here} --payload '{{"name": "you"}}'""")
    say(f"  {command} logs {NAME} {here} --follow")
    say(f"  {command} deploy examples/hello {here} --name my-first")
    say(f"  {command} doctor {here}")


def stop(server: subprocess.Popen[bytes]) -> int:
    server.send_signal(signal.SIGTERM)
    return server.wait(30)


def main() -> int:
    server, endpoint = start_server()
    try:
        client = client_for("lambda", endpoint)
        role = execution_role(client_for("iam", endpoint))
        create(client, role)
        say(f"\ncreated {NAME} from examples/hello with boto3, to run as {role}")
        invoke(client, "cold invoke")
        invoke(client, "warm invoke")
        next_steps(endpoint)
        if sys.stdout.isatty():
            say("\nCtrl-C stops it.")
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server gets it and ends first
            return server.wait()
        say("\nnot a terminal: stopping it again")
    except BaseException:
        stop(server)
        raise
    return stop(server)


if __name__ == "__main__":
    sys.exit(main())
