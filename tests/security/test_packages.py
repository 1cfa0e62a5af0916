"""A hostile deployment package: every way out of its folder, and every way to fill a disk.

Each attack goes through the operation that a client would use, and afterwards the folder around
the trees is looked at: nothing may have been written anywhere else.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.limits import DEFAULT_LIMITS, MIB
from lambdad.functions.package import PackageRefused, inspect
from lambdad.functions.unpack import remove_tree, unpack
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.functions import create_function
from support.control_plane import creation, error_of, plane
from support.packages import Entry, entry, link, zip_entries, zip_of

CANNOT_UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
TOO_LARGE = "Unzipped size must be smaller than 262144000 bytes"
GOOD = entry("index.py", "x = 1\n")


def refusal_of(tmp_path: Path, archive: bytes, **limits: int) -> tuple[str, int, str | None]:
    """How CreateFunction answers; nothing may be left on disk."""

    async def scenario() -> tuple[str, int, str | None]:
        async with plane(tmp_path / "data", **limits) as p:
            params = creation(Code={"ZipFile": archive})
            code, status, message, _ = await error_of(p.run(create_function, **params))
            assert list((tmp_path / "data" / "code").iterdir()) == []
            assert list(p.blobs.digests()) == []
            return code, status, message

    return asyncio.run(scenario())


def unpacked(tmp_path: Path, archive: bytes) -> Path:
    """The tree of a package that is accepted."""
    inspect(archive, DEFAULT_LIMITS)
    zip_path, tree = tmp_path / "package.zip", tmp_path / "trees" / "tree"
    zip_path.write_bytes(archive)
    tree.parent.mkdir()
    with zip_path.open("rb") as archive:
        unpack(archive, tree, DEFAULT_LIMITS)
    return tree


PATHS = [
    "../evil",
    "a/../../evil",
    "a/..",
    "..",
    "/etc/cron.d/evil",
    "//evil",
    "C:/evil",
    "c:evil",
    "..\\evil",
    "a\\b",
    "evil\\",
    "a/" + "x" * 256,
    "/".join(["deep"] * 300),
    "",
    ".",
    "./.",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_out_of_the_package(tmp_path: Path, path: str) -> None:
    archive = zip_entries([GOOD, entry(path, "evil")])
    assert refusal_of(tmp_path, archive) == ("InvalidParameterValueException", 400, CANNOT_UNZIP)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_name_with_a_zero_byte(tmp_path: Path) -> None:
    archive = zip_entries([GOOD, entry("ev?l.py", "evil")]).replace(b"ev?l.py", b"ev\0l.py")
    assert refusal_of(tmp_path, archive)[2] == CANNOT_UNZIP


LINKS = [
    [link("l", "/etc/passwd")],
    [link("l", "..")],
    [link("l", "../outside")],
    [link("a/b/l", "../../../x")],
    [link("l", "a/../../x"), entry("a/f", "")],
    [link("l", "")],
    [link("l", "x" * 5000)],
    # out through another link: lexically inside, in the kernel's eyes outside
    [entry("a/b/f", ""), link("a/b/up", "../.."), link("l", "a/b/up/../x")],
    [link("a", "b"), link("b", "a")],
    [link("l", "l")],
    [link("l", "l/x")],
    # a file through a link
    [link("l", "d"), entry("l/f", "evil"), entry("d/f", "")],
    [entry("f", ""), entry("f/g", "")],
    [link("l", "f"), entry("f", ""), entry("l", "evil")],
    [entry("l/", "", kind=stat.S_IFDIR), link("l", "x")],
]


@pytest.mark.parametrize("entries", LINKS)
def test_a_link_out_of_the_package(tmp_path: Path, entries: list[Entry]) -> None:
    archive = zip_entries([GOOD, *entries])
    assert refusal_of(tmp_path, archive)[2] == CANNOT_UNZIP


def test_links_that_stay_inside_work(tmp_path: Path) -> None:
    entries = [
        entry("lib/real.py", "x = 1\n"),
        link("alias.py", "lib/real.py"),
        link("bin/tool", "../lib/real.py"),
        link("again", "bin"),
        link("dangling", "not/there"),
    ]
    tree = unpacked(tmp_path, zip_entries(entries))
    assert (tree / "alias.py").read_text() == "x = 1\n"
    assert (tree / "again" / "tool").read_text() == "x = 1\n"
    assert os.readlink(tree / "dangling") == "not/there"
    remove_tree(tree)
    assert not tree.exists()


@pytest.mark.parametrize(
    "kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, 0o170000]
)
def test_special_files(tmp_path: Path, kind: int) -> None:
    archive = zip_entries([GOOD, entry("dev", "", kind=kind)])
    assert refusal_of(tmp_path, archive)[2] == CANNOT_UNZIP


def test_set_id_and_write_bits_are_gone_and_programs_stay_programs(tmp_path: Path) -> None:
    entries = [
        entry("bootstrap", "#!/bin/sh\n", mode=0o6777),
        entry("data", "", mode=0o4666),
        entry("sticky/", "", mode=0o1777, kind=stat.S_IFDIR),
        entry("private/x", "", mode=0o100),
    ]
    tree = unpacked(tmp_path, zip_entries(entries))
    modes = {str(path.relative_to(tree)): path.stat().st_mode & 0o7777 for path in tree.rglob("*")}
    assert modes == {
        "bootstrap": 0o555,
        "data": 0o444,
        "sticky": 0o555,
        "private": 0o555,
        "private/x": 0o555,
    }


def test_of_two_files_under_one_path_the_last_counts(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = zip_entries([entry("a.py", "first"), entry("./a.py", "second")])
    assert (unpacked(tmp_path, archive) / "a.py").read_text() == "second"


def test_names_are_read_as_their_packer_meant_them(tmp_path: Path) -> None:
    flagged = zip_of({"grüße.py": ""})
    raw = zip_of({"gr??~~e.py": ""}).replace(b"gr??~~e.py", "grüße.py".encode())
    old = zip_of({"gr~.py": ""}).replace(b"gr~.py", b"gr\x81.py")  # ü in code page 437
    for number, (archive, name) in enumerate(
        [(flagged, "grüße.py"), (raw, "grüße.py"), (old, "grü.py")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert [path.name for path in unpacked(folder, archive).iterdir()] == [name]


def lying(archive: bytes, size: int) -> bytes:
    """The same zip, every header of which claims another unzipped size."""
    data = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark)
        struct.pack_into("<L", data, at + offset, size)
    return bytes(data)


def test_a_bomb_that_says_so(tmp_path: Path) -> None:
    archive = zip_of({"zeros": bytes(8 * MIB)})
    assert len(archive) < 10_000
    answer = refusal_of(tmp_path, archive, unzipped_bytes=MIB)
    assert answer == (
        "InvalidParameterValueException", 400, f"Unzipped size must be smaller than {MIB} bytes",
    )  # fmt: skip


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    archive = lying(zip_of({"zeros": bytes(8 * MIB)}), 10)
    assert refusal_of(tmp_path, archive, unzipped_bytes=MIB)[2] == CANNOT_UNZIP


def test_a_claim_beyond_the_limit_is_enough(tmp_path: Path) -> None:
    assert refusal_of(tmp_path, lying(zip_of(), 0xFFFF_FFF0))[2] == TOO_LARGE


def test_many_entries_over_one_piece_of_data(tmp_path: Path) -> None:
    """Overlapping files (a "better zip bomb"): the directory names one local file many times."""
    archive = zip_of({"zeros": bytes(MIB)})
    directory = archive[archive.index(b"PK\x01\x02") : archive.index(b"PK\x05\x06")]
    local = archive[: archive.index(b"PK\x01\x02")]
    entries = b"".join(directory.replace(b"zeros", b"z%04d" % n) for n in range(500))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 500, 500, len(entries), len(local), 0)
    answer = refusal_of(tmp_path, local + entries + end, unzipped_bytes=16 * MIB)
    assert answer[0] == "InvalidParameterValueException"


def test_too_many_entries_are_counted_before_they_are_read(tmp_path: Path) -> None:
    archive = zip_of({f"{n}": "" for n in range(300)})
    assert refusal_of(tmp_path, archive, zip_entries=299)[2] == CANNOT_UNZIP
    # a directory that hides its size behind zip64, and one that claims to be empty
    end = archive.rindex(b"PK\x05\x06")
    directory_bytes, directory_at = struct.unpack_from("<LL", archive, end + 12)
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 300, 300, directory_bytes, directory_at
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    hidden = archive[:end] + record + locator + archive[end : end + 12] + bytes(8) + bytes(2)
    assert len(zipfile.ZipFile(io.BytesIO(hidden)).infolist()) == 300  # the library would read it
    assert refusal_of(tmp_path, hidden, zip_entries=299)[2] == CANNOT_UNZIP


def test_an_encrypted_package(tmp_path: Path) -> None:
    data = bytearray(zip_of())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    assert refusal_of(tmp_path, bytes(data))[2] == CANNOT_UNZIP


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_aws_does_not_know(tmp_path: Path, method: int) -> None:
    info, content = entry("a", "b" * 100)
    info.compress_type = method
    assert refusal_of(tmp_path, zip_entries([(info, content)]))[2] == CANNOT_UNZIP


@pytest.mark.parametrize(
    "archive",
    [
        b"this is not a zip",
        b"PK\x05\x06",
        b"PK\x03\x04" + bytes(100),
        zip_of()[:-1],
        zip_of()[:40],
        zip_of()[:60] + b"\xff\xff\xff" + zip_of()[63:],
        zip_of().replace(b"PK\x03\x04", b"PK\x03\x05"),
        zip_of({"a.py": "x" * 1000})[:50] + zip_of({"a.py": "y" * 1000})[50:],
    ],
)
def test_a_broken_package(tmp_path: Path, archive: bytes) -> None:
    assert refusal_of(tmp_path, archive)[2] == CANNOT_UNZIP


def test_a_wrong_checksum(tmp_path: Path) -> None:
    content = b"x = 1\n"
    archive = zip_of({"a.py": content})
    crc = struct.pack("<L", zlib.crc32(content))
    assert refusal_of(tmp_path, archive.replace(crc, b"\0\0\0\0"))[2] == CANNOT_UNZIP


@pytest.mark.parametrize("archive", [zip_of({}), zip_entries([entry("d/", kind=stat.S_IFDIR)])])
def test_an_empty_package(tmp_path: Path, archive: bytes) -> None:
    assert refusal_of(tmp_path, archive)[2] == "Uploaded file must be a non-empty zip"


def test_a_package_too_large_to_send(tmp_path: Path) -> None:
    assert refusal_of(tmp_path, bytes(52_428_800)) == (
        "RequestEntityTooLargeException", 413, "Zipped size must be smaller than 52428800 bytes",
    )  # fmt: skip


def test_an_update_is_held_to_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            archive = zip_entries([GOOD, entry("../evil", "evil")])
            for dry in (True, False):
                update = p.run(update_function_code, FunctionName="f", ZipFile=archive, DryRun=dry)
                assert (await error_of(update))[2] == CANNOT_UNZIP
            assert len(list(p.blobs.digests())) == 1

    asyncio.run(scenario())
    assert not list(tmp_path.rglob("*evil*"))


def test_hostile_source_does_not_stop_the_compiler(tmp_path: Path) -> None:
    sources = {
        "parens.py": "(" * 60_000,
        "minus.py": "-" * 60_000 + "1",
        "lambda.py": "lambda:" * 9_000 + "1",
        "attributes.py": "a" + ".b" * 30_000,
        "huge.py": "9**9**9",
        "zero.py": "a\0b",
        "encoding.py": "# coding: rot13\n",
        "bytes.py": b"\xff\xfe\x00",
        "__pycache__": "not a folder",
        "good.py": "x = 1\n",
        "pkg/good.py": "x = 1\n",
    }

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            for runtime in ("python3.11", "python3.12", "python3.13", "python3.14"):
                params = creation(
                    runtime.replace(".", "-"), Runtime=runtime, Code={"ZipFile": zip_of(sources)}
                )
                await p.run(create_function, **params)
            await p.settle()
            states = {function.versions["$LATEST"].state for function in p.catalog}
            assert states == {"Active"}

    asyncio.run(scenario())


pieces = st.sampled_from(["a", "b", "..", ".", "", "c"])
paths = st.lists(pieces, min_size=1, max_size=5).map("/".join)
made_entries = st.one_of(st.builds(entry, paths, st.just("content")), st.builds(link, paths, paths))


@settings(max_examples=300)
@given(st.lists(made_entries, min_size=1, max_size=6))
def test_whatever_is_accepted_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = zip_entries(entries)
    try:
        inspect(archive, DEFAULT_LIMITS)
    except PackageRefused:
        return
    folder = tmp_path_factory.mktemp("made")
    tree = unpacked(folder, archive)
    assert sorted(path.name for path in folder.iterdir()) == ["package.zip", "trees"]
    assert [path.name for path in (folder / "trees").iterdir()] == ["tree"]
    for path in tree.rglob("*"):
        assert path.parent.joinpath(os.path.realpath(path)).is_relative_to(tree)
    remove_tree(tree)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_package_is_refused_or_read_right(data: st.DataObject) -> None:
    archive = bytearray(zip_of({"index.py": "x = 1\n" * 50, "b": "b" * 50}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive) - 1))
        archive[at] = data.draw(st.integers(0, 255))
    try:
        inspect(bytes(archive), DEFAULT_LIMITS)
    except PackageRefused:
        return
