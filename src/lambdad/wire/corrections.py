"""Where AWS's services differ from their published models, or from the rule. Data only.

Every entry names a service (botocore's name) and says where it was seen: R is a recorded
conversation (../shared/recordings), D an AWS document or AWS's own client code.
"""

from __future__ import annotations

from collections.abc import Mapping

OWN_VALIDATION = frozenset({"ec2", "s3", "sqs"})
"""Services that word their validation themselves and operation by operation (R: s3, sqs). Their
inputs are read but not checked here."""

VALIDATION_CODES: Mapping[str, str] = {"logs": "InvalidParameterException"}
"""The code of a broken constraint where it is not ValidationException (R)."""

UNCHECKED = frozenset(
    {
        ("lambda", "CreateFunctionRequest", "Runtime"),
        ("lambda", "UpdateFunctionConfigurationRequest", "Runtime"),
        ("events", "CreateConnectionOAuthRequestParameters", "HttpMethod"),
        ("sns", "UnsubscribeInput", "SubscriptionArn"),
    }
)
"""Members by service and structure that the service itself checks, in words of its own (R)."""

_LOG_NAMES = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
LENGTH_MESSAGES: Mapping[tuple[str, str], str] = {
    ("logs", "LogGroupName"): _LOG_NAMES,
    ("logs", "LogStreamName"): _LOG_NAMES,
}
"""The whole message, by service and shape, where a value's length is all it speaks of (R)."""

VALUES_HIDDEN = frozenset({"iam"})
"""Services that repeat neither the value nor the enum's members in a validation message (R)."""

BODY_NAMED = frozenset({"apigateway"})
"""Services whose paths begin with the body's shape: `createRestApiInput.name` (R)."""

NULL_NAMED = frozenset({"lambda"})
"""Services that end the constraints of list elements and map values with `Member must not be
null` (R: ArchitecturesList, LayerList, AdditionalVersionWeights)."""

NULL_NOT_NAMED = frozenset({("lambda", "SubnetIds"), ("lambda", "SecurityGroupIds")})
"""Lists of those services that do not (R: SubnetIds)."""

MEMBER_ORDERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("logs", "MetricTransformation"): (
        "metricName",
        "metricNamespace",
        "metricValue",
        "defaultValue",
        "unit",
        "dimensions",
    ),
}
"""The members of a structure as messages list them, where not in the model's order (R)."""

PATTERNS: Mapping[tuple[str, str], str] = {
    ("lambda", "LayerVersionArn"): (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:"
        r"\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|"
        r"(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
    ),
    ("lambda", "TaggableResource"): (
        r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
        r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
        r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"
        r"[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}
"""Patterns by service and shape where the service's own text differs from the model's (R)."""

XML_NAMESPACES: Mapping[str, str] = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
"""Namespaces of rest-xml answers that the model does not give (R)."""

XML_ROOTS: Mapping[tuple[str, str], str] = {
    ("s3", "CreateMultipartUpload"): "InitiateMultipartUploadResult",
    ("s3", "GetBucketAccelerateConfiguration"): "AccelerateConfiguration",
    ("s3", "GetBucketAcl"): "AccessControlPolicy",
    ("s3", "GetBucketCors"): "CORSConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "LifecycleConfiguration",
    ("s3", "GetBucketLogging"): "BucketLoggingStatus",
    ("s3", "GetBucketNotificationConfiguration"): "NotificationConfiguration",
    ("s3", "GetBucketRequestPayment"): "RequestPaymentConfiguration",
    ("s3", "GetBucketTagging"): "Tagging",
    ("s3", "GetBucketVersioning"): "VersioningConfiguration",
    ("s3", "GetBucketWebsite"): "WebsiteConfiguration",
    ("s3", "GetObjectAcl"): "AccessControlPolicy",
    ("s3", "GetObjectAttributes"): "GetObjectAttributesResponse",
    ("s3", "GetObjectTagging"): "Tagging",
    ("s3", "DeleteObjects"): "DeleteResult",
    ("s3", "ListBuckets"): "ListAllMyBucketsResult",
    ("s3", "ListObjectVersions"): "ListVersionsResult",
    ("s3", "ListObjects"): "ListBucketResult",
    ("s3", "ListObjectsV2"): "ListBucketResult",
    ("s3", "ListParts"): "ListPartsResult",
}
"""Root elements of rest-xml answers (D: S3 API reference). AWS's own clients pass over the root's
name, others do not. Where nothing is said it is `<Operation>Result`."""

XML_UNWRAPPED = frozenset({("s3", "GetBucketLocation")})
"""Answers whose only member is the root element itself (D: trait s3UnwrappedXmlOutput)."""

HOST_ONLY = frozenset({("s3", "ListDirectoryBuckets")})
"""Operations that AWS tells from another of the same method and path by the host alone."""

_SQS = "AWS.SimpleQueueService."
QUERY_CODES: Mapping[tuple[str, str], str] = {
    ("sqs", name): _SQS + code
    for name, code in {
        "BatchEntryIdsNotDistinct": "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": "BatchRequestTooLong",
        "EmptyBatchRequest": "EmptyBatchRequest",
        "InvalidBatchEntryId": "InvalidBatchEntryId",
        "MessageNotInflight": "MessageNotInflight",
        "PurgeQueueInProgress": "PurgeQueueInProgress",
        "QueueDeletedRecently": "QueueDeletedRecently",
        "QueueDoesNotExist": "NonExistentQueue",
        "TooManyEntriesInBatchRequest": "TooManyEntriesInBatchRequest",
        "UnsupportedOperation": "UnsupportedOperation",
    }.items()
} | {
    ("sqs", "MissingRequiredParameterException"): "MissingParameter",
    ("sqs", "QueueNameExists"): "QueueAlreadyExists",
}
"""What a query-compatible service calls an error in `x-amzn-query-error`, by shape, where the
model no longer says so (R; D: trait awsQueryError of the SQS model)."""

ERROR_NAMESPACES: Mapping[str, tuple[str, str]] = {
    "sqs": ("com.amazonaws.sqs#", "com.amazon.coral.service#"),
}
"""What stands before the code in `__type`: of an error that the model has, and of any other (D:
JSON answers as AWS's clients report them). Clients drop it; who compares the text does not."""
