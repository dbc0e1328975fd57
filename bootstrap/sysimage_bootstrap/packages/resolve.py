"""From the requested names to the packages that make them work.

The rules, in the order in which they count:

1. What is asked for is taken: by its own name, or as the one package that provides the name.
2. Essential packages are asked for silently, because no package declares that it needs them; those in ``on_demand``
   only if something is known to need them (`needs_of`).
3. A dependency that names something in ``provided`` is met by the system itself and draws nothing in, whatever its
   other alternatives are. Nor is such a package taken for being Essential. Asking for it by name overrules this.
4. A package in ``exclude`` is never taken. A dependency takes another alternative; if none is left it stays unmet and
   is reported in `Resolution.unmet`, not as a failure. Asking for it by name overrules this too.
5. Whatever has no choice is taken before whatever has one. A dependency with a choice takes a package that is already
   chosen; else the one that ``prefer`` names; else its first alternative, a real package before the providers of its
   name, providers by priority and name.
6. Of several versions the highest that fits. Two packages that exclude each other (Conflicts, Breaks) are never taken
   together; where a choice leads there, another is tried.

The result depends on the set of requests and the lists alone, not on any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysimage.errors import SpecError
from sysimage_bootstrap.archive.dependencies import Dependency
from sysimage_bootstrap.archive.index import PackageIndex, PackageList
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.explain import failure_issue
from sysimage_bootstrap.packages.needs import needs_of
from sysimage_bootstrap.packages.package_request import OWN, PackageRequest
from sysimage_bootstrap.packages.search import Search


@dataclass(frozen=True, slots=True)
class Resolution:
    """The packages of a system, and which needs which."""

    packages: tuple[Package, ...]
    """Sorted by name; one version of each."""
    edges: Mapping[str, tuple[str, ...]]
    """Name of every package → the sorted names of the packages that meet its dependencies. May hold cycles."""
    roots: tuple[str, ...]
    """The sorted names of the packages that were asked for; of the Essential packages, only those that were named."""
    unmet: tuple[tuple[str, str], ...] = ()
    """Package and dependency, where ``exclude`` left a dependency without anything that meets it."""

    def package(self, name: str) -> Package:
        """The package of this name; a KeyError if it is absent."""
        for package in self.packages:
            if package.name == name:
                return package
        raise KeyError(name)


def resolve(index: PackageIndex, request: PackageRequest) -> Resolution:
    """Choose the packages for ``request``; a `SpecError` that names every dependency that cannot be met."""
    if request.own:
        index = index.after(PackageList.parse(["\n".join(one.stanza for one in request.own)], OWN))
    search = Search(index, request)
    failures = search.run()
    if failures:
        raise SpecError(
            "cannot choose the packages: there is no set of them that works",
            hint="change the packages, or their versions, or leave out what conflicts",
            issues=[failure_issue(search, failure) for failure in failures],
        )
    packages = tuple(search.chosen[name] for name in sorted(search.chosen))
    edges: dict[str, tuple[str, ...]] = {}
    unmet: list[tuple[str, str]] = []
    for package in packages:
        needed: set[str] = set()
        for dependency in needs_of(package):
            by = met_by(search, dependency)
            if by is not None:
                needed.add(by)
            elif not search.is_supplied(dependency):
                unmet.append((package.name, str(dependency)))
        edges[package.name] = tuple(sorted(needed - {package.name}))
    roots = {met_by(search, dependency) for dependency in search.root_dependencies}
    return Resolution(packages, edges, tuple(sorted(name for name in roots if name)), tuple(unmet))


def met_by(search: Search, dependency: Dependency) -> str | None:
    """The name of the chosen package that meets ``dependency``: by the first alternative that any of them meets."""
    for target in dependency.alternatives:
        chosen = search.chosen.get(target.name)
        if chosen is not None and chosen.satisfies(target):
            return chosen.name
        providers = sorted(
            package.name for package in search.provided_by.get(target.name, ()) if package.satisfies(target)
        )
        if providers:
            preferred = search.request.prefer.get(target.name)
            return preferred if preferred in providers else providers[0]
    return None
