"""A durable function: an order is charged, somebody approves it, and after a pause it is shipped.

Each step runs once, however often the function is interrupted. Between the steps nothing runs:
neither waiting for the approval nor the pause costs anything. How to deploy and run it:
docs/durable-functions.md.
"""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration


@durable_execution
def handler(order: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    """`order` is `{"id": text, "amount": number}`."""
    charge = context.step(lambda _: f"charged {order['amount']}", name="charge")
    approval = context.create_callback(
        name="approval", config=CallbackConfig(timeout=Duration.from_days(7))
    )
    context.step(lambda _: print(f"approve {order['id']}: {approval.callback_id}"), name="ask")
    approved_by = approval.result()
    context.wait(Duration.from_seconds(2), name="last chance to cancel")
    shipment = context.step(lambda _: f"shipped {order['id']}", name="ship")
    return {"charge": charge, "approved_by": approved_by, "shipment": shipment}
