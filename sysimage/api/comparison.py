"""What images, specs and lock files hold, what needs what in them, and how two of them differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place, checked_name, declared_system, reported
from sysimage.api.catalog import archive_of
from sysimage.api.reading import find
from sysimage.api.settings import Settings
from sysimage.api.specs import resolve
from sysimage.compare.compared_contents import HeldPackage, Holding, named_packages
from sysimage.errors import IntegrityError, MachineError, RegistryError, SpecError
from sysimage.notices import notice
from sysimage.progress import Progress, silent
from sysimage.spec.choices import AS_IT_IS, SpecChoices
from sysimage.spec.json_text import pointer
from sysimage.spec.other_formats import is_spec
from sysimage.suggestions import did_you_mean

if TYPE_CHECKING:
    from sysimage.closure import Closure
    from sysimage.compare.difference import Difference
    from sysimage.compare.graph import ReferenceGraph
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.spec.model import SystemSpec
    from sysimage_bootstrap.archive import Archive, Package
    from sysimage_bootstrap.packages.resolve import Resolution

DEFAULT = Settings()


@dataclass(frozen=True, slots=True)
class Opened:
    """Something that was named, opened for questions."""

    holding: Holding
    architecture: str
    spec: SystemSpec | None = None
    """The spec, where it is one."""
    resolution: Resolution | None = None
    """The packages as the archive or the lock file has them, where it is made of packages and is not an image."""
    spec_dir: Path = Path()
    """What paths in the spec are relative to."""

    def graph(self) -> ReferenceGraph:
        """What needs what; a `SpecError` for an image without a store."""
        from sysimage.compare.graph import ReferenceGraph

        if self.resolution is not None:
            return ReferenceGraph.of_packages(self.resolution, self.holding.asked)
        held = self.holding
        if held.closure is None:
            raise SpecError(
                f"cannot say what needs what in {held.name}: it has no store database that can be read",
                hint="`sysimage inspect` shows its layers",
            )
        return ReferenceGraph.of_closure(held.closure, held.items, held.depends, held.asked)


def open_place(
    place: Place,
    settings: Settings = DEFAULT,
    *,
    platform: str | None = None,
    tag: str | None = None,
    lock_file: Place | None = None,
    choices: SpecChoices = AS_IT_IS,
    files: bool = False,
    progress: Progress = silent,
) -> Opened:
    """Open an archive, an OCI layout, a spec or a lock file. ``files`` asks an image for every file, ``choices`` are
    those of a spec.

    Of a spec the packages are those of its lock file, or those that it resolves to today. A place that is not there, or
    is nothing of that kind, is a `SpecError`.
    """
    path = Path(place)
    named = None
    if not path.exists():
        named = find(place, settings, whole=True)
        if named.place == path:
            raise _not_there(str(place))
    if path.is_file() and is_spec(path.name.lower()):
        return _open_document(path, settings, lock_file, choices, progress)
    from sysimage.compare.read_image import read_image

    with reported():
        holding = read_image(
            named.place if named else path,
            name=str(place),
            platform=platform,
            tag=checked_name(tag) or (named.name if named else None),
            files=files,
            progress=progress,
        )
    said = (holding.configuration or {}).get("platform", "/").split("/")[1]
    return Opened(holding, said)


def diff(
    old: Place,
    new: Place,
    settings: Settings = DEFAULT,
    *,
    platform: str | None = None,
    tag: str | None = None,
    choices: SpecChoices = AS_IT_IS,
    changelogs: bool = True,
    progress: Progress = silent,
) -> Difference:
    """How ``new`` differs from ``old``: each an archive, an OCI layout, a spec or a lock file.

    With ``changelogs`` the new packages' are read for the CVE numbers that they name; what cannot be fetched for that
    is a notice, not an error.
    """
    before, after = (
        open_place(place, settings, platform=platform, tag=tag, choices=choices, files=True, progress=progress)
        for place in (old, new)
    )
    return difference(before, after, settings, changelogs=changelogs, progress=progress)


def difference(
    before: Opened, after: Opened, settings: Settings, *, changelogs: bool = True, progress: Progress = silent
) -> Difference:
    """Like `diff`, for two values that are open."""
    from sysimage.compare.difference import compare

    found = compare(before.holding, after.holding)
    if not changelogs or not any(one.change == "up" for one in found.packages):
        return found
    fixed = fixes_of(found, before.holding.packages, after, settings, progress)
    return found.with_fixes(fixed)


def fixes_of(
    found: Difference, old: Mapping[str, HeldPackage], after: Opened, settings: Settings, progress: Progress
) -> dict[str, tuple[str, ...]]:
    """The CVE numbers by package; none, and a notice, where changelogs cannot be had."""
    from sysimage.compare.fixes import fixes

    try:
        archive = _archive(after, settings)
        new = _in_archive(archive, found, after, progress)
        return fixes(found.packages, old, new, lambda packages: archive.fetch(packages, progress))
    except (RegistryError, IntegrityError, MachineError, SpecError) as error:
        notice(f"CVE numbers are not known: {error.message}")
        return {}


def _archive(after: Opened, settings: Settings) -> Archive:
    """The archive that new packages come from: with the spec's suites, or those of the packages, or the usual ones."""
    if after.spec is not None:
        from sysimage_bootstrap.packages.choose import open_archive

        return open_archive(settings.archive_choice(), after.spec, after.spec_dir, settings.cache / "archive")
    from sysimage_bootstrap.packages.package_request import OWN

    suites = {one.suite for one in after.resolution.packages} - {OWN} if after.resolution else set()
    return archive_of(settings, sorted(suites))


def _in_archive(archive: Archive, found: Difference, after: Opened, progress: Progress) -> dict[str, Package]:
    from sysimage_bootstrap.packages.package_request import OWN

    if after.resolution is not None:
        return {package.name: package for package in after.resolution.packages if package.suite != OWN}
    index = archive.packages(after.architecture, progress)
    versions = {one.name: one.new for one in found.packages}
    return {
        name: package
        for name, version in versions.items()
        for package in index.versions(name)
        if package.version == version
    }


def _open_document(
    path: Path, settings: Settings, lock_file: Place | None, choices: SpecChoices, progress: Progress
) -> Opened:
    if _is_lock(path):
        from sysimage_bootstrap.packages.lock import read_lock

        lock = read_lock(path)
        architecture = str(lock.request.get("architecture", ""))
        return Opened(of_resolution(str(path), "lock file", lock.resolution), architecture, None, lock.resolution)
    with reported(path, choices):
        system = declared_system(path, None, lock_file, choices)
        spec, declared = system.spec, _declared(resolve(path, choices=choices).value)
        if spec.from_store is not None:
            closure = _closure_of_store(system, settings, progress)
            holding = Holding(str(path), "spec", {}, declared, closure=closure)
            return Opened(holding, spec.architecture, spec)
        from sysimage_bootstrap.packages.choose import choose_packages, open_archive, package_request

        resolution = choose_packages(
            package_request(spec, system.spec_dir, settings.cache),
            lambda: open_archive(settings.archive_choice(), spec, system.spec_dir, settings.cache / "archive"),
            system.lock_file,
            stale="preview",
            progress=progress,
        ).resolution
    held = of_resolution(str(path), "spec", resolution, declared, named_packages(spec.archive_packages))
    return Opened(held, spec.architecture, spec, resolution, system.spec_dir)


def _closure_of_store(system: DeclaredSystem, settings: Settings, progress: Progress) -> Closure:
    from sysimage.closure import Closure
    from sysimage.pipeline.systems import open_base, provide

    sources = settings.sources()
    realised = provide(system, sources, open_base(system, sources, progress), progress)
    return Closure(realised.items, realised.roots)


def _is_lock(path: Path) -> bool:
    """Whether a file is a lock file, by its format; a file that is not JSON is reported by the reader of specs."""
    from sysimage_bootstrap.packages.lock import FORMAT_NAME

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and FORMAT_NAME in json.dumps(document.get("format", ""))


def of_resolution(
    name: str,
    kind: str,
    resolution: Resolution,
    configuration: Mapping[str, str] | None = None,
    asked: frozenset[str] | None = None,
) -> Holding:
    """The contents of a spec or a lock file: the packages that it chooses."""
    packages = {
        one.name: HeldPackage(one.name, one.version, one.architecture, one.source, one.source_version)
        for one in resolution.packages
    }
    return Holding(name, kind, packages, configuration, asked=asked)


def _declared(document: Mapping[str, object]) -> dict[str, str]:
    """Everything that a spec says, by JSON pointer, without its packages, which are compared as they resolve."""
    found: dict[str, str] = {}

    def walk(value: object, place: str) -> None:
        if isinstance(value, dict) and value:
            for key, below in value.items():
                walk(below, f"{place}{pointer(key)}")
        else:
            found[place] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    walk({key: value for key, value in document.items() if key not in ("packages", "$schema")}, "")
    return found


def _not_there(place: str) -> SpecError:
    hint = "name an archive, the directory of an OCI layout, a system.json, or a lock file"
    return SpecError(f"cannot read {place}: there is no such file", hint=did_you_mean(Path(place), hint))
