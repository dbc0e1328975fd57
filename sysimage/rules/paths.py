"""Which names the files of an image can have."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.rules import limits

Parts = tuple[bytes, ...]
"""A path as components; none for the root."""


def as_parts(path: str) -> Parts:
    """An absolute path as components."""
    return tuple(part for part in path.encode("utf-8", "surrogateescape").split(b"/") if part)


def as_path(parts: Sequence[bytes]) -> str:
    """Components as an absolute path."""
    return "/" + b"/".join(parts).decode("utf-8", "surrogateescape")


def directories_above(path: str) -> list[str]:
    """The directories above an absolute, normalised path, the nearest first and ``/`` last; none for ``/`` itself."""
    above = []
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        above.append(path)
    return above


def path_fault(parts: Parts) -> str | None:
    """What keeps a path from being one in an image, completing the sentence "the name …"; None for a sound one."""
    longest = max(map(len, parts), default=0)
    if longest > limits.COMPONENT_LENGTH:
        return f"has a component of {longest} bytes; a file system takes at most {limits.COMPONENT_LENGTH}"
    if len(parts) > limits.DEPTH:
        return f"has {len(parts)} components; at most {limits.DEPTH} are read"
    length = sum(map(len, parts)) + len(parts)
    if length > limits.PATH_LENGTH:
        return f"has {length} bytes; a path has at most {limits.PATH_LENGTH}"
    return None


def link_fault(target: bytes) -> str | None:
    """What keeps a text from being what a link says; None for a sound one."""
    if not target or b"\0" in target:
        return "is a link to nothing"
    if len(target) > limits.PATH_LENGTH:
        return f"is a link of {len(target)} bytes; a path has at most {limits.PATH_LENGTH}"
    return None
