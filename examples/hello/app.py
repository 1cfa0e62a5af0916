"""The smallest function that shows something: greets, logs, and tells where it runs."""

import os


def handler(event, context):
    name = event.get("name", "world")
    print(f"greeting {name}")
    return {
        "message": f"Hello, {name}!",
        "function": context.function_name,
        "memory": f"{context.memory_limit_in_mb} MB",
        "remaining_ms": context.get_remaining_time_in_millis(),
        "runtime": os.environ["AWS_EXECUTION_ENV"],
    }
