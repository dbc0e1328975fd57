"""What a package needs: its declarations, without what only maintainer scripts use, and with what packages do not
declare because Debian has it everywhere."""

from __future__ import annotations

from sysimage_bootstrap.archive.dependencies import Dependency, DependencyTarget
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.dependencies import is_unused, undeclared


def needs_of(package: Package) -> tuple[Dependency, ...]:
    """Every dependency that has to be met, in the order in which it is declared."""
    declared = (
        dependency
        for dependency in (*package.pre_depends, *package.depends)
        if not all(is_unused(package.name, target.name) for target in dependency.alternatives)
    )
    return (*declared, *(Dependency((DependencyTarget(name),)) for name in undeclared(package.name)))
