"""Random policies and requests for them, valid by construction and dense in near misses."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

from support.policy_oracle import Json, Question

HERE, THERE = "111111111111", "222222222222"
USER = f"arn:aws:iam::{HERE}:user/eng/ann"
ROLE = f"arn:aws:iam::{HERE}:role/app"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/app/app-fn"
FEDERATED = f"arn:aws:sts::{HERE}:federated-user/ann"
PROVIDER = f"arn:aws:iam::{HERE}:oidc-provider/id.example.com"
ACTIONS = (
    "lambda:InvokeFunction",
    "lambda:GetFunction",
    "s3:GetObject",
    "s3:PutObject",
    "sts:AssumeRole",
)
ACTION_PATTERNS = (
    *ACTIONS,
    "*",
    "lambda:*",
    "LAMBDA:invoke*",
    "lambda:Get*",
    "*:Get*",
    "s3:???Object",
    "s3:*Object",
    "s3:*t*O*",
    "sts:*",
    "lambda:InvokeFunctionUrl",
)
RESOURCES = (
    f"arn:aws:lambda:us-east-1:{HERE}:function:app",
    f"arn:aws:lambda:us-east-1:{HERE}:function:app:live",
    f"arn:aws:lambda:eu-west-1:{THERE}:function:job-1",
    "arn:aws:s3:::data/eng/report:1.csv",
    "arn:aws:s3:::data/ann/*literal",
    f"arn:aws:iam::{HERE}:role/app",
    "*",
)
RESOURCE_PATTERNS = (
    *RESOURCES[:-2],
    "*",
    "arn:aws:lambda:*:*:function:*",
    f"arn:aws:lambda:us-east-1:{HERE}:function:app*",
    f"arn:aws:lambda:us-*-1:{HERE}:function:a?p",
    f"arn:aws:lambda:us-east-1:{HERE}:function:app*app",
    "arn:aws:s3:::*data*?:1.csv",
    "arn:aws:lambda",
    "arn:aws:s3:::*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/none, 'eng'}/*report?1.csv",
    "arn:aws:s3:::data/*/${*}literal",
    "arn:aws:s3:::data/${aws:TagKeys}/*",
    f"arn:aws:iam::*:role/a{'?' * 2}",
    "arn:aws:*:*:*:*:*",
)
TEXTS = ("eng", "ENG", "ops", "ann", "", "e*", "a?n", "*", "${aws:username}", "${*}", "e${?}")
TEXTS += (
    "en*ng",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/none}",
    "${x:y, 'ops'}",
    "t${$}",
    "$x",
)
NUMBERS = ("0", "1", "-2", "10", "1.50", "1.5", "x", "9007199254740993", "9007199254740992")
MOMENTS = ("2024-01-01T00:00:00Z", "2024-01-01", "1704067200", "2023-12-31T23:59:59.5Z")
MOMENTS += ("2024-01-01T01:00:00+01:00", "2023-12-31T16:00:00-08:00")
BOOLEANS = ("true", "false", "TRUE", True, False)
BYTES = tuple(base64.b64encode(text).decode() for text in (b"", b"a", b"ab\x00"))
NETWORKS = ("10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "192.168.1.77/24", "2001:db8::/32", "::/0")
ADDRESSES = ("10.1.2.3", "10.1.2.4", "192.168.1.1", "2001:db8::1", "::ffff:10.1.2.3", "nowhere")
ARNS = (ROLE, USER, f"arn:aws:sns:us-east-1:{HERE}:topic", "arn:aws:s3:::data", "no-arn")
ARN_PATTERNS = (*ARNS[:-1], "*", "arn:aws:sns", "arn:aws:iam::*:*", "arn:aws:*:*:*:t?pic")
ARN_PATTERNS += (f"arn:aws:iam::{HERE}:user/*/${{aws:username}}", "${aws:SourceArn}")
KEYS: dict[str, tuple[str, tuple[Any, ...], tuple[str, ...]]] = {
    # key: kind, what policies want, what requests have
    "aws:PrincipalTag/team": ("String", TEXTS, ("eng", "ENG", "ops", "*", "")),
    "aws:TagKeys": ("String", TEXTS, ("eng", "ops", "ann", "ENG", "")),
    "aws:username": ("String", TEXTS, ("ann", "a?n")),
    "s3:max-keys": ("Numeric", NUMBERS, NUMBERS),
    "aws:CurrentTime": ("Date", MOMENTS, MOMENTS[:4]),
    "aws:SecureTransport": ("Bool", BOOLEANS, ("true", "false", "True")),
    "x:Digest": ("Binary", BYTES, (*BYTES, "%")),
    "aws:SourceIp": ("Ip", NETWORKS, ADDRESSES),
    "aws:SourceArn": ("Arn", ARN_PATTERNS, ARNS),
    "aws:PrincipalArn": ("Arn", ARN_PATTERNS, ARNS[:2]),
}
ORDERED = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
COMPARED = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
OPERATORS = {
    "String": tuple(f"String{name}" for name in COMPARED),
    "Numeric": tuple(f"Numeric{name}" for name in ORDERED),
    "Date": tuple(f"Date{name}" for name in ORDERED),
    "Bool": ("Bool",),
    "Binary": ("BinaryEquals",),
    "Ip": ("IpAddress", "NotIpAddress"),
    "Arn": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
}
MANY_VALUED = ("aws:TagKeys",)
UNIQUE_ID = "AROAABCDEFGHIJKLMNOPQ"
AWS_PRINCIPALS = (USER, ROLE, SESSION, FEDERATED, HERE, THERE, "*", UNIQUE_ID)
AWS_PRINCIPALS += (f"arn:aws:iam::{HERE}:root", f"arn:aws:iam::{THERE}:root")
CALLERS = (
    ("root", HERE, f"arn:aws:iam::{HERE}:root", f"arn:aws:iam::{HERE}:root"),
    ("user", HERE, USER, USER),
    ("user", HERE, USER, USER),
    ("assumed-role", HERE, SESSION, ROLE),
    ("assumed-role", HERE, SESSION, ROLE),
    ("federated-user", HERE, FEDERATED, USER),
    ("service", None, "events.amazonaws.com", "events.amazonaws.com"),
    ("federated", None, PROVIDER, PROVIDER),
    ("anonymous", None, "anonymous", "anonymous"),
)


def some(random: Random, pool: tuple[Any, ...], most: int = 3) -> Any:
    """A few of a pool; one alone sometimes without its brackets."""
    chosen = [random.choice(pool) for _ in range(random.randint(1, most))]
    return chosen[0] if len(chosen) == 1 and random.random() < 0.5 else chosen


def condition(random: Random) -> Json:
    made: Json = {}
    for _ in range(random.choice((1, 1, 2))):
        key, (kind, wanted, _) = random.choice(list(KEYS.items()))
        if random.random() < 0.1:
            made.setdefault("Null", {})[key] = random.choice(("true", "false", ["true", "false"]))
            continue
        name = random.choice(OPERATORS[kind])
        name += random.choice(("", "", "", "IfExists"))
        # A Quantifier on a key with one value is legal, and common.
        often = key in MANY_VALUED
        choice = ("ForAllValues:", "ForAnyValue:", "") if often else ("", "", "", "ForAnyValue:")
        name = random.choice(choice) + name
        spelled = random.choice((key, key, key.lower(), key.upper()))
        made.setdefault(name, {})[spelled] = some(random, wanted)
    return made


def statement(random: Random, *, principals: bool) -> Json:
    made: Json = {"Effect": "Deny" if random.random() < 0.2 else "Allow"}
    if principals:
        field = "NotPrincipal" if random.random() < 0.12 else "Principal"
        made[field] = principal(random)
    made["NotAction" if random.random() < 0.12 else "Action"] = some(random, ACTION_PATTERNS)
    made["NotResource" if random.random() < 0.15 else "Resource"] = some(random, RESOURCE_PATTERNS)
    if random.random() < 0.55:
        made["Condition"] = condition(random)
    return made


def principal(random: Random) -> Any:
    if random.random() < 0.15:
        return "*"
    made: Json = {}
    if random.random() < 0.8:
        made["AWS"] = some(random, AWS_PRINCIPALS)
    if random.random() < 0.3 or not made:
        made["Service"] = some(random, ("events.amazonaws.com", "s3.amazonaws.com"), 2)
    if random.random() < 0.15:
        made["Federated"] = PROVIDER
    return made


def policy(random: Random, *, principals: bool = False, most: int = 4) -> Json:
    statements: Any = [
        statement(random, principals=principals) for _ in range(random.randint(1, most))
    ]
    if len(statements) == 1 and random.random() < 0.3:
        statements = statements[0]
    made = {"Version": "2012-10-17", "Statement": statements}
    if principals and random.random() < 0.2:
        made["Version"] = "2008-10-17"
    return made


def context(random: Random) -> dict[str, str | tuple[str, ...]]:
    made: dict[str, str | tuple[str, ...]] = {}
    for key, (_, _, values) in KEYS.items():
        if random.random() < 0.75:
            if key in MANY_VALUED:
                made[key.lower()] = tuple(random.choices(values, k=random.randint(0, 3)))
            else:
                made[key.lower()] = random.choice(values)
    return made


def conditional_policies(random: Random) -> dict[str, Any]:
    """Policies in which nothing but conditions decides, for one user."""
    statements = [{"Effect": "Allow", "Condition": condition(random)}]
    if random.random() < 0.5:
        statements = [{"Effect": "Allow"}, {"Effect": "Deny", "Condition": condition(random)}]
    everything = {"Action": "*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [each | everything for each in statements]}
    return {"identity": [document]}


def policies_for(random: Random, kind: str) -> dict[str, Any]:
    """The policies of one caller and one resource, as fields of a Question."""
    made: dict[str, Any] = {}
    if kind not in ("service", "federated", "anonymous"):
        made["identity"] = [policy(random) for _ in range(random.randint(0, 3))]
        if random.random() < 0.3:
            made["boundary"] = policy(random)
        if kind in ("assumed-role", "federated-user") and random.random() < 0.4:
            made["session"] = [policy(random) for _ in range(random.randint(1, 2))]
        if random.random() < 0.15:
            made["levels"] = [[policy(random)] for _ in range(random.randint(1, 2))]
    # Nothing else decides about whoever has no identity policies.
    if random.random() < (0.6 if "identity" in made else 0.95):
        made["resource_policy"] = policy(random, principals=True)
    return made


def question(random: Random, caller: tuple[str, str | None, str, str], policies: Any) -> Question:
    kind, account, arn, identity = caller
    # Without a policy of the resource these decide alone, and always the same.
    attached = "resource_policy" in policies or random.random() < 0.1
    return Question(
        kind=kind,
        account=account,
        arn=arn,
        identity_arn=identity,
        unique_id=UNIQUE_ID if kind == "assumed-role" else "",
        action=random.choice(ACTIONS),
        resource=random.choice(RESOURCES),
        resource_account=random.choice((None, HERE, HERE, THERE)) if attached else None,
        must_be_named=random.random() < (0.25 if attached else 0.0),
        context=context(random),
        **policies,
    )
