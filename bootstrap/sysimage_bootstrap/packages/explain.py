"""Why packages cannot be chosen, in words."""

from __future__ import annotations

from sysimage.errors import Issue
from sysimage_bootstrap.archive.dependencies import DependencyTarget
from sysimage_bootstrap.packages.search import Search, UnmetDependency


def failure_issue(search: Search, failure: UnmetDependency) -> Issue:
    """One failure as an issue: which package needs what, and why the archive cannot provide it."""
    alternatives = failure.dependency.alternatives
    reasons = [_reason(search, failure, target) for target in alternatives]
    if len(alternatives) > 1:
        reasons = [f"{target.name}: {reason}" for target, reason in zip(alternatives, reasons, strict=True)]
    through = search.chain(failure.needed_by)[1:]
    wanted = f" ({failure.needed_by} is there for {', for '.join(through)})" if through else ""
    meant: tuple[str, ...] = ()
    if not failure.needed_by and len(alternatives) == 1 and not _known(search, alternatives[0].name):
        meant = search.index.alike(alternatives[0].name)
    if failure.needed_by:
        return Issue(failure.needed_by, f"needs {failure.dependency}, {'; '.join(reasons)}{wanted}")
    pin = next((str(pin) for pin in search.pins if pin.target in alternatives), str(failure.dependency))
    also = f"; {' and '.join(meant[1:])} may do as well" if meant[1:] else ""
    return Issue(pin, "; ".join(reasons) + also, suggestion=next(iter(meant), None))


def _known(search: Search, name: str) -> bool:
    return bool(search.index.versions(name) or search.index.providers(name))


def _reason(search: Search, failure: UnmetDependency, target: DependencyTarget) -> str:
    conflicts = [
        f"{candidate} cannot be together with {chosen}"
        for candidate, chosen in failure.conflicts
        if candidate.satisfies(target)
    ]
    if conflicts:
        return ", ".join(conflicts)
    if not _known(search, target.name):
        return "the archive has no such package"
    if target.name in search.excluded:
        return "which is excluded"
    archives = {pin.archive for pin in search.pins if pin.target == target and pin.archive is not None}
    packages = search.index.versions(target.name)
    versions = [package.version for package in packages]
    if archives and not any(package.suite.startswith(tuple(f"{one}/" for one in archives)) for package in packages):
        return f"the archive {' and '.join(sorted(archives))} has no such package, others have {', '.join(versions)}"
    if versions:
        return f"the archive has {', '.join(versions)}"
    providers = [
        f"{name} provides {', '.join(version or 'no version' for version in package.provided_versions(target))}"
        for name in search.index.providers(target.name)
        for package in search.index.versions(name)[:1]
    ]
    return "the archive has " + ", ".join(providers)
