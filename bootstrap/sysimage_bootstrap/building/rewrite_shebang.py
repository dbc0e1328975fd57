"""Rewriting of the first line of scripts."""

from __future__ import annotations

from pathlib import Path


def rewrite_shebang(file: Path, line: str) -> None:
    """Replace the first line of a script; what follows it stays byte for byte, and so does the mode."""
    data = file.read_bytes()
    end = data.index(b"\n")
    file.write_bytes(line.encode("utf-8", "surrogateescape") + data[end:])
