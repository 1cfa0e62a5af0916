"""The sample of every source has the shape that semantics §4 and §5 give it, member by member."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambdad.events import samples

ANY = object()
"""A shape of which only the presence is known."""
RECORD = {
    "sqs": {
        "messageId": str, "receiptHandle": str, "body": str,
        "attributes": {"ApproximateReceiveCount": str, "SentTimestamp": str, "SenderId": str,
                       "ApproximateFirstReceiveTimestamp": str},
        "messageAttributes": {"kind": {"stringValue": str, "stringListValues": list,
                                       "binaryListValues": list, "dataType": str}},
        "md5OfBody": str, "md5OfMessageAttributes": str, "eventSource": "aws:sqs",
        "eventSourceARN": str, "awsRegion": str,
    },
    "s3": {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": str, "eventTime": str,
        "eventName": str, "userIdentity": {"principalId": str},
        "requestParameters": {"sourceIPAddress": str},
        "responseElements": {"x-amz-request-id": str, "x-amz-id-2": str},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": str,
               "bucket": {"name": str, "ownerIdentity": {"principalId": str}, "arn": str}},
    },
    "kinesis": {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": str, "sequenceNumber": str,
                    "data": str, "approximateArrivalTimestamp": float},
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": str,
        "eventName": "aws:kinesis:record", "invokeIdentityArn": str, "awsRegion": str,
        "eventSourceARN": str,
    },
}  # fmt: skip
S3_OBJECT = {"key": str, "size": int, "eTag": str, "sequencer": str}
BRIDGE = {
    "version": "0", "id": str, "detail-type": str, "source": str, "account": str, "time": str,
    "region": str, "resources": list, "detail": dict,
}  # fmt: skip
HTTP = {"method": str, "path": str, "protocol": str, "sourceIp": str, "userAgent": str}
CONTEXT = {
    "accountId": str, "apiId": str, "domainName": str, "domainPrefix": str, "http": HTTP,
    "requestId": str, "routeKey": str, "stage": str, "time": str, "timeEpoch": int,
}  # fmt: skip
V2 = {
    "version": "2.0", "routeKey": str, "rawPath": str, "rawQueryString": str, "cookies": list,
    "headers": dict, "queryStringParameters": dict, "requestContext": CONTEXT, "body": str,
    "isBase64Encoded": bool,
}  # fmt: skip
IAM = {
    "accessKey": str, "accountId": str, "callerId": str, "cognitoIdentity": None,
    "principalOrgId": None, "userArn": str, "userId": str,
}  # fmt: skip
REST_IDENTITY = {
    "cognitoIdentityPoolId": None, "accountId": None, "cognitoIdentityId": None, "caller": None,
    "sourceIp": str, "principalOrgId": None, "accessKey": None,
    "cognitoAuthenticationType": None, "cognitoAuthenticationProvider": None, "userArn": None,
    "userAgent": str, "user": None,
}  # fmt: skip
REST = {
    "resource": str, "path": str, "httpMethod": str, "headers": dict, "multiValueHeaders": dict,
    "queryStringParameters": dict, "multiValueQueryStringParameters": dict,
    "pathParameters": dict, "stageVariables": None,
    "requestContext": {
        "resourceId": str, "resourcePath": str, "httpMethod": str, "extendedRequestId": str,
        "requestTime": str, "path": str, "accountId": str, "protocol": str, "stage": str,
        "domainPrefix": str, "requestTimeEpoch": int, "requestId": str,
        "identity": REST_IDENTITY, "domainName": str, "deploymentId": str, "apiId": str,
    },
}  # fmt: skip
BALANCER = {
    "requestContext": {"elb": {"targetGroupArn": str}}, "httpMethod": str, "path": str,
    "body": str, "isBase64Encoded": bool,
}  # fmt: skip
KAFKA = {
    "bootstrapServers": str,
    "records": {"orders-0": [{
        "topic": str, "partition": int, "offset": int, "timestamp": int,
        "timestampType": "CREATE_TIME", "key": str, "value": str, "headers": list,
    }]},
}  # fmt: skip
COGNITO = {
    "version": "1", "region": str, "userPoolId": str, "userName": str,
    "callerContext": {"awsSdkVersion": str, "clientId": str}, "triggerSource": str,
    "request": dict, "response": dict,
}  # fmt: skip
S3_RECORD = RECORD["s3"]["s3"]
SHAPES: Mapping[str, Any] = {
    "sqs": {"Records": [RECORD["sqs"]]},
    "sqs-fifo": {"Records": [
        {key: shape for key, shape in RECORD["sqs"].items() if key != "md5OfMessageAttributes"}
        | {"messageAttributes": {},
           "attributes": RECORD["sqs"]["attributes"] | {
               "SequenceNumber": str, "MessageGroupId": str, "MessageDeduplicationId": str}},
    ]},
    "s3-put": {"Records": [RECORD["s3"] | {"s3": S3_RECORD | {"object": S3_OBJECT}}]},
    "s3-delete": {"Records": [
        RECORD["s3"] | {"s3": S3_RECORD | {"object": {"key": str, "sequencer": str}}}
    ]},
    "sns": {"Records": [{
        "EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": str,
        "Sns": {"Type": "Notification", "MessageId": str, "TopicArn": str, "Subject": None,
                "Message": str, "Timestamp": str, "SignatureVersion": "1", "Signature": str,
                "SigningCertUrl": str, "UnsubscribeUrl": str,
                "MessageAttributes": {"kind": {"Type": str, "Value": str}}},
    }]},
    "eventbridge": BRIDGE,
    "eventbridge-schedule": BRIDGE
    | {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
    "eventbridge-s3": BRIDGE | {"detail-type": "Object Created", "source": "aws.s3"},
    "scheduler": BRIDGE | {"source": "aws.scheduler", "detail": "{}"},
    "api-gateway-rest": REST | {"body": None, "isBase64Encoded": False},
    "api-gateway-request-authorizer": REST | {"type": "REQUEST", "methodArn": str},
    "api-gateway-token-authorizer": {"type": "TOKEN", "authorizationToken": str, "methodArn": str},
    "http-api": V2,
    "function-url": V2,
    "function-url-iam": V2
    | {"requestContext": CONTEXT | {"authentication": None, "authorizer": {"iam": IAM}}},
    "alb": BALANCER | {"queryStringParameters": dict, "headers": dict},
    "alb-multi-value": BALANCER
    | {"multiValueQueryStringParameters": dict, "multiValueHeaders": dict},
    "cloudwatch-logs": {"awslogs": {"data": str}},
    "cloudwatch-alarm": {
        "source": "aws.cloudwatch", "alarmArn": str, "accountId": str, "time": str, "region": str,
        "alarmData": {
            "alarmName": str,
            "state": {"value": str, "reason": str, "reasonData": str, "timestamp": str},
            "previousState": {"value": str, "reason": str, "timestamp": str},
            "configuration": {"description": str, "metrics": [{
                "id": str,
                "metricStat": {"metric": {"namespace": str, "name": str, "dimensions": dict},
                               "period": int, "stat": str},
                "returnData": bool,
            }]},
        },
    },
    "kinesis": {"Records": [RECORD["kinesis"]]},
    "kinesis-tumbling-window": {
        "Records": [RECORD["kinesis"]], "window": {"start": str, "end": str}, "state": {},
        "shardId": str, "eventSourceARN": str, "isFinalInvokeForWindow": bool,
        "isWindowTerminatedEarly": bool,
    },
    "dynamodb": {"Records": [{
        "eventID": str, "eventName": "INSERT", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": str,
        "dynamodb": {"ApproximateCreationDateTime": int, "Keys": dict, "NewImage": dict,
                     "SequenceNumber": str, "SizeBytes": int, "StreamViewType": str},
        "eventSourceARN": str,
    }]},
    "msk": KAFKA | {"eventSource": "aws:kafka", "eventSourceArn": str},
    "self-managed-kafka": KAFKA | {"eventSource": "SelfManagedKafka"},
    "activemq": {"eventSource": "aws:mq", "eventSourceArn": str, "messages": [{
        "messageID": str, "messageType": "jms/text-message", "data": str, "connectionId": str,
        "redelivered": bool, "destination": {"physicalName": str}, "timestamp": int,
        "brokerInTime": int, "brokerOutTime": int, "properties": dict,
    }]},
    "rabbitmq": {"eventSource": "aws:rmq", "eventSourceArn": str, "rmqMessagesByQueue": {
        "orders::/": [{"basicProperties": dict, "redelivered": bool, "data": str}]
    }},
    "documentdb": {"eventSource": "aws:docdb", "eventSourceArn": str, "events": [{"event": {
        "_id": dict, "clusterTime": dict, "documentKey": dict, "fullDocument": dict,
        "ns": {"db": str, "coll": str}, "operationType": str,
    }}]},
    **{f"cognito-{trigger}": COGNITO for trigger in (
        "pre-sign-up", "post-confirmation", "pre-authentication", "post-authentication",
        "pre-token-generation", "custom-message", "define-auth-challenge",
        "create-auth-challenge", "verify-auth-challenge", "user-migration",
        "custom-email-sender", "custom-sms-sender",
    )},
    "cloudformation-custom-resource": {
        "RequestType": "Create", "ResponseURL": str, "StackId": str, "RequestId": str,
        "LogicalResourceId": str, "ResourceType": str, "ResourceProperties": dict,
    },
    "firehose": {"invocationId": str, "deliveryStreamArn": str, "region": str, "records": [
        {"recordId": str, "approximateArrivalTimestamp": int, "data": str}
    ]},
    "secretsmanager-rotation": {"Step": str, "SecretId": str, "ClientRequestToken": str},
    "cloudfront": {"Records": [{"cf": dict}]},
    "ses": {"Records": [{"eventVersion": "1.0", "eventSource": "aws:ses", "ses": dict}]},
    "iot-rule": {"temperature": float, "device": str},
    "step-functions": {"orderId": str, "total": int},
    **dict.fromkeys(
        ("cognito-sync", "iot-events", "config-rule", "codecommit", "codepipeline", "lex",
         "vpc-lattice", "s3-batch", "s3-object-lambda"), ANY,
    ),
}  # fmt: skip
"""The last ones have a name in the semantics and no shape."""


def sample(name: str) -> Any:
    text = samples.sample(name)
    assert text is not None
    return json.loads(text)


def fits(value: Any, shape: Any) -> None:
    """Exactly the members of the shape, each of its type or value."""
    if shape is ANY:
        assert isinstance(value, dict)
        assert value
    elif isinstance(shape, type):
        assert type(value) is shape
    elif isinstance(shape, dict):
        assert value.keys() == shape.keys()
        for key, member in shape.items():
            fits(value[key], member)
    elif isinstance(shape, list):
        assert len(value) == len(shape)
        for item, member in zip(value, shape, strict=True):
            fits(item, member)
    else:
        assert value == shape


def test_every_sample_has_a_shape_and_every_shape_a_sample() -> None:
    assert samples.names() == sorted(SHAPES)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_sample_has_its_shape(name: str) -> None:
    fits(sample(name), SHAPES[name])


def test_there_is_no_other_sample() -> None:
    for name in ("", "nothing", "../samples/sqs", "__init__", "sqs.json"):
        assert samples.sample(name) is None


def test_checksums_in_samples_are_right() -> None:
    for name in ("sqs", "sqs-fifo"):
        (record,) = sample(name)["Records"]
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()


def test_what_a_sample_encodes_can_be_read() -> None:
    packed = base64.b64decode(sample("cloudwatch-logs")["awslogs"]["data"])
    fits(
        json.loads(gzip.decompress(packed)),
        {
            "messageType": "DATA_MESSAGE",
            "owner": str,
            "logGroup": str,
            "logStream": str,
            "subscriptionFilters": list,
            "logEvents": [{"id": str, "timestamp": int, "message": str}],
        },
    )
    (record,) = sample("kinesis")["Records"]
    assert json.loads(base64.b64decode(record["kinesis"]["data"])) == {
        "orderId": "1001",
        "total": 42,
    }
