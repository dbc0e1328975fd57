"""What slim items lack of their packages, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sysimage.cli.terminal import in_bytes

if TYPE_CHECKING:
    from sysimage.pipeline.build import Planned
    from sysimage.rootfs.system import LeftOut


def words(planned: Planned) -> str:
    """How much it is, for the end of a line; empty where it is nothing."""
    files = [file for _, file in _all(planned)]
    return f"; {in_bytes(sum(file.size for file in files))} in {len(files)} files left out" if files else ""


def rows(planned: Planned) -> list[tuple[str, ...]]:
    """A row for each item and kind of what it lacks, the largest first."""
    sizes: dict[tuple[str, str], list[int]] = {}
    for item, file in _all(planned):
        sizes.setdefault((file.why, item.rpartition("/")[2].partition("-")[2]), []).append(file.size)
    largest = sorted(sizes.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return [(in_bytes(sum(each)), str(len(each)), why, item) for (why, item), each in largest]


def document(planned: Planned, *, whole: bool) -> dict[str, Any]:
    """How much it is, in bytes; with ``whole``, every file."""
    files = [file for _, file in _all(planned)]
    kinds = sorted({file.why for file in files})
    totals: dict[str, Any] = {
        "files": len(files),
        "size": sum(file.size for file in files),
        "kinds": {kind: sum(file.size for file in files if file.why == kind) for kind in kinds},
    }
    if not whole:
        return totals
    items = {
        item: [{"path": file.path, "what": file.why, "size": file.size} for file in lacking]
        for item, lacking in sorted(planned.realised.left_out.items())
        if lacking
    }
    return {**totals, "items": items}


def _all(planned: Planned) -> Iterator[tuple[str, LeftOut]]:
    for item, files in planned.realised.left_out.items():
        for file in files:
            yield item, file
