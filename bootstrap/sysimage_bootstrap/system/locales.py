"""The system's locale. C.UTF-8 comes with the C library; any other is taken, compiled as it is, from ``locales-all``.

That package holds every locale, a quarter of a gigabyte of them: it takes part in the build alone, and one directory of
it becomes an item. Nothing needs to run, so that the locale of another architecture is not harder.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.suggestions import closest
from sysimage_bootstrap.packages.default_packages import LOCALES_PACKAGE

_DIRECTORY = "lib/locale"


def directory_name(locale: str) -> str:
    """The C library's name for a locale's directory: ``de_DE.UTF-8`` is in ``de_DE.utf8``."""
    match = re.fullmatch(r"([^.@]+)(?:\.([^@]+))?(@.+)?", locale)
    if match is None:
        return locale
    codeset = "." + re.sub("[^a-z0-9]", "", match[2].lower()) if match[2] else ""
    return f"{match[1]}{codeset}{match[3] or ''}"


def locale_source(locale: str, everything: Path) -> Path:
    """The directory of a locale in the item of ``locales-all``; a `SpecError` with near names if it is not there."""
    top = everything / _DIRECTORY
    source = top / directory_name(locale)
    if source.is_dir():
        return source
    near = closest(directory_name(locale), (entry.name for entry in top.iterdir()))
    raise SpecError(
        f"cannot set the locale: {LOCALES_PACKAGE} has no {locale}",
        issues=[Issue("/locale", f"there is no locale {locale!r}", suggestion=near)],
    )


def build_locale(source: Path, top: Path) -> None:
    """Copy a locale into the item ``top``. Locales share files by links, which a single one must not depend on."""
    shutil.copytree(source, top / _DIRECTORY / source.name, symlinks=False, copy_function=shutil.copyfile)
