"""Where packages come from."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from sysimage.spec.field_metadata import INSIDE, WHOLE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import ArchiveAddress, ArchiveName, Component, LinkTarget, Suite

_ELSEWHERE: Any = {"anyOf": [{"required": ["address"]}, {"required": ["file"]}]}


class PackageSources(SpecObject):
    """Suites of one package archive: of the one that this machine's apt is configured for, or, with an ``address`` or a
    ``file``, of another one."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {"address": ["suites", "key"]},
            "dependentSchemas": {
                "name": _ELSEWHERE,
                "key": _ELSEWHERE,
                "file": {"not": {"required": ["address"]}},
            },
        }
    )

    suites: Annotated[tuple[Suite, ...], Field(min_length=1), WHOLE] = (
        "trixie",
        "trixie-updates",
        "trixie-security",
    )
    """In the order of preference when two hold the same version. One that ends with a slash is a directory that holds
    its packages itself, ``./`` being the archive's own: a flat archive."""
    components: Annotated[tuple[Component, ...], Field(min_length=1)] = ("main",)
    """Such as ``main`` and ``contrib``; a flat archive has none."""
    name: ArchiveName | None = None
    """What ``packages`` call another archive by, as in ``nginx@vendor``; by default the name of the key's file, or of
    ``file``, without its suffix."""
    address: ArchiveAddress | None = None
    """Where another archive is: ``http``, ``https`` or ``file``."""
    key: Annotated[LinkTarget | None, INSIDE] = None
    """A file beside the spec with the keys that sign another archive, as apt's Signed-By names it."""
    file: Annotated[LinkTarget | None, INSIDE] = None
    """Instead of ``address``, ``suites`` and ``components``: a file of apt beside the spec, such as ``x.sources``."""

    @property
    def archive(self) -> str:
        """What another archive is called; empty for that of this machine's apt."""
        if self.address is None and self.file is None:
            return ""
        stem = PurePosixPath(self.key or self.file or "").stem.lower()
        return self.name or re.sub(r"^[^a-z0-9]+|[^a-z0-9.+_-]", "", stem) or "other"

    @model_validator(mode="after")
    def _is_one_archive(self) -> PackageSources:
        said = self.model_fields_set
        defaults = PackageSources.model_fields
        others = [name for name in ("suites", "components") if getattr(self, name) != defaults[name].default]
        if self.file is not None and (self.address is not None or others):
            raise ValueError('must have "file", or "address" with "suites"; the file says where it is')
        if self.address is not None and "suites" not in said:
            raise ValueError('must have "suites" besides "address"')
        if self.address is not None and self.key is None:
            raise ValueError('must have "key" besides "address": an archive is trusted by its signature alone')
        if self.address is None and self.file is None and (self.name or self.key):
            raise ValueError('must have "address" or "file" besides "name" and "key"')
        return self


def _how_many(value: object) -> str:
    return "several" if isinstance(value, (list, tuple)) else "one"


PackageArchives = Annotated[
    Annotated[PackageSources, Tag("one")] | Annotated[tuple[PackageSources, ...], Field(min_length=1), Tag("several")],
    Discriminator(_how_many),
]
"""One archive, or a list of them."""
