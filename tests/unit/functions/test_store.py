"""The store on real storage: what was acknowledged is there after any end."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import OperatorError
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import FunctionRecord, State
from lambdad.functions.unpack import remove_tree
from lambdad.services.lambda_.aliases import create_alias, delete_alias
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.configuration import update_function_configuration
from lambdad.services.lambda_.functions import create_function, delete_function
from lambdad.services.lambda_.tags import tag_resource
from lambdad.services.lambda_.versions import publish_version
from support.control_plane import ACCOUNT, REGION, Plane, creation, plane
from support.packages import zip_of

KEY = FunctionKey(ACCOUNT, REGION, "f")


def record_of(p: Plane) -> FunctionRecord:
    record = p.store.get(KEY)
    assert record is not None
    return record


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            variables = {"Variables": {"A": "1"}}
            await p.run(create_function, **creation(Environment=variables, Tags={"t": "v"}))
            await p.settle()
            await p.run(publish_version, FunctionName="f")
            await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
            before = record_of(p)
            published = p.catalog.get(*KEY)
        async with plane(tmp_path) as p:
            assert record_of(p) == before
            assert p.catalog.get(*KEY) == published
            usage = p.store.usage(ACCOUNT, REGION)
            assert (usage.names, usage.code_bytes) == (["f"], 2 * len(zip_of()))

    asyncio.run(scenario())


def test_what_was_deleted_stays_deleted_and_its_numbers_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation(Publish=True))
            await p.settle()
            await p.run(create_alias, FunctionName="f", Name="a", FunctionVersion="1")
            await p.run(delete_alias, FunctionName="f", Name="a")
            await p.run(delete_function, FunctionName="f")
        async with plane(tmp_path) as p:
            assert p.store.get(KEY) is None
            assert p.catalog.get(*KEY) is None
            assert p.store.usage(ACCOUNT, REGION).code_bytes == 0
            answer = await p.run(create_function, **creation(Publish=True))
            assert answer["Version"] == "2"
            await p.settle()

    asyncio.run(scenario())


def test_a_creation_that_a_crash_interrupted_is_carried_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            p.preparer.begin = lambda key: None  # type: ignore[method-assign]  the crash
            await p.run(create_function, **creation(Publish=True))
            assert record_of(p).latest.state is State.PENDING
        async with plane(tmp_path) as p:
            await p.settle()
            record = record_of(p)
            assert [v.state for v in record.all_versions()] == [State.ACTIVE] * 2

    asyncio.run(scenario())


def test_an_update_that_a_crash_interrupted_serves_the_old_code_until_it_is_done(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            old = p.catalog.get(*KEY)
            assert old is not None
            p.preparer.begin = lambda key: None  # type: ignore[method-assign]
            new = zip_of({"index.py": "new = 1\n"})
            await p.run(update_function_code, FunctionName="f", ZipFile=new)
            assert p.catalog.get(*KEY) == old
            trees = {path.name for path in (tmp_path / "code").iterdir()}
            assert trees == {old.versions["$LATEST"].code_dir.name}
        async with plane(tmp_path) as p:
            await p.settle()
            function = p.catalog.get(*KEY)
            assert function is not None
            latest = function.versions["$LATEST"]
            assert (latest.code_dir / "index.py").read_text() == "new = 1\n"
            assert latest.deployment_id != old.versions["$LATEST"].deployment_id

    asyncio.run(scenario())


def test_an_unpacked_tree_is_made_again_from_its_blob(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            function = p.catalog.get(*KEY)
            assert function is not None
            tree = function.versions["$LATEST"].code_dir
        remove_tree(tree)
        async with plane(tmp_path):
            assert (tree / "index.py").exists()

    asyncio.run(scenario())


def test_code_that_nothing_refers_to_goes_after_a_while(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation("f"))
            await p.run(create_function, **creation("g"))
            await p.settle()
            assert len(list(p.blobs.digests())) == 1  # the same zip is kept once
            await p.run(delete_function, FunctionName="f")
            p.clock.advance(10_000)
            await p.code.collect()
            assert len(list(p.blobs.digests())) == 1  # g needs it
            await p.run(delete_function, FunctionName="g")
            await p.code.collect()
            assert len(list(p.blobs.digests())) == 1  # an invocation may still read it
            p.clock.advance(10_000)
            await p.code.collect()
            assert list(p.blobs.digests()) == []
            assert list((tmp_path / "code").iterdir()) == []

    asyncio.run(scenario())


def test_code_that_is_needed_again_does_not_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation("f"))
            await p.settle()
            await p.run(delete_function, FunctionName="f")
            p.clock.advance(10_000)
            await asyncio.gather(p.code.collect(), p.run(create_function, **creation("f")))
            await p.settle()
            await p.code.collect()
            function = p.catalog.get(*KEY)
            assert function is not None
            assert (function.versions["$LATEST"].code_dir / "index.py").exists()
            assert len(list(p.blobs.digests())) == 1

    asyncio.run(scenario())


def test_a_start_clears_what_a_crash_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            p.blobs.put(b"stored, and then the commit never came")
            staging = tmp_path / "code" / ".staging-1"
            staging.mkdir()
            (staging / "half").write_text("made")
            (tmp_path / "code" / ("f" * 64)).mkdir(mode=0o555)
        async with plane(tmp_path) as p:
            assert len(list(p.blobs.digests())) == 1
            assert len(list((tmp_path / "code").iterdir())) == 1

    asyncio.run(scenario())


def test_a_damaged_package_fails_its_function_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation("good", Code={"ZipFile": zip_of()}))
            await p.settle()
            p.preparer.begin = lambda key: None  # type: ignore[method-assign]
            bad = zip_of({"index.py": "bad"})
            await p.run(create_function, **creation("f", Code={"ZipFile": bad}))
            blob = p.blobs.path(record_of(p).latest.deployment.code.digest)
        blob.chmod(0o600)
        blob.write_bytes(bad[:40] + b"!!!" + bad[43:])
        async with plane(tmp_path) as p:
            await p.settle()
            latest = record_of(p).latest
            assert latest.state is State.FAILED
            assert latest.state_reason is not None
            assert latest.state_reason.code == "InvalidZipFileException"
            function = p.catalog.get(ACCOUNT, REGION, "good")
            assert function is not None
            assert function.versions["$LATEST"].state == "Active"

    asyncio.run(scenario())
    assert "cannot be unpacked" in caplog.text


def test_a_caller_that_goes_away_leaves_memory_and_disk_agreed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            for number in range(20):
                arn = record_of(p).key.arn()
                work = asyncio.create_task(
                    p.run(tag_resource, Resource=arn, Tags={"n": str(number)})
                )
                for _ in range(number % 5):
                    await asyncio.sleep(0)
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            before = record_of(p)
        async with plane(tmp_path) as p:
            assert record_of(p) == before

    asyncio.run(scenario())


def test_changes_to_one_function_come_one_after_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            arn = record_of(p).key.arn()
            tags = [{f"k{number}": "v"} for number in range(20)]
            await asyncio.gather(*(p.run(tag_resource, Resource=arn, Tags=tag) for tag in tags))
            assert len(record_of(p).tags) == 20

    asyncio.run(scenario())


def test_the_store_says_no_when_the_lane_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:

            async def broken(work: Any) -> Any:
                raise OSError("disk on fire")

            p.lane.write = broken  # type: ignore[method-assign]
            with pytest.raises(OSError, match="on fire"):
                await p.run(create_function, **creation())
            assert p.store.get(KEY) is None
            assert p.catalog.get(*KEY) is None
            p.clock.advance(10_000)
            await p.code.collect()
            assert list(p.blobs.digests()) == []

    asyncio.run(scenario())


def test_trees_are_readable_by_all_and_writable_by_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            files: dict[str, str | bytes] = {"index.py": "", "pkg/mod.py": "x = 1\n"}
            await p.run(create_function, **creation(Code={"ZipFile": zip_of(files, mode=0o600)}))
            await p.settle()
            function = p.catalog.get(*KEY)
            assert function is not None
            for folder, _, names in os.walk(function.versions["$LATEST"].code_dir):
                assert os.stat(folder).st_mode & 0o7777 == 0o555
                for name in names:
                    assert os.stat(Path(folder, name)).st_mode & 0o7777 == 0o444

    asyncio.run(scenario())


def test_python_is_compiled_for_the_python_that_is_here(tmp_path: Path) -> None:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    other = "python3.8"

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            files: dict[str, str | bytes] = {"index.py": "x = 1\n", "broken.py": "def ("}
            for name, runtime in (("here", here), ("other", other)):
                code = {"ZipFile": zip_of(files)}
                await p.run(create_function, **creation(name, Runtime=runtime, Code=code))
            await p.settle()
            compiled = {}
            for name in ("here", "other"):
                function = p.catalog.get(ACCOUNT, REGION, name)
                assert function is not None
                compiled[name] = sorted(
                    path.name for path in function.versions["$LATEST"].code_dir.rglob("*.pyc")
                )
            assert compiled == {"here": [f"index.{sys.implementation.cache_tag}.pyc"], "other": []}
            # a change of runtime alone moves the function to the other tree
            await p.run(update_function_configuration, FunctionName="other", Runtime=here)
            await p.settle()
            functions = [p.catalog.get(ACCOUNT, REGION, name) for name in ("here", "other")]
            folders = {f.versions["$LATEST"].code_dir for f in functions if f is not None}
            assert len(folders) == 1

    asyncio.run(scenario())


def test_environment_variables_and_code_are_not_on_disk_in_clear(tmp_path: Path) -> None:
    """Neither the value nor the name of a variable, nor the package; but the unpacked tree, which
    the sandboxes run."""

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            code = zip_of({"index.py": "PASSWORD_IN_CODE = 1"})
            variables = {"Variables": {"PASSWORD_NAME": "PASSWORD_VALUE"}}
            await p.run(create_function, **creation(Code={"ZipFile": code}, Environment=variables))
            await p.settle()
            await p.run(publish_version, FunctionName="f")
            await p.settle()

    asyncio.run(scenario())
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "control.db" for path in stored)
    for path in stored:
        if "code" not in path.relative_to(tmp_path).parts[:1]:
            assert b"PASSWORD" not in path.read_bytes(), path
            assert b"index.py" not in path.read_bytes(), path


def test_a_row_moved_to_another_function_is_refused(tmp_path: Path) -> None:
    """Whoever can write the database cannot run one function with the secrets of another."""

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            secret = {"Variables": {"KEY": "secret"}}
            await p.run(create_function, **creation("victim", Environment=secret))
            await p.run(create_function, **creation("thief"))
            await p.settle()
            await p.lane.write(
                lambda tx: tx.execute(
                    "UPDATE lambda_versions SET document = "
                    "(SELECT document FROM lambda_versions WHERE name = 'victim') "
                    "WHERE name = 'thief'"
                )
            )
        with pytest.raises(OperatorError, match=r"function:thief.*cannot be decrypted"):
            async with plane(tmp_path):
                pass

    asyncio.run(scenario())
