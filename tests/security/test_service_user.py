"""A server that is started as root gives root up: only the jailer's processes keep it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdad.server.service_user import ANONYMOUS_ID, ServiceUser, hand_over, service_user
from support.lambda_client import make_code
from support.patience import wait_for
from support.real_sandboxes import descendants, ordinary_python
from support.server import LambdadServer

if os.geteuid() != 0:
    pytest.skip("only root can give root up", allow_module_level=True)
if not Path(ordinary_python()).exists():
    reason = f"every Python here is root's alone: {ordinary_python()} is missing"
    pytest.skip(reason, allow_module_level=True)

NO_OP = "import os\ndef handler(event, context):\n    return os.getuid()\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Somewhere that everybody may look into, as /var/lib is."""
    made = Path(tempfile.mkdtemp(prefix="lambdad-service-user-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder: Path) -> Iterator[LambdadServer]:
    made = LambdadServer(folder / "data", python=ordinary_python())
    made.start()
    yield made
    made.kill9()


def status(pid: int) -> dict[str, str]:
    """Fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def jailers(server: LambdadServer) -> list[int]:
    """The keeper, the outer process and the jailer proper, in this order."""
    ours = [
        pid
        for pid in sorted(descendants(server.pid))
        if b"jailer/__main__.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return ours[:3]


def test_the_server_has_no_right_left_and_functions_run_all_the_same(server: LambdadServer) -> None:
    user = service_user(None)
    assert user is not None
    seen = status(server.pid)
    assert seen["Uid"].split() == [str(user.uid)] * 4
    assert seen["Gid"].split() == [str(user.gid)] * 4
    assert seen["Groups"] == ""
    assert [seen[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4
    assert seen["NoNewPrivs"] == "1"
    assert [status(pid)["Uid"].split()[0] for pid in jailers(server)] == ["0"] * 3
    client = server.client("lambda")
    make_code(client, NO_OP, name="f")
    answer = json.load(client.invoke(FunctionName="f")["Payload"])
    assert answer > ANONYMOUS_ID


def test_the_data_of_a_server_that_was_root_is_handed_over(folder: Path) -> None:
    before = LambdadServer(folder / "data", "--user", "root", python=ordinary_python())
    before.start()
    make_code(before.client("lambda"), NO_OP, name="f")
    assert status(before.pid)["Uid"].split()[0] == "0"
    before.stop()
    after = LambdadServer(folder / "data", python=ordinary_python())
    after.start()
    try:
        assert status(after.pid)["Uid"].split()[0] != "0"
        answer = after.client("lambda").invoke(FunctionName="f")
        assert answer["StatusCode"] == 200
    finally:
        assert after.stop() == 0


def test_a_dead_jailer_is_replaced_by_the_keeper(server: LambdadServer) -> None:
    client = server.client("lambda")
    make_code(client, NO_OP, name="f")
    client.invoke(FunctionName="f")
    keeper, outer, inner = jailers(server)
    os.kill(outer, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{inner}").exists())
    wait_for(lambda: "FunctionError" not in client.invoke(FunctionName="f"))
    assert jailers(server)[0] == keeper


def test_without_its_keeper_the_server_ends_and_says_why(server: LambdadServer) -> None:
    everything = descendants(server.pid)
    os.kill(jailers(server)[0], signal.SIGKILL)
    wait_for(lambda: not server.running)
    assert "keeper of the jailer was killed" in server.log_text()
    assert "Traceback" not in server.log_text()
    others = everything - {server.pid}
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in others))


def test_a_server_that_cannot_work_as_the_user_says_so(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    told = LambdadServer(closed / "data", "--user", "nobody", python=ordinary_python())
    with pytest.raises(RuntimeError, match=r"cannot work as nobody: .*closed is closed to nobody"):
        told.start()
    untold = LambdadServer(closed / "data", python=ordinary_python())
    untold.start()
    try:
        assert status(untold.pid)["Uid"].split()[0] == "0"
        assert "lambdad keeps root" in untold.log_text()
    finally:
        untold.stop()


def test_a_folder_of_somebody_elses_is_not_handed_over(folder: Path) -> None:
    """A wrong --data-dir must not give the files of others away."""
    (folder / "letters").write_text("private")
    told = LambdadServer(folder, "--user", "nobody", python=ordinary_python())
    with pytest.raises(RuntimeError, match="holds other things than lambdad's"):
        told.start()
    assert (folder / "letters").stat().st_uid == 0


def test_what_is_handed_over_does_not_move_elsewhere_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner may still be at work, and put a link where a folder was."""
    data, outside = folder / "data", folder / "outside"
    (data / "moving").mkdir(parents=True)
    outside.mkdir()
    for place in (data / "moving", outside):
        (place / "file").write_text("")
    os.chown(data, 12345, 12345)

    list_folder = os.scandir

    def moving(place: Any) -> Any:
        inside = isinstance(place, int) and os.path.samestat(os.stat(place), kept)
        if str(place).endswith("/moving") or inside:
            (data / "moving").rename(folder / "gone")
            (data / "moving").symlink_to(outside)
        return list_folder(place)

    kept = (data / "moving").stat()
    monkeypatch.setattr(os, "scandir", moving)
    hand_over(data, ServiceUser("somebody", 23456, 23456))
    assert data.stat().st_uid == 23456
    assert (data / "moving").is_symlink()
    assert (outside.stat().st_uid, (outside / "file").stat().st_uid) == (0, 0)


def test_a_user_that_does_not_exist_is_refused(folder: Path) -> None:
    told = LambdadServer(folder / "data", "--user", "nosuchuser", python=ordinary_python())
    with pytest.raises(RuntimeError, match="There is no user nosuchuser"):
        told.start()
