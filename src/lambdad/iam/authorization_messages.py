"""Encoded authorization messages: why a call was denied, for those alone who may know.

Sealed, so that a message can be handed to the caller and read only through
DecodeAuthorizationMessage, which needs a permission of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from lambdad.storage.sealing import BrokenSeal, Sealer

_CONTEXT = "lambdad authorization message 1"
MAX_ENCODED = 10_240
"""Characters (STS API reference)."""


class AuthorizationMessages:
    """Encodes and decodes; messages carry their account."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def encode(self, account: str, message: dict[str, Any]) -> str:
        """A message as text that says nothing. Raises ValueError past `MAX_ENCODED`."""
        plain = json.dumps({"account": account, "message": message}, separators=(",", ":"))
        encoded = base64.urlsafe_b64encode(self._sealer.seal(plain.encode(), _CONTEXT)).decode()
        if len(encoded) > MAX_ENCODED:
            raise ValueError("the message is too long")
        return encoded

    def decode(self, account: str, encoded: str) -> str:
        """The message as JSON. Raises BrokenSeal for anything not made here for this account."""
        try:
            sealed = base64.b64decode(encoded, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BrokenSeal("not base64") from error
        read = json.loads(self._sealer.open(sealed, _CONTEXT))
        if read["account"] != account:
            raise BrokenSeal("of another account")
        return json.dumps(read["message"], separators=(",", ":"))
