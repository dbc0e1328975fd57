"""Runs a command that finds other directories in some places of this machine: another /nix, or another /gnu."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from sysimage.process import find

IS_ROOT = os.geteuid() == 0


def run_elsewhere(
    places: Mapping[str, Path], command: str, *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a line of shell where each of ``places`` is the directory that it leads to.

    All else is this machine's. It costs no right where user namespaces are allowed.
    """
    with tempfile.TemporaryDirectory(prefix="root-") as root:
        ending = [f"mkdir {root}/old", f"cd {root}", "pivot_root . old", "umount -l old", 'cd "$1"', 'eval "$2"']
        script = "\n".join(["set -eu", f"mount --bind {root} {root}", *_mounts(places, root), *ending])
        unshare = [find("unshare", package="util-linux"), "-m", *([] if IS_ROOT else ["-Ur"])]
        words = [*unshare, "sh", "-c", script, "sh", cwd, command]
        return subprocess.run([str(word) for word in words], env=env, capture_output=True, text=True)


def _mounts(places: Mapping[str, Path], root: str) -> Iterator[str]:
    """Lines that show this machine below ``root``, except for ``places``; what directories on the way to one have is
    shown piece by piece."""
    opened = {str(parent) for place in places for parent in PurePosixPath(place).parents}
    for directory in sorted(opened):
        for source in sorted(Path(directory).iterdir()):
            if str(source) in opened or str(source) in places:
                continue
            here, there = shlex.quote(str(source)), shlex.quote(f"{root}{source}")
            if source.is_symlink():
                yield f"cp -P {here} {there}"
            elif source.is_dir():
                yield f"mkdir -p {there} && mount --rbind {here} {there}"
    for place, source in sorted(places.items()):
        yield f"mkdir -p {root}{place} && mount --bind {shlex.quote(str(source))} {root}{place}"
