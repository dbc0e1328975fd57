"""A wheel becomes a store item: unpacked by the rules of the `installer` library, with byte code. None of it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile as WheelArchive

from sysimage.errors import IntegrityError, Issue
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage.wheels.fetch import WheelFile
from sysimage.wheels.target import Target
from sysimage_bootstrap.building.bytecode import Compiler
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.store.item_store import BuiltItem

TOP = "/usr/local"
"""Where Debian's Python looks for what a system's administrator has installed, and PATH for its programs."""
_VERSION = 1
"""Increased when the same wheel gives other bytes."""
_OTHER_LETTERS = re.compile(r"[^A-Za-z0-9+._=-]")


@dataclass(frozen=True, slots=True)
class WheelItems:
    """Where items of wheels are made and found."""

    store: ItemStore
    target: Target
    compiler: Callable[[], Compiler]
    """The Python that makes the byte code; asked for when it is needed."""

    @property
    def modules(self) -> str:
        """Where modules are, relative to the item and to `TOP`."""
        return f"lib/python{self.target.python}/dist-packages"

    def recipe(self, file: WheelFile) -> Recipe:
        """Everything that an item follows from."""
        name = _OTHER_LETTERS.sub("-", f"python-{file.wheel.name}-{file.wheel.version}")
        wheel = {"sha256": file.sha256, "python": self.target.package_version, "top": TOP, "builder": _VERSION}
        return Recipe(name, "wheel", (), wheel)

    def has(self, file: WheelFile) -> bool:
        """Whether the item of a wheel is there and whole."""
        return self.store.get(self.store.path_of(self.recipe(file))) is not None

    def item(self, file: WheelFile, place: Path | None) -> StoreItem:
        """The item of a wheel that is at ``place``, which is needed unless the store `has` the item.

        A wheel that is not sound is an `IntegrityError`.
        """

        def build(draft: Path) -> BuiltItem:
            if place is None:
                raise IntegrityError(f"cannot make the item of {file.file}: the wheel is not there")
            changed = _unpack(place, file, draft, self.target, self.modules)
            compiled = [str(one.relative_to(draft)) for one in (draft / self.modules).rglob("*.py")]
            if compiled:
                self.compiler().compile(draft, compiled, top=TOP)
            facts = {
                "wheel": file.file,
                "sha256": file.sha256,
                "purl": f"pkg:pypi/{file.wheel.name}@{file.wheel.version}",
            }
            return BuiltItem(f"python-{file.wheel.name}", (changed,) if changed else (), facts, frozenset())

        made = self.store.realise(self.recipe(file), build)
        return replace(made, shown=ShownFiles(top=TOP))

    def path_of(self, file: WheelFile) -> StorePath:
        """Where the item is in the store, or will be."""
        return self.store.path_of(self.recipe(file))


def _unpack(place: Path, file: WheelFile, top: Path, target: Target, modules: str) -> int | None:
    """Unpack a wheel as an installer does; when its newest file changed, seconds since 1970, where that is known."""
    schemes = {
        "purelib": top / modules,
        "platlib": top / modules,
        "scripts": top / "bin",
        "data": top,
        "headers": top / f"include/python{target.python}/{file.wheel.name}",
    }
    destination = SchemeDictionaryDestination(
        {name: str(path) for name, path in schemes.items()}, f"/usr/bin/python{target.python}", "posix"
    )
    try:
        with WheelArchive.open(place) as source:
            source.validate_record(validate_contents=True)
            install(source, destination, {"INSTALLER": b"sysimage\n"})
        with ZipFile(place) as archive:
            return _newest(archive)
    except (InstallerError, BadZipFile, ValueError, KeyError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, FileExistsError):
            raise
        issues = getattr(error, "issues", None) or [str(error)]
        raise IntegrityError(
            f"cannot unpack {file.file}: it is not a sound wheel",
            issues=[Issue(file.wheel.where, str(issue)) for issue in issues],
        ) from None


def _newest(archive: ZipFile) -> int | None:
    import calendar

    times = [info.date_time for info in archive.infolist()]
    newest = max((time for time in times if time[0] > 1980), default=None)
    return None if newest is None else calendar.timegm((*newest, 0, 1, 0))
