"""Runtime identifiers: which may be given to a new or updated function, and AWS's refusals.

Data and two texts (semantics §1.5). Whether this machine can run one is `runtime/`'s question:
every identifier that AWS creates is accepted.
"""

from __future__ import annotations

from lambdad.functions.errors import InvalidParameterValueException

CREATABLE = (
    "nodejs16.x", "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x",
    "python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13",
    "python3.14",
    "java8.al2", "java11", "java17", "java21", "java25",
    "dotnet6", "dotnet8", "dotnet10",
    "ruby3.2", "ruby3.3", "ruby3.4",
    "provided.al2", "provided.al2023",
)  # fmt: skip
"""In the order in which AWS's list is filled; see `listed`."""
BLOCKED = frozenset(
    {
        "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x",
        "nodejs12.x", "nodejs14.x",
        "python2.7", "python3.6", "python3.7",
        "java8",
        "go1.x",
        "ruby2.5", "ruby2.7",
        "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1",
        "provided",
    }
)  # fmt: skip
SNAP_START_FAMILIES = ("java", "python", "dotnet")
_NO_SNAP_START = frozenset(
    {
        "java8.al2", "dotnet6",
        "python3.8", "python3.9", "python3.10", "python3.11",
    }
)  # fmt: skip


def check_runtime(runtime: str) -> None:
    """Raises InvalidParameterValueException for an identifier that AWS does not create with."""
    if runtime in CREATABLE:
        return
    if runtime in BLOCKED:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    raise InvalidParameterValueException(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
        f"value set: [{', '.join(listed())}] or be a valid ARN"
    )


def check_snap_start(runtime: str) -> None:
    """Raises InvalidParameterValueException where snapshots are not offered (semantics §1.10)."""
    if not runtime.startswith(SNAP_START_FAMILIES) or runtime in _NO_SNAP_START:
        raise InvalidParameterValueException(
            f"{runtime} is not supported for SnapStart enabled functions."
        )


def listed() -> list[str]:
    """The creatable ones as AWS's refusal lists them: in the order of a Java HashSet (derived from
    a recording), by bucket and, within one, as they were put in."""
    buckets = 16
    while len(CREATABLE) > buckets * 3 // 4:
        buckets *= 2
    return sorted(CREATABLE, key=lambda name: _java_hash(name) % buckets)


def _java_hash(text: str) -> int:
    """`String.hashCode`, spread as HashMap spreads it."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFF_FFFF
    return value ^ (value >> 16)
