"""Authenticate and authorise one warm call in process; load a large account.

    python -m bench authorize

The caller is a user with 10 managed policies of 5 statements each; the call is an Invoke that one
of the last statements allows, under a condition. Nothing is served: what is measured is what every
call pays between its last byte and its operation.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.call import Call, Params
from lambdad.api.operation import OperationName
from lambdad.api.requirement import Requirement, ServiceRules
from lambdad.core.arn import function_arn
from lambdad.core.clock import SystemClock
from lambdad.core.ids import DEFAULT_ACCOUNT, Region, RequestId
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.iam.authenticate import SignatureAuthenticator
from lambdad.iam.directory import Directory
from lambdad.iam.errors import Dialect
from lambdad.iam.key_ring import KeyRing
from lambdad.iam.managed import ManagedPolicies
from lambdad.iam.records import AccessKey, KeyStatus, ManagedPolicy, PolicyVersion, Role, User
from lambdad.iam.session import SessionIssuer
from lambdad.iam.store import MIGRATIONS, IamStore
from lambdad.storage.sealing import AesGcmSealer
from lambdad.storage.sqlite import open_lane
from lambdad.wire.http import Request
from lambdad.wire.signing import Signer, SigningCredentials

REGION = Region("us-east-1")
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
INVOKE = OperationName("lambda", "Invoke")
POLICIES, STATEMENTS = 10, 5
LOADED_ROLES, LOADED_POLICIES = 1_000, 10_000
ROUNDS, CALLS = 20, 2_000


@dataclass(frozen=True)
class Caller:
    """Ready to call."""

    authenticator: SignatureAuthenticator
    authorizer: PolicyAuthorizer


def policy(number: int) -> ManagedPolicy:
    """Five statements, each on functions and queues of its own; the network is checked too."""
    statements = [
        {
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunction", f"sqs:Send{each}*", "logs:*"],
            "Resource": [
                f"arn:aws:lambda:*:*:function:service-{number}-{each}*",
                f"arn:aws:sqs:*:*:queue-{number}-{each}",
            ],
            "Condition": {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}},
        }
        for each in range(STATEMENTS)
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return ManagedPolicy(
        name=f"policy-{number}",
        id=f"ANPA{number:017d}",
        versions=(PolicyVersion("v1", document, 0),),
        default_version="v1",
        versions_made=1,
        updated_ms=0,
    )


def invoke_rule(_: object, call: Call, params: Params) -> tuple[Requirement, ...]:
    arn = function_arn(call.region, call.account, params["FunctionName"])
    return (Requirement("lambda:InvokeFunction", arn),)


async def caller(folder: Path) -> Caller:
    clock, sealer = SystemClock(), AesGcmSealer(bytes(32))
    lane = open_lane(folder / "caller.db", MIGRATIONS, limits=DEFAULT_LIMITS)
    store = IamStore(lane, sealer)
    async with store.edit(DEFAULT_ACCOUNT) as draft:
        policies = [policy(number) for number in range(POLICIES)]
        for each in policies:
            draft.put(each)
        arns = tuple(each.arn(DEFAULT_ACCOUNT) for each in policies)
        draft.put(User(name="ann", id="AIDAEXAMPLE", attached=arns))
        sealed = store.seal_secret(KEY_ID, SECRET)
        active = KeyStatus.ACTIVE
        draft.put(
            AccessKey(id=KEY_ID, user="ann", status=active, created_ms=0, sealed_secret=sealed)
        )
    await lane.close()
    authorizer = PolicyAuthorizer(Directory(store, ManagedPolicies()), clock)
    authorizer.serve(None, ServiceRules("lambda", {"Invoke": invoke_rule}))
    return Caller(
        SignatureAuthenticator(KeyRing({}, store), SessionIssuer(bytes(32)), clock), authorizer
    )


def signed() -> Request:
    path = "/2015-03-31/functions/service-9-4/invocations"
    headers = {"host": "127.0.0.1:4566", "content-type": "application/json"}
    request = Request("POST", path, "", headers, b'{"k":1}', "127.0.0.1")
    signer = Signer(SigningCredentials(KEY_ID, SECRET), REGION, "lambda")
    request.headers |= signer.sign(request, time.time())
    return request


def microseconds(work: Callable[[], object]) -> float:
    """Per call, in the quickest of many rounds: what the work costs, not what the machine does
    beside it."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(CALLS):
            work()
        rounds.append((time.perf_counter() - started) / CALLS * 1e6)
    return min(rounds)


def warm_call(folder: Path) -> tuple[float, float]:
    """Microseconds to authenticate, and to authorise."""
    ready = asyncio.run(caller(folder))
    request, params = signed(), {"FunctionName": "service-9-4"}
    principal = ready.authenticator.authenticate(request, "lambda", Dialect.JSON).principal

    def authorise() -> None:
        call = Call(
            principal.account, REGION, principal, RequestId("r"), "http://h", "127.0.0.1", {}
        )
        ready.authorizer.authorize(call, INVOKE, params)

    return (
        microseconds(lambda: ready.authenticator.authenticate(request, "lambda", Dialect.JSON)),
        microseconds(authorise),
    )


async def load_s(folder: Path) -> float:
    """Seconds until an account of that size can answer, from its database on disk."""
    trust = '{"Version":"2012-10-17","Statement":[]}'
    lane = open_lane(folder / "large.db", MIGRATIONS, limits=DEFAULT_LIMITS)
    store = IamStore(lane, AesGcmSealer(bytes(32)))
    async with store.edit(DEFAULT_ACCOUNT) as draft:
        for number in range(LOADED_POLICIES):
            draft.put(policy(number))
        for number in range(LOADED_ROLES):
            draft.put(Role(name=f"role-{number}", id=f"AROA{number:017d}", trust=trust))
    fresh = IamStore(lane, AesGcmSealer(bytes(32)))
    started = time.perf_counter()
    await fresh.load()
    took_s = time.perf_counter() - started
    assert fresh.account(DEFAULT_ACCOUNT).count(ManagedPolicy) == LOADED_POLICIES
    await lane.close()
    return took_s


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folder = Path(name)
        authenticate_us, authorise_us = warm_call(folder)
        total_us = authenticate_us + authorise_us
        print(
            f"{'authenticate + authorise':<28} lambdad {total_us:.1f} us "
            f"({authenticate_us:.1f} + {authorise_us:.1f}; {POLICIES} policies, "
            f"{POLICIES * STATEMENTS} statements)"
        )
        took_s = asyncio.run(load_s(folder))
        print(
            f"{'load identities':<28} lambdad {took_s:.2f} s "
            f"({LOADED_ROLES} roles, {LOADED_POLICIES} policies)"
        )


if __name__ == "__main__":
    main()
