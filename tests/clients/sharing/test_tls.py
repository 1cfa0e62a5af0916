"""TLS: a CA of one's own, clients that trust it, and what a server refuses without."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from support.server import LambdadServer, ServerFactory


def secure(start_server: ServerFactory, folder: Path) -> tuple[LambdadServer, Path]:
    """A server with TLS on loopback, and its CA."""
    place = folder / "secure"
    probe = LambdadServer(place)
    made = probe.lambdad("tls", "init", "--name", "lambdad.test", "--json")
    server = start_server("--tls-cert", made["cert"], "--tls-key", made["key"], data_dir=place)
    return server, Path(made["ca"])


def test_clients_speak_tls_with_the_ca_that_was_made(
    start_server: ServerFactory, tmp_path: Path
) -> None:
    server, ca = secure(start_server, tmp_path)
    assert server.endpoint.startswith("https://127.0.0.1:")
    server.ca = str(ca)
    client = server.client("sts")
    assert client.get_caller_identity()["Account"] == "000000000000"
    with pytest.raises(SSLError):
        server.client("sts", verify=True).get_caller_identity()
    exported = server.lambdad("env", "--json", environment=server.local_environment())
    assert exported["AWS_CA_BUNDLE"] == str(ca)
    done = server.lambdad("functions", check=False, environment=server.local_environment())
    assert done.returncode == 0, done.stderr
    script = tmp_path / "hello.py"
    script.write_text("def handler(event, context):\n    return 'hello'\n")
    local = server.local_environment()
    assert server.lambdad("deploy", str(script), check=False, environment=local).returncode == 0
    assert server.lambdad("invoke", "hello", environment=local) == "hello"
    location = server.client("lambda").get_function(FunctionName="hello")["Code"]["Location"]
    assert location.startswith(server.endpoint)
    for path, mode in ((ca.with_name("ca.key"), 0o600), (ca.with_name("server.key"), 0o600)):
        assert path.stat().st_mode & 0o777 == mode


def test_a_second_init_keeps_the_ca(tmp_path: Path) -> None:
    probe = LambdadServer(tmp_path / "data")
    first = Path(probe.lambdad("tls", "init", "--json")["ca"]).read_bytes()
    again = probe.lambdad("tls", "init", "--json")
    assert Path(again["ca"]).read_bytes() == first


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--host", "0.0.0.0"), "lambdad tls init"),
        (("--tls-cert", "x.pem"), "belong together"),
        (("--tls-cert", "x.pem", "--tls-key", "y.pem"), "cannot be used"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: tuple[str, ...], text: str) -> None:
    server = LambdadServer(tmp_path / "data")
    done = server.lambdad("up", "--port", "0", *options, check=False)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_insecure_is_possible_where_it_is_said(start_server: ServerFactory) -> None:
    server = start_server("--host", "0.0.0.0", "--insecure")
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"
