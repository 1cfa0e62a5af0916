"""Amazon Resource Names: taking them apart and putting them together."""

from __future__ import annotations

from lambdad.core.value import Value

PARTITION = "aws"


class Arn(Value):
    """`arn:<partition>:<service>:<region>:<account>:<resource>`; the resource keeps its colons."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = PARTITION

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN, or None where the text is not one."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    _, partition, service, region, account, resource = parts
    return Arn(service, region, account, resource, partition)


def function_arn(region: str, account: str, name: str, qualifier: str | None = None) -> str:
    """The ARN of a function, or of one of its versions or aliases."""
    suffix = f":{qualifier}" if qualifier else ""
    return f"arn:{PARTITION}:lambda:{region}:{account}:function:{name}{suffix}"
