"""What a rule finds wrong with an image."""

from __future__ import annotations

from dataclasses import dataclass

Cause = tuple[str, ...]
"""What of the image is at fault: a word such as ``entry-point`` or ``service``, then names that identify it. The
caller knows where it comes from: a place in a spec, a file in the image."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault."""

    rule: str
    """A short name that groups equal faults."""
    cause: Cause
    message: str
    hint: str | None = None
    """One sentence that says what to do."""


def escaped(name: bytes | str) -> str:
    """A name as it can be in a message: control characters and bytes that are not UTF-8 are escaped."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    text = text if len(text) <= 300 else text[:300] + "…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text
    )
