"""Why packages cannot be chosen, in words."""

from __future__ import annotations

from sysimage.errors import Issue
from sysimage_bootstrap.archive.dependencies import Target
from sysimage_bootstrap.search import Failure, Search


def failure_issue(search: Search, failure: Failure) -> Issue:
    """One failure as an issue: who needs what, and why the archive cannot give it."""
    alternatives = failure.dependency.alternatives
    reasons = [_reason(search, failure, target) for target in alternatives]
    if len(alternatives) > 1:
        reasons = [f"{target.name}: {reason}" for target, reason in zip(alternatives, reasons, strict=True)]
    needed_by = failure.needed_by or "the system"
    through = search.chain(failure.needed_by)[1:]
    wanted = f" ({failure.needed_by} is needed by {' ← '.join(through)})" if through else ""
    meant = None
    if not failure.needed_by and len(alternatives) == 1 and not _known(search, alternatives[0].name):
        meant = search.index.similar(alternatives[0].name)
    pin = next((str(pin) for pin in search.pins if not failure.needed_by and pin.target in alternatives), None)
    return Issue(
        pin or failure.needed_by,
        f"{needed_by} needs {failure.dependency}, {'; '.join(reasons)}{wanted}",
        suggestion=meant,
    )


def _known(search: Search, name: str) -> bool:
    return bool(search.index.versions(name) or search.index.providers(name))


def _reason(search: Search, failure: Failure, target: Target) -> str:
    conflicts = [
        f"{candidate} cannot be together with {chosen}"
        for candidate, chosen in failure.conflicts
        if candidate.satisfies(target)
    ]
    if conflicts:
        return "but " + ", ".join(conflicts)
    if not _known(search, target.name):
        return "the archive has no such package"
    if target.name in search.excluded:
        return "which is excluded"
    versions = [package.version for package in search.index.versions(target.name)]
    pins = [str(pin) for pin in search.pins if pin.target.name == target.name and pin.pattern is not None]
    if pins:
        return f"{', '.join(pins)} is asked for, the archive has {', '.join(versions)}"
    if versions:
        return f"the archive has {', '.join(versions)}"
    providers = [
        f"{name} provides {', '.join(version or 'no version' for version in package.provided_versions(target))}"
        for name in search.index.providers(target.name)
        for package in search.index.versions(name)[:1]
    ]
    return "the archive has " + ", ".join(providers)
