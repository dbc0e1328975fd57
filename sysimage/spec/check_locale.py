"""Whether a locale can be one: which there are is known when the package that has them all is here."""

from __future__ import annotations

import locale
from collections.abc import Iterator

from sysimage.errors import Issue
from sysimage.spec.model import SystemSpec

_WITHOUT_COUNTRY = frozenset({"C", "POSIX", "eo", "syr"})


def check_locale(spec: SystemSpec) -> Iterator[Issue]:
    """A language without its country, such as ``de``, which the C library takes for ``C`` without a word."""
    language = spec.locale.partition(".")[0].partition("@")[0]
    if "_" in language or language in _WITHOUT_COUNTRY:
        return
    found = locale.normalize(language.lower()).partition(".")[0]
    yield Issue(
        "/locale",
        f'there is no locale "{spec.locale}": one names a language and a country',
        suggestion=f"{found}.UTF-8" if "_" in found or found == "C" else None,
    )
