"""What a spec asks of its packages that their names alone decide, known before any package is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysimage.errors import Issue, SpecError
from sysimage.spec.json_text import pointer
from sysimage.spec.model import Init, SystemSpec
from sysimage_bootstrap.packages.default_packages import LOCALES_PACKAGE, build_only
from sysimage_bootstrap.packages.resolve import Resolution

_ACCOUNTS = "the accounts of every image are base-passwd's"
_BOOTS = "the image cannot boot without it"
_OF_INIT: Mapping[Init, tuple[str, ...]] = {
    Init.SHEPHERD: ("coreutils", "dash", "guile-3.0", "shepherd"),
    Init.SYSTEMD: ("bash", "coreutils", "dash", "systemd"),
}


def require_packages(spec: SystemSpec, resolution: Resolution) -> None:
    """A `SpecError` that names each package which ``spec`` leaves out and its image cannot be made without, and each
    choice of an alternative whose package the image lacks."""
    issues = list(_issues(spec, {package.name for package in resolution.packages}))
    if issues:
        raise SpecError(
            "cannot make the system of its packages: some are not among them",
            hint="take them out of exclude, or add them to packages",
            issues=issues,
        )


def _issues(spec: SystemSpec, names: set[str]) -> Iterator[Issue]:
    needed = {"base-passwd": _ACCOUNTS}
    needed |= dict.fromkeys(_OF_INIT[spec.init], _BOOTS) if spec.has_init else {}
    if LOCALES_PACKAGE in build_only(spec):
        needed[LOCALES_PACKAGE] = f"the locale {spec.locale} is made of it"
    for name, reason in needed.items():
        if name not in names:
            at = spec.exclude.index(name) if name in spec.exclude else None
            yield Issue("/packages" if at is None else pointer("exclude", at), f"{name} is left out: {reason}")
    for name, wanted in sorted(spec.alternatives.items()):
        if wanted not in names:
            yield Issue(pointer("alternatives", name), f"{wanted} is not among the packages of the image")
