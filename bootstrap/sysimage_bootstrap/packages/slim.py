"""How slim a system is to be: what its spec says, and what it shows to be used."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from sysimage.spec.model import SystemSpec
from sysimage.spec.package_word import package_name
from sysimage_bootstrap.archive.dependencies import reachable
from sysimage_bootstrap.debian.dependencies import ON_DEMAND
from sysimage_bootstrap.debian.slim import CHARACTER_SETS, GUILE, SLIM_PARTS, Slim, languages_of
from sysimage_bootstrap.packages.default_packages import base_packages
from sysimage_bootstrap.packages.package_request import OWN
from sysimage_bootstrap.packages.resolve import Resolution

_USED_BY = {GUILE: b"guile", CHARACTER_SETS: b"iconv"}
"""Part → what occurs somewhere in the spec, or in a file that it names, if they use it."""
_LOCALE = re.compile(r"LANG|LC_[A-Z]+")
_LANGUAGE = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES")
_SUPPLIED = re.compile(r"(C|POSIX)|.+\.(utf-?8)(@.*)?", re.IGNORECASE)
"""Locales whose characters the C library encodes by itself."""


def slim_of(spec: SystemSpec, spec_dir: Path, resolution: Resolution, modules: Collection[str]) -> Slim | None:
    """What items of the system leave out; None if they are to be whole.

    File sources of the spec are relative to ``spec_dir``. ``modules`` are those that our own Guile programs import.
    """
    if not spec.slim:
        return None
    names = {package_name(text) for text in spec.archive_packages} & resolution.edges.keys()
    names |= {package.name for package in resolution.packages if package.suite == OWN}
    asked = names | (set(resolution.roots) - set(base_packages(spec)))
    return Slim(
        languages=languages_of([spec.locale, *_values(spec, _LANGUAGE)]) | set(spec.translations),
        named=frozenset(asked),
        asked=reachable(asked, resolution.edges),
        used=frozenset(_used(spec, spec_dir)),
        spared=(ON_DEMAND if spec.essential else frozenset()) - resolution.edges.keys() - set(spec.exclude),
        modules=frozenset(modules),
    )


def _used(spec: SystemSpec, spec_dir: Path) -> Iterator[str]:
    """The parts that the spec or the base image uses, not counting packages."""
    if spec.from_image is not None:
        yield from SLIM_PARTS  # the programs of the base are not known here
    texts = [spec.model_dump_json().encode()]
    for file in spec.files.values():
        if file.source is not None:
            with contextlib.suppress(OSError):  # reported where the file is needed
                texts.append((spec_dir / file.source).read_bytes())
    yield from (part for part, word in _USED_BY.items() if any(word in text for text in texts))
    locales = [spec.locale, *(value for name, value in _variables(spec) if _LOCALE.fullmatch(name))]
    if not all(_SUPPLIED.fullmatch(locale) for locale in locales if locale):
        yield CHARACTER_SETS


def _values(spec: SystemSpec, names: Collection[str]) -> list[str]:
    return [value for name, value in _variables(spec) if name in names]


def _variables(spec: SystemSpec) -> Iterator[tuple[str, str]]:
    """Every variable that the image or a service sets."""
    yield from spec.environment.items()
    for service in spec.services.values():
        yield from service.environment.items()
