"""The search for a set of packages in which every dependency is met; `resolve` states its rules."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from sysimage_bootstrap.archive.dependencies import Dependency, DependencyTarget
from sysimage_bootstrap.archive.index import PackageIndex
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.needs import needs_of
from sysimage_bootstrap.packages.package_request import PackagePin, PackageRequest

_PRIORITIES = ("required", "important", "standard", "optional", "extra")
_STEP_LIMIT = 200_000

AgendaKey = tuple[int, str, str, int]
"""Whether there is a choice, the needing package, the dependency's text, its place: a total order."""


@dataclass(frozen=True, slots=True)
class UnmetDependency:
    """A dependency that nothing could meet."""

    needed_by: str
    """The name of a package; nothing for what was asked for."""
    dependency: Dependency
    conflicts: tuple[tuple[Package, Package], ...]
    """A candidate, and the chosen package it cannot be together with."""

    @property
    def is_absent(self) -> bool:
        """Whether it was asked for, and the archive has nothing that would do."""
        return not self.needed_by and not self.conflicts


@dataclass(slots=True)
class _ChoicePoint:
    """A dependency with candidates that were not tried yet, and the state in which to try them."""

    needed_by: str
    remaining: list[Package]
    taken: str
    blamed: set[str]
    """Names of the packages that other candidates ran into, and of those that depend on these."""
    chosen: dict[str, Package]
    wanted_by: dict[str, str]
    agenda: list[tuple[AgendaKey, Dependency]]


class Search:
    """One search; `run` fills ``chosen``."""

    def __init__(self, index: PackageIndex, request: PackageRequest) -> None:
        self.index = index
        self.request = request
        self.pins: tuple[PackagePin, ...] = request.pins()
        asked = {pin.target.name for pin in self.pins}
        self.provided = request.provided - asked
        self.excluded = request.exclude - asked
        self.chosen: dict[str, Package] = {}
        self.provided_by: dict[str, list[Package]] = {}
        self.wanted_by: dict[str, str] = {}
        self._refused_by: dict[str, list[tuple[Package, DependencyTarget]]] = {}
        self._agenda: list[tuple[AgendaKey, Dependency]] = []
        self._candidates: dict[Dependency, tuple[Package, ...]] = {}

    @cached_property
    def root_dependencies(self) -> tuple[Dependency, ...]:
        """The request, as dependencies that no package declares."""
        return tuple(Dependency((pin.target,)) for pin in self.pins)

    def run(self) -> tuple[UnmetDependency, ...]:
        """Choose; return what could not be met, which is nothing when the search succeeded.

        The first pass takes the best candidate everywhere and collects every failure. Only if it fails, and had other
        candidates to try, a second pass goes back to them.
        """
        failures, choices = self._pass(backtrack=False)
        if failures and choices:
            again, _ = self._pass(backtrack=True)
            if not again:
                return ()
            # The explanation is that of the first pass: what the user would have got, and why it cannot be.
            self._pass(backtrack=False)
        # Where a version was asked for that is not there, every package that needs it fails: one message is enough.
        absent = {
            target.name for failure in failures if failure.is_absent for target in failure.dependency.alternatives
        }
        return tuple(
            failure for failure in failures if not failure.needed_by or not self._names(failure.dependency) & absent
        )

    def is_supplied(self, dependency: Dependency) -> bool:
        """Whether the system itself meets it."""
        return any(target.name in self.provided for target in dependency.alternatives)

    def is_met(self, dependency: Dependency) -> bool:
        """Whether the system itself, or a package that is chosen already, meets it."""
        return self.is_supplied(dependency) or any(
            package.satisfies(target) for target in dependency.alternatives for package in self._holders(target.name)
        )

    def candidates(self, dependency: Dependency) -> tuple[Package, ...]:
        """The packages that could meet it, the best first."""
        if dependency not in self._candidates:
            found: dict[tuple[str, str], Package] = {}
            preferred: set[str] = set()
            for target in dependency.alternatives:
                preferred |= {self.request.prefer[target.name]} if target.name in self.request.prefer else set()
                # A version that was asked for is one of the package itself, not of those that provide its name.
                pinned = any(pin.is_exact and pin.target.name == target.name for pin in self.pins)
                providers = () if pinned else self._providers(target.name)
                for package in (*self.index.versions(target.name), *providers):
                    if package.satisfies(target) and self._is_allowed(package):
                        found.setdefault((package.name, package.version), package)
            self._candidates[dependency] = tuple(
                sorted(found.values(), key=lambda package: package.name not in preferred)
            )
        return self._candidates[dependency]

    def conflict(self, candidate: Package) -> Package | None:
        """A chosen package that ``candidate`` cannot be together with."""
        if candidate.name in self.chosen:
            return self.chosen[candidate.name]
        for target in (*candidate.conflicts, *candidate.breaks):
            for package in self._holders(target.name):
                if package.satisfies(target):
                    return package
        for name in (candidate.name, *(given.name for given in candidate.provides)):
            for package, target in self._refused_by.get(name, ()):
                if candidate.satisfies(target):
                    return package
        return None

    def chain(self, name: str) -> tuple[str, ...]:
        """The package that needed ``name``, the one that needed that, and so on, up to the request."""
        names: list[str] = []
        while name and name not in names:
            names.append(name)
            name = self.wanted_by.get(name, "")
        return tuple(names)

    def _holders(self, name: str) -> Iterator[Package]:
        """The chosen packages that have this name or provide it."""
        if name in self.chosen:
            yield self.chosen[name]
        yield from self.provided_by.get(name, ())

    def _providers(self, name: str) -> list[Package]:
        providers = [package for provider in self.index.providers(name) for package in self.index.versions(provider)]
        # Sorting is stable: within a priority they stay in the order of their names, and versions highest first.
        return sorted(
            (package for package in providers if package.name != name),
            key=lambda package: (
                _PRIORITIES.index(package.priority) if package.priority in _PRIORITIES else len(_PRIORITIES)
            ),
        )

    def _is_allowed(self, package: Package) -> bool:
        if package.name in self.excluded or package.name in self.provided:
            return False
        return all(pin.accepts(package) for pin in self.pins if pin.target.name == package.name)

    def _pass(self, *, backtrack: bool) -> tuple[tuple[UnmetDependency, ...], bool]:
        self._restore({}, {}, [])
        for place, dependency in enumerate(self.root_dependencies):
            self._want("", dependency, place)
        if self.request.essential:
            for name in self.index.essential():
                if name not in self.provided | self.excluded | self.request.on_demand:
                    self._want("", Dependency((DependencyTarget(name),)), -1)
        failures: list[UnmetDependency] = []
        points: list[_ChoicePoint] = []
        had_choice = False
        steps = 0
        while self._agenda:
            steps += 1
            key, dependency = heapq.heappop(self._agenda)
            if self.is_met(dependency):
                continue
            candidates = self.candidates(dependency)
            fitting = [package for package in candidates if self.conflict(package) is None]
            had_choice = had_choice or len(candidates) > 1
            if fitting:
                if backtrack:
                    points.append(
                        _ChoicePoint(
                            needed_by=key[1],
                            remaining=fitting[1:],
                            taken=fitting[0].name,
                            blamed=self._blame(candidates),
                            chosen=dict(self.chosen),
                            wanted_by=dict(self.wanted_by),
                            agenda=list(self._agenda),
                        )
                    )
                self._take(fitting[0], key[1])
            elif not candidates and self._is_excluded(dependency):
                continue
            else:
                failure = self._failure(key[1], dependency, candidates)
                if backtrack and steps < _STEP_LIMIT and self._go_back(points, failure):
                    continue
                failures.append(failure)
                if backtrack:
                    break
        return tuple(failures), had_choice

    def _go_back(self, points: list[_ChoicePoint], failure: UnmetDependency) -> bool:
        """Undo the latest choice that had a part in ``failure`` and make another; False if no choice is left."""
        culprits = {*self.chain(failure.needed_by), *self._blame(self.candidates(failure.dependency))}
        while points:
            point = points.pop()
            if point.taken not in culprits:
                continue
            # When all candidates of a choice have failed, everything that any of them ran into is to blame.
            culprits |= point.blamed
            if point.remaining:
                self._restore(point.chosen, point.wanted_by, point.agenda)
                package, *remaining = point.remaining
                points.append(replace(point, remaining=remaining, taken=package.name, blamed=culprits))
                self._take(package, point.needed_by)
                return True
        return False

    def _blame(self, candidates: tuple[Package, ...]) -> set[str]:
        """What excludes candidates: the chosen packages they conflict with, and the packages that needed those."""
        conflicts = (self.conflict(package) for package in candidates)
        return {name for chosen in conflicts if chosen is not None for name in self.chain(chosen.name)}

    def _failure(self, needed_by: str, dependency: Dependency, candidates: tuple[Package, ...]) -> UnmetDependency:
        conflicts = [(package, self.conflict(package)) for package in candidates]
        return UnmetDependency(
            needed_by, dependency, tuple((one, other) for one, other in conflicts if other is not None)
        )

    def _is_excluded(self, dependency: Dependency) -> bool:
        """Whether it is only unmet because of what was excluded."""
        return bool(self._names(dependency) & self.excluded)

    def _names(self, dependency: Dependency) -> set[str]:
        """The names of all packages in the archive that would meet it, whether they may be taken or not."""
        return {
            package.name
            for target in dependency.alternatives
            for package in (*self.index.versions(target.name), *self._providers(target.name))
            if package.satisfies(target)
        }

    def _want(self, needed_by: str, dependency: Dependency, place: int) -> None:
        if self.is_supplied(dependency):
            return
        names = {package.name for package in self.candidates(dependency)}
        heapq.heappush(self._agenda, ((int(len(names) > 1), needed_by, str(dependency), place), dependency))

    def _take(self, package: Package, needed_by: str) -> None:
        self.wanted_by[package.name] = needed_by
        self._note(package)
        for place, dependency in enumerate(needs_of(package)):
            self._want(package.name, dependency, place)

    def _note(self, package: Package) -> None:
        self.chosen[package.name] = package
        for name in dict.fromkeys(target.name for target in package.provides):
            self.provided_by.setdefault(name, []).append(package)
        for target in (*package.conflicts, *package.breaks):
            self._refused_by.setdefault(target.name, []).append((package, target))

    def _restore(
        self, chosen: dict[str, Package], wanted_by: dict[str, str], agenda: list[tuple[AgendaKey, Dependency]]
    ) -> None:
        self.chosen, self.provided_by, self._refused_by = {}, {}, {}
        self.wanted_by, self._agenda = dict(wanted_by), list(agenda)
        for package in chosen.values():
            self._note(package)
