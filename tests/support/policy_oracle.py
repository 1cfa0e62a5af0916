"""A second evaluator of policies: slow, obvious, and written without looking at the first.

It takes policies as plain JSON, interprets them anew for every question, matches texts character
by character, and answers with everything there is to say instead of stopping at the first
reason. It shares no code with `lambdad.iam`.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Json = dict[str, Any]


@dataclass
class Question:
    """What the evaluator is asked, in plain data."""

    kind: str
    account: str | None
    arn: str
    identity_arn: str
    unique_id: str
    action: str
    resource: str
    resource_account: str | None
    must_be_named: bool
    context: dict[str, str | tuple[str, ...]]
    identity: list[Json] = field(default_factory=list)
    boundary: Json | None = None
    session: list[Json] = field(default_factory=list)
    levels: list[list[Json]] = field(default_factory=list)
    resource_policy: Json | None = None


@dataclass
class Answer:
    allowed: bool
    denied_by: set[str]
    """Kinds of policy with an explicit deny."""
    missing: set[str]
    """Kinds of policy that had to allow and did not."""


def answer(q: Question) -> Answer:
    denied_by = set()
    for level in q.levels:
        if any(says(policy, "Deny", q) for policy in level):
            denied_by.add("SERVICE_CONTROL")
    if any(says(policy, "Deny", q) for policy in q.identity):
        denied_by.add("IDENTITY")
    if q.boundary is not None and says(q.boundary, "Deny", q):
        denied_by.add("BOUNDARY")
    if any(says(policy, "Deny", q) for policy in q.session):
        denied_by.add("SESSION")
    if q.resource_policy is not None and resource_denies(q.resource_policy, q):
        denied_by.add("RESOURCE")
    if denied_by:
        return Answer(False, denied_by, set())

    control = all(any(says(policy, "Allow", q) for policy in level) for level in q.levels)
    identity = any(says(policy, "Allow", q) for policy in q.identity)
    boundary = q.boundary is None or says(q.boundary, "Allow", q)
    if q.session:
        session = any(says(policy, "Allow", q) for policy in q.session)
    else:
        session = q.kind != "federated-user"
    reached = resource_allows(q.resource_policy, q) if q.resource_policy is not None else set()

    missing = set()
    if not control:
        missing.add("SERVICE_CONTROL")
    if q.kind in ("service", "federated", "anonymous"):
        if not reached:
            missing.add("RESOURCE")
        return Answer(not missing, set(), missing)
    if q.must_be_named and not reached:
        missing.add("RESOURCE")
    if q.resource_account in (None, q.account):
        if q.kind == "root" or "directly" in reached:
            return Answer(not missing, set(), missing)
        if "role" not in reached and not identity:
            missing.add("IDENTITY")
    else:
        if not reached:
            missing.add("RESOURCE")
        if q.kind == "root":
            return Answer(not missing, set(), missing)
        if not identity:
            missing.add("IDENTITY")
    if not boundary:
        missing.add("BOUNDARY")
    if not session:
        missing.add("SESSION")
    return Answer(not missing, set(), missing)


def aslist(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def says(policy: Json, effect: str, q: Question) -> bool:
    return any(
        statement["Effect"] == effect and speaks(statement, policy, q)
        for statement in aslist(policy["Statement"])
    )


def resource_denies(policy: Json, q: Question) -> bool:
    for statement in aslist(policy["Statement"]):
        if statement["Effect"] == "Deny" and speaks(statement, policy, q):
            if "Principal" in statement:
                named = names_of(statement["Principal"], q)
                if named or aws_star(statement["Principal"]):
                    return True
            elif "directly" not in names_of(statement["NotPrincipal"], q):
                return True
    return False


def resource_allows(policy: Json, q: Question) -> set[str]:
    reached: set[str] = set()
    for statement in aslist(policy["Statement"]):
        if statement["Effect"] == "Allow" and speaks(statement, policy, q):
            if "Principal" in statement:
                reached |= names_of(statement["Principal"], q)
            elif not names_of(statement["NotPrincipal"], q):
                reached.add("directly")
    return reached


def aws_star(element: Any) -> bool:
    return isinstance(element, dict) and "*" in aslist(element.get("AWS", []))


def names_of(element: Any, q: Question) -> set[str]:
    """In which ways a Principal element means the caller: directly, role, account."""
    if element == "*":
        return {"directly"}
    found = set()
    if q.kind == "service":
        if any(name in (q.arn, "*") for name in aslist(element.get("Service", []))):
            found.add("directly")
        return found
    if q.kind == "federated":
        if any(name in (q.arn, "*") for name in aslist(element.get("Federated", []))):
            found.add("directly")
        return found
    for name in aslist(element.get("AWS", [])):
        if name in (q.arn, "*"):
            found.add("directly")
        elif name == q.identity_arn or (q.unique_id and name == q.unique_id):
            session = q.kind in ("assumed-role", "federated-user")
            found.add("role" if session else "directly")
        if q.account and name in (q.account, f"arn:aws:iam::{q.account}:root"):
            found.add("directly" if q.kind == "root" else "account")
    return found


def speaks(statement: Json, policy: Json, q: Question) -> bool:
    """Whether action, resource and conditions of a statement fit; not its principal."""
    modern = policy.get("Version") == "2012-10-17"
    if "Action" in statement:
        if not any(action_fits(pattern, q.action) for pattern in aslist(statement["Action"])):
            return False
    elif any(action_fits(pattern, q.action) for pattern in aslist(statement["NotAction"])):
        return False
    allow = statement["Effect"] == "Allow"
    if "Resource" in statement:
        fits = [resource_fits(p, q, modern) for p in aslist(statement["Resource"])]
        if not any(fit is True for fit in fits):
            return False
    elif "NotResource" in statement:
        fits = [resource_fits(p, q, modern) for p in aslist(statement["NotResource"])]
        if any(fit is True for fit in fits) or (allow and None in fits):
            return False
    return all(
        condition_holds(operator, key, aslist(values), q, modern, allow)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def action_fits(pattern: str, action: str) -> bool:
    return fits(letters(pattern.lower(), {}, wild=True, modern=False), action.lower())


def resource_fits(pattern: str, q: Question, modern: bool) -> bool | None:
    """None: a variable could not be resolved."""
    symbols = letters(pattern, q.context, wild=True, modern=modern)
    if symbols is None:
        return None
    if pattern.startswith("arn:") and "${" not in pattern:
        while sum(1 for symbol in symbols if symbol == ("is", ":")) < 5:
            symbols = [*symbols, ("is", ":"), ("run", "")]
    return fits(symbols, q.resource)


Symbol = tuple[str, str]


def letters(
    text: str, context: dict[str, str | tuple[str, ...]], *, wild: bool, modern: bool
) -> list[Symbol] | None:
    """A text as symbols: ('is', letter), ('run', '') for `*`, ('one', '') for `?`."""
    symbols: list[Symbol] = []
    i = 0
    while i < len(text):
        if modern and text[i : i + 2] == "${":
            end = text.find("}", i)
            inside = text[i + 2 : end]
            i = end + 1
            if inside in ("*", "?", "$"):
                symbols.append(("is", inside))
                continue
            key, comma, rest = inside.partition(",")
            value = context.get(key.strip().lower())
            if isinstance(value, tuple):
                value = value[0] if len(value) == 1 else None
            if value is None and comma:
                value = rest.strip()[1:-1]
            if value is None:
                return None
            symbols += [("is", letter) for letter in value]
            continue
        if wild and text[i] == "*":
            symbols.append(("run", ""))
        elif wild and text[i] == "?":
            symbols.append(("one", ""))
        else:
            symbols.append(("is", text[i]))
        i += 1
    return symbols


def fits(symbols: list[Symbol] | None, text: str) -> bool:
    """All places that one could have reached in the pattern, letter by letter."""
    assert symbols is not None

    def skip_runs(places: set[int]) -> set[int]:
        reached = set(places)
        for place in sorted(places):
            while place < len(symbols) and symbols[place][0] == "run":
                place += 1
                reached.add(place)
        return reached

    places = skip_runs({0})
    for letter in text:
        after = set()
        for place in places:
            if place == len(symbols):
                continue
            what, wanted = symbols[place]
            if what == "run":
                after.add(place)
            elif what == "one" or wanted == letter:
                after.add(place + 1)
        places = skip_runs(after)
    return len(symbols) in places


def condition_holds(
    operator: str, key: str, wanted: list[Any], q: Question, modern: bool, allow: bool
) -> bool:
    raw = q.context.get(key.lower(), ())
    actual = [raw] if isinstance(raw, str) else list(raw)
    wanted = [str(value).lower() if isinstance(value, bool) else str(value) for value in wanted]
    for_all, for_any = operator.startswith("ForAllValues:"), operator.startswith("ForAnyValue:")
    name = operator.split(":")[-1]
    if name == "Null":
        return ("false" if actual else "true") in [value.lower() for value in wanted]
    if_exists = name.endswith("IfExists")
    name = name.replace("IfExists", "")
    negated = "Not" in name
    name = name.replace("Not", "")

    def one(value: str) -> bool:
        results = [compare(name, value, expected, q, modern) for expected in wanted]
        if negated:
            # An Allow must not rest on a variable that stands for nothing.
            return not any(result is True or (result is None and allow) for result in results)
        return any(result is True for result in results)

    if for_all or for_any:
        if not actual:
            return for_all or if_exists
        if actual == [""]:
            return for_all
        results = [one(value) for value in actual]
        return all(results) if for_all else any(results)
    if not actual:
        return if_exists or negated
    results = [one(value) for value in actual]
    return all(results) if negated else any(results)


def compare(name: str, actual: str, wanted: str, q: Question, modern: bool) -> bool | None:
    """None: the wanted text has a variable that could not be resolved."""
    if name.startswith("String"):
        symbols = letters(wanted, q.context, wild=name == "StringLike", modern=modern)
        if symbols is None:
            return None
        if name == "StringEqualsIgnoreCase":
            symbols = [(what, letter.lower()) for what, letter in symbols]
            actual = actual.lower()
        return fits(symbols, actual)
    if name.startswith("Arn"):
        symbols = letters(wanted, q.context, wild=True, modern=modern)
        if symbols is None:
            return None
        return arn_fits(symbols, actual)
    if name == "Bool":
        return actual.lower() == wanted.lower() and wanted.lower() in ("true", "false")
    if name == "BinaryEquals":
        try:
            return base64.b64decode(actual, validate=True) == base64.b64decode(wanted)
        except (ValueError, binascii.Error):
            return False
    if name == "IpAddress":
        return address_in(actual, wanted)
    read = number if name.startswith("Numeric") else moment
    left, right = read(actual), read(wanted)
    if left is None or right is None:
        return False
    how = name.removeprefix("Numeric").removeprefix("Date")
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[how]


def arn_fits(symbols: list[Symbol], actual: str) -> bool:
    if actual.count(":") < 5:
        return False
    pieces: list[list[Symbol]] = [[]]
    for symbol in symbols:
        if symbol == ("is", ":") and len(pieces) < 6:
            pieces.append([])
        else:
            pieces[-1].append(symbol)
    while len(pieces) < 6:
        pieces.append([("run", "")])
    return all(fits(piece, part) for piece, part in zip(pieces, actual.split(":", 5), strict=True))


def number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


def moment(text: str) -> datetime.datetime | None:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    if text.isdigit():
        return epoch + datetime.timedelta(seconds=int(text))
    try:
        read = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)


def address_in(actual: str, wanted: str) -> bool:
    base, slash, length = wanted.partition("/")
    try:
        left, right = ipaddress.ip_address(actual), ipaddress.ip_address(base)
    except ValueError:
        return False
    if left.version == 6 and int(left) >> 32 == 0xFFFF:
        left = ipaddress.IPv4Address(int(left) & 0xFFFFFFFF)
    if left.version != right.version:
        return False
    bits = 32 if left.version == 4 else 128
    drop = bits - (int(length) if slash else bits)
    return int(left) >> drop == int(right) >> drop
