"""What Debian's packages hold that programs do without, and what nevertheless has a reader.

Debian's policy (12.3) lets no program need a file below ``share/doc``; manuals, completion and translations each have
one kind of reader. `debian:slim` leaves out the same directories.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

DOCUMENTATION, TRANSLATIONS = "documentation", "translations"
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # Licences are given with every copy, and scanners read them.
    DOCUMENTATION: (
        r"share/doc/[^/]+/(?!copyright|NOTICE)|share/(doc-base|gtk-doc|devhelp|help|gnome/help|omf|linda)/",
        ("doc-base", "yelp", "devhelp"),
    ),
    "manuals": (r"share/man/", ("man-db", "mandoc")),
    "info": (r"share/info/", ("info", "pinfo", "emacs*")),
    "lintian": (r"share/lintian/", ("lintian",)),
    "completion for bash": (r"share/bash-completion/completions/|etc/bash_completion\.d/", ("bash-completion",)),
    "completion for zsh": (r"share/zsh/(vendor-completions|site-functions)/", ("zsh",)),
    "completion for fish": (r"share/fish/(vendor_completions|completions)(\.d)?/", ("fish",)),
    TRANSLATIONS: (r"share/locale/(?P<language>[^/]+)/LC_[A-Z]+/", ()),
}
"""Kind → where it is in an item, and shell patterns for the packages that read it."""
_FILE = re.compile("|".join(f"(?P<k{at}>{place})" for at, (place, _) in enumerate(_KINDS.values())))
_ABOUT_DOCUMENTATION = ("*-doc", "doc-*", "manpages*", "*-man", "*-manual", "*-manpages", "*-info")
"""Packages with nothing else: a spec that names one wants it."""
_LANGUAGE = re.compile(r"(?P<language>[^_.@]+)(?P<country>_[^.@]+)?(?:\.[^@]*)?(?P<variant>@.+)?")


@dataclass(frozen=True, slots=True)
class Slim:
    """How slim a system is to be."""

    languages: frozenset[str] = frozenset()
    """The languages whose translations are kept, in the form that `speaks` reads."""
    named: frozenset[str] = frozenset()
    """The packages that were asked for by name: what one of them reads stays."""
    asked: frozenset[str] = frozenset()
    """Those, with every package that they need."""
    used: frozenset[str] = frozenset()
    """Those of `SLIM_PARTS` that something of the system besides its packages uses."""
    spared: frozenset[str] = frozenset()
    """Essential packages that are not there because no package declares to need them."""
    modules: frozenset[str] = frozenset()
    """Guile modules that the system's own programs import, such as ``ice-9/match``."""

    def leaves_out(self, package: str, path: str) -> str | None:
        """The kind for which a file of a package is left out; None if it stays."""
        match = _FILE.match(path)
        if match is None:
            return None
        kind = list(_KINDS)[
            int(next(name for name, found in match.groupdict().items() if name[0] == "k" and found)[1:])
        ]
        if kind == TRANSLATIONS:
            return None if speaks(match["language"], self.languages) else kind
        if package in self.named and any(fnmatchcase(package, pattern) for pattern in _ABOUT_DOCUMENTATION):
            return None
        readers = _KINDS[kind][1]
        return None if any(fnmatchcase(name, reader) for reader in readers for name in self.named) else kind


GUILE, CHARACTER_SETS = "modules of Guile", "character sets"
SLIM_PARTS = (GUILE, CHARACTER_SETS)
"""Parts of packages that every system has and few use: Guile, except for what the init needs of it, and the character
sets that glibc itself calls extra (its ``gconv-modules-extra.conf``)."""
COMMON_CHARACTER_SETS = frozenset(
    f"{name}.so"
    for name in ("ANSI_X3.110", "CP1252", "ISO8859-1", "ISO8859-15", "UNICODE", "UTF-16", "UTF-32", "UTF-7")
)
"""Those that glibc does not count as extra; UTF-8, UCS and ASCII are in the C library."""


def speaks(directory: str, languages: Collection[str]) -> bool:
    """Whether gettext would look into the ``directory`` of translations for one of the languages.

    ``de_AT`` wants ``de_AT`` and ``de``; ``de`` wants every German, because it names no country.
    """
    there = _LANGUAGE.fullmatch(directory)
    return there is not None and any(
        wanted["language"] == there["language"]
        and (
            wanted["country"] == wanted["variant"] is None
            or (there["country"] in (None, wanted["country"]) and there["variant"] in (None, wanted["variant"]))
        )
        for wanted in map(_LANGUAGE.fullmatch, languages)
        if wanted is not None
    )


def languages_of(locales: Iterable[str]) -> frozenset[str]:
    """The languages of locales, or of lists of them as ``LANGUAGE`` holds, with their countries: ``de_DE.UTF-8`` is
    ``de_DE``."""
    found = set()
    for locale in (word for text in locales for word in text.split(":")):
        match = _LANGUAGE.fullmatch(locale)
        if match is not None and match["language"] not in ("C", "POSIX", ""):
            found.add(f"{match['language']}{match['country'] or ''}{match['variant'] or ''}")
    return frozenset(found)
