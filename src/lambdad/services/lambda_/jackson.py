"""What is wrong with a JSON text, in the words of Jackson: what AWS's Invoke says of a payload.

Pure, and slow: it looks at a payload only after a fast parser has refused it. Texts, and the
positions they name, are those of Jackson's byte parser (2.16 and later) with its default limits;
semantics §2.1 has two of them recorded. Like `readTree` it reads one value and no further.
"""

from __future__ import annotations

import re
from typing import NoReturn

from lambdad.core.value import Struct

_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
_NON_NUMERIC = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
_LITERALS = {ord("n"): b"null", ord("t"): b"true", ord("f"): b"false"}
_PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
_DIGITS = re.compile(rb"[0-9]*")
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_DEPTH = 1000
_TOKEN_CHARACTERS = 256
_END = -1


class _Refused(Exception):
    """Carries the whole text."""


class _Bracket(Struct):
    opener: str
    location: str
    entries: int = 0

    @property
    def closer(self) -> str:
        return chr(ord(self.opener) + 2)  # so in ASCII, for both kinds

    @property
    def kind(self) -> str:
        return "Object" if self.opener == "{" else "Array"


def complaint(text: bytes) -> str | None:
    """What Jackson says of the text; None if it is a good one after all."""
    try:
        _Reader(text).document()
    except _Refused as refused:
        return str(refused)
    return None


class _Reader:
    """One pass over a text. `_at` is where the next byte is."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._row = 1
        self._row_start = 0
        self._open: list[_Bracket] = []

    def document(self) -> None:
        """One value, whole. Raises _Refused."""
        byte = self._token()
        if byte == _END:
            self._fail("No content to map due to end-of-input")
        self._value(byte)
        while self._open:
            self._member(self._open[-1])

    def _member(self, bracket: _Bracket) -> None:
        """What comes next inside the innermost bracket."""
        byte = self._token()
        if byte == _END:
            self._fail(
                f"Unexpected end-of-input: expected close marker for {bracket.kind} "
                f"(start marker at {bracket.location})"
            )
        if byte in (ord("]"), ord("}")):
            return self._close(byte)
        if bracket.entries:
            if byte != ord(","):
                self._unexpected(byte, f"was expecting comma to separate {bracket.kind} entries")
            byte = self._inside(bracket)
        bracket.entries += 1
        if bracket.opener == "{":
            if byte != ord('"'):
                character = self._character(byte)
                self._unexpected(character, "was expecting double-quote to start field name")
            self._string("name", " in field name")
            byte = self._inside(bracket)
            if byte != ord(":"):
                self._unexpected(byte, "was expecting a colon to separate field name and value")
            byte = self._inside(bracket)
        return self._value(byte)

    def _inside(self, bracket: _Bracket) -> int:
        byte = self._token()
        if byte == _END:
            self._fail(f"Unexpected end-of-input within/between {bracket.kind} entries")
        return byte

    def _close(self, byte: int) -> None:
        if self._open and self._open[-1].closer == chr(byte):
            self._open.pop()
            return
        kind = self._open[-1].kind if self._open else "root"
        where = self._open[-1].location if self._open else f"{_SOURCE}line: 1, column: 0]"
        other = "]" if byte == ord("}") else "}"
        self._fail(
            f"Unexpected close marker '{chr(byte)}': expected '{other}' "
            f"(for {kind} starting at {where})"
        )

    def _value(self, byte: int) -> None:
        if byte == ord('"'):
            self._string("string value", " in VALUE_STRING")
        elif byte in (ord("["), ord("{")):
            self._open.append(_Bracket(chr(byte), self._location(-1)))
            if len(self._open) > _DEPTH:
                self._fail(
                    f"Document nesting depth ({len(self._open)}) exceeds the maximum allowed "
                    f"({_DEPTH}, from `StreamReadConstraints.getMaxNestingDepth()`)"
                )
        elif byte in _LITERALS:
            self._literal(_LITERALS[byte])
        elif byte == ord("-") or chr(byte) in "0123456789":
            self._number(byte)
        else:
            self._no_value(byte)

    def _no_value(self, byte: int) -> NoReturn:
        character = chr(byte)
        if character in "]}" and not self._open:
            self._close(byte)
        if character in "]},":
            self._unexpected(byte, "expected a value")
        for token in (b"NaN", b"Infinity"):
            if self._text.startswith(token, self._at - 1):
                self._at += len(token) - 1
                self._fail(f"Non-standard token '{token.decode()}': {_NON_NUMERIC}")
        if character.isalpha() or character in "_$":
            self._unrecognised(character)
        self._unexpected(byte, f"expected a valid value {_VALUES}")

    def _literal(self, literal: bytes) -> None:
        for matched in range(1, len(literal)):
            if self._peek() != literal[matched]:
                self._unrecognised(literal[:matched].decode())
            self._at += 1
        follower = self._peek()
        if follower != _END and (chr(follower).isalnum() or follower in b"_$"):
            self._unrecognised(literal.decode())

    def _number(self, first: int) -> None:
        if first == ord("-"):
            if self._text.startswith(b"Infinity", self._at):
                self._at += len(b"Infinity")
                self._fail(f"Non-standard token '-Infinity': {_NON_NUMERIC}")
            first = self._digit(
                "expected digit (0-9) to follow minus sign, for valid numeric value"
            )
        digits = self._skip(_DIGITS)
        if first == ord("0") and digits:
            self._fail("Invalid numeric value: Leading zeroes not allowed")
        if self._peek() == ord("."):
            self._at += 1
            self._digit("Decimal point not followed by a digit")
            self._skip(_DIGITS)
        if self._peek() in (ord("e"), ord("E")):
            self._at += 1
            if self._peek() in (ord("+"), ord("-")):
                self._at += 1
            self._digit("Exponent indicator not followed by a digit")
            self._skip(_DIGITS)
        follower = self._peek()
        if not self._open and follower != _END and follower not in b" \t\r\n":
            self._at += 1
            self._unexpected(follower, "Expected space separating root-level values")

    def _digit(self, otherwise: str) -> int:
        byte = self._peek()
        if byte == _END:
            self._fail("Unexpected end-of-input in a Number value")
        self._at += 1
        if chr(byte) not in "0123456789":
            self._fail(
                f"Unexpected character ({_described(byte)}) in numeric value: {otherwise}", -1
            )
        return byte

    def _string(self, what: str, at_end: str) -> None:
        while True:
            self._skip(_PLAIN)
            byte = self._peek()
            if byte == _END:
                self._fail(f"Unexpected end-of-input{at_end}")
            self._at += 1
            if byte == ord('"'):
                return
            if byte == ord("\\"):
                self._escape()
            elif byte < 0x20:
                self._fail(
                    f"Illegal unquoted character ({_described(byte)}): has to be escaped using "
                    f"backslash to be included in {what}",
                    -1,
                )
            else:
                self._character(byte)

    def _escape(self) -> None:
        byte = self._peek()
        if byte == _END:
            self._fail("Unexpected end-of-input in character escape sequence")
        self._at += 1
        if byte != ord("u"):
            if byte not in b'"\\/bfnrt':
                character = self._character(byte)
                self._fail(f"Unrecognized character escape {_described(character)}", -1)
            return
        for _ in range(4):
            byte = self._peek()
            if byte == _END:
                self._fail("Unexpected end-of-input in character escape sequence")
            self._at += 1
            if byte not in _HEX_DIGITS:
                self._unexpected(byte, "expected a hex-digit for character escape sequence")

    def _character(self, first: int) -> int:
        """The code point that begins with this byte, the rest of it consumed."""
        if first < 0x80:
            return first
        if first & 0xE0 == 0xC0:
            value, more = first & 0x1F, 1
        elif first & 0xF0 == 0xE0:
            value, more = first & 0x0F, 2
        elif first & 0xF8 == 0xF0:
            value, more = first & 0x07, 3
        else:
            self._fail(f"Invalid UTF-8 start byte 0x{first:x}")
        for _ in range(more):
            byte = self._peek()
            if byte == _END:
                self._fail("Unexpected end-of-input in a multi-byte character")
            self._at += 1
            if byte & 0xC0 != 0x80:
                self._fail(f"Invalid UTF-8 middle byte 0x{byte:x}")
            value = value << 6 | byte & 0x3F
        return value

    def _token(self) -> int:
        """The first byte of the next token, consumed; _END at the end."""
        while (byte := self._peek()) != _END:
            self._at += 1
            if byte == ord("\n"):
                self._row += 1
                self._row_start = self._at
            elif byte == ord("/"):
                self._unexpected(
                    byte,
                    "maybe a (non-standard) comment? (not recognized as one since Feature "
                    "'ALLOW_COMMENTS' not enabled for parser)",
                )
            elif byte > 0x20:
                return byte
            elif byte not in b" \t\r":
                self._fail(
                    f"Illegal character ({_described(byte)}): only regular white space "
                    "(\\r, \\n, \\t) is allowed between tokens",
                    -1,
                )
        return _END

    def _peek(self) -> int:
        return self._text[self._at] if self._at < len(self._text) else _END

    def _skip(self, pattern: re.Pattern[bytes]) -> int:
        """Pass over what matches; how much it was."""
        match = pattern.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match.end() - match.start()

    def _unrecognised(self, token: str) -> NoReturn:
        """Jackson's guess at the word that was meant."""
        while (byte := self._peek()) != _END:
            self._at += 1
            character = chr(self._character(byte))
            if not (character.isalnum() or character in "_$"):
                break
            token += character
            if len(token) >= _TOKEN_CHARACTERS:
                token += "..."
                break
        self._fail(f"Unrecognized token '{token}': was expecting {_VALUES}")

    def _unexpected(self, character: int, why: str) -> NoReturn:
        self._fail(f"Unexpected character ({_described(character)}): {why}", -1)

    def _fail(self, text: str, offset: int = 0) -> NoReturn:
        raise _Refused(f"{text}\n at {self._location(offset)}")

    def _location(self, offset: int) -> str:
        """Of the next byte, or with -1 of the last one consumed."""
        column = self._at + offset - self._row_start + 1
        return f"{_SOURCE}line: {self._row}, column: {column}]"


def _described(character: int) -> str:
    if character < 0x20 or 0x7F <= character <= 0x9F:
        return f"(CTRL-CHAR, code {character})"
    code = f"{character} / 0x{character:x}" if character > 0xFF else str(character)
    return f"'{chr(character)}' (code {code})"
