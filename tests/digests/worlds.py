"""Pythons with packages of their own, in this machine's root directory or in that of another Debian."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage_bootstrap.archive.sources import default_sources

PROJECT = Path(__file__).parents[2]
_ENTER = """
set -eu
root=$1 project=$2 shared=$3; shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/project" "$root$shared"
mount --bind "$project" "$root/project"
mount --bind "$shared" "$root$shared"
exec chroot "$root" "$@"
"""
_NOBODY = 65534


@dataclass(frozen=True)
class World:
    """Where a build happens. What is ``shared`` has the same name inside and outside."""

    python: str
    shared: Path
    root: Path | None = None
    user: int = 0

    @property
    def project(self) -> Path:
        """Where the project is as seen from within."""
        return PROJECT if self.root is None else Path("/project")

    def run(self, *argv: str | Path) -> str:
        """Run its Python and return what it prints."""
        command: list[str | Path] = [self.python, *argv]
        if self.user:
            become = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
            command = ["setpriv", *become, "sh", "-c", 'umask 077; exec "$@"', "sh", *command]
        if self.root is not None:
            enter = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _ENTER, "sh"]
            command = [*enter, self.root, PROJECT, self.shared, *command]
        path = os.pathsep.join(str(self.project / place) for place in ("", "bootstrap", "vmtests"))
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": path}
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)
        assert done.returncode == 0, f"{argv}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def with_packages(self, requirements: Iterable[str]) -> World:
        """The same with a virtual environment, into which these are installed from wheels."""
        version = self.run("-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        wheels, venv = self.shared / f"wheels-{version}", self.shared / f"venv-{version}"
        download: list[str | Path] = [
            "-m",
            "pip",
            "download",
            "-q",
            "--only-binary",
            ":all:",
            "--python-version",
            version,
            "-d",
            wheels,
        ]
        subprocess.run([sys.executable, *download, *requirements], check=True)
        self.run("-m", "venv", venv)
        inside = replace(self, python=str(venv / "bin" / "python"))
        inside.run("-m", "pip", "install", "-q", "--no-index", "--find-links", wheels, *requirements)
        return inside

    def as_nobody(self) -> World:
        """The same for a user who owns what is shared and nothing else."""
        os.chown(self.shared, _NOBODY, _NOBODY)
        return replace(self, user=_NOBODY)


def debian(suite: str, shared: Path, packages: Sequence[str]) -> World:
    """A minimal Debian of this suite with Python and ``packages``, from the archive that this machine uses."""
    (source,) = default_sources(Path("/etc/apt"), (suite,), ("main",))
    root = shared / "root"
    include = ",".join(["python3-venv", *packages])
    quiet = ["--quiet", "--variant=minbase", f"--include={include}"]
    subprocess.run(["mmdebstrap", *quiet, suite, root, source.uri], check=True)
    return World("/usr/bin/python3", shared, root)


def requirements(*, lowest: bool = False, **exact: str) -> list[str]:
    """What pyproject.toml asks for, or the lowest versions of that; some packages in ``exact`` versions."""
    document = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    found = []
    for requirement in document["project"]["dependencies"]:
        name = re.split("[<>=]", requirement)[0]
        if name in exact:
            requirement = f"{name}=={exact[name]}"
        elif lowest and (least := re.search(r">=([0-9.]+)", requirement)):
            requirement = f"{name}=={least[1]}"
        found.append(requirement)
    return found
