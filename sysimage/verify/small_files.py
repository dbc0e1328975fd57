"""Small files by the paths that programs know them by: links followed, through whatever layers they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sysimage.rules.paths import Parts
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.layer import LayerReading, layer_content
from sysimage.verify.limits import Limits
from sysimage.verify.tar import MemberKind, read_members
from sysimage.verify.tree import FileTree, TreeNode


def files_behind(
    paths: Iterable[Parts], tree: FileTree, readings: Sequence[LayerReading], source: ImageSource, limits: Limits
) -> dict[Parts, bytes]:
    """The contents of the regular files to which ``paths`` lead; those that lead elsewhere are left out.

    What the first reading did not keep, because a link or a hard link leads there, is read once more. A MalformedError
    for one that is too large to be believed.
    """
    found: dict[Parts, bytes] = {}
    by_number = {reading.document.number: reading for reading in readings}
    again: dict[int, dict[Parts, list[Parts]]] = {}
    for path in paths:
        node = file_behind(path, tree)
        if node is None:
            continue
        kept = by_number[node.layer].captured
        if node.content_at in kept:
            found[path] = kept[node.content_at]
        else:
            again.setdefault(node.layer, {}).setdefault(node.content_at, []).append(path)
    for number in sorted(again):
        contents = _read(by_number[number], again[number].keys(), source, limits)
        found |= {path: contents[place] for place, paths in again[number].items() for path in paths}
    return found


def file_behind(path: Parts, tree: FileTree) -> TreeNode | None:
    """The regular file to which a path leads."""
    resolved = tree.resolve(b"/" + b"/".join(path))
    return resolved[1] if resolved is not None and resolved[1].kind is MemberKind.FILE else None


def _read(reading: LayerReading, wanted: Iterable[Parts], source: ImageSource, limits: Limits) -> Mapping[Parts, bytes]:
    """The last members of a layer at the ``wanted`` paths."""
    found = dict.fromkeys(wanted, b"")
    stream = layer_content(reading.document, source, limits)
    for member in read_members(stream, limits, end_required=False):
        if member.kind is MemberKind.FILE and member.parts in found:
            if member.size > limits.captured_file:
                raise MalformedError(f"has {escaped(member.name)} with {member.size} bytes, too many to be believed")
            found[member.parts] = b"".join(member.content(stream))
    return found
