"""Fills in the arguments that a spec declares: ``${VERSION}`` in a text, where VERSION is declared.

``${…}`` with any other name stays as it is, since scripts and configuration are full of it; ``$${VERSION}`` stands for
the text ``${VERSION}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage.spec.merge import issue_at
from sysimage.spec.source_locations import Located


def filled_in(value: Located, arguments: Mapping[str, str], issues: list[Issue]) -> Located:
    """The value with arguments in place of their names; a key that holds one is a fault."""
    if not arguments:
        return value
    names = "|".join(map(re.escape, arguments))
    return _filled_in(value, "", re.compile(rf"(\$?)\$\{{({names})\}}"), arguments, issues)


def _filled_in(
    value: Located, where: str, pattern: re.Pattern[str], arguments: Mapping[str, str], issues: list[Issue]
) -> Located:
    content = value.content
    if isinstance(content, str):

        def text(match: re.Match[str]) -> str:
            return match[0][1:] if match[1] else arguments[match[2]]

        return Located(pattern.sub(text, content), value.place)
    if isinstance(content, dict):
        for key, one in content.items():
            if pattern.search(key):
                issues.append(issue_at(one.place, where + pointer(key), "arguments are filled into values, not keys"))
        parts = {key: _filled_in(one, where + pointer(key), pattern, arguments, issues) for key, one in content.items()}
        return Located(parts, value.place)
    if isinstance(content, list):
        elements = [
            _filled_in(one, where + pointer(index), pattern, arguments, issues) for index, one in enumerate(content)
        ]
        return Located(elements, value.place)
    return value
