"""What Debian's triggers would make of all packages together outside of /usr."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.triggers import ld_so_cache
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from sysimage_bootstrap.triggers.tex import tex_files


def triggered_files(tree: MergedTree, packages: Sequence[Installed], architecture: str) -> dict[str, bytes]:
    """Image path, in /etc or /var, → content."""
    made = tex_files(tree)
    versions = {package.name: package.facts.version for package in packages}
    if "libc6" not in versions:
        return made
    target = ELF_TARGETS[architecture]
    generator = ld_so_cache.generator(versions.get("libc-bin", versions["libc6"]))
    libraries = ld_so_cache.libraries_of(tree, target)
    return made | {ld_so_cache.CACHE_PATH: ld_so_cache.ld_so_cache(libraries, target, generator)}
