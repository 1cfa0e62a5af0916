"""IAM and STS without a server: their operations over a real store, as a given caller.

def test_it(tmp_path):
    async def scenario(world):
        await world.iam("CreateUser", UserName="ann")

    in_world(tmp_path, scenario)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from lambdad.api.call import Call, Result
from lambdad.api.operation import OperationName, bind
from lambdad.core.clock import ManualClock
from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.core.limits import DEFAULT_LIMITS, IamQuotas
from lambdad.iam.authenticate import root_principal
from lambdad.iam.authorization_messages import AuthorizationMessages
from lambdad.iam.directory import Directory
from lambdad.iam.issuer_keys import Fetch, IssuerKeys
from lambdad.iam.last_use import LastUses
from lambdad.iam.managed import ManagedPolicies, ServiceRoles
from lambdad.iam.mfa import MfaDevices
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.records import User
from lambdad.iam.session import SessionIssuer
from lambdad.iam.store import MIGRATIONS, IamStore
from lambdad.services.iam.operations import OPERATIONS as IAM_OPERATIONS
from lambdad.services.iam.service import IamService
from lambdad.services.sts.operations import OPERATIONS as STS_OPERATIONS
from lambdad.services.sts.service import StsService
from lambdad.storage.lane import Lane
from lambdad.storage.sealing import AesGcmSealer
from lambdad.storage.sqlite import open_lane

ACCOUNT = AccountId("111122223333")
OTHER_ACCOUNT = AccountId("444455556666")
ROOT = root_principal(ACCOUNT, "AKIAROOT")
OTHER_ROOT = root_principal(OTHER_ACCOUNT, "AKIAOTHERROOT")
KEY = bytes(range(32))
MANAGED = ManagedPolicies()
"""Read once for all tests."""

T = TypeVar("T")


def policy(**statement: Any) -> str:
    """A policy document of one statement."""
    statement = {"Effect": "Allow"} | statement
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(**principal: Any) -> str:
    """A trust policy: trust(AWS="…"), trust(Service="lambda.amazonaws.com")."""
    return policy(Action="sts:AssumeRole", Principal=principal)


ALLOW_ALL = policy(Action="*", Resource="*")
LAMBDA_TRUST = trust(Service="lambda.amazonaws.com")


def decoded(document: str) -> Any:
    """A policy document of an answer, as data."""
    return json.loads(unquote(document))


class World:
    """A store and the services over it."""

    def __init__(
        self,
        lane: Lane,
        folder: Path,
        fetch: Fetch | None = None,
        quotas: IamQuotas = DEFAULT_LIMITS.iam,
    ) -> None:
        self.issuer_keys = folder / "oidc-keys"
        self.clock = ManualClock()
        self.sealer = AesGcmSealer(KEY)
        self.store = IamStore(lane, self.sealer)
        self.directory = Directory(self.store, MANAGED)
        self.sessions = SessionIssuer(KEY)
        self.last_uses = LastUses(self.store, self.clock)
        self.messages = AuthorizationMessages(self.sealer)
        mfa = MfaDevices(self.store, self.sealer, self.clock, DEFAULT_LIMITS)
        iam = IamService(self.store, MANAGED, ServiceRoles(), self.clock, quotas, mfa)
        sts = StsService(
            store=self.store,
            directory=self.directory,
            sessions=self.sessions,
            issuer_keys=IssuerKeys(self.clock, self.issuer_keys, fetch),
            messages=self.messages,
            last_uses=self.last_uses,
            mfa=mfa,
            clock=self.clock,
            quotas=quotas,
        )
        self._handlers = {**bind(iam, IAM_OPERATIONS), **bind(sts, STS_OPERATIONS)}

    async def iam(self, name: str, caller: Principal = ROOT, /, **params: Any) -> Result:
        """Run an operation of IAM."""
        return await self._run("iam", name, caller, params)

    async def sts(self, name: str, caller: Principal = ROOT, /, **params: Any) -> Result:
        """Run an operation of STS."""
        return await self._run("sts", name, caller, params)

    async def _run(
        self, service: str, name: str, caller: Principal, params: dict[str, Any]
    ) -> Result:
        call = Call(
            account=caller.account,
            region=Region("us-east-1"),
            principal=caller,
            request_id=RequestId("r"),
            endpoint="http://localhost:4566",
            source_ip="192.0.2.1",
            headers={},
        )
        return without_none(await self._handlers[OperationName(service, name)](call, params))

    def user(self, name: str, account: AccountId = ACCOUNT) -> Principal:
        """A user that exists, as a caller with an access key."""
        user = self.store.account(account).named(User, name)
        assert user is not None
        return Principal(PrincipalKind.USER, account, user.arn(account), f"AKIA{name}", user.id)

    def session(self, credentials: Result) -> Principal:
        """Who the Credentials of an answer stand for."""
        opened = self.sessions.open(credentials["AccessKeyId"], credentials["SessionToken"])
        assert opened is not None
        return opened.principal


def without_none(value: Any) -> Any:
    """An answer as the wire layer sends it: members that are None left out."""
    if isinstance(value, dict):
        return {name: without_none(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_none(each) for each in value]
    return value


def in_world(folder: Path, scenario: Callable[[World], Awaitable[T]], **options: Any) -> T:
    """Run a scenario on the store in `folder`, which is made if need be."""

    async def run() -> T:
        lane = open_lane(folder / "iam.db", MIGRATIONS, limits=DEFAULT_LIMITS)
        try:
            world = World(lane, folder, **options)
            await world.store.load()
            return await scenario(world)
        finally:
            await lane.close()

    return asyncio.run(run())
