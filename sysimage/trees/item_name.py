"""What the items of trees are called."""

from __future__ import annotations

import re

_OTHER_LETTERS = re.compile(r"[^A-Za-z0-9+._=-]")
"""What the name of an item cannot have."""


def item_name(path: str) -> str:
    """The name of the item of the tree at an image path: ``tree-srv-shop`` for ``/srv/shop``."""
    return f"tree-{_OTHER_LETTERS.sub('-', path.strip('/'))}"[:200]
