"""Creates the order pipeline with boto3: queues, roles, functions, the mapping between them.

Run it with `eval "$(lambdad env)"` in effect, or against AWS itself: nothing in it is lambdad's.
Prints the address that takes orders.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import boto3

HERE = Path(__file__).parent
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
MAY_LOG = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
MAXIMUM_RECEIVES = 2
"""How often an order is tried before it becomes a dead letter."""

iam, sqs, functions = boto3.client("iam"), boto3.client("sqs"), boto3.client("lambda")


def policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def queue(name: str, **attributes: str) -> tuple[str, str]:
    """URL and ARN."""
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, found["Attributes"]["QueueArn"]


def role(name: str, *rights: dict[str, object]) -> str:
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(TRUST))
    iam.attach_role_policy(RoleName=name, PolicyArn=MAY_LOG)
    iam.put_role_policy(RoleName=name, PolicyName="orders", PolicyDocument=policy(*rights))
    return made["Role"]["Arn"]


def allow(resource: str, *actions: str) -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Action": [f"sqs:{action}" for action in actions],
        "Resource": resource,
    }


def function(name: str, folder: str, role_arn: str, **environment: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(HERE / folder / "app.py", "app.py")
    functions.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Handler="app.handler",
        Role=role_arn,
        Timeout=5,
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": environment},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def deploy() -> str:
    """The address that takes orders."""
    _, dead_arn = queue("orders-dead.fifo", FifoQueue="true")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAXIMUM_RECEIVES})
    orders, orders_arn = queue(
        "orders.fifo", FifoQueue="true", VisibilityTimeout="5", RedrivePolicy=redrive
    )
    shipped, shipped_arn = queue("shipped")
    sends = role("order-intake", allow(orders_arn, "SendMessage"))
    function("order-intake", "intake", sends, ORDERS=orders)
    reads = role(
        "order-worker",
        allow(orders_arn, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
        allow(shipped_arn, "SendMessage"),
    )
    prices = json.dumps({"book": 12, "pen": 2})
    function("order-worker", "worker", reads, PRICES=prices, SHIPPED=shipped)
    functions.create_event_source_mapping(
        FunctionName="order-worker",
        EventSourceArn=orders_arn,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    functions.add_permission(
        FunctionName="order-intake",
        StatementId="anybody",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    functions.add_permission(
        FunctionName="order-intake",
        StatementId="anybody-over-the-url",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    made = functions.create_function_url_config(FunctionName="order-intake", AuthType="NONE")
    return made["FunctionUrl"]


if __name__ == "__main__":
    print(deploy())
