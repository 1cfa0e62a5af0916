"""Ships orders from the queue; what it cannot ship, it reports, and what comes after it."""

import json
import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    """A batch of orders. In a FIFO queue nothing may overtake a failure: from the first one on,
    the rest of the batch is reported, and comes again."""
    prices = json.loads(os.environ["PRICES"])
    records = event["Records"]
    for position, record in enumerate(records):
        order = json.loads(record["body"])
        price = prices.get(order["product"])
        if price is None:
            print(f"order {order['id']}: nobody knows the product {order['product']}")
            rest = [{"itemIdentifier": each["messageId"]} for each in records[position:]]
            return {"batchItemFailures": rest}
        shipped = {**order, "price": price}
        sqs.send_message(QueueUrl=os.environ["SHIPPED"], MessageBody=json.dumps(shipped))
    return {"batchItemFailures": []}
