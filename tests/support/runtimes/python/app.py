"""The program of the runtime conformance suite for Python."""

import json
import os
import sys
import time

if os.environ.get("INIT") == "fail":
    raise ValueError("not today")
if os.environ.get("INIT") == "exit":
    os._exit(9)

calls = 0


class Broken(Exception):
    pass


def context_of(event, context):
    return {
        "requestId": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "left": context.get_remaining_time_in_millis(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "client": context.client_context.custom["k"],
    }


def fail(event, context):
    raise Broken("on purpose")


def hoard(event, context):
    held = []
    while True:
        held.append(b"x" * 1_000_000)


def count(event, context):
    global calls
    calls += 1
    with open("/tmp/calls", "a") as file:
        file.write("x")
    return {"memory": calls, "file": os.path.getsize("/tmp/calls")}


def place(event, context):
    names = ("AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE")
    return {
        "cwd": os.getcwd(),
        "writable": os.access("/var/task", os.W_OK),
        "variables": {name: os.environ[name] for name in names if name in os.environ},
    }


def read(event, context):
    with open(event["path"]) as file:
        return file.read()


def layer(event, context):
    import greeting

    return greeting.TEXT


def handler(event, context):
    action = event["do"]
    if action == "echo":
        return event["value"]
    if action == "sleep":
        time.sleep(60)
    if action == "exit":
        sys.stdout.flush()
        os._exit(7)
    if action == "large":
        return "x" * (event["bytes"] - 2)
    if action == "log":
        print(json.dumps("a line of the function"))
        return None
    return ACTIONS[action](event, context)


ACTIONS = {
    "context": context_of,
    "fail": fail,
    "hoard": hoard,
    "count": count,
    "place": place,
    "read": read,
    "layer": layer,
}
