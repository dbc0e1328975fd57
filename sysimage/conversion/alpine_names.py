"""Debian's names of packages that Alpine and Wolfi call otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sysimage.conversion.spec_draft import SpecDraft

_NAMES: Mapping[str, str] = {
    "ca-certificates-bundle": "ca-certificates",
    "build-base": "build-essential",
    "openssl-dev": "libssl-dev",
    "musl-dev": "libc6-dev",
    "openssh": "openssh-server",
    "nodejs-current": "nodejs",
    "py3-pip": "python3-pip",
    "su-exec": "gosu",
}
_NOTHING = re.compile(
    r"(alpine|wolfi|chainguard)-(base|baselayout\S*|keys|release|conf)|busybox|apk-tools|musl|glibc|libc6-compat"
)


def add_alpine_packages(draft: SpecDraft, words: Iterable[str], line: int | None = None) -> None:
    """Add packages, by Debian's names as far as they are known to differ."""
    kept = []
    for word in words:
        name = re.split(r"[=<>~@]", word)[0]
        if name and not _NOTHING.fullmatch(name):
            kept.append(_NAMES.get(name, re.sub(r"^py3-", "python3-", name)))
    if kept:
        draft.note(
            f"packages {', '.join(kept)}: Alpine's names may differ from Debian's; `sysimage search` finds those", line
        )
    draft.add_packages(kept, line)
