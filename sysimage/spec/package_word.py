"""The parts of a word under ``packages`` that names a package of an archive."""

from __future__ import annotations

import re


def word_fault(text: str) -> str | None:
    """What is wrong with a word that names no package, as far as people often write it so."""
    if not text:
        return "names no package"
    parts = [part for part in re.split(r"[,\s]+", text) if part]
    if len(parts) > 1:
        each = ", ".join(f'"{part}"' for part in parts[:3])
        return f"must be one package; each is a string of its own: {each}"
    if match := re.fullmatch(r"([a-z0-9][a-z0-9+.-]+)\s*(?:[<>=~!]=?|:)\s*([0-9][\w.+:~-]*)", text):
        return f'has its version after "=": write "{match[1]}={match[2]}", or "{match[1]}={match[2]}*" for a prefix'
    if text != text.lower() and "/" not in text:
        return f'must be in lower case: "{text.lower()}"'
    return None


def package_name(word: str) -> str:
    """``nginx`` of ``nginx=1.26.3-3@vendor``."""
    return re.split("[=@]", word, maxsplit=1)[0]


def archive_name(word: str) -> str | None:
    """``vendor`` of ``nginx=1.26.3-3@vendor``; None without one."""
    return word.partition("@")[2] or None
