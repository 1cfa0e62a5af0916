"""iam/naming.py, storage/sealing.py, iam/authorization_messages.py, and the key files."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.errors import OperatorError
from lambdad.core.ids import DEFAULT_ACCOUNT, AccountId
from lambdad.iam import naming
from lambdad.iam.authorization_messages import AuthorizationMessages
from lambdad.iam.secrets_at_rest import load_or_create_sealing_key
from lambdad.storage.sealing import AesGcmSealer, BrokenSeal
from support.identities import ACCOUNT, KEY, OTHER_ACCOUNT


def test_ids_look_like_those_of_aws() -> None:
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", naming.new_unique_id(naming.ROLE))
    assert re.fullmatch(r"ANPA[A-Z2-7]{17}", naming.fixed_unique_id(naming.POLICY, "p"))
    assert naming.fixed_unique_id("ANPA", "p") == naming.fixed_unique_id("ANPA", "p")
    assert naming.fixed_unique_id("ANPA", "p") != naming.fixed_unique_id("ANPA", "q")
    key = naming.new_access_key_id(naming.LONG_TERM_KEY, ACCOUNT)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", naming.new_secret())


@given(st.integers(0, 999_999_999_999))
def test_an_access_key_id_tells_its_account(number: int) -> None:
    account = AccountId(f"{number:012d}")
    assert naming.account_of_key(naming.new_access_key_id("ASIA", account)) == account


@given(st.text(max_size=30))
def test_what_is_no_access_key_id_tells_none_or_an_account(text: str) -> None:
    account = naming.account_of_key(text)
    assert account is None or re.fullmatch(r"\d{12}", account)


def test_a_known_key_id_of_aws_tells_its_account() -> None:
    # Worked out in public for an example key: "AWS Access Key ID Formats" (Aidan Steele).
    assert naming.account_of_key("ASIAQNZGKIQY56JQ7WML") == "029608264753"


def test_arns() -> None:
    assert naming.iam_arn(ACCOUNT, "role", "/a/", "r") == f"arn:aws:iam::{ACCOUNT}:role/a/r"
    assert naming.root_arn(ACCOUNT) == f"arn:aws:iam::{ACCOUNT}:root"
    assert naming.assumed_role_arn(ACCOUNT, "r", "s") == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
    )


def test_a_seal_holds_for_its_context_and_every_bit() -> None:
    sealer = AesGcmSealer(KEY)
    sealed = sealer.seal(b"secret", "a")
    assert sealer.open(sealed, "a") == b"secret"
    assert sealer.seal(b"secret", "a") != sealed
    for at in range(len(sealed)):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(BrokenSeal):
            sealer.open(bytes(broken), "a")
    for other in (sealed[:5], b"", sealed + b"x"):
        with pytest.raises(BrokenSeal):
            sealer.open(other, "a")
    with pytest.raises(BrokenSeal):
        sealer.open(sealed, "b")


def test_an_authorization_message_is_readable_in_its_account_only() -> None:
    messages = AuthorizationMessages(AesGcmSealer(KEY))
    encoded = messages.encode(ACCOUNT, {"allowed": False})
    assert "allowed" not in encoded
    assert messages.decode(ACCOUNT, encoded) == '{"allowed":false}'
    for account, text in ((OTHER_ACCOUNT, encoded), (ACCOUNT, "A" + encoded), (ACCOUNT, "?")):
        with pytest.raises(BrokenSeal):
            messages.decode(account, text)
    with pytest.raises(ValueError, match="too long"):
        messages.encode(ACCOUNT, {"text": "x" * 10_240})


def test_the_sealing_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    key = load_or_create_sealing_key(path)
    assert len(key) == 32
    assert load_or_create_sealing_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_or_create_sealing_key(path)


def test_a_damaged_sealing_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    load_or_create_sealing_key(path)
    path.write_bytes(b"short")
    with pytest.raises(OperatorError, match="Restore it from a backup"):
        load_or_create_sealing_key(path)
    assert path.read_bytes() == b"short"


def test_the_default_account_has_a_root_key_that_tells_it() -> None:
    key = naming.new_access_key_id(naming.LONG_TERM_KEY, DEFAULT_ACCOUNT)
    assert naming.account_of_key(key) == DEFAULT_ACCOUNT
