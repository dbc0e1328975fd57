"""Whether a locale can be one: which there are is known when the package that has them all is here."""

from __future__ import annotations

import locale
from collections.abc import Iterator

from sysimage.errors import Issue
from sysimage.spec.model import SystemSpec

_WITHOUT_COUNTRY = frozenset({"C", "POSIX", "eo", "syr"})


def check_locale(spec: SystemSpec) -> Iterator[Issue]:
    """A language without its country, such as ``de``, which the C library takes for ``C`` without a word; and UTF-8 in
    another spelling than that of the names."""
    named, at, modifier = spec.locale.partition("@")
    language, _, codeset = named.partition(".")
    if "_" not in language and language not in _WITHOUT_COUNTRY:
        found = locale.normalize(language.lower().replace("-", "_")).partition(".")[0]
        yield Issue(
            "/locale",
            f'there is no locale "{spec.locale}": one names a language and a country',
            suggestion=f"{found}.UTF-8" if "_" in found or found == "C" else None,
        )
    elif codeset != "UTF-8" and codeset.lower().replace("-", "").replace("_", "") == "utf8":
        yield Issue(
            "/locale",
            f'there is no locale "{spec.locale}": what follows the dot is spelt UTF-8',
            suggestion=f"{language}.UTF-8{at}{modifier}",
        )
