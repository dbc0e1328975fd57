"""docs/tutorial.md on a minimal Debian that was made for it: sysimage comes from its wheel by pipx, the cache is cold,
and the registry is the one thing that is there already.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage_bootstrap.archive.sources import default_sources
from tests.destinations.registry_server import running
from tests.support.examples import ROOT
from tests.support.tutorial import AUTHOR, MARK, check_answers, check_pushes, script

PACKAGES = ("ca-certificates", "git", "pipx")
"""What the tutorial says that a reader has, besides what every Debian has."""
WAY_OUT = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
"""Files by which this machine reaches the archive, beside its configuration of apt."""
_ENTER = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
cd "$root"
mkdir -p old
pivot_root . old
umount --lazy /old
cd /root
exec "$@"
"""
"""A root of its own, and not a changed one: in a changed one the kernel lets no program make a user namespace."""

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """The root directory of a clean machine, with the wheels of sysimage and of all that it needs in /wheels."""
    root = tmp_path / "root"
    (source,) = default_sources(Path("/etc/apt"), ("bookworm",), ("main",))
    quiet = ["--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    subprocess.run(["mmdebstrap", *quiet, "bookworm", root, source.uri], check=True)
    shutil.rmtree(root / "etc/apt")
    shutil.copytree("/etc/apt", root / "etc/apt", symlinks=True)
    for file in WAY_OUT:
        (root / file[1:]).unlink(missing_ok=True)
        shutil.copy(file, root / file[1:])
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    subprocess.run([*pip, "--wheel-dir", root / "wheels", f"{ROOT}[vm]"], check=True)
    yield root
    shutil.rmtree(root)


def inside(machine: Path, command: str) -> str:
    """What a shell on the machine prints."""
    path = "/root/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **AUTHOR}
    enter = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", _ENTER, "sh"]
    ran = subprocess.run(
        [*enter, machine, "bash", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    return ran.stdout


def test_the_tutorial_runs_on_a_clean_machine(machine: Path) -> None:
    (wheel,) = (machine / "wheels").glob("sysimage-*.whl")
    inside(machine, f"pipx install --pip-args='--no-index --find-links /wheels' '/wheels/{wheel.name}[vm]'")
    with running() as registry:
        clock = f"echo {MARK!r} $(date +%s.%N)"
        printed = inside(machine, f"{clock}\n{script(registry.address, clock)}{clock}\n")
        check_pushes(registry)
    parts = re.split(rf"^{MARK} (\S+)\n", printed, flags=re.MULTILINE)
    answers, times = parts[2::2], [float(time) for time in parts[1::2]]
    check_answers(answers[:-1], registry.address)
    for number, (before, after) in enumerate(itertools.pairwise(times), 1):
        print(f"block {number}: {after - before:.1f} s, {after - times[0]:.1f} s since the beginning")
