"""Which environments may be a process that was started ahead of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.core.ids import EnvironmentId
from lambdad.core.value import replace
from lambdad.runtime.catalog.nodejs import NodejsFamily
from lambdad.runtime.variables import known_beforehand
from lambdad.sandbox.driver import RuntimePack, SandboxSpec
from lambdad.sandbox.head_start import may_take_stem


@pytest.fixture
def pack(tmp_path: Path) -> RuntimePack:
    program = tmp_path / ".nvm/versions/node/v22.1.0/bin/node"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    family = NodejsFamily(tmp_path / "packs", tmp_path, tmp_path, lambda command: "v22.1.0")
    found = family.find("nodejs22.x")
    assert isinstance(found, RuntimePack)
    return found


@pytest.fixture
def spec(tmp_path: Path, pack: RuntimePack) -> SandboxSpec:
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.js").write_text("")
    usual = {**known_beforehand("nodejs22.x", "nodejs"), "_HANDLER": "index.handler", "MINE": "1"}
    return SandboxSpec(EnvironmentId("e"), pack, code, (), usual, 128, 512)


def with_variables(spec: SandboxSpec, **variables: str) -> SandboxSpec:
    return replace(spec, variables={**spec.variables, **variables})


def test_a_usual_function_may(spec: SandboxSpec) -> None:
    assert may_take_stem(spec)


@pytest.mark.parametrize(
    "name", ["NODE_ENV", "PATH", "AWS_NODEJS_CONNECTION_REUSE_ENABLED", "HTTP_PROXY", "X", "MY_TZ"]
)
def test_variables_that_work_later_as_well_do_not_matter(spec: SandboxSpec, name: str) -> None:
    assert may_take_stem(with_variables(spec, **{name: "value"}))


@pytest.mark.parametrize(
    "name",
    [
        *("NODE_OPTIONS", "NODE_PATH", "NODE_DEBUG", "NODE_EXTRA_CA_CERTS", "NODE_ENVIRONMENT"),
        *(
            "NODE_V8_COVERAGE",
            "NODE_COMPILE_CACHE",
            "NODE_ICU_DATA",
            "NODE_TLS_REJECT_UNAUTHORIZED",
        ),
        *("TZ", "TZDIR", "LANG", "LANGUAGE", "LC_ALL", "HOME", "UV_THREADPOOL_SIZE", "ICU_DATA"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"),
        *("OPENSSL_CONF", "SSL_CERT_FILE", "SSLKEYLOGFILE", "RES_OPTIONS", "HOSTALIASES"),
    ],
)
def test_variables_that_act_at_the_start_do(spec: SandboxSpec, name: str) -> None:
    assert not may_take_stem(with_variables(spec, **{name: "another value"}))


def test_a_missing_variable_counts_as_well(spec: SandboxSpec) -> None:
    without = {name: value for name, value in spec.variables.items() if name != "NODE_PATH"}
    assert not may_take_stem(replace(spec, variables=without))


@pytest.mark.parametrize(
    "change", [{"layer_dirs": (Path("/layer"),)}, {"extensions": ("agent",)}], ids=str
)
def test_layers_and_extensions_need_a_start_of_their_own(
    spec: SandboxSpec, change: dict[str, Any]
) -> None:
    assert not may_take_stem(replace(spec, **change))


def test_so_does_a_wrapper(spec: SandboxSpec) -> None:
    wrapped = replace(spec.pack, argv=("/bin/sh", "-c", "x", *spec.pack.argv))
    assert not may_take_stem(replace(spec, pack=wrapped))


def test_a_command_that_cannot_wait_is_started_by_a_stem_that_only_waits(spec: SandboxSpec) -> None:
    command = replace(spec.pack, family="provided", ahead=None)
    own = with_variables(replace(spec, pack=command, layer_dirs=(Path("/layer"),)), LD_PRELOAD="/x")
    (spec.code_dir / "libz.so").write_text("")
    assert may_take_stem(own)
    assert not may_take_stem(replace(own, extensions=("agent",)))


def test_python_is_forked(spec: SandboxSpec) -> None:
    assert not may_take_stem(replace(spec, pack=replace(spec.pack, family="python", ahead=None)))


@pytest.mark.parametrize("name", ["libstdc++.so.6", "lib/libcrypto.so", "lib/libz.so.1.2"])
def test_a_library_may_be_one_that_the_start_loads(spec: SandboxSpec, name: str) -> None:
    path = spec.code_dir / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    assert not may_take_stem(spec)


def test_libraries_elsewhere_are_found_later(spec: SandboxSpec) -> None:
    path = spec.code_dir / "node_modules" / "addon.so"
    path.parent.mkdir()
    path.write_text("")
    (spec.code_dir / "lib").write_text("a file")
    assert may_take_stem(spec)
