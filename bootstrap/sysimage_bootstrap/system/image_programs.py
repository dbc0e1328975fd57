"""Which programs an image has, by the paths that commands of services name them by."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sysimage.spec.model import SystemSpec
from sysimage.spec.services import PROGRAM_PATH
from sysimage_bootstrap.system.installed_packages import Installed, provider


class ImagePrograms:
    """Whether a program is at an image path. ``links`` are those below /usr that no package ships."""

    def __init__(self, spec: SystemSpec, packages: Sequence[Installed], links: Collection[str]) -> None:
        self._own = {*spec.files, *spec.symlinks, *links}
        # Of a tree that holds a place where all programs are looked up, not every name is a program.
        places = [f"{place}/" for place in PROGRAM_PATH]
        outside = (f"{path}/" for path in (*spec.volumes, *spec.trees))
        self._outside = tuple(path for path in outside if not any(place.startswith(path) for place in places))
        self._packages = packages

    def __call__(self, path: str) -> bool:
        if path in self._own or path.startswith(self._outside):
            return True  # what a volume holds is known when the container runs, what a tree holds when all is together
        for package in self._packages:
            if path.startswith(f"{package.path}/"):
                return package.has(path.removeprefix(f"{package.path}/"))
        relative = path.removeprefix("/usr/") if path.startswith("/usr/") else path.removeprefix("/")
        return f"/usr/{relative}" in self._own or provider(self._packages, relative) is not None
