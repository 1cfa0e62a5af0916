"""Takes an order by HTTP and puts it on the queue; it is accepted when the queue has it."""

import base64
import json
import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    """POST {"id", "customer", "product"}: 202, or 400 for what is no order."""
    try:
        body = event.get("body") or ""
        order = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
        order_id, customer = str(order["id"]), str(order["customer"])
        order["product"]
    except (ValueError, KeyError, TypeError):
        return {"statusCode": 400, "body": 'An order is {"id", "customer", "product"}.'}
    sqs.send_message(
        QueueUrl=os.environ["ORDERS"],
        MessageBody=json.dumps(order),
        MessageGroupId=customer,  # the orders of one customer stay in order
        MessageDeduplicationId=order_id,  # sending an order twice orders once
    )
    return {"statusCode": 202, "body": order_id}
