"""Random histories of the control plane against a model, with restarts in between.

Checked at every step: version numbers are never used twice, revision ids move exactly when they
should, sizes add up, pages and lists agree, and a restart changes nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from lambdad.core.errors import AwsError
from lambdad.functions.names import FunctionKey
from lambdad.services.lambda_.account import get_account_settings
from lambdad.services.lambda_.aliases import create_alias, delete_alias, list_aliases
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.functions import create_function, delete_function, list_functions
from lambdad.services.lambda_.tags import tag_resource
from lambdad.services.lambda_.versions import list_versions_by_function, publish_version
from support.control_plane import ACCOUNT, REGION, Plane, creation, plane
from support.packages import zip_of

NAMES = ("f", "g")
ZIPS = {size: zip_of({"index.py": "x = 1\n" * size}) for size in (1, 40)}


@dataclass
class Modelled:
    """What a function should be."""

    size: int
    timeout: int
    next_version: int
    published: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Number → size and timeout."""
    aliases: dict[str, int] = field(default_factory=dict)


class ControlPlane(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[str, Modelled] = {}
        self.used: dict[str, int] = {}
        self.revisions: dict[str, str] = {}
        self.open()

    def open(self) -> None:
        async def enter() -> tuple[AsyncExitStack, Plane]:
            stack = AsyncExitStack()
            made = await stack.enter_async_context(plane(Path(self.folder.name)))
            await made.settle()
            return stack, made

        self.stack, self.plane = self.loop.run_until_complete(enter())

    def run(self, operation: Any, **params: Any) -> Any:
        async def step() -> Any:
            try:
                return await self.plane.run(operation, **params)
            finally:
                await self.plane.settle()

        return self.loop.run_until_complete(step())

    def refused(self, operation: Any, **params: Any) -> str:
        try:
            self.run(operation, **params)
        except AwsError as error:
            return error.code
        raise AssertionError("it succeeded")

    def revision(self, name: str) -> str:
        return self.run(get_function_configuration, FunctionName=name)["RevisionId"]

    @rule(name=st.sampled_from(NAMES), size=st.sampled_from([*ZIPS]), publish=st.booleans())
    def create(self, name: str, size: int, publish: bool) -> None:
        params = creation(name, Code={"ZipFile": ZIPS[size]}, Publish=publish)
        if name in self.model:
            assert self.refused(create_function, **params) == "ResourceConflictException"
            return
        answer = self.run(create_function, **params)
        function = self.model[name] = Modelled(size, 3, self.used.get(name, 1))
        if publish:
            assert answer["Version"] == str(self.publish_in_model(function))
        self.revisions[name] = self.revision(name)
        assert self.revisions[name] != answer["RevisionId"]

    def publish_in_model(self, function: Modelled) -> int:
        number = function.next_version
        last = max(function.published, default=0)
        if last and function.published[last] == (function.size, function.timeout):
            return last
        function.published[number] = (function.size, function.timeout)
        function.next_version += 1
        return number

    @precondition(lambda self: self.model)
    @rule(data=st.data(), timeout=st.integers(1, 3))
    def configure(self, data: st.DataObject, timeout: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        before = self.revision(name)
        answer = self.run(
            update_function_configuration, FunctionName=name, Timeout=timeout, RevisionId=before
        )
        self.model[name].timeout = timeout
        assert len({before, answer["RevisionId"], self.revision(name)}) == 3
        self.revisions[name] = self.revision(name)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), size=st.sampled_from([*ZIPS]), publish=st.booleans())
    def upload(self, data: st.DataObject, size: int, publish: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        answer = self.run(
            update_function_code, FunctionName=name, ZipFile=ZIPS[size], Publish=publish
        )
        function = self.model[name]
        function.size = size
        if publish:
            assert answer["Version"] == str(self.publish_in_model(function))
        self.revisions[name] = self.revision(name)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        function = self.model[name]
        fresh = function.next_version
        number = self.publish_in_model(function)
        answer = self.run(publish_version, FunctionName=name)
        assert answer["Version"] == str(number)
        moved = self.revision(name) != self.revisions[name]
        assert moved is (number == fresh)
        self.revisions[name] = self.revision(name)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), number=st.integers(1, 6))
    def remove_version(self, data: st.DataObject, number: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        function = self.model[name]
        params = {"FunctionName": name, "Qualifier": str(number)}
        if number in function.aliases.values():
            assert self.refused(delete_function, **params) == "ResourceConflictException"
        else:
            self.run(delete_function, **params)
            function.published.pop(number, None)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), alias=st.sampled_from("ab"), number=st.integers(1, 6))
    def point(self, data: st.DataObject, alias: str, number: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        function = self.model[name]
        params = {"FunctionName": name, "Name": alias, "FunctionVersion": str(number)}
        if number not in function.published:
            assert self.refused(create_alias, **params) == "ResourceNotFoundException"
        elif alias in function.aliases:
            assert self.refused(create_alias, **params) == "ResourceConflictException"
            self.run(delete_alias, FunctionName=name, Name=alias)
            del function.aliases[alias]
        else:
            self.run(create_alias, **params)
            function.aliases[alias] = number

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def tag(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        arn = FunctionKey(ACCOUNT, REGION, name).arn()
        self.run(tag_resource, Resource=arn, Tags={"a": "b"})
        assert self.revision(name) != self.revisions[name]
        self.revisions[name] = self.revision(name)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.run(delete_function, FunctionName=name)
        self.used[name] = self.model.pop(name).next_version

    @rule()
    def restart(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.open()

    @rule()
    def forget_unused_code(self) -> None:
        self.plane.clock.advance(10_000)
        self.loop.run_until_complete(self.plane.code.collect())
        needed = {f.size for f in self.model.values()}
        needed |= {size for f in self.model.values() for size, _ in f.published.values()}
        assert len(list(self.plane.blobs.digests())) == len(needed)
        for function in self.plane.catalog:
            for version in function.versions.values():
                assert (version.code_dir / "index.py").exists()

    @invariant()
    def everything_agrees(self) -> None:
        listed = self.run(list_functions)["Functions"]
        assert [f["FunctionName"] for f in listed] == sorted(self.model)
        total = 0
        for name, function in self.model.items():
            versions = self.run(list_versions_by_function, FunctionName=name)["Versions"]
            expected = [("$LATEST", function.size, function.timeout)]
            expected += [(str(n), *function.published[n]) for n in sorted(function.published)]
            assert [(v["Version"], v["CodeSize"], v["Timeout"]) for v in versions] == [
                (version, len(ZIPS[size]), timeout) for version, size, timeout in expected
            ]
            total += sum(v["CodeSize"] for v in versions)
            aliases = self.run(list_aliases, FunctionName=name)["Aliases"]
            assert {a["Name"]: int(a["FunctionVersion"]) for a in aliases} == function.aliases
            assert self.revision(name) == self.revisions[name]
        usage = self.run(get_account_settings)["AccountUsage"]
        assert usage == {"FunctionCount": len(self.model), "TotalCodeSize": total}
        assert len(list(self.plane.catalog)) == len(self.model)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()


ControlPlane.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
TestControlPlane = ControlPlane.TestCase
