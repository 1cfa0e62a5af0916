"""What an operation requires: which actions on which resources, beside the operation itself.

Owns the shape in which a service says so (`services/<service>/authorization.py`). Decides
nothing: that is `api/authorizer.py`'s, over what `iam/` holds.

Source of the services' tables: Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lambdad.api.call import Call, Params
from lambdad.core.errors import AccessDeniedException, ClientError
from lambdad.core.ids import AccountId
from lambdad.core.value import Value, field
from lambdad.iam.policy import Policy

Keys = Mapping[str, str | tuple[str, ...]]
"""Condition keys in lower case, with their values."""
Tags = Mapping[str, str]
NO_KEYS: Keys = MappingProxyType({})
NO_TAGS: Tags = MappingProxyType({})


class Requirement(NamedTuple):
    """One action on one resource; a NamedTuple because every call makes one."""

    action: str
    """As AWS writes it: `lambda:InvokeFunction`."""
    resource: str = "*"
    """ARN, or `*` for actions that have no resource."""
    keys: Keys = NO_KEYS
    """The condition keys of the service, and those of tags that the request brings."""
    shown: str | None = None
    """What a refusal calls the resource, where AWS does not show its ARN (`role my-role`)."""
    policy: Policy | None = None
    """The resource's own policy."""
    instead: str | None = None
    """Another action that does as well, where AWS asks for the one or the other."""


Rule = Callable[[Any, Call, Params], Iterable[Requirement]]
"""(service, call, parameters) → all that must be allowed, in the order in which AWS asks. May
raise what the operation answers to a resource that cannot be named."""


Owner = Callable[[Params], AccountId | None]
"""Parameters → the account of the resource that they name; None where they name none."""


class RootBounds(Value):
    """What binds the root of an account too: the denies of its resources' own policies (IAM user
    guide, "AWS account root user": identity policies do not apply to it, resource policies do)."""

    denying: Callable[[Any, AccountId], bool]
    """(service, account) → whether any policy of the account's resources denies anything. As long
    as none does, root is not held up by looking at policies at all."""
    exempt: frozenset[str] = frozenset()
    """Operations that a deny does not keep from root, because they take policies away: as with
    S3's bucket policies, nobody can be locked out for good."""


class ServiceRules(Value):
    """What the operations of one service require."""

    service: str
    """botocore's name."""
    rules: Mapping[str, Rule]
    """By operation; one that is not in here is denied to everybody but root."""
    refusal: type[ClientError] = AccessDeniedException
    """AccessDenied for services of the query protocol."""
    tags_of: Callable[[Any, str], Tags] | None = None
    """(service, ARN) → the tags of a resource, for `aws:ResourceTag`."""
    policy_of: Callable[[Any, str], Policy | None] | None = None
    """(service, ARN) → the policy of a resource, for explanations and internal calls."""
    owners: Mapping[str, Owner] = field(default_factory=dict)
    """By operation, for those that AWS opens to other accounts: whose resource is meant. The call
    then works on that account. All other operations never leave the caller's own."""
    root: RootBounds | None = None
    """For services whose resources have policies."""


def request_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str | tuple[str, ...]]:
    """The keys of a request that sets tags: `aws:RequestTag/…` and `aws:TagKeys`."""
    keys: dict[str, str | tuple[str, ...]] = {}
    names = []
    for name, value in tags:
        keys[f"aws:requesttag/{name.lower()}"] = value
        names.append(name)
    if names:
        keys["aws:tagkeys"] = tuple(names)
    return keys


def tag_keys(names: Iterable[str]) -> Keys:
    """The keys of a request that removes tags."""
    return {"aws:tagkeys": tuple(names)}
