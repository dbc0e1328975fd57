"""Checks that the spec sets nothing that its base image or its store already decides."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec

PACKAGED = ("amd64", "arm64")
"""Architectures of which packages are made into systems."""
_MADE_OF_PACKAGES = (
    "exclude",
    "alternatives",
    "debconf",
    "package_sources",
    "python",
    "node",
    "java",
    "essential",
    "slim",
    "translations",
    "init",
    "services",
    "enable",
    "units",
    "privileged_programs",
    "host_name",
    "time_zone",
    "locale",
)
"""Fields that say what a system made of packages is like."""


def check_origin(spec: SystemSpec) -> Iterator[Issue]:
    """Every fault of ``from-store`` and of what contradicts it."""
    source = spec.from_store
    several = spec.architectures or ()
    if len(set(several)) < len(several):
        yield Issue("/architectures", "names an architecture twice")
    if source is None:
        for where, name in (
            ((pointer("architectures", number), name) for number, name in enumerate(several))
            if several
            else (("/architecture", spec.architecture),)
        ):
            if name not in PACKAGED:
                yield Issue(where, f"packages are taken for {' and '.join(PACKAGED)}; {name} is for stores")
        return
    for field in _MADE_OF_PACKAGES:
        if field in spec.model_fields_set:
            yield Issue(pointer(field.replace("_", "-")), 'is for images made of packages; "from-store" has its own')
    if source.system is not None:
        for field in ("users", "groups"):
            if getattr(spec, field):
                yield Issue(pointer(field), "a system from a store makes its accounts itself, when it boots")
        if source.contents:
            yield Issue("/from-store/contents", "belongs to items; a system has a root file system of its own")
        if source.links:
            yield Issue("/from-store/links", 'belongs to "paths"; a system makes its links itself')
    elif source.system_kind is not None:
        yield Issue("/from-store/system-kind", 'belongs to "system"; nothing boots "paths"')
