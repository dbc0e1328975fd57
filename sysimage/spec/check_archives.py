"""Whether package archives can be distinguished, and what ``packages`` say of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import Issue
from sysimage.spec.check_sources import check_source, no_file
from sysimage.spec.json_text import pointer
from sysimage.spec.model import PackageSources, SystemSpec
from sysimage.spec.package_word import archive_name
from sysimage.spec.validation_errors import closest


def check_archives(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault of archives that shows without asking them."""
    several = not isinstance(spec.package_sources, PackageSources)
    seen: dict[str, str] = {}
    for index, archive in enumerate(spec.archives):
        where = pointer("package-sources", index) if several else "/package-sources"
        other = seen.setdefault(archive.archive, where)
        if other != where:
            name = f'"{archive.archive}"' if archive.archive else "that of this machine's apt"
            yield Issue(where, f'is {name}, and so is {other}: give one of them another "name"')
        for key, file in (("key", archive.key), ("file", archive.file)):
            if file is not None:
                yield from check_source(f"{where}/{key}", file, beside, "file", no_file)
    names = {archive.archive for archive in spec.archives if archive.archive}
    for index, word in enumerate(spec.packages):
        wanted = None if "/" in word else archive_name(word)
        if wanted is not None and wanted not in names:
            said = f'no archive under "package-sources" is called "{wanted}"'
            yield Issue(f"/packages/{index}", said, suggestion=closest(wanted, names))
