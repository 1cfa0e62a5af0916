"""iam/session.py and secrets_at_rest.py: what is secret stays so, and survives restarts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lambdad.core.errors import OperatorError
from lambdad.core.ids import AccountId
from lambdad.iam.root_keys import RootKeys
from lambdad.iam.secrets_at_rest import (
    RootKey,
    load_or_create_session_key,
    load_root_key,
)
from lambdad.iam.session import SessionIssuer, function_session_name

ACCOUNT = AccountId("123456789012")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def test_a_session_survives_the_server_but_not_another_key() -> None:
    made = SessionIssuer(bytes(32)).issue(ACCOUNT, ROLE, "fn", 99)
    session = SessionIssuer(bytes(32)).open(made.access_key_id, made.session_token)
    assert session is not None
    assert session.secret_access_key == made.secret_access_key
    assert session.expires_s == 99
    assert SessionIssuer(bytes([7] * 32)).open(made.access_key_id, made.session_token) is None


def test_every_bit_of_a_token_counts() -> None:
    issuer = SessionIssuer(bytes(32))
    made = issuer.issue(ACCOUNT, ROLE, "fn", 99)
    for at in range(len(made.session_token)):
        other = "A" if made.session_token[at] != "A" else "B"
        changed = made.session_token[:at] + other + made.session_token[at + 1 :]
        assert issuer.open(made.access_key_id, changed) is None


def test_secrets_are_not_in_what_is_printed() -> None:
    issuer = SessionIssuer(bytes(32))
    made = issuer.issue(ACCOUNT, ROLE, "fn", 99)
    session = issuer.open(made.access_key_id, made.session_token)
    assert made.secret_access_key not in repr(made) + repr(session)
    assert made.session_token not in repr(made) + repr(session)


def test_names_of_one_character_are_padded_as_aws_pads_them() -> None:
    assert function_session_name("x") == "x@lambda_function"
    assert function_session_name("xy") == "xy"


def load_or_create_root_key(path: Path) -> RootKey:
    RootKeys(path)
    return load_root_key(path)


def test_the_root_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    key = load_or_create_root_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.access_key_id.startswith("AKIA")
    assert len(key.access_key_id) == 20
    assert len(key.secret_access_key) == 40
    assert load_or_create_root_key(path) == load_root_key(path) == key
    assert key.secret_access_key not in repr(key)


def test_the_file_serves_as_aws_shared_credentials_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import botocore.session

    key = load_or_create_root_key(tmp_path / "credentials")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    found = botocore.session.Session().get_credentials()
    assert (found.access_key, found.secret_key) == (key.access_key_id, key.secret_access_key)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    load_or_create_root_key(path)
    path.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_or_create_root_key(path)


def test_damaged_files_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.touch(0o600)
    with pytest.raises(OperatorError, match="no root key"):
        load_or_create_root_key(path)
    sealed = tmp_path / "session.key"
    assert load_or_create_session_key(sealed) == load_or_create_session_key(sealed)
    sealed.write_bytes(b"short")
    with pytest.raises(OperatorError, match="damaged"):
        load_or_create_session_key(sealed)


def test_a_half_written_file_of_a_dead_server_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / "session.key.new").write_bytes(b"half")
    assert len(load_or_create_session_key(tmp_path / "session.key")) == 32
