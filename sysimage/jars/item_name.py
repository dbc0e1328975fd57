"""What the items of jars are called."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_OTHER_LETTERS = re.compile(r"[^A-Za-z0-9+._=-]+")
"""What the name of an item cannot have."""
_LONGEST = 150


def item_name(path: str) -> str:
    """The name of the item of a jar at a path: ``java-guava-33.0.0-jre`` for ``lib/guava-33.0.0-jre.jar``."""
    return _OTHER_LETTERS.sub("-", f"java-{PurePosixPath(path).stem}")[:_LONGEST]
