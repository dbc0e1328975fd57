"""The parts of a word under ``packages`` that names a package of an archive."""

from __future__ import annotations

import re


def package_name(word: str) -> str:
    """``nginx`` of ``nginx=1.26.3-3@vendor``."""
    return re.split("[=@]", word, maxsplit=1)[0]


def archive_name(word: str) -> str | None:
    """``vendor`` of ``nginx=1.26.3-3@vendor``; None without one."""
    return word.partition("@")[2] or None
