"""cli/: what needs no server: payloads, times, help, how commands fail."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from lambdad import __version__
from lambdad.cli.invoke import read_payload
from lambdad.cli.logs import parse_since
from lambdad.cli.main import COMMANDS, main
from lambdad.core.errors import OperatorError

NOW_MS = 1_700_000_000_000


def test_payloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "event.json").write_bytes(b'{"from": "file"}')
    assert read_payload('{"a": 1}') == b'{"a": 1}'
    assert read_payload(f"@{tmp_path}/event.json") == b'{"from": "file"}'
    stdin = io.TextIOWrapper(io.BytesIO(b"[1]"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert read_payload("-") == b"[1]"
    with pytest.raises(OperatorError, match="not JSON"):
        read_payload("{name: 1}")
    with pytest.raises(OperatorError, match="cannot be read"):
        read_payload("@/no/such/file")


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("30s", NOW_MS - 30_000),
        ("10m", NOW_MS - 600_000),
        ("2h", NOW_MS - 7_200_000),
        ("1d", NOW_MS - 86_400_000),
        ("99999999w", 0),
        ("2023-11-14T22:13:20+00:00", NOW_MS),
    ],
)
def test_times(text: str, expected_ms: int) -> None:
    assert parse_since(text, NOW_MS) == expected_ms


def test_other_times_are_explained() -> None:
    with pytest.raises(OperatorError, match="--since yesterday"):
        parse_since("yesterday", NOW_MS)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        *(("events", action) for action in ("record", "list", "replay", "sample")),
        *(("queue", action) for action in ("list", "peek", "send", "redrive", "purge")),
        *(("runtimes", action) for action in ("list", "install")),
    ],
)
def test_every_action_takes_json(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_version_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"lambdad {__version__}\n"


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "deploy" in capsys.readouterr().out


def test_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--data-dir", str(tmp_path)]) == 1
    assert "Start one with: lambdad up" in capsys.readouterr().err
    assert main(["env", "--json", "--data-dir", str(tmp_path)]) == 1
    assert "lambdad up" in json.loads(capsys.readouterr().err)["error"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    assert "lambdad" in json.loads(capsys.readouterr().out)
