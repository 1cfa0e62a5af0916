"""What tests of IAM say again and again: documents, ARNs, unique ids."""

from __future__ import annotations

import json

from support.answers import Matching

ACCOUNT = "000000000000"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
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
TEXT, TRUST_TEXT = json.dumps(DOCUMENT), json.dumps(TRUST)
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TAGS = [{"Key": "team", "Value": "blå Ω"}]


def unique_id(prefix: str) -> Matching:
    """An id such as `AIDA…`, whatever it is."""
    return Matching(prefix + "[A-Z2-7]{17}")


def arn(resource: str) -> str:
    """The ARN of something of the default account."""
    return f"arn:aws:iam::{ACCOUNT}:{resource}"
