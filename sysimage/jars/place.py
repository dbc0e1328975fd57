"""The jars of a spec in a system: their items besides its own, and whether its Java can run them."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue, SpecError
from sysimage.jars.archive import JarContents, named
from sysimage.jars.items import JarItems
from sysimage.jars.manifest import reached
from sysimage.jars.source import Jar, find_jars
from sysimage.language_packages.fetched_files import remember_used
from sysimage.language_packages.placement import PlacedItem, contradictions
from sysimage.notices import notice
from sysimage.progress import Progress
from sysimage.rootfs.system import SystemResult
from sysimage.rules.secrets import is_allowed
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem

JAVA_JARS = "/java/jars"
_RELEASE = re.compile(r'JAVA_VERSION="(?:1\.)?(\d+)')
_NO_JAVA = 'add "default-jre-headless" to "packages"'


@dataclass(frozen=True, slots=True)
class PlacedJar:
    """A jar, what it holds, and its item."""

    jar: Jar
    contents: JarContents
    item: StoreItem


def with_jars(
    spec: SystemSpec, spec_dir: Path, system: SystemResult, items: JarItems, progress: Progress
) -> SystemResult:
    """``system`` with the jars of its spec.

    The items are roots of their own, so that a system does not change because a jar does. A `SpecError` names every
    jar that is not sound, that needs a newer Java than the image has, or of which there are two versions in one
    directory, every secret in one, and every file that is in the way of another.
    """
    if spec.java is None:
        return system
    runtime = _Runtime.of(system)
    if not runtime.is_there and spec.from_image is None:
        raise SpecError("cannot put jars into the image: the image has no Java", hint=_NO_JAVA)
    trees = tuple(spec_dir / tree.source for tree in spec.trees.values())
    placed: list[PlacedJar] = []
    issues: list[Issue] = []
    found = find_jars(spec.java, spec_dir, trees)
    for done, jar in enumerate(found.jars, 1):
        try:
            contents = items.contents(jar)
            placed.append(PlacedJar(jar, contents, items.item(jar, contents)))
        except IntegrityError as error:
            issues += [Issue(jar.where, f"{jar.path} is not a sound jar: {issue.message}") for issue in error.issues]
        progress("jars", done, len(found.jars))
    top = items.top
    issues += _secrets(placed, top, spec.allow_secrets)
    issues += _too_new(placed, runtime)
    issues += _two_versions(placed)
    issues += contradictions([PlacedItem.of(one.item) for one in placed], top, system, JAVA_JARS)
    if issues:
        raise SpecError(f"cannot put the jars of {spec.name} into the image", issues=issues)
    there = {f"{top}/{one.jar.path}" for one in placed} | spec.files.keys()
    about = _worth_knowing(placed, top, lambda path: path in there or _in_a_tree(spec, spec_dir, path))
    for text in (*found.left_out, *about):
        notice(text)
    remember_used(items.memory.parent, (one.item.path for one in placed))
    return system.with_items([one.item for one in placed])


@dataclass(frozen=True, slots=True)
class _Runtime:
    """The Java of a system."""

    is_there: bool
    version: int | None = None
    """The newest one's; None where that is not known."""

    @classmethod
    def of(cls, system: SystemResult) -> _Runtime:
        """What the items that show their files have at the places of Debian's packages, and of most others."""
        is_there = False
        versions: list[int] = []
        for item in system.items:
            if item.shown is None or item.location is None:
                continue
            is_there |= os.path.lexists(item.location / "bin/java")
            for home in item.location.glob("lib/jvm/*"):
                is_there |= (home / "bin/java").is_file()
                release = home / "release"
                if release.is_file() and (found := _RELEASE.search(release.read_text("utf-8", "replace"))):
                    versions.append(int(found[1]))
        return cls(is_there, max(versions, default=None))


def _secrets(placed: Sequence[PlacedJar], top: str, allowed: tuple[str, ...]) -> Iterator[Issue]:
    """Those that are not allowed. Classes count in an application's own jar: published libraries have keys for tests in
    theirs, netty's handler for example."""
    for one in placed:
        for path, said in one.contents.secrets:
            in_image = f"{top}/{one.jar.path}/{path}"
            counts = one.jar.is_named or not path.endswith(".class")
            if counts and not is_allowed(in_image, allowed):
                yield Issue(
                    one.jar.where,
                    f'{one.jar.path}: {path} {said}; leave it out of the jar, or say "allow-secrets": ["{in_image}"]',
                )


def _too_new(placed: Sequence[PlacedJar], runtime: _Runtime) -> Iterator[Issue]:
    for one in placed:
        if one.contents.java is not None and runtime.version is not None and one.contents.java > runtime.version:
            yield Issue(
                one.jar.where,
                f"{one.jar.path} is compiled for Java {one.contents.java}, and the image has Java {runtime.version}: "
                f"compile it with --release {runtime.version}, or take a newer Java",
            )


def _two_versions(placed: Sequence[PlacedJar]) -> Iterator[Issue]:
    """Jars of one artifact in one directory: the class path has them in no order that is known."""
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    for one in placed:
        directory, (name, version) = posixpath.dirname(one.jar.path), named(one.jar.name)
        artifact = one.contents.artifact
        key: tuple[str, ...]
        if artifact is not None:
            key, version = (directory, artifact.group, artifact.name), artifact.version
        elif version:
            key = (directory, name)
        else:
            continue
        other = first.setdefault(key, (version, one.jar.path))
        if other[0] != version:
            yield Issue(one.jar.where, f"{other[1]} and {one.jar.path} are two versions of {key[-1]}: remove one")


def _worth_knowing(placed: Sequence[PlacedJar], top: str, is_there: Callable[[str], bool]) -> Iterator[str]:
    for one in placed:
        if one.contents.jars:
            yield (
                f"{one.jar.path} holds {one.contents.jars} other jars, which all move when it changes: divide it, "
                f"for Spring Boot with `java -Djarmode=tools -jar {one.jar.name} extract`"
            )
        lacking = [path for path in reached(one.contents.class_path, f"{top}/{one.jar.path}") if not is_there(path)]
        if lacking:
            yield f"{one.jar.path} names jars in its Class-Path that are not there: {', '.join(lacking)}"


def _in_a_tree(spec: SystemSpec, spec_dir: Path, path: str) -> bool:
    """Whether a directory that becomes a tree has a file at an image path, or an archive may have one."""
    for top, tree in spec.trees.items():
        if path.startswith(f"{top}/"):
            source = spec_dir / tree.source
            if not source.is_dir() or (source / path.removeprefix(f"{top}/")).exists():
                return True
    return False
