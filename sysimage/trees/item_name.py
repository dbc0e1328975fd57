"""What the items of trees are called."""

from __future__ import annotations

import re
from glob import escape

_OTHER_LETTERS = re.compile(r"[^A-Za-z0-9._=-]")
"""What the name of an item cannot have, and what separates that of a part."""
_PART = "+"
_LONGEST, _LONGEST_OF_TREE = 200, 150


def item_name(path: str, part: str = "") -> str:
    """The name of the item of the tree at an image path: ``tree-srv-shop`` for ``/srv/shop``. That of a part, by the
    name of a directory in it: ``tree-srv-shop+lib``."""
    name = f"tree-{_OTHER_LETTERS.sub('-', path.strip('/'))}"[:_LONGEST_OF_TREE]
    return f"{name}{_PART}{_OTHER_LETTERS.sub('-', part)}"[:_LONGEST] if part else name


def is_of_tree(name: str, path: str) -> bool:
    """Whether the item of a name is that of the tree at an image path, or of a part of it."""
    return name == item_name(path) or name.startswith(item_name(path) + _PART)


def patterns_of(path: str) -> tuple[str, ...]:
    """Shell patterns for those names."""
    return escape(item_name(path)), escape(item_name(path) + _PART) + "*"
