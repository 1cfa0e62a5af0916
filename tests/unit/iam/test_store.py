"""iam/store.py: durable before acknowledged, one editor at a time, nothing of a failed edit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.iam.kinds import KINDS, decode, encode
from lambdad.iam.records import (
    AccessKey,
    AccountSettings,
    Group,
    InlinePolicy,
    InstanceProfile,
    KeyStatus,
    LastUse,
    LoginProfile,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    PolicyVersion,
    Record,
    Role,
    SamlProvider,
    ServiceCredential,
    User,
)
from lambdad.iam.store import MIGRATIONS, IamStore
from lambdad.iam.uploads import ServerCertificate, SigningCertificate, SshKey
from lambdad.storage.sealing import AesGcmSealer, BrokenSeal
from lambdad.storage.sqlite import open_lane
from support.identities import ACCOUNT, KEY, OTHER_ACCOUNT, World, in_world

ANN = User(name="Ann", id="AIDA1", created_ms=5_000)
EVERYTHING: tuple[Record, ...] = (
    replace(
        ANN,
        path="/a/b/",
        tags=(("k", "v"),),
        attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        inline=(InlinePolicy("p", "{}"),),
        boundary="arn:aws:iam::aws:policy/PowerUserAccess",
        groups=("g",),
        login=LoginProfile(1, True),
        credentials=(ServiceCredential("ACCA1", "codecommit", KeyStatus.INACTIVE, 2),),
    ),
    Group(name="g", id="AGPA1", inline=(InlinePolicy("é", "{}"),)),
    Role(name="r", id="AROA1", trust="{}", description="d", max_session_s=7200, boundary="b"),
    ManagedPolicy(
        name="p",
        id="ANPA1",
        versions=(PolicyVersion("v1", "{}", 1), PolicyVersion("v3", "{ }", 2)),
        default_version="v3",
        versions_made=3,
        updated_ms=9,
    ),
    InstanceProfile(name="i", id="AIPA1", role="r", tags=(("a", "b"),)),
    AccessKey(id="AKIA1", user="Ann", status=KeyStatus.ACTIVE, created_ms=1, sealed_secret="c2U="),
    LastUse(of="AKIA1", at_ms=1, region="eu-west-1", service="lambda"),
    OidcProvider(url="id.example", created_ms=1, client_ids=("c",), thumbprints=("a" * 40,)),
    SamlProvider(name="s", metadata="<x/>", created_ms=1, valid_until_ms=2),
    MfaDevice(name="m", path="/a/", created_ms=1, sealed_seed="c2U=", tags=(("a", "b"),)),
    MfaDevice(name="n", created_ms=1, sealed_seed="", user="Ann", drift_steps=-2, last_step=9),
    SshKey(
        id="APKA1", user="Ann", body="b", fingerprint="f", status=KeyStatus.ACTIVE, uploaded_ms=1
    ),
    SigningCertificate(id="C1", user="Ann", body="b", status=KeyStatus.INACTIVE, uploaded_ms=1),
    ServerCertificate(name="s", id="ASCA1", body="b", chain="c", expires_ms=9, tags=(("a", "b"),)),
    AccountSettings(alias="team", password_policy=(("MinimumPasswordLength", 8),)),
)


def test_every_kind_is_here() -> None:
    assert {type(record) for record in EVERYTHING} == set(KINDS)


@pytest.mark.parametrize("record", EVERYTHING, ids=lambda record: record.KIND)
def test_a_record_reads_as_it_was_written(record: Record) -> None:
    assert decode(record.KIND, encode(record)) == record


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    async def write(world: World) -> None:
        async with world.store.edit(ACCOUNT) as draft:
            for record in EVERYTHING:
                draft.put(record)

    async def read(world: World) -> list[Record]:
        assert world.store.accounts() == [ACCOUNT]
        assert world.store.find_key("AKIA1") is not None
        return [record for kind in KINDS for record in world.store.account(ACCOUNT).all(kind)]

    in_world(tmp_path, write)
    assert in_world(tmp_path, read) == list(EVERYTHING)


def test_a_deletion_is_kept_too(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.store.edit(ACCOUNT) as draft:
            draft.put(ANN)
        async with world.store.edit(ACCOUNT) as draft:
            draft.remove(ANN)

    async def nothing_left(world: World) -> None:
        assert world.store.account(ACCOUNT).all(User) == []

    in_world(tmp_path, scenario)
    in_world(tmp_path, nothing_left)


def test_an_edit_that_raises_leaves_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(LookupError):
            await _apply(world, {}, ANN, "put", True)
        assert world.store.account(ACCOUNT).all(User) == []
        async with world.store.edit(ACCOUNT) as draft:  # the lock is free again
            draft.put(ANN)
        assert world.store.account(ACCOUNT).named(User, "Ann") == ANN

    in_world(tmp_path, scenario)


def test_readers_see_an_edit_only_when_it_is_committed(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.store.edit(ACCOUNT) as draft:
            draft.put(ANN)
            assert draft.get(User, "ann") == ANN
            assert draft.all(User) == [ANN]
            assert world.store.account(ACCOUNT).get(User, "ann") is None
        assert world.store.account(ACCOUNT).get(User, "ann") == ANN

    in_world(tmp_path, scenario)


def test_accounts_know_nothing_of_each_other(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.store.edit(ACCOUNT) as draft:
            draft.put(ANN)
        assert world.store.account(OTHER_ACCOUNT).all(User) == []

    in_world(tmp_path, scenario)


def test_editors_of_one_account_wait_for_each_other(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async def add(name: str) -> None:
            async with world.store.edit(ACCOUNT) as draft:
                count = draft.count(User)
                await asyncio.sleep(0)
                draft.put(User(name=f"{name}-{count}", id="AIDA"))

        await asyncio.gather(*(add(str(number)) for number in range(20)))
        names = [user.name for user in world.store.account(ACCOUNT).all(User)]
        assert sorted(int(name.partition("-")[2]) for name in names) == list(range(20))

    in_world(tmp_path, scenario)


def test_a_caller_that_goes_away_during_the_commit_leaves_a_whole_edit(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async def edit() -> None:
            async with world.store.edit(ACCOUNT) as draft:
                draft.put(ANN)

        task = asyncio.create_task(edit())
        while not task.done():  # cancel in the middle of the commit
            await asyncio.sleep(0)
            task.cancel()
        async with world.store.edit(ACCOUNT) as draft:  # waits for that commit
            committed = draft.get(User, "ann")
        stored = await world.store._lane.read(
            lambda transaction: transaction.execute("SELECT count(*) FROM iam_records")
        )
        assert (committed is not None) == bool(stored[0][0])

    in_world(tmp_path, scenario)


def test_a_name_is_unique_regardless_of_case_and_found_by_its_own_spelling(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.store.edit(ACCOUNT) as draft:
            draft.put(ANN)
        records = world.store.account(ACCOUNT)
        assert records.get(User, "ann") == ANN
        assert records.named(User, "Ann") == ANN
        assert records.named(User, "ann") is None

    in_world(tmp_path, scenario)


def test_only_what_matters_to_access_counts_as_a_new_version(tmp_path: Path) -> None:
    async def scenario(world: World) -> list[int]:
        versions = [world.store.account(ACCOUNT).version]
        for record in (ANN, LastUse(of="AKIA1", at_ms=1, region="r", service="s")):
            async with world.store.edit(ACCOUNT) as draft:
                draft.put(record)
            versions.append(world.store.account(ACCOUNT).version)
        return versions

    assert in_world(tmp_path, scenario) == [0, 1, 1]


def test_a_secret_is_nowhere_in_clear_but_in_the_hand_that_asks(tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"

    async def scenario(world: World) -> None:
        key = AccessKey(
            id="AKIA2",
            user="Ann",
            status=KeyStatus.ACTIVE,
            created_ms=1,
            sealed_secret=world.store.seal_secret("AKIA2", secret),
        )
        async with world.store.edit(ACCOUNT) as draft:
            draft.put(key)
        assert secret not in repr(key)
        assert key.sealed_secret not in repr(key)
        assert world.store.secret_of(key) == secret
        with pytest.raises(BrokenSeal):  # a secret cannot be moved to another key id
            world.store.secret_of(replace(key, id="AKIA3"))

    in_world(tmp_path, scenario)
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    assert files
    assert all(secret.encode() not in content for content in files)


def test_another_sealing_key_opens_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        lane = open_lane(tmp_path / "iam.db", MIGRATIONS, limits=DEFAULT_LIMITS)
        try:
            store = IamStore(lane, AesGcmSealer(KEY))
            sealed = store.seal_secret("AKIA1", "secret")
            other = IamStore(lane, AesGcmSealer(bytes(32)))
            key = replace(_key(), sealed_secret=sealed)
            with pytest.raises(BrokenSeal):
                other.secret_of(key)
        finally:
            await lane.close()

    asyncio.run(scenario())


def _key() -> AccessKey:
    return next(record for record in EVERYTHING if isinstance(record, AccessKey))


Step = tuple[str, str, bool]


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(("put", "remove")), st.sampled_from("abcAB"), st.booleans()),
        max_size=30,
    )
)
def test_mirror_and_file_are_always_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    model: dict[str, User] = {}

    async def scenario(world: World) -> None:
        for number, (act, name, fails) in enumerate(steps):
            with suppress(LookupError):
                await _apply(world, model, User(name=name, id=str(number)), act, fails)
        assert world.store.account(ACCOUNT).all(User) == _sorted(model)

    async def reopened(world: World) -> None:
        assert world.store.account(ACCOUNT).all(User) == _sorted(model)

    in_world(folder, scenario)
    in_world(folder, reopened)


async def _apply(world: World, model: dict[str, User], user: User, act: str, fails: bool) -> None:
    async with world.store.edit(ACCOUNT) as draft:
        if act == "put":
            draft.put(user)
        else:
            draft.remove(user)
        if fails:
            raise LookupError
    if act == "put":
        model[user.key] = user
    else:
        model.pop(user.key, None)


def _sorted(model: dict[str, User]) -> list[User]:
    return [model[key] for key in sorted(model)]
