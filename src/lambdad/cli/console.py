"""What commands print: words for people, JSON for scripts, trouble on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any


class Console:
    """Standard output and standard error of one command."""

    def __init__(self, *, json_output: bool) -> None:
        self.json_output = json_output

    def line(self, text: str = "") -> None:
        """A line of the answer, at once."""
        print(text, flush=True)

    def document(self, value: Any) -> None:
        """The answer as JSON: one document, indented."""
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)

    def record(self, value: Any) -> None:
        """One of many answers as JSON: one document per line."""
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)

    def note(self, text: str) -> None:
        """Progress and advice: on stderr, so that the answer can be piped."""
        if not self.json_output:
            print(text, file=sys.stderr, flush=True)

    def error(self, text: str) -> None:
        """Why the command failed and what to do."""
        if self.json_output:
            print(json.dumps({"error": text}), file=sys.stderr, flush=True)
        else:
            print(f"lambdad: {text}", file=sys.stderr, flush=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as they need to be."""
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        for row in (heads, *rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self.line("  ".join(cells).rstrip())

    def silence(self) -> None:
        """The reader of our output is gone: write the rest to nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
