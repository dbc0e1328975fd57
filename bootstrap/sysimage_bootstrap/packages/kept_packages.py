"""Which packages of a lock stay as they are when another one is made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from sysimage_bootstrap.archive.dependencies import Dependency, DependencyTarget
from sysimage_bootstrap.archive.index import PackageIndex
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.lock import LockFile
from sysimage_bootstrap.packages.package_request import OWN, PackageRequest


def kept_packages(
    lock: LockFile, index: PackageIndex, request: PackageRequest, update: Collection[str]
) -> Iterator[Package]:
    """The packages of ``lock`` except those to ``update``, as the lists in ``index`` describe them.

    A version that the lists have no more needs what the lock says it needs, and provides what its present version does:
    a lock says nothing of that. Packages of the user's own, and of suites that are not asked for, are not among them.
    """
    for package in lock.resolution.packages:
        if package.name in update or package.suite == OWN or package.suite not in request.suites:
            continue
        listed = index.versions(package.name)
        same = next((one for one in listed if one.version == package.version), None)
        if same is not None:
            yield same
            continue
        needs = tuple(Dependency((DependencyTarget(name),)) for name in lock.resolution.edges[package.name])
        yield replace(package, depends=needs, provides=listed[0].provides if listed else ())
