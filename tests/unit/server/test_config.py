"""server/config.py and place.py: where things lie, and who has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.core.errors import OperatorError
from lambdad.server.config import AccessConfig, Config, ListenConfig, Surroundings
from lambdad.server.place import RunningServer, announce, find_server, occupied


def config(host: str, *, accept_any: bool, port: int = 0) -> Config:
    return Config(Path("/x"), Surroundings({}), ListenConfig(host, port), AccessConfig(accept_any))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_any_credentials_on_loopback(host: str) -> None:
    config(host, accept_any=True).check()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com", ""]
)
def test_any_credentials_nowhere_else(host: str) -> None:
    with pytest.raises(OperatorError, match="--accept-any-credentials"):
        config(host, accept_any=True).check()
    with pytest.raises(OperatorError, match="lambdad tls init"):
        config(host, accept_any=False).check()


def test_ports() -> None:
    with pytest.raises(OperatorError, match="no port 65536"):
        config("127.0.0.1", accept_any=False, port=65_536).check()


def test_data_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Surroundings({"LAMBDAD_DATA_DIR": "/d"}).data_dir == Path("/d")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Surroundings({"HOME": "/root"}).data_dir == Path("/var/lib/lambdad")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Surroundings({"HOME": "/h"}).data_dir == Path("/h/.local/share/lambdad")
    assert Surroundings({"HOME": "/h", "XDG_DATA_HOME": "/x"}).data_dir == Path("/x/lambdad")


def test_keys_and_regions_of_the_environment() -> None:
    assert Surroundings({}).access_key is None
    assert Surroundings({"AWS_ACCESS_KEY_ID": "a"}).access_key is None
    both = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": ""}
    assert Surroundings(both).access_key == ("a", "s", None)
    assert Surroundings({}).region == "us-east-1"
    assert Surroundings({"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"


def test_one_server_per_directory(tmp_path: Path) -> None:
    place = tmp_path / "new" / "data"
    server = RunningServer(os.getpid(), "http://127.0.0.1:1", "0", "A", False)
    with occupied(place):
        assert place.stat().st_mode & 0o777 == 0o700
        announce(place, server)
        assert find_server(place) == server
        with (
            pytest.raises(OperatorError, match=rf"pid {os.getpid()}, http://127.0.0.1:1"),
            occupied(place),
        ):
            pytest.fail("two servers in one place")
    assert find_server(place) is None, "an old note is not a server"
    with occupied(place):
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    """Also by the next start: what one has used counts as lambdad's, and is handed over."""
    (tmp_path / "letters").touch()
    for _ in range(2):
        with pytest.raises(OperatorError, match="other things than lambdad's"), occupied(tmp_path):
            pytest.fail("occupied a folder of somebody's")
        assert [each.name for each in tmp_path.iterdir()] == ["letters"]


def test_what_commands_make_before_the_first_start_is_not_in_the_way(tmp_path: Path) -> None:
    """`lambdad runtimes install`, `lambdad tls init`; and a file system of its own."""
    for name in ("packs", "tls", "lost+found"):
        (tmp_path / name).mkdir()
    tmp_path.chmod(0o755)
    with occupied(tmp_path):
        assert (tmp_path / "server.lock").exists()
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    tmp_path.chmod(0o750)
    with occupied(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o750, "opened on purpose, later"


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="file cannot be used"), occupied(tmp_path / "file"):
        pytest.fail("occupied a file")


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="--data-dir"), occupied(tmp_path / "file" / "data"):
        pytest.fail("occupied a file")
    assert find_server(tmp_path / "file" / "data") is None
    assert find_server(tmp_path / "nowhere") is None


def test_secrets_of_the_environment_are_not_printed() -> None:
    assert "hunter2" not in repr(Surroundings({"AWS_SECRET_ACCESS_KEY": "hunter2"}))
