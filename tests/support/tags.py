"""What tag operations say of resources that are not there, or have no tags (recorded)."""

from __future__ import annotations

from support.lambda_client import ACCOUNT, arn_of

UNTAGGABLE = (
    "Tags on function aliases and versions are not supported. Please specify a function ARN."
)
_FUNCTION = arn_of("missing")
_MAPPING = (
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:65d8c598-c4d8-484a-a2db-08efce8e8e11"
)
_PROVIDER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:capacity-provider:missing"
MISSING = {
    "function": (_FUNCTION, f"Function not found: {_FUNCTION}"),
    "mapping": (_MAPPING, f"Event source mapping not found: {_MAPPING}"),
    "provider": (_PROVIDER, f"Capacity provider not found: {_PROVIDER}"),
}
"""ARN and message of each kind."""
MISSING_CONFIG = f"arn:aws:lambda:us-east-1:{ACCOUNT}:code-signing-config:csc-{'0' * 17}"
"""Of these AWS says it another way (`support.layers.no_signing_config`)."""
